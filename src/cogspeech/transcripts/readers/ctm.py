"""NIST's time-marked conversation files, as sclite defines them and Kaldi writes them.

One word per line, times in seconds: ``file channel start duration word [confidence [type
[speaker]]]``, the last two as in NIST's Rich Transcription evaluations. Lines that begin with ";;"
are comments.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import ClassVar

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import READERS, ReadingOptions, TranscriptReader
from cogspeech.transcripts.reading import (
    MAX_WORDS,
    Notes,
    Stretch,
    listed,
    merged,
    number_of,
    plain,
    plain_roles,
    read_text,
    shown,
    spoken_tokens,
    visible,
)
from cogspeech.types import Speaker, Transcript, Word

MAX_BYTES = 32 << 20
COLUMNS = range(5, 9)
UNKNOWN = frozenset({"na", "<na>"})
NO_WORD = "non-lex"
"""The type of laughter, coughs and other sounds."""
FILLER, FRAGMENT = "fp", "frag"


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    file: str
    channel: str
    start: str
    duration: str
    text: str
    confidence: str | None
    kind: str | None
    speaker: str | None

    @property
    def label(self) -> str:
        """What tells who speaks."""
        return self.speaker or self.channel


@READERS.register("ctm")
class CtmReader(TranscriptReader):
    """The lines of one recording; who speaks is told by the speaker, else by the channel.

    They must be in ``transcripts.roles``, such as ``{A: participant, B: interviewer}``; where only
    one speaks, it is the participant without a role. The clean rendering is without words of the
    types "fp" (a filled pause) and "frag"; "non-lex" is no word.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".ctm",)

    def read(self, path: Path, *, recording_id: str, options: ReadingOptions) -> Transcript:
        """The words in the order of time.

        Read are the lines whose first column is the recording_id, or, where only one recording
        stands in the file, all.
        """
        notes = Notes(path)
        text = visible(read_text(path, max_bytes=MAX_BYTES, notes=notes))
        files = {line.file for line in _lines(text, Notes(path), only=None)}
        if len(files) > 1 and recording_id not in files:
            raise TranscriptError(
                f"{path}: expected '{recording_id}' in the first column, found {len(files)} other "
                "recordings; give one file each, or correct recording_id"
            )
        only = recording_id if len(files) > 1 else None
        lines = list(islice(_lines(text, notes, only=only), MAX_WORDS + 1))
        if len(lines) > MAX_WORDS:
            raise TranscriptError(f"{path}: more than {MAX_WORDS} words; no transcript")
        roles = _roles(lines, options, notes)
        found = []
        at_s = 0.0
        for line in lines:
            texts = spoken_tokens(line.text, options.rendering)
            if not texts or (options.rendering == "clean" and line.kind in (FILLER, FRAGMENT)):
                continue
            word = _word(line, texts[0], roles[line.label], notes)
            at_s = at_s if word.start_s is None else word.start_s
            found.append(Stretch([word], at_s=at_s, is_utterance=False))
        words, _ = merged(found)
        return Transcript(
            recording_id=recording_id, words=words, source="ctm", warnings=notes.texts()
        )


def _lines(text: str, notes: Notes, *, only: str | None) -> Iterator[_Line]:
    """The lines with words of all recordings or only one; silences are no words."""
    for number, line in enumerate(StringIO(text), start=1):
        columns = line.split()
        if not columns or columns[0].startswith(";;") or only not in (None, columns[0]):
            continue
        if len(columns) not in COLUMNS:
            notes.add(f"expected 5 to 8 columns, found {len(columns)}; passed over", number)
            continue
        file, channel, start, duration, word = columns[:5]
        if word.casefold() == "<alt_begin>":
            raise TranscriptError(
                f"{notes.place(number)}: has alternatives (<ALT_BEGIN>); keep one of them"
            )
        confidence, kind, speaker = (
            None if column.casefold() in UNKNOWN else column
            for column in (*columns[5:], *["NA"] * (8 - len(columns)))
        )
        kind = kind and kind.casefold()
        if spoken_tokens(word, "audible") and kind != NO_WORD:
            yield _Line(number, file, channel, start, duration, word, confidence, kind, speaker)


def _roles(lines: Sequence[_Line], options: ReadingOptions, notes: Notes) -> Mapping[str, Speaker]:
    """Who stands behind each label."""
    known = plain_roles(options.roles)
    labels = list(dict.fromkeys(line.label for line in lines))
    roles: dict[str, Speaker] = {}
    for line in lines:
        role = known.get(plain(line.label)) or known.get(plain(line.channel))
        if role is None and len(labels) > 1:
            kind = "channel" if line.speaker is None else "speaker"
            raise TranscriptError(
                f"{notes.place(line.number)}: {kind} '{shown(line.label)}' is not in "
                f"transcripts.roles; the file has: {listed(labels)}; add all, such as "
                "{A: participant, B: interviewer}"
            )
        roles[line.label] = role or "participant"
    return roles


def _word(line: _Line, text: str, speaker: Speaker, notes: Notes) -> Word:
    start_s, duration_s = number_of(line.start), number_of(line.duration)
    end_s: float | None = None
    if start_s is None or duration_s is None or not math.isfinite(start_s + duration_s):
        notes.add("its times cannot be right; they are taken as unknown", line.number)
        start_s = None
    else:
        end_s = start_s + duration_s
    confidence = None if line.confidence is None else number_of(line.confidence)
    if line.confidence is not None and (confidence is None or confidence > 1):
        notes.add("its confidence is no number from 0 to 1; it is taken as unknown", line.number)
        confidence = None
    return Word(
        text=text,
        start_s=start_s,
        end_s=end_s,
        speaker=speaker,
        confidence=confidence,
        is_filler=line.kind == FILLER,
    )

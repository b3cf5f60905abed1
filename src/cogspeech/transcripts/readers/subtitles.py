"""Subtitles: SubRip (.srt) and WebVTT (.vtt, https://www.w3.org/TR/webvtt1/).

A cue has times, its words have none.
"""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import ClassVar

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import READERS, ReadingOptions, TranscriptReader
from cogspeech.transcripts.reading import (
    MAX_WORDS,
    Notes,
    Span,
    Stretch,
    is_spoken,
    merged,
    plain,
    plain_roles,
    read_text,
    shown,
    visible,
)
from cogspeech.types import Speaker, Transcript, Word

MAX_BYTES = 8 << 20
ARROW = "-->"
TIME = re.compile(r"(?:([0-9]{1,4}):)?([0-5]?[0-9]):([0-5][0-9])[.,]([0-9]{3})")
VOICE = re.compile(r"<v(?:\.[^\s<>]*+)?\s++([^<>]++)>|</v>", re.IGNORECASE)
TAG = re.compile(r"<[^<>]*+>|\{\\[^{}]*+\}")
"""Markup; the second kind is that of SubStation Alpha, which stands in many .srt files."""
PREFIX = re.compile(r"\s*+(?:\[([^\]\n]{1,40})\]|([^\s:]{1,40})):(?=\s|$)")
"""A speaker before what is said: "INV: " or, as WhisperX writes it, "[SPEAKER_00]: "."""
BLOCKS_WITHOUT_CUES = ("NOTE", "STYLE", "REGION")


@dataclass(frozen=True, slots=True)
class _Cue:
    line: int
    span_s: Span | None
    text: str


@dataclass(frozen=True, slots=True)
class _Part:
    """What one speaker says in a cue; the code is that of ``roles``, or ``None``."""

    code: str | None
    texts: list[str]


@READERS.register("subtitles")
class SubtitlesReader(TranscriptReader):
    """Every cue is an utterance.

    Who speaks is told by ``<v NAME>``, which must be in ``transcripts.roles``, or by "CODE: " at
    the beginning of a line if CODE is in ``transcripts.roles``. Where the participant is never
    named, all that has no speaker is the participant's.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".srt", ".vtt")

    def read(self, path: Path, *, recording_id: str, options: ReadingOptions) -> Transcript:
        """The words of all cues in the order of time."""
        notes = Notes(path)
        text = read_text(path, max_bytes=MAX_BYTES, notes=notes)
        is_vtt = path.name.lower().endswith(".vtt")
        if is_vtt and not re.match(r"WEBVTT(?=\s|$)", text):
            raise TranscriptError(f"{path}: expected WEBVTT in the first line; export it again")
        roles = plain_roles(options.roles)
        cues: list[tuple[Span | None, list[_Part]]] = []
        count = 0
        for cue in _cues(text, notes, is_vtt=is_vtt):
            cues.append((cue.span_s, _parts(cue, roles, notes)))
            count += sum(len(part.texts) for part in cues[-1][1])
            if count > MAX_WORDS:
                raise TranscriptError(f"{path}: more than {MAX_WORDS} words; no transcript")
        speakers = _speakers([part for _, parts in cues for part in parts], roles, notes)
        words, utterances = merged(_stretches(cues, speakers))
        return Transcript(
            recording_id=recording_id, words=words, utterances=utterances, warnings=notes.texts()
        )


def _cues(text: str, notes: Notes, *, is_vtt: bool) -> Iterator[_Cue]:
    for number, block in _blocks(text):
        begins = [at for at, line in enumerate(block) if ARROW in line]
        is_skipped = is_vtt and (number == 1 or block[0].split()[0] in BLOCKS_WITHOUT_CUES)
        if not begins:
            if not is_skipped:
                notes.add("text without a time was passed over", number)
            continue
        for at, until in zip(begins, [*begins[1:], len(block)], strict=True):
            said = block[at + 1 : until]
            if until < len(block) and said and said[-1].strip().isdecimal():
                said = said[:-1]  # the number of the next cue, which no empty line sets apart
            yield _Cue(number + at, _span(block[at], number + at, notes), "\n".join(said))


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Runs of lines that are not empty, with the number of the first."""
    lines = enumerate(text.split("\n"), start=1)
    for has_text, group in groupby(lines, key=lambda line: bool(line[1].strip())):
        if has_text:
            block = list(group)
            yield block[0][0], [line for _, line in block]


def _span(line: str, number: int, notes: Notes) -> Span | None:
    before, _, after = line.partition(ARROW)
    start_s, end_s = _seconds(before.strip()), _seconds("".join(after.split()[:1]))
    if start_s is None or end_s is None or end_s < start_s:
        notes.add("its times cannot be right; they are taken as unknown", number)
        return None
    return start_s, end_s


def _seconds(text: str) -> float | None:
    found = TIME.fullmatch(text)
    if not found:
        return None
    hours, minutes, seconds, milliseconds = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def _parts(cue: _Cue, roles: Mapping[str, Speaker], notes: Notes) -> list[_Part]:
    """What is said in a cue, by speaker."""
    parts: list[_Part] = []
    code: str | None = None
    for line in cue.text.split("\n"):
        for text, voice in _voices(line):
            said = html.unescape(TAG.sub("", text))
            prefix = PREFIX.match(said)
            named = plain(prefix[1] or prefix[2]) if prefix else ""
            code = code if voice is None else voice or None
            if prefix and (prefix[1] or named in roles):
                code, said = named, said[prefix.end() :]
            if code and code not in roles:
                raise TranscriptError(
                    f"{notes.place(cue.line)}: speaker '{shown(code)}' is not in "
                    "transcripts.roles; add it, such as {NAME: interviewer}"
                )
            texts = [each for each in visible(said).split() if is_spoken(each)]
            if texts and parts and parts[-1].code == code:
                parts[-1].texts.extend(texts)
            elif texts:
                parts.append(_Part(code, texts))
    return parts


def _voices(line: str) -> Iterator[tuple[str, str | None]]:
    """The texts of a line, each with the voice that begins there; "": a voice ends there."""
    at, voice = 0, None
    for found in VOICE.finditer(line):
        yield line[at : found.start()], voice
        at, voice = found.end(), plain(html.unescape(found[1] or ""))
    yield line[at:], voice


def _stretches(
    cues: Sequence[tuple[Span | None, list[_Part]]], speakers: Mapping[str | None, Speaker]
) -> Iterator[Stretch]:
    at_s = 0.0
    for span_s, parts in cues:
        at_s = span_s[0] if span_s else at_s
        for part in parts:
            words = [Word(text=text, speaker=speakers[part.code]) for text in part.texts]
            # Of a cue that several share, nobody knows when each of them speaks.
            yield Stretch(words, span_s if len(parts) == 1 else None, at_s)


def _speakers(
    parts: Sequence[_Part], roles: Mapping[str, Speaker], notes: Notes
) -> Mapping[str | None, Speaker]:
    """Who stands behind each code, and behind none."""
    speakers: dict[str | None, Speaker] = {
        part.code: roles[part.code] for part in parts if part.code is not None
    }
    is_named = "participant" in speakers.values()
    nameless = sum(part.code is None for part in parts)
    if is_named and nameless:
        notes.add(f"{nameless} texts name no speaker, unlike the rest; they are nobody's ('other')")
    speakers[None] = "other" if is_named else "participant"
    return speakers

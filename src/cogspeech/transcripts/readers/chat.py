"""CHAT, the format of TalkBank's corpora, ``*.cha``: read whatever is wrong with the file.

Conventions: the CHAT manual, https://talkbank.org/manuals/CHAT.html. Times are in ms in the file.
"""

import re
import statistics
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import READERS, ReadingOptions, TranscriptReader
from cogspeech.transcripts.chat_lexer import (
    LANGUAGES,
    UNKNOWN_LANGUAGE,
    SpokenWord,
    matching_positions,
    restore_exact_words,
    spoken_line,
)
from cogspeech.transcripts.reading import (
    CODES,
    Notes,
    Stretch,
    listed,
    merged,
    plain,
    plain_roles,
    read_text,
)
from cogspeech.types import Speaker, Transcript, Word

MAX_BYTES = 8 << 20
"""Transcripts of whole days stay below it."""
MAX_WORDS = 1_000_000
"""A hundred hours of speech; a file with more is no transcript."""
SHORTEST_WORD_MS = 10.0
"""Nobody needs less time per word: where most utterances do, the time marks are not in ms."""

ROLES: Mapping[str, Speaker] = {
    "participant": "participant",
    "subject": "participant",
    "patient": "participant",
    "target_adult": "participant",
    "target_child": "participant",
    "investigator": "interviewer",
    "interviewer": "interviewer",
    "examiner": "interviewer",
    "clinician": "interviewer",
}
"""Role names of ``@ID`` and ``@Participants``; every other one is ``other``."""
Span = tuple[int, int]
"""Start and end in ms."""

_MAIN = re.compile(r"\*([A-Za-z0-9_'-]{1,20}):\s*(.*)")


@READERS.register("chat")
class ChatReader(TranscriptReader):
    """``*PAR: the [/] the boy . •100_2000•`` with ``%wor`` tiers for the times of words.

    What the transcriber did not understand (``xxx``, ``yyy``, ``www``) is the word ``xxx``, which
    the clean rendering leaves out. Short remarks of somebody else inside a line (``&*INV:mhm``) are
    no words. Every speaker line becomes an utterance.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".cha",)

    def read(self, path: Path, *, recording_id: str, options: ReadingOptions) -> Transcript:
        """The words of all speakers; messages never quote the file beyond speaker codes."""
        notes = Notes(path)
        content = _parse(path, read_text(path, max_bytes=MAX_BYTES, notes=notes), notes)
        speakers = _speakers(path, content, options.roles, notes)
        _drop_unsound_times(content.lines, speakers, notes)
        words, utterances = merged(
            Stretch(list(_rendered(line, speakers[line.code], options)), _seconds(line.span))
            for line in content.lines
        )
        return Transcript(
            recording_id=recording_id,
            words=words,
            language=content.language,
            utterances=utterances,
            warnings=notes.texts(),
        )


@dataclass(slots=True, kw_only=True)
class _Line:
    """One speaker line with its times."""

    number: int
    code: str
    words: list[SpokenWord]
    span: Span | None
    word_spans: list[Span | None]


@dataclass(slots=True)
class _Content:
    lines: list[_Line] = field(default_factory=list)
    roles: dict[str, str] = field(default_factory=dict)
    """The role name of each speaker code, from ``@ID``, else from ``@Participants``."""
    language: str | None = None
    has_begun: bool = False
    has_ended: bool = False
    word_count: int = 0


def _logical_lines(text: str, notes: Notes) -> Iterator[tuple[int, str]]:
    """Every header, speaker line and tier with the lines that continue it, and its number."""
    number, parts = 0, list[str]()
    for current, raw in enumerate(text.split("\n"), start=1):
        if parts and raw[:1].isspace():
            parts.append(raw.strip())
        elif raw.strip():
            if parts:
                yield number, " ".join(parts)
            number, parts = current, [raw]
            if raw[0] not in "@*%":
                notes.add("expected a line that starts with @, *, % or a tab", current)
                parts = []
    if parts:
        yield number, " ".join(parts)


def _parse(path: Path, text: str, notes: Notes) -> _Content:
    content = _Content()
    number = 0
    for number, line in _logical_lines(text, notes):
        if content.has_ended:
            notes.add("stands after @End; this and all that follows is passed over", number)
            break
        _read_line(line, number, content, notes)
        if content.word_count > MAX_WORDS:
            raise TranscriptError(
                f"{path}:{number}: more than {MAX_WORDS} words; not a transcript of one recording"
            )
    if not content.lines:
        raise TranscriptError(f"{path}: has no speaker line such as '*PAR:'; is it a CHAT file?")
    if not content.has_begun:
        notes.add("expected @Begin before the first speaker line; is the file whole?", 1)
    if not content.has_ended:
        notes.add("expected @End after the last line; is the file whole?", number)
    return content


def _read_line(line: str, number: int, content: _Content, notes: Notes) -> None:
    if line.startswith("@"):
        _read_header(line, number, content, notes)
    elif line.startswith("*"):
        _read_main_line(line, number, content, notes)
    elif not content.lines:
        notes.add("a % tier stands before any speaker line; it is passed over", number)
    elif line.startswith(("%wor:", "%xword:")):
        _read_tier(line, number, content.lines[-1], notes)


def _read_header(line: str, number: int, content: _Content, notes: Notes) -> None:
    name, _, value = line.partition(":")
    if name.rstrip() == "@Begin":
        content.has_begun = True
    elif name.rstrip() == "@End":
        content.has_ended = True
    elif name == "@Languages" and content.language is None:
        code = value.split(",")[0].strip().lower()
        content.language = LANGUAGES.get(code, code) if code != UNKNOWN_LANGUAGE else None
    elif name == "@Participants":
        for entry in value.split(","):
            parts = entry.split()
            if len(parts) > 1:
                content.roles.setdefault(parts[0], parts[-1])
    elif name == "@ID":
        _read_id(value.split("|"), number, content, notes)


def _read_id(fields: list[str], number: int, content: _Content, notes: Notes) -> None:
    """Language, corpus, code, age, sex, group, SES, role, education, custom."""
    if len(fields) < 8:
        notes.add(f"expected 10 fields in @ID, found {len(fields)}; it is passed over", number)
    elif fields[7].strip():
        content.roles[fields[2].strip()] = fields[7].strip()


def _read_main_line(line: str, number: int, content: _Content, notes: Notes) -> None:
    match = _MAIN.match(line)
    if match is None:
        notes.add("expected '*', a speaker code and ':'; the line is passed over", number)
        return
    spoken = spoken_line(match[2])
    for problem in spoken.problems:
        notes.add(f"the line {problem}", number)
    span = None
    if spoken.bullets:  # a long line may have several, one after each stretch
        span = spoken.bullets[0].start_ms, max(bullet.end_ms for bullet in spoken.bullets)
    content.word_count += len(spoken.words)
    content.lines.append(
        _Line(
            number=number,
            code=match[1],
            words=spoken.words,
            span=span,
            word_spans=[None] * len(spoken.words),
        )
    )


def _read_tier(line: str, number: int, main: _Line, notes: Notes) -> None:
    name, _, text = line.partition(":")
    if name == "%xword":
        restore_exact_words(main.words, text)
        return
    tier = spoken_line(text)
    for problem in tier.problems:
        notes.add(f"the tier {problem}", number)
    positions = matching_positions(main.words, tier.words)
    if positions is None:
        notes.add(
            f"the words of %wor ({len(tier.words)}) are not those of its line "
            f"({len(main.words)}, line {main.number}); the line's words have no times",
            number,
        )
        return
    for bullet in tier.bullets:
        if bullet.after_word is not None:
            main.word_spans[positions[bullet.after_word]] = bullet.start_ms, bullet.end_ms


def _speakers(
    path: Path, content: _Content, roles: Mapping[str, Speaker], notes: Notes
) -> dict[str, Speaker]:
    """Who each code is: as the study says, else as the headers say, never guessed."""
    codes = list(dict.fromkeys(line.code for line in content.lines))
    first_lines = {line.code: line.number for line in reversed(content.lines)}
    told = plain_roles(roles)
    speakers: dict[str, Speaker] = {}
    for code in codes:
        if plain(code) in told:
            speakers[code] = told[plain(code)]
        elif code in content.roles:
            speakers[code] = ROLES.get(content.roles[code].casefold(), "other")
        elif plain(code) in CODES:
            speakers[code] = CODES[plain(code)]
    if unknown := [code for code in codes if code not in speakers]:
        raise TranscriptError(
            f"{path}:{first_lines[unknown[0]]}: nothing says who {listed(unknown)} is; say it in "
            f"transcripts.roles, such as {{{unknown[0]}: interviewer}}"
        )
    if "participant" not in speakers.values():
        who = [f"{code}: {speaker}" for code, speaker in speakers.items()]
        raise TranscriptError(
            f"{path}: none of its speakers is the participant ({listed(who)}); say who is in "
            "transcripts.roles"
        )
    unsure = [c for c in codes if speakers[c] == "participant" and plain(c) not in told]
    if len(unsure) > 1:
        notes.add(
            f"{listed(unsure)} are all participants by their role; if not, say it in "
            "transcripts.roles",
            1,
        )
    return speakers


def _drop_unsound_times(
    lines: Sequence[_Line], speakers: Mapping[str, Speaker], notes: Notes
) -> None:
    """Takes away times in a wrong unit and times that run backwards."""
    pace_ms = [pace for line in lines for pace in _pace_ms(line)]
    if pace_ms and statistics.median(pace_ms) < SHORTEST_WORD_MS:
        notes.add(
            f"the time marks leave {statistics.median(pace_ms):.1f} ms to a word; they are not "
            "in ms and are all left out",
            1,
        )
        for line in lines:
            line.span, line.word_spans = None, [None] * len(line.words)
    for code in speakers:
        timed = [line for line in lines if line.code == code and line.span is not None]
        for late in _out_of_order([line.span[0] for line in timed if line.span is not None]):
            timed[late].span = None
            notes.add("the line's time mark runs backwards; it is left out", timed[late].number)
    for speaker in dict.fromkeys(speakers.values()):
        _drop_backward_words([line for line in lines if speakers[line.code] == speaker], notes)


def _drop_backward_words(lines: Sequence[_Line], notes: Notes) -> None:
    """Takes away times of words that start before the words they follow."""
    places = [
        (line, position, span[0])
        for line in lines
        for position, span in enumerate(line.word_spans)
        if span is not None
    ]
    warned = set()
    for late in _out_of_order([start_ms for _, _, start_ms in places]):
        line, position, _ = places[late]
        line.word_spans[position] = None
        if line.number not in warned:
            warned.add(line.number)
            notes.add("times on its %wor tier run backwards; they are left out", line.number)


def _pace_ms(line: _Line) -> list[float]:
    """Time per word, by the line's mark or else by those of its words; empty if nobody knows."""
    known = [span for span in line.word_spans if span is not None]
    if line.span is not None and line.words:
        return [(line.span[1] - line.span[0]) / len(line.words)]
    return [(known[-1][1] - known[0][0]) / len(known)] if known else []


def _out_of_order(starts: Sequence[int]) -> list[int]:
    """Positions outside the longest run of starts that never falls.

    So one wild time costs itself, not all that follow.
    """
    lasts: list[int] = []  # the lowest last start of a run of each length
    at: list[int] = []
    before: list[int] = []
    for position, start in enumerate(starts):
        length = bisect_right(lasts, start)
        before.append(at[length - 1] if length else -1)
        lasts[length : length + 1] = [start]
        at[length : length + 1] = [position]
    kept = set()
    position = at[-1] if at else -1
    while position >= 0:
        kept.add(position)
        position = before[position]
    return [position for position in range(len(starts)) if position not in kept]


def _rendered(line: _Line, speaker: Speaker, options: ReadingOptions) -> Iterator[Word]:
    """The words of a line in the rendering asked for."""
    for word, span in zip(line.words, line.word_spans, strict=True):
        is_audible = options.rendering == "audible"
        texts = (word.said,) if is_audible else _clean(word)
        # Nobody knows when each of several words for one was, or would have been, said.
        start_s, end_s = (len(texts) == 1 and _seconds(span)) or (None, None)
        for text in texts:
            yield Word(
                text=text,
                start_s=start_s,
                end_s=end_s,
                speaker=speaker,
                is_filler=is_audible and word.kind == "filler",
            )


def _clean(word: SpokenWord) -> tuple[str, ...]:
    if word.is_retraced or word.is_copy:
        return ()
    if word.replacement is not None:
        return word.replacement
    return (word.meant,) if word.kind == "word" else ()


def _seconds(span_ms: Span | None) -> tuple[float, float] | None:
    return (span_ms[0] / 1000, span_ms[1] / 1000) if span_ms is not None else None

"""What Whisper programs write as JSON: WhisperX, openai-whisper, faster-whisper and whisper.cpp.

The first three write segments with words and seconds; whisper.cpp (``--output-json-full``) writes
pieces of words ("tokens") and milliseconds.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import READERS, ReadingOptions, TranscriptReader
from cogspeech.transcripts.reading import (
    MAX_WORDS,
    Notes,
    Span,
    Stretch,
    is_spoken,
    listed,
    merged,
    plain,
    plain_roles,
    read_json,
    shown,
    visible,
)
from cogspeech.types import Speaker, Transcript, Word

MAX_BYTES = 16 << 20
"""Hours of speech with every token; parsed json can need 60 times its bytes."""
SPECIAL_TOKEN = re.compile(r"\[_[^\]]*\]|<\|[^|]*\|>")
"""Tokens of whisper.cpp that are no text, such as "[_BEG_]" and "[_TT_50]"."""
LANGUAGE = re.compile(r"[A-Za-z]{2,20}(?:[-_][A-Za-z0-9]{1,8})*")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A word, or a token of one."""

    text: str
    label: str | None
    span_s: Span | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class _Segment:
    number: int
    pieces: list[_Piece]
    span_s: Span | None


@READERS.register("whisper_json")
class WhisperJsonReader(TranscriptReader):
    """Every segment is an utterance; its words have times where the file gives them.

    Speaker labels must be in ``transcripts.roles``; without any label all is the participant's.
    Confidence is ``score`` or ``probability``; of a word made of tokens it is their mean, as
    openai-whisper does it.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".json",)

    def read(self, path: Path, *, recording_id: str, options: ReadingOptions) -> Transcript:
        """The words in the order of the file; messages count segments and words from 1."""
        notes = Notes(path)
        content = read_json(path, max_bytes=MAX_BYTES)
        raw_segments, has_tokens = _raw_segments(content, path)
        segments: list[_Segment] = []
        count = 0
        for number, raw in enumerate(raw_segments, start=1):
            if isinstance(raw, dict):
                segments.append(_segment(raw, number, notes, has_tokens=has_tokens))
                count += len(segments[-1].pieces)
            else:
                notes.add(f"segment {number}: expected an object; it was passed over")
            if max(number, count) > MAX_WORDS:
                raise TranscriptError(f"{path}: more than {MAX_WORDS} words; no transcript")
        roles = _roles(segments, options, notes)
        words, utterances = merged(_stretches(segments, roles))
        return Transcript(
            recording_id=recording_id,
            words=words,
            language=_language(content),
            source="whisper",
            utterances=utterances,
            warnings=notes.texts(),
        )


def _raw_segments(content: object, path: Path) -> tuple[list[object], bool]:
    """The segments, and whether they are those of whisper.cpp."""
    if isinstance(content, dict):
        for key in ("segments", "transcription"):
            if isinstance(content.get(key), list):
                return content[key], key == "transcription"
    elif isinstance(content, list):
        return content, False
    raise TranscriptError(
        f"{path}: expected a list under 'segments' (WhisperX, openai-whisper, faster-whisper) or "
        "'transcription' (whisper.cpp); a words file must be called *.words.json"
    )


def _language(content: object) -> str | None:
    if not isinstance(content, dict):
        return None
    result = content.get("result")  # of whisper.cpp
    found = (result if isinstance(result, dict) else content).get("language")
    return found if isinstance(found, str) and LANGUAGE.fullmatch(found) else None


def _segment(raw: dict[str, Any], number: int, notes: Notes, *, has_tokens: bool) -> _Segment:
    where = f"segment {number}"
    label = _label(raw, where, notes)
    if has_tokens:
        span_s = _offsets(raw, where, notes)
        pieces = _joined(_objects(raw, "tokens", where, notes), label, notes)
    else:
        span_s = _span(raw, ("start", "end"), where, notes)
        pieces = [
            _piece(word, place, label, notes)
            for place, word in _objects(raw, "words", where, notes)
        ]
    if not pieces:
        text = raw.get("text")
        if not isinstance(text, str):
            notes.add(f"{where}: has neither words nor a text")
            text = ""
        pieces = [_Piece(part, label) for part in visible(text).split()]
    return _Segment(number, [piece for piece in pieces if is_spoken(piece.text)], span_s)


def _objects(
    raw: dict[str, Any], key: str, where: str, notes: Notes
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The words or tokens of a segment that have a text, with their places."""
    found = raw.get(key)
    if not isinstance(found, list | None):
        notes.add(f"{where}: '{key}' must be a list; the text is read instead")
        return
    kind, text_key = ("word", "word") if key == "words" else ("token", "text")
    for number, each in enumerate(found or (), start=1):
        if isinstance(each, dict) and isinstance(each.get(text_key), str):
            yield f"{where} {kind} {number}", each
        else:
            notes.add(f"{where} {kind} {number}: expected an object with a text '{text_key}'")


def _piece(raw: dict[str, Any], where: str, label: str | None, notes: Notes) -> _Piece:
    key = "score" if "score" in raw else "probability"
    return _Piece(
        text=" ".join(visible(raw["word"]).split()),
        label=_label(raw, where, notes) or label,
        span_s=_span(raw, ("start", "end"), where, notes),
        confidence=_confidence(raw.get(key), where, notes),
    )


def _joined(
    tokens: Iterator[tuple[str, dict[str, Any]]], label: str | None, notes: Notes
) -> list[_Piece]:
    """The words that tokens make up; a token that begins with a space begins a word."""
    groups: list[list[_Piece]] = []
    for where, raw in tokens:
        text = raw["text"]
        if SPECIAL_TOKEN.fullmatch(text.strip()):
            continue
        if not groups or text[:1].isspace():
            groups.append([])
        confidence = _confidence(raw.get("p"), where, notes)
        groups[-1].append(_Piece(text, label, _offsets(raw, where, notes), confidence))
    return [_whole(group) for group in groups]


def _whole(tokens: Sequence[_Piece]) -> _Piece:
    # A comma or a full stop is not heard: its time would reach into the pause.
    heard = [token for token in tokens if is_spoken(token.text)] or tokens
    first, last = heard[0].span_s, heard[-1].span_s
    confidences = [token.confidence for token in heard if token.confidence is not None]
    return _Piece(
        text=" ".join(visible("".join(token.text for token in tokens)).split()),
        label=tokens[0].label,
        span_s=(first[0], last[1]) if first and last and first[0] <= last[1] else None,
        confidence=sum(confidences) / len(confidences) if confidences else None,
    )


def _offsets(raw: dict[str, Any], where: str, notes: Notes) -> Span | None:
    offsets = raw.get("offsets")
    if not isinstance(offsets, dict):
        return None
    span_ms = _span(offsets, ("from", "to"), where, notes)
    return (span_ms[0] / 1000, span_ms[1] / 1000) if span_ms else None


def _span(raw: dict[str, Any], keys: tuple[str, str], where: str, notes: Notes) -> Span | None:
    start, end = (raw.get(key) for key in keys)
    if start is None and end is None:
        return None
    if isinstance(start, float) and isinstance(end, float) and 0 <= start <= end < math.inf:
        return start, end
    notes.add(f"{where}: its times cannot be right; they are taken as unknown")
    return None


def _confidence(value: object, where: str, notes: Notes) -> float | None:
    if value is None:
        return None
    if isinstance(value, float) and 0 <= value <= 1:
        return value
    notes.add(f"{where}: its confidence is no number from 0 to 1; it is taken as unknown")
    return None


def _label(raw: dict[str, Any], where: str, notes: Notes) -> str | None:
    found = raw.get("speaker")
    if isinstance(found, float) and math.isfinite(found):
        return f"{found:g}"
    if isinstance(found, str):
        return found.strip() or None
    if found is not None:
        notes.add(f"{where}: its speaker is no text; it is taken as unknown")
    return None


def _roles(
    segments: Sequence[_Segment], options: ReadingOptions, notes: Notes
) -> Mapping[str | None, Speaker]:
    """Who stands behind each label, and behind none."""
    known = plain_roles(options.roles)
    places = [(segment.number, piece.label) for segment in segments for piece in segment.pieces]
    labels = sorted({label for _, label in places if label is not None})
    for number, label in places:
        if label is not None and plain(label) not in known:
            raise TranscriptError(
                f"{notes.path}: segment {number}: speaker '{shown(label)}' is not in "
                f"transcripts.roles; its speakers: {listed(labels)}; add all, such as "
                "{SPEAKER_00: participant}"
            )
    roles: dict[str | None, Speaker] = {label: known[plain(label)] for label in labels}
    roles[None] = "other" if labels else "participant"
    nobody = sum(label is None for _, label in places)
    if labels and nobody:
        notes.add(f"{nobody} words have no speaker, unlike the rest; they are nobody's ('other')")
    return roles


def _stretches(
    segments: Sequence[_Segment], roles: Mapping[str | None, Speaker]
) -> Iterator[Stretch]:
    for segment in segments:
        for label, group in groupby(segment.pieces, key=lambda piece: piece.label):
            words = [_word(piece, roles[label]) for piece in group]
            # Of a segment that several share, nobody knows when each of them speaks.
            is_whole = len(words) == len(segment.pieces)
            yield Stretch(words, segment.span_s if is_whole else None)


def _word(piece: _Piece, speaker: Speaker) -> Word:
    start_s, end_s = piece.span_s or (None, None)
    return Word(
        text=piece.text,
        start_s=start_s,
        end_s=end_s,
        speaker=speaker,
        confidence=piece.confidence,
    )

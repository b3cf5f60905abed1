"""ELAN's annotation files (EAF, the XML format of the Max Planck Institute for Psycholinguistics).

A document type declaration is refused as soon as it begins, so no entity is ever expanded. Times
are milliseconds from the start of the annotation, which is TIME_ORIGIN milliseconds after the start
of the medium (github.com/persephone-tools/persephone/issues/87).
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby
from pathlib import Path
from typing import ClassVar, NoReturn
from xml.parsers import expat

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import READERS, ReadingOptions, TranscriptReader
from cogspeech.transcripts.reading import (
    MAX_WORDS,
    Notes,
    Span,
    Stretch,
    merged,
    plain,
    plain_roles,
    read_text,
    shown,
    spoken_tokens,
)
from cogspeech.transcripts.tiers import WORD_TIERS, speaker_of, unclear, with_unnamed
from cogspeech.types import Speaker, Transcript, Word

MAX_BYTES = 32 << 20
MAX_DEPTH = 20  # of elements, and of tiers; ELAN needs six
MILLISECONDS = re.compile(r"\s*-?[0-9]{1,12}\s*")
WORD_PART = re.compile(r"(?<![^\W_])words?(?![^\W_])")
"""Tells the words tier among those of one participant: "words@PAR", "PAR_word"."""


@dataclass(slots=True, eq=False)
class _Annotation:
    key: str
    line: int
    slots: tuple[str, str] | None  # None: it has the time of its parent
    parent: str | None
    previous: str | None
    text: str = ""
    start_s: float | None = None
    end_s: float | None = None

    @property
    def span_s(self) -> Span | None:
        """Its time, if both ends are known and can be right."""
        if self.start_s is None or self.end_s is None or not 0 <= self.start_s <= self.end_s:
            return None
        return self.start_s, self.end_s


@dataclass(slots=True, eq=False)
class _Tier:
    name: str
    line: int
    participant: str
    parent: str | None
    annotations: list[_Annotation] = field(default_factory=list)


_Spoken = tuple[float, _Annotation | None, _Annotation, list[str]]


@READERS.register("elan")
class ElanReader(TranscriptReader):
    """Word tiers and utterance tiers; who speaks is told by a tier's name or its participant.

    A tier is read if its TIER_ID is in ``transcripts.roles``, if it is called "words"
    (participant) or "NAME - words" with NAME in ``transcripts.roles``. Of a PARTICIPANT in
    ``transcripts.roles`` one tier is read: the one with "word" in its name, else the topmost.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".eaf",)

    def read(self, path: Path, *, recording_id: str, options: ReadingOptions) -> Transcript:
        """The words of all speech tiers, merged in the order of time.

        Words under an utterance form an `Utterance` with its time. Where most annotations of a
        tier hold several words, each is an utterance, and its words have no times.
        """
        notes = Notes(path)
        file = _Parser(notes)
        file.parse(read_text(path, max_bytes=MAX_BYTES, notes=notes))
        tree = _Tree(file.tiers, options, notes)
        speech = _speech_tiers(file.tiers, options, notes)
        above = {id(tier): tree.tiers_above(tier) for tier, _ in speech}
        stretches: dict[int, list[Stretch]] = {}
        for tier, speaker in sorted(speech, key=lambda found: -len(above[id(found[0])])):
            below = [s for key, found in stretches.items() if tier in above[key] for s in found]
            stretches[id(tier)] = list(tree.stretches(tier, speaker, _begun(tier, below)))
            for parent in above[id(tier)][:1]:
                known = _begun(parent, stretches[id(tier)])
                lost = [each for each in parent.annotations if each.span_s and each.text.strip()]
                if id(parent) not in above and any(id(each) not in known for each in lost):
                    notes.add(f"tier '{shown(parent.name)}': not all annotations hold words")
        words, utterances = merged(chain(*stretches.values()))
        return Transcript(
            recording_id=recording_id, words=words, utterances=utterances, warnings=notes.texts()
        )


class _Parser:
    """Keeps the slots, tiers and annotations of what expat tells."""

    def __init__(self, notes: Notes) -> None:
        self.tiers: list[_Tier] = []
        self._slots_ms: dict[str, int] = {}
        self._origins_ms: dict[bool, set[int]] = {}  # of the media that are audio, and of others
        self._notes = notes
        self._depth = 0
        self._text: list[str] = []
        self._expat = expat.ParserCreate()
        self._expat.StartDoctypeDeclHandler = lambda *_: self._refuse("declares a document type")
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._text.append
        self._handlers: dict[str, Callable[[dict[str, str]], None]] = {
            "HEADER": self._header,
            "MEDIA_DESCRIPTOR": self._medium,
            "TIME_SLOT": self._time_slot,
            "TIER": self._tier,
            "ALIGNABLE_ANNOTATION": self._annotation,
            "REF_ANNOTATION": self._annotation,
        }

    def parse(self, text: str) -> None:
        try:
            self._expat.Parse(text, True)
        except expat.ExpatError as error:
            self._refuse(f"no valid XML: {expat.ErrorString(error.code)}")
        origins_ms = self._origins_ms.get(True) or self._origins_ms.get(False) or {0}
        if len(origins_ms) > 1:
            self._refuse("media differ in TIME_ORIGIN; keep the recording's medium only")
        seconds = {key: (ms + min(origins_ms)) / 1000 for key, ms in self._slots_ms.items()}
        for annotation in (each for tier in self.tiers for each in tier.annotations):
            if annotation.slots:
                annotation.start_s, annotation.end_s = map(seconds.get, annotation.slots)

    def _refuse(self, problem: str) -> NoReturn:
        place = f"{self._notes.path}:{self._expat.CurrentLineNumber}"
        raise TranscriptError(f"{place}: {problem}; save it from ELAN again")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._depth == 0 and name != "ANNOTATION_DOCUMENT":
            self._refuse("is no ELAN file")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._refuse("is nested too deeply")
        self._text.clear()
        if name in self._handlers:
            self._handlers[name](attributes)

    def _end(self, name: str) -> None:
        self._depth -= 1
        if name == "ANNOTATION_VALUE" and self.tiers and self.tiers[-1].annotations:
            self.tiers[-1].annotations[-1].text = "".join(self._text)

    def _header(self, attributes: dict[str, str]) -> None:
        if attributes.get("TIME_UNITS", "milliseconds") != "milliseconds":
            self._refuse("TIME_UNITS must be milliseconds")

    def _medium(self, attributes: dict[str, str]) -> None:
        is_audio = attributes.get("MIME_TYPE", "").startswith("audio/")
        origin_ms = attributes.get("TIME_ORIGIN", "0")
        if not MILLISECONDS.fullmatch(origin_ms):
            self._refuse("TIME_ORIGIN must be a whole number")
        self._origins_ms.setdefault(is_audio, set()).add(int(origin_ms))

    def _time_slot(self, attributes: dict[str, str]) -> None:
        time_ms = attributes.get("TIME_VALUE")
        if time_ms is not None and MILLISECONDS.fullmatch(time_ms):
            self._slots_ms[attributes.get("TIME_SLOT_ID", "")] = int(time_ms)
        elif time_ms is not None:
            self._notes.add("a time is no whole number", self._expat.CurrentLineNumber)

    def _tier(self, attributes: dict[str, str]) -> None:
        get = attributes.get
        name, line = get("TIER_ID", ""), self._expat.CurrentLineNumber
        self.tiers.append(_Tier(name, line, get("PARTICIPANT", ""), get("PARENT_REF")))

    def _annotation(self, attributes: dict[str, str]) -> None:
        if not self.tiers:
            self._refuse("an annotation stands outside of a tier")
        get, line = attributes.get, self._expat.CurrentLineNumber
        first, last = get("TIME_SLOT_REF1"), get("TIME_SLOT_REF2")
        slots = None if first is None or last is None else (first, last)
        parent, previous = get("ANNOTATION_REF"), get("PREVIOUS_ANNOTATION")
        annotation = _Annotation(get("ANNOTATION_ID", ""), line, slots, parent, previous)
        self.tiers[-1].annotations.append(annotation)


class _Tree:
    """Which tiers and annotations stand under which others."""

    def __init__(self, tiers: Sequence[_Tier], options: ReadingOptions, notes: Notes) -> None:
        self._rendering = options.rendering
        self._notes = notes
        self._tiers = {tier.name: tier for tier in tiers}
        self._annotations = {each.key: each for tier in tiers for each in tier.annotations}

    def tiers_above(self, tier: _Tier) -> list[_Tier]:
        found = [tier]
        while (above := self._tiers.get(found[-1].parent or "")) and len(found) < MAX_DEPTH:
            found.append(above)
        return found[1:]

    def stretches(self, tier: _Tier, speaker: Speaker, known: set[int]) -> Iterator[Stretch]:
        """The words of a tier, but for annotations whose words are already known from below."""
        spoken = [each for each in self._spoken(tier) if id(each[2]) not in known]
        are_utterances = 2 * sum(len(texts) > 1 for *_, texts in spoken) > len(spoken)
        parts = [
            (annotation if are_utterances and annotation.slots else utterance, annotation, texts)
            for _, utterance, annotation, texts in spoken
        ]
        at_s = 0.0
        for _, group in groupby(parts, lambda part: id(part[0] or part[1])):
            members = list(group)
            utterance, first, _ = members[0]
            words: list[Word] = []
            for _, annotation, texts in members:
                is_word = len(texts) == 1 and not are_utterances
                start_s, end_s = (is_word and annotation.span_s) or (None, None)
                words += (
                    Word(text=text, start_s=start_s, end_s=end_s, speaker=speaker) for text in texts
                )
            span_s = (utterance or first).span_s
            at_s = span_s[0] if span_s else at_s
            yield Stretch(words, span_s, at_s, utterance is not None or len(words) > 1)

    def _spoken(self, tier: _Tier) -> list[_Spoken]:
        """The annotations with words, in the order of time, each with the utterance it divides."""
        above = self._tiers.get(tier.parent or "")
        find = _finder(above) if above else lambda _: None
        placed: list[_Spoken] = []
        at_s, count = 0.0, 0
        utterance: _Annotation | None = None
        for each in _linked(tier.annotations):
            if each.slots is None:
                utterance = self._timed_parent(each)
                at_s = utterance.span_s[0] if utterance and utterance.span_s else at_s
            elif each.start_s is not None:  # otherwise it goes on where the one before it ends
                at_s, utterance = each.start_s, find(each.start_s)
            if None not in (each.start_s, each.end_s) and not each.span_s:
                self._notes.add("an annotation's times cannot be right", each.line)
            texts = spoken_tokens(each.text, self._rendering)
            placed += [(at_s, utterance, each, texts)] if texts else []
            if (count := count + len(texts)) > MAX_WORDS:
                raise TranscriptError(f"{self._notes.path}: holds more than {MAX_WORDS} words")
        return sorted(placed, key=lambda place: place[0])

    def _timed_parent(self, annotation: _Annotation) -> _Annotation | None:
        for _ in range(MAX_DEPTH):
            parent = self._annotations.get(annotation.parent or "")
            if parent is None or parent.slots:
                return parent
            annotation = parent
        return None


def _finder(tier: _Tier) -> Callable[[float], _Annotation | None]:
    """Finds the annotation of a tier that spans a time."""
    timed = [(span_s, each) for each in tier.annotations if (span_s := each.span_s)]
    timed.sort(key=lambda pair: pair[0])
    starts = [span_s[0] for span_s, _ in timed]

    def find(at_s: float) -> _Annotation | None:
        position = bisect_right(starts, at_s) - 1
        return timed[position][1] if position >= 0 and at_s < timed[position][0][1] else None

    return find


def _begun(tier: _Tier, stretches: Sequence[Stretch]) -> set[int]:
    """The annotations of a tier in which stretches begin."""
    find = _finder(tier)
    return {id(find(stretch.at_s)) for stretch in stretches}


def _linked(annotations: Sequence[_Annotation]) -> list[_Annotation]:
    """In the order of the file, but each directly after the one it names as its previous."""
    following = {each.previous: each for each in annotations if each.previous}
    ordered: dict[int, _Annotation] = {}
    heads = [each for each in annotations if not each.previous]
    for head in (*heads, *annotations):  # all once more, for what hangs on no head
        each: _Annotation | None = head
        while each is not None and id(each) not in ordered:
            ordered[id(each)] = each
            each = following.get(each.key)
    return list(ordered.values())


def _speech_tiers(
    tiers: Sequence[_Tier], options: ReadingOptions, notes: Notes
) -> list[tuple[_Tier, Speaker]]:
    """The tiers that hold words, and whose."""
    roles = plain_roles(options.roles)
    found: dict[int, tuple[_Tier, Speaker]] = {}
    for tier in tiers:
        speaker = speaker_of(tier, roles, tiers, notes)
        if speaker is not None:
            found[id(tier)] = (tier, speaker)
    for tier, speaker in _tiers_of_participants(tiers, set(found), roles, notes):
        found.setdefault(id(tier), (tier, speaker))
    unmapped = [t for t in tiers if plain(t.name) in WORD_TIERS and id(t) not in found]
    return with_unnamed(list(found.values()), unmapped, tiers, notes)


def _tiers_of_participants(
    tiers: Sequence[_Tier], named: set[int], roles: Mapping[str, Speaker], notes: Notes
) -> Iterator[tuple[_Tier, Speaker]]:
    """For each PARTICIPANT with a role one tier that holds the words."""
    groups: dict[str, list[_Tier]] = {}
    for tier in tiers:
        if tier.annotations and tier.participant.strip():
            groups.setdefault(plain(tier.participant), []).append(tier)
    for name, group in groups.items():
        if name not in roles:
            if roles.keys() & groups.keys():
                tier = group[0]
                notes.add(
                    f"tier '{shown(tier.name)}' is of a participant without a role", tier.line
                )
            continue
        kinds = (
            [tier for tier in group if WORD_PART.search(plain(tier.name))],
            [tier for tier in group if id(tier) in named],
            [tier for tier in group if not tier.parent],
            group,
        )
        likely = next(kind for kind in kinds if kind)
        if len(likely) > 1 and likely is not kinds[1]:
            found = f"has several tiers of '{shown(likely[0].participant)}'"
            raise unclear(found, tiers, notes.place(likely[1].line))
        yield from ((tier, roles[name]) for tier in likely)

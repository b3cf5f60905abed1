"""What a speaker says about the picture: planned words, and the pause before each.

A description is a sequence of sentences. Each tells one unit of the picture or, more often where
`Profile.informative_share` is low, nothing in particular, so that the length of a description does
not depend on how much it tells.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cogspeech.corpora.importers.synthetic import picture
from cogspeech.corpora.importers.synthetic.picture import Unit
from cogspeech.corpora.importers.synthetic.signs import Profile

MIN_PAUSE_S, MAX_PAUSE_S = 0.2, 4.0
PAUSE_SPREAD = 0.5
"""Standard deviation of a speaker's pauses on the log scale."""
PAUSE_BETWEEN_SENTENCES = 0.7
"""Share of sentences that begin after a pause, in both groups."""
MAX_JOIN_S = 0.03
"""Longest gap between two words that are spoken without a pause."""
MIN_SENTENCES, MAX_SENTENCES = 10, 14
"""Sentences beside the opening and the closing; no more than the picture has units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWord:
    """One word to be spoken, in lower case, and the silence before it."""

    text: str
    is_content: bool
    is_filler: bool
    is_repetition: bool
    pause_before_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One description: its words, and the names of the units it tells."""

    words: tuple[PlannedWord, ...]
    units: tuple[str, ...]


def write_script(profile: Profile, rng: np.random.Generator) -> Script:
    """One description of the picture by a speaker with these habits."""
    left = [picture.UNITS[index] for index in rng.permutation(len(picture.UNITS))]
    empty = [picture.EMPTY_SENTENCES[i] for i in rng.permutation(len(picture.EMPTY_SENTENCES))]
    sentences = [_choose(rng, picture.OPENINGS).split()]
    units = []
    for _ in range(int(rng.integers(MIN_SENTENCES, MAX_SENTENCES + 1))):
        if not empty or rng.random() < profile.informative_share:
            unit = left.pop()
            units.append(unit.name)
            sentences.append(_tell(unit, profile, rng))
        else:
            sentences.append(empty.pop().split())
    sentences.append(_choose(rng, picture.CLOSINGS).split())
    words = [word for sentence in sentences for word in _speak(sentence, profile, rng)]
    return Script(words=tuple(words), units=tuple(units))


def _choose(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


def _tell(unit: Unit, profile: Profile, rng: np.random.Generator) -> list[str]:
    """The words of one sentence about a unit."""
    predicate = _choose(rng, unit.predicates)
    verb, rest = predicate.split(" ", maxsplit=1)
    rest = _name_objects(rest, profile, rng)
    if rng.random() < profile.pronoun_share:
        subject = unit.pronoun
        if not unit.is_plural and rng.random() < 0.3:
            subject = _choose(rng, picture.VAGUE_SUBJECTS)
        sentence = f"{subject} {verb} {rest}"
    else:
        noun = _choose(rng, unit.subjects)
        if rng.random() < 0.3:
            noun = f"{_choose(rng, unit.adjectives)} {noun}"
        frame = rng.random()
        if frame < 0.4:
            sentence = f"there {verb} {_indefinite(noun, unit)} {rest}"
        elif frame < 0.55:
            sentence = f"i can see {_indefinite(noun, unit)} {rest}"
        else:
            sentence = f"the {noun} {verb} {rest}"
    if rng.random() < 0.5:
        sentence = f"{_choose(rng, picture.CONNECTORS)} {sentence}"
    return sentence.split()


def _indefinite(noun: str, unit: Unit) -> str:
    if unit.is_plural:
        return f"some {noun}"
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _name_objects(text: str, profile: Profile, rng: np.random.Generator) -> str:
    """The text with each bracketed noun phrase said or replaced by an empty word."""
    spoken: list[str] = []
    for piece in text.replace("]", "[").split("["):
        is_noun_phrase = len(spoken) % 2 == 1  # brackets never nest: pieces take turns
        is_replaced = is_noun_phrase and rng.random() < 0.7 * profile.pronoun_share
        spoken.append(_choose(rng, picture.VAGUE_OBJECTS) if is_replaced else piece)
    return "".join(spoken)


def _speak(
    sentence: list[str], profile: Profile, rng: np.random.Generator
) -> Iterator[PlannedWord]:
    """The words of a sentence with the fillers, repetitions and pauses of its speaker."""
    for position, text in enumerate(sentence):
        is_content = text not in picture.FUNCTION_WORDS
        place = 1.5 if position == 0 or is_content else 0.6
        pause_s = _pause(profile, rng, is_content=is_content, is_first=position == 0)
        if rng.random() < place * profile.filler_share:
            yield PlannedWord(
                text=_choose(rng, picture.FILLERS),
                is_content=False,
                is_filler=True,
                is_repetition=False,
                pause_before_s=pause_s,
            )
            pause_s = _pause(profile, rng, is_content=is_content, is_first=False)
        for is_repetition in (False, *_repeats(profile, rng)):
            yield PlannedWord(
                text=text,
                is_content=is_content,
                is_filler=False,
                is_repetition=is_repetition,
                pause_before_s=pause_s,
            )
            pause_s = _pause(profile, rng, is_content=is_content, is_first=False)


def _repeats(profile: Profile, rng: np.random.Generator) -> tuple[bool, ...]:
    """As many ``True`` as the word is said again."""
    if rng.random() >= profile.repetition_share:
        return ()
    return (True, True) if rng.random() < 0.15 else (True,)


def _pause(
    profile: Profile, rng: np.random.Generator, *, is_content: bool, is_first: bool
) -> float:
    """The silence before a word: a pause, or the short gap of fluent speech."""
    share = profile.pause_before_content if is_content else profile.pause_before_function
    if is_first:
        share = PAUSE_BETWEEN_SENTENCES
    if rng.random() >= share:
        return float(rng.uniform(0.0, MAX_JOIN_S))
    duration_s = profile.pause_median_s * np.exp(PAUSE_SPREAD * rng.standard_normal())
    return float(min(max(duration_s, MIN_PAUSE_S), MAX_PAUSE_S))

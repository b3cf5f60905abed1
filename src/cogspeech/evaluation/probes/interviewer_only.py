"""``interviewer_only``: what the interviewer says, how often and how long. Not the participant."""

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from cogspeech.evaluation.base import PROBES
from cogspeech.evaluation.feature_probe import FeatureProbe
from cogspeech.evaluation.screening import Features
from cogspeech.types import Case, Word

MOST_WORDS = 60
"""Different words of interviewers that are counted: those that most recordings have."""
FEWEST_RECORDINGS = 5
"""In which a word stands."""


@PROBES.register("interviewer_only")
class InterviewerOnly(FeatureProbe):
    """The interviewer's words, turns, talk time and silences."""

    name: ClassVar[str] = "interviewer_only"
    looks_at: ClassVar[str] = (
        "the interviewer's words, turns, talk time and silences, and whether there is one: nothing "
        "of the participant"
    )
    lacks: ClassVar[str] = "an interviewer's words in their transcript"
    red_means: ClassVar[str] = (
        "The interviewers told the classes apart before any model did: they spoke differently to "
        "them, or not to all. Whatever of them is left in the recordings gives the label away."
    )

    def features(self, cases: Sequence[Case]) -> Sequence[Features | None]:
        """Counts, times, and how often each of the common words is said."""
        spoken = [_interviewer(case) for case in cases]
        said = [Counter(word.text.casefold().strip(" .,;:!?\"'") for word in own) for own in spoken]
        recordings = Counter(text for each in said for text in each)
        common = [
            text
            for text, count in sorted(recordings.items(), key=lambda item: (-item[1], item[0]))
            if count >= FEWEST_RECORDINGS
        ][:MOST_WORDS]
        found: list[Features | None] = []
        for case, own, counted in zip(cases, spoken, said, strict=True):
            words = {f"says {text}": counted[text] / max(1, len(own)) for text in common}
            found.append({**_manner(case), **words} if own else None)
        return found


def _interviewer(case: Case) -> list[Word]:
    return [word for word in case.transcript.words if word.speaker == "interviewer"]


def _manner(case: Case) -> dict[str, float | None]:
    """How an interviewer speaks; times only of words that were heard."""
    turns = [
        list(group)
        for speaker, group in itertools.groupby(case.transcript.words, lambda word: word.speaker)
        if speaker == "interviewer"
    ]
    words = [word for turn in turns for word in turn]
    times = [(w.start_s, w.end_s) for w in words if w.is_heard and not w.spread]
    known = [(start, end) for start, end in times if start is not None and end is not None]
    talk_s = sum(end - start for start, end in known)
    silences = [
        max(0.0, after.start_s - before.end_s)
        for turn in turns
        for before, after in itertools.pairwise(turn)
        if before.is_heard and after.is_heard and before.end_s is not None
        and after.start_s is not None
    ]  # fmt: skip
    return {
        "words": float(len(words)),
        "turns": float(len(turns)),
        "words_per_turn": len(words) / len(turns),
        "talk_s": talk_s if known else None,
        "words_per_s": len(known) / talk_s if talk_s > 0 else None,
        "silence_in_turns_s": sum(silences) / len(silences) if silences else None,
    }

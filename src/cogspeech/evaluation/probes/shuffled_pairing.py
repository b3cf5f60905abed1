"""``shuffled_pairing``: the words of one person with the audio of another."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from cogspeech.evaluation.base import PROBES, ProbeFinding
from cogspeech.evaluation.change_probe import KEPT, Changed, ChangeProbe, judge_reliance, turned
from cogspeech.evaluation.rearranging import with_audio_of
from cogspeech.types import Case

SAME, OTHER = "same_class", "other_class"


@PROBES.register("shuffled_pairing")
class ShuffledPairing(ChangeProbe):
    """A partner of the same class and one of the other class, tested in the same fold."""

    name: ClassVar[str] = "shuffled_pairing"
    looks_at: ClassVar[str] = (
        "the primary system when the words of one person stand beside the sound of another person, "
        "of the same class or of the other one"
    )
    rule: ClassVar[str] = (
        "shortcut: the primary system is above chance and, with the sound of the other class, "
        f"follows the words alone or the sound alone: it keeps at least {KEPT:.0%} of its AUROC's "
        "distance from 0.5 with 97.5 % confidence; p is that the other sound costs nothing"
    )
    red_means: ClassVar[str] = (
        "The primary system follows one stream whatever the other says, so joining them is "
        "decoration. Report the stream that it follows, and what in it tells the classes apart."
    )

    def changes(
        self, test: Sequence[Case], labels: Sequence[int], generator: np.random.Generator
    ) -> Mapping[str, Sequence[Case] | None]:
        """Everybody's words with the sound of a partner."""
        return {
            SAME: _paired(test, [_others(test, labels, at, same=True) for at in range(len(test))],
                          generator),
            OTHER: _paired(test, [_others(test, labels, at, same=False) for at in range(len(test))],
                           generator),
        }  # fmt: skip

    def judge(self, found: Mapping[str, Changed], seed: int) -> ProbeFinding:
        """By the other class: its sound must pull the answer away, and must not decide it."""
        other = found[OTHER]
        return judge_reliance(found, OTHER, seed, kept=[other, turned(other)])


def _others(test: Sequence[Case], labels: Sequence[int], at: int, *, same: bool) -> list[Case]:
    """Recordings of other participants, of the same class or not."""
    own = test[at].recording.participant_id
    return [
        case
        for case, label in zip(test, labels, strict=True)
        if (label == labels[at]) is same and case.recording.participant_id != own
    ]


def _paired(
    test: Sequence[Case], partners: Sequence[Sequence[Case]], generator: np.random.Generator
) -> list[Case] | None:
    if not all(partners):
        return None
    return [
        dataclasses.replace(
            case,
            embedded=with_audio_of(case.embedded, own[int(generator.integers(len(own)))].embedded),
        )
        for case, own in zip(test, partners, strict=True)
    ]

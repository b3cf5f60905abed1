"""``time_shift``: word times moved against the audio. A model that aligns them must suffer."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from cogspeech.evaluation.base import PROBES, ProbeFinding
from cogspeech.evaluation.change_probe import KEPT, Changed, ChangeProbe, judge_reliance
from cogspeech.evaluation.rearranging import with_shifted_audio
from cogspeech.types import Case

SHIFTS_MS = (20, 50, 100, 200, 500)
DECISIVE = f"{SHIFTS_MS[-1]}_ms"


@PROBES.register("time_shift")
class TimeShift(ChangeProbe):
    """Every audio event goes to the word that was said so much earlier."""

    name: ClassVar[str] = "time_shift"
    looks_at: ClassVar[str] = (
        "the primary system when the sound and the pauses belong to the words of up to half a "
        "second before"
    )
    rule: ClassVar[str] = (
        f"shortcut: the primary system is above chance and, at {SHIFTS_MS[-1]} ms, keeps at least "
        f"{KEPT:.0%} of its AUROC's distance from 0.5 with 97.5 % confidence; p is that the shift "
        "costs nothing"
    )
    red_means: ClassVar[str] = (
        "The primary system does not use how each word was said: what it has found stands in the "
        "words or in the sound as a whole. Do not report its result as one of aligned speech."
    )

    def changes(
        self, test: Sequence[Case], labels: Sequence[int], generator: np.random.Generator
    ) -> Mapping[str, Sequence[Case] | None]:
        """A curve over shifts."""
        return {
            f"{shift_ms}_ms": [
                dataclasses.replace(
                    case, embedded=with_shifted_audio(case.embedded, shift_ms / 1000)
                )
                for case in test
            ]
            for shift_ms in SHIFTS_MS
        }

    def judge(self, found: Mapping[str, Changed], seed: int) -> ProbeFinding:
        """By the longest shift."""
        return judge_reliance(found, DECISIVE, seed, kept=[found[DECISIVE]])

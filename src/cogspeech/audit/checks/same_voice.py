"""``same_voice``: two ids that sound like one person. A hint, and a weak one.

Averages over a recording know the microphone as well as the voice, so a person who comes back to
another room is not found, and two people who sound alike may be named. Measured figures stand in
``docs/explanation/audit.md``.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from scipy.spatial.distance import cdist

from cogspeech.audit.base import CHECKS, Check, Evidence, Finding

MIN_PARTICIPANTS = 12
"""Fewer do not tell how alike different people are."""
CLOSE = 0.1
"""Of the distance at which the typical participant has their nearest neighbour."""
WITHIN = 2.0
"""Of the variance between two halves of one recording."""
_ROWS = 512


@CHECKS.register("same_voice")
class SameVoice(Check):
    """Distances of long-term voice statistics, against all other participants of the corpus."""

    codes: ClassVar[Mapping[str, str]] = {
        "same_voice": f"two participants lie within {CLOSE} of the usual distance to the nearest "
        "other one, and vary no more than one recording does",
    }

    def find(self, evidence: Evidence) -> Iterator[Finding]:
        """A warning per pair, with its score."""
        halves, recordings = defaultdict(list), defaultdict(list)
        for item in evidence.items:
            if item.sound is not None and item.sound.voice is not None:
                halves[item.recording.participant_id].append(item.sound.voice.halves)
                recordings[item.recording.participant_id].append(item.recording.recording_id)
        people = sorted(halves)
        if len(people) < MIN_PARTICIPANTS:
            return
        pairs = np.concatenate([np.stack(halves[name]) for name in people])
        within = np.square(pairs[:, 0] - pairs[:, 1]).mean(axis=0) / 2
        voices = np.stack([np.concatenate(halves[name]).mean(axis=0) for name in people])
        for first, second, distance, usual in _close_pairs(voices / np.sqrt(within + 1e-9)):
            score = distance / usual
            names = (people[first], people[second])
            yield Finding(
                code="same_voice",
                severity="warning",
                recordings=tuple(name for person in names for name in recordings[person]),
                message=f"participants '{names[0]}' and '{names[1]}' sound like one person "
                f"(score {score:.3f}; 1 is how near the nearest voice usually is); listen to both",
                details={"participants": names, "score": round(score, 4)},
            )


def _close_pairs(
    voices: Float[np.ndarray, "participant feature"],
) -> Iterator[tuple[int, int, float, float]]:
    """Positions, distance, and the median distance to the nearest other participant."""
    nearest = np.empty(len(voices))
    close = []
    for start in range(0, len(voices), _ROWS):
        rows = voices[start : start + _ROWS]
        distances = cdist(rows, voices, "sqeuclidean") / voices.shape[1]
        distances[np.arange(len(rows)), start + np.arange(len(rows))] = np.inf
        nearest[start : start + len(rows)] = distances.min(axis=1)
        first, second = np.nonzero(distances < WITHIN)
        kept = first + start < second
        close += list(
            zip(
                first[kept] + start, second[kept], distances[first[kept], second[kept]], strict=True
            )
        )
    usual = float(np.median(nearest))
    for first, second, distance in close:
        if distance < CLOSE * usual:
            yield int(first), int(second), float(distance), usual

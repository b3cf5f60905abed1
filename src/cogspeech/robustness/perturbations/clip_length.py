"""``clip_length``: only the first seconds of a recording."""

from dataclasses import replace
from typing import ClassVar

from cogspeech.robustness.base import (
    PERTURBATIONS,
    Heard,
    Severity,
    SoundPerturbation,
    Surroundings,
)
from cogspeech.types import Transcript, Word


@PERTURBATIONS.register("clip_length")
class ClipLength(SoundPerturbation):
    """The first seconds with the words that end inside them.

    A word without times stays where a word that stays follows it.
    """

    name: ClassVar[str] = "clip_length"
    does: ClassVar[str] = "keeps only the first seconds, and the words that end inside them"
    unit: ClassVar[str] = "length (s)"
    severities: ClassVar[tuple[Severity, ...]] = (60.0, 45.0, 30.0, 15.0, 10.0, 5.0)

    def perturb(self, heard: Heard, severity: Severity, around: Surroundings) -> Heard | None:  # noqa: ARG002
        """The first seconds, or ``None`` where the participant says nothing in them."""
        num_samples = round(float(severity) * heard.sample_rate_hz)
        if num_samples >= len(heard.samples):
            return heard
        transcript = _first_words(heard.transcript, until_s=float(severity))
        if not any(word.is_heard for word in transcript.participant_words):
            return None
        return replace(heard, samples=heard.samples[:num_samples], transcript=transcript)


def _first_words(transcript: Transcript, *, until_s: float) -> Transcript:
    kept: list[Word] = []
    waiting: list[Word] = []
    for word in transcript.words:
        if word.end_s is None:
            waiting.append(word)
        elif word.end_s <= until_s:
            kept += [*waiting, word]
            waiting = []
    return replace(transcript, words=tuple(kept), utterances=())

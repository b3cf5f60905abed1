"""``speech_quality``: recordings that are too bad, too short or too empty to say much.

Nothing is left out for it: what is dropped is dropped by name, with a reason, in the study file.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from cogspeech.audit.base import CHECKS, Check, Evidence, Finding, Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A recording beyond it is named."""

    code: str
    rule: str
    is_beyond: Callable[[Item], bool]


def _participant_s(item: Item) -> float | None:
    """Seconds of words of the participant, where all of them were timed."""
    words = item.transcript.participant_words if item.transcript else ()
    if not words or not all(word.is_timed and not word.spread for word in words):
        return None
    return sum((word.end_s or 0.0) - (word.start_s or 0.0) for word in words)


def _share(item: Item) -> float:
    spoken = _participant_s(item)
    return 1.0 if spoken is None or item.sound is None else spoken / item.sound.duration_s


LIMITS = (
    Limit(code="clipped", rule="more than 1 % of the samples are at full scale",
          is_beyond=lambda i: i.sound is not None and i.sound.clipped_share > 0.01),
    Limit(code="offset", rule="the mean of the samples lies more than 5 % of full scale from 0",
          is_beyond=lambda i: i.sound is not None and abs(i.sound.dc_offset) > 0.05),
    Limit(code="quiet", rule="the speech lies below -55 dB of full scale",
          is_beyond=lambda i: i.sound is not None and i.sound.level_dbfs < -55),
    Limit(code="noisy", rule="the speech lies less than 6 dB above the noise",
          is_beyond=lambda i: i.sound is not None and (i.sound.snr_db or 99) < 6),
    Limit(code="little_speech", rule="speech is heard for less than 1 s",
          is_beyond=lambda i: i.sound is not None and i.sound.speech_s < 1),
    Limit(code="little_participant", rule="words of the participant fill less than 5 % of the time",
          is_beyond=lambda i: _share(i) < 0.05),
    Limit(code="few_words", rule="the participant says fewer than 5 words",
          is_beyond=lambda i: i.transcript is not None
          and len(i.transcript.participant_words) < 5),
)  # fmt: skip


@CHECKS.register("speech_quality")
class SpeechQuality(Check):
    """Every limit, on every recording that was heard or read."""

    codes: ClassVar[Mapping[str, str]] = {limit.code: limit.rule for limit in LIMITS}

    def find(self, evidence: Evidence) -> Iterator[Finding]:
        """A warning per limit, with the recordings beyond it."""
        for limit in LIMITS:
            beyond = tuple(
                item.recording.recording_id for item in evidence.items if limit.is_beyond(item)
            )
            if beyond:
                yield Finding(
                    code=limit.code,
                    severity="warning",
                    recordings=beyond,
                    message=f"in {len(beyond)} of {len(evidence.items)} recordings {limit.rule}; "
                    "listen to them, or leave them out by name (audit.drop)",
                )

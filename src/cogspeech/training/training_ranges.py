"""Within what ranges a model was trained, in numbers that point at nobody.

Each end of a range is the mean over the five people who lie furthest out, so it is nobody's own
number; fewer than five people give no range. A recording is inside if it lies no further out than a
quarter of the width of the range, and at least the slack of the measure.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, model_validator

from cogspeech.audit.listening import Sound
from cogspeech.settings import Settings
from cogspeech.transcripts.quality import Quality

FEWEST_PEOPLE = 5
"""Behind anything that is told of the people a model was trained on."""
MARGIN = 0.25
"""Of the width of a range."""
SMALLEST = 1e-9
"""Of what has a logarithm."""
Measured = Mapping[str, float | None]
"""By name of the measure; ``None``: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number about a recording, and when it is too unlike those of the training."""

    name: str
    shown: str
    unit: str = ""
    slack: float
    """How far outside is still inside at least: a difference, or a factor of a ratio."""
    is_ratio: bool = False
    """Whether distances are ratios: from 10 to 20 s is as far as from 100 to 200 s."""
    is_heard: bool = True
    """Whether it is about the sound; a model that only reads does not depend on it."""
    below: str = "outside_training_range"
    """The code of the reason to abstain where a recording has less."""
    above: str = "outside_training_range"


MEASURES = (
    Measure(name="duration_s", shown="duration", unit="s", slack=1.25, is_ratio=True,
            below="too_short"),
    Measure(name="words", shown="words", slack=1.25, is_ratio=True, is_heard=False,
            below="too_short"),
    Measure(name="words_per_s", shown="speech rate", unit="words/s", slack=1.25, is_ratio=True),
    Measure(name="pause_share", shown="share of pauses", slack=0.05),
    Measure(name="speech_share", shown="share of speech", slack=0.05),
    Measure(name="level_dbfs", shown="level of the speech", unit="dB", slack=3.0),
    Measure(name="snr_db", shown="speech over noise", unit="dB", slack=3.0),
    Measure(name="clipped_share", shown="share of clipped samples", slack=0.005),
    Measure(name="bandwidth_hz", shown="bandwidth", unit="Hz", slack=1.1, is_ratio=True),
    Measure(name="guessed_times_share", shown="share of words whose times are guessed", slack=0.05,
            below="transcript_quality", above="transcript_quality"),
)  # fmt: skip


class TrainingRange(Settings):
    """Where the recordings of a training lie; both ends are means over people."""

    low: Annotated[float, Field(allow_inf_nan=False)]
    high: Annotated[float, Field(allow_inf_nan=False)]

    @model_validator(mode="after")
    def _in_order(self) -> "TrainingRange":
        if self.low > self.high:
            raise ValueError("the low end of a range must not lie above its high end")
        return self

    def side(self, value: float, measure: Measure) -> int:
        """-1: further below than the margin, 1: further above, 0: inside."""
        at, low, high = (_scaled(each, measure) for each in (value, self.low, self.high))
        slack = math.log(measure.slack) if measure.is_ratio else measure.slack
        margin = max(MARGIN * (high - low), slack)
        return int(at > high + margin) - int(at < low - margin)


def measure_recording(
    sound: Sound | None, quality: Quality | None, *, duration_s: float, hears_to_hz: float
) -> dict[str, float | None]:
    """Every measure of one recording.

    Args:
        sound: ``None``: digital silence.
        quality: of its transcript; ``None``: no words.
        duration_s: of the whole recording.
        hears_to_hz: half the sample rate of the audio encoder; what lies above changes nothing.
    """
    found: dict[str, float | None] = dict.fromkeys(measure.name for measure in MEASURES)
    found["duration_s"] = duration_s
    found["words"] = float(quality.words) if quality else 0.0
    if quality:
        guessed = quality.words - quality.words_with_times + quality.clipped
        found["words_per_s"] = quality.words_per_s
        found["pause_share"] = quality.pause_s / duration_s
        found["guessed_times_share"] = guessed / quality.words
    if sound:
        found["speech_share"] = sound.speech_s / duration_s
        found["level_dbfs"] = sound.level_dbfs
        found["snr_db"] = sound.snr_db
        found["clipped_share"] = sound.clipped_share
        found["bandwidth_hz"] = min(sound.bandwidth_hz, hears_to_hz)
    return found


def ranges_of(measured: Iterable[tuple[str, Measured]]) -> dict[str, TrainingRange]:
    """The range of every measure that `FEWEST_PEOPLE` people have.

    Args:
        measured: participant_id and measures, of every recording of a training.
    """
    by_person: defaultdict[str, list[Measured]] = defaultdict(list)
    for person, values in measured:
        by_person[person].append(values)
    ranges = {}
    for measure in MEASURES:
        known = [
            sorted(_scaled(v, measure) for each in own if (v := each[measure.name]) is not None)
            for own in by_person.values()
        ]
        known = [values for values in known if values]
        if len(known) >= FEWEST_PEOPLE:
            lowest = sorted(values[0] for values in known)[:FEWEST_PEOPLE]
            highest = sorted(values[-1] for values in known)[-FEWEST_PEOPLE:]
            low, high = (_mean(ends, measure) for ends in (lowest, highest))
            ranges[measure.name] = TrainingRange(low=low, high=high)
    return ranges


def shared_values(pairs: Iterable[tuple[str, Any]]) -> tuple[Any, ...]:
    """The values that at least `FEWEST_PEOPLE` people have, in order.

    Args:
        pairs: participant_id and value; ``None`` is no value.
    """
    people: defaultdict[Any, set[str]] = defaultdict(set)
    for person, value in pairs:
        if value is not None:
            people[value].add(person)
    return tuple(sorted(value for value, own in people.items() if len(own) >= FEWEST_PEOPLE))


def _scaled(value: float, measure: Measure) -> float:
    return math.log(max(value, SMALLEST)) if measure.is_ratio else value


def _mean(scaled: Sequence[float], measure: Measure) -> float:
    mean = math.fsum(scaled) / len(scaled)
    return float(f"{math.exp(mean) if measure.is_ratio else mean:.6g}")

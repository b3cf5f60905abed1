"""What a fit learns from and is stopped by: embedded recordings with their answers."""

from collections.abc import Sequence
from dataclasses import dataclass

from cogspeech.cache import content_key
from cogspeech.config import TargetSection
from cogspeech.training.batches import length_of
from cogspeech.training.objectives.base import Targets, scores_for
from cogspeech.types import Case, EmbeddedRecording


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPart:
    """Embedded recordings with what is to be told of them, such as a training part."""

    recordings: tuple[EmbeddedRecording, ...]
    labels: tuple[int, ...] = ()
    """Positions in the classes; empty where the target has none."""
    scores: tuple[float | None, ...] = ()
    """Empty where the target has no score; ``None`` where a recording has none."""

    def __post_init__(self) -> None:
        lengths = {len(side) for side in (self.labels, self.scores) if side}
        if not self.recordings or lengths != {len(self.recordings)}:
            raise ValueError("a part has as many labels as recordings, and at least one")

    @classmethod
    def of(
        cls, cases: Sequence[Case], labels: Sequence[int], target: TargetSection
    ) -> "LabelledPart":
        """The part that some cases make."""
        return cls(
            recordings=tuple(case.embedded for case in cases),
            labels=tuple(labels),
            scores=scores_for(target, [case.recording for case in cases]),
        )

    @property
    def targets(self) -> Targets:
        """As the objective reads them."""
        return Targets.of(self.labels, self.scores)

    @property
    def digest(self) -> str:
        """Of who is in the part, how long, with which answer; the vectors are not read."""
        rows = [[r.recording_id, *length_of(r)] for r in self.recordings]
        return content_key(rows=rows, labels=self.labels, scores=self.scores)

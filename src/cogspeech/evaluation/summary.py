"""Everything that predictions alone can tell: estimates, comparisons and what they can show."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cogspeech.evaluation.comparison import Comparison, compare_with_primary
from cogspeech.evaluation.detectable import Detectable, detectable_differences
from cogspeech.evaluation.metrics import estimate_all, scores_of
from cogspeech.evaluation.operating_points import OperatingPoint, operating_points
from cogspeech.types import RESEARCH_STATEMENT, Estimate, Prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What predictions of one or several systems come to."""

    n_participants: int
    n_recordings: int
    classes: tuple[str, str]
    primary: str
    """The first system of the table; the others are compared with it."""
    systems: dict[str, dict[str, Estimate]]
    comparisons: tuple[Comparison, ...]
    detectable: Detectable
    operating_points: tuple[OperatingPoint, ...]

    def as_json(self) -> dict[str, Any]:
        """The keys of a run folder's ``metrics.json`` that predictions alone can fill."""
        return {**asdict(self), "use": RESEARCH_STATEMENT}


def summarise(predictions: Sequence[Prediction], classes: tuple[str, str]) -> Summary:
    """Evaluates sound predictions, such as `read_predictions` gives.

    Args:
        predictions: of one or several systems about the same participants.
        classes: the negative one first.
    """
    systems = tuple(dict.fromkeys(p.system for p in predictions))
    primary, *others = systems
    comparisons = compare_with_primary(predictions, primary, others)
    return Summary(
        n_participants=len({p.participant_id for p in predictions}),
        n_recordings=len({(p.participant_id, p.recording_id) for p in predictions}),
        classes=classes,
        primary=primary,
        systems={name: estimate_all(scores_of(predictions, name)) for name in systems},
        comparisons=comparisons,
        detectable=detectable_differences(scores_of(predictions, primary), comparisons),
        operating_points=tuple(
            point for name in systems for point in operating_points(predictions, (), name)
        ),
    )

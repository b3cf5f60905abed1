"""Probes that see a few features: a classifier on them must be at chance."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from cogspeech.evaluation.base import Probe, ProbeFinding, ProbeTask
from cogspeech.evaluation.screening import Features, labels_of, screen, tabulate
from cogspeech.types import Case

FEWEST = 10
"""Participants that must have something of what a probe looks at."""
CHANCE_RULE = (
    "shortcut: the AUROC is above 0.5, and it and the strongest single feature together have a "
    "permutation p of at most 0.05 after Holm's correction over all probes that must be at chance"
)


class FeatureProbe(Probe):
    """A deliberately unfair view of a recording, from which nothing should be predictable."""

    rule: ClassVar[str] = CHANCE_RULE
    lacks: ClassVar[str]
    """Of what too few participants have anything, for the report."""

    @abstractmethod
    def features(self, cases: Sequence[Case]) -> Sequence[Features | None]:
        """What it sees of each recording; ``None`` where there is nothing of it.

        That there is nothing is itself a feature: it may go with the label, too.
        """

    def run(self, task: ProbeTask) -> ProbeFinding:
        """On the folds of the study."""
        found = self.features(task.cases)
        people = [case.recording.participant_id for case in task.cases]
        having = {person for person, each in zip(people, found, strict=True) if each}
        for who, some in (("", having), ("tested ", having & task.plan.tested)):
            if len(some) < FEWEST:
                return ProbeFinding(
                    reason=f"{len(some)} {who}participants have {self.lacks}, expected at least "
                    f"{FEWEST}"
                )
        table = tabulate(people, found)
        screened = screen(table, labels_of(task, table.participants), task)
        return ProbeFinding(auroc=screened.auroc, p_value=screened.p_value)

"""``splits``: an official split divides people, and all of them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import ClassVar

from cogspeech.audit.base import CHECKS, Check, Evidence, Finding

SIDES = ("train", "test")


@CHECKS.register("splits")
class Splits(Check):
    """The column ``official_split``, where there is one."""

    codes: ClassVar[Mapping[str, str]] = {
        "participant_in_two_splits": "a participant has recordings on both sides",
        "split_incomplete": "some recordings have no official_split, or another than train or test",
    }

    def find(self, evidence: Evidence) -> Iterator[Finding]:
        """Nothing where no recording has a split."""
        sides: dict[str, set[str]] = defaultdict(set)
        recordings: dict[str, list[str]] = defaultdict(list)
        without = []
        for item in evidence.items:
            row = item.recording
            recordings[row.participant_id].append(row.recording_id)
            if row.official_split:
                sides[row.participant_id].add(row.official_split)
            if row.official_split not in SIDES:
                without.append(row.recording_id)
        for name, found in sides.items():
            if len(found) > 1:
                yield Finding(
                    code="participant_in_two_splits",
                    severity="error",
                    recordings=tuple(recordings[name]),
                    message=f"participant '{name}' is in {' and '.join(sorted(found))}; who is "
                    "trained on must not be tested; keep one side",
                )
        if sides and without:
            yield Finding(
                code="split_incomplete",
                severity="warning",
                recordings=tuple(without),
                message=f"official_split of {len(without)} recordings is neither train nor test; "
                "an evaluation on the official split would leave them out",
            )

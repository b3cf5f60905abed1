"""``same_audio``: the same sound in two recordings, exact or after a change."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from cogspeech.audit.base import CHECKS, Check, Evidence, Finding, Item, Severity
from cogspeech.audit.groups import grouped
from cogspeech.audit.landmarks import SAME, Match, find_matches
from cogspeech.audit.listening import Sound


@CHECKS.register("same_audio")
class SameAudio(Check):
    """Digests for exact copies, landmarks for the others."""

    codes: ClassVar[Mapping[str, str]] = {
        "same_audio": "two recordings decode to the same samples",
        "similar_audio": f"two recordings share {SAME:.0%} or more of the spectral landmarks where "
        "they overlap",
    }

    def find(self, evidence: Evidence) -> Iterator[Finding]:
        """A finding per group of recordings that hold the same sound."""
        copies: dict[str, list[tuple[Item, Sound]]] = defaultdict(list)
        for item in evidence.items:
            if item.sound is not None:
                copies[item.sound.pcm_digest].append((item, item.sound))
        for group in copies.values():
            if len(group) > 1:
                items = [item for item, _ in group]
                yield _finding("same_audio", items, "decode to the same samples", {})
        firsts = [group[0] for group in copies.values()]
        matches = find_matches([sound.landmarks for _, sound in firsts])
        for members in grouped((m.first, m.second) for m in matches):
            own = [m for m in matches if m.first in members]
            items = [item for at in members for item, _ in copies[firsts[at][1].pcm_digest]]
            yield _similar(items, own, [item for item, _ in firsts])


def _similar(items: Sequence[Item], matches: Sequence[Match], firsts: Sequence[Item]) -> Finding:
    pairs = [
        {
            "recordings": [firsts[at].recording.recording_id for at in (match.first, match.second)],
            "shared": round(match.shared, 3),
            "shift_s": round(match.shift_s, 2),
        }
        for match in matches
    ]
    least = min(match.shared for match in matches)
    told = f"hold the same sound (at least {least:.0%} of their landmarks)"
    return _finding("similar_audio", items, told, {"pairs": pairs})


def _finding(code: str, items: Sequence[Item], told: str, details: Mapping[str, object]) -> Finding:
    rows = [item.recording for item in items]
    severity: Severity = "warning"
    where = "of one participant; the copies count twice, keep one"
    if len({row.label for row in rows}) > 1:
        severity, where = "error", "with different labels"
    elif len({row.official_split for row in rows}) > 1:
        severity, where = "error", "in different splits"
    elif len({row.participant_id for row in rows}) > 1:
        severity, where = "error", "of different participants"
    remedy = "" if severity == "warning" else "; find out whose voice it is, keep one"
    names = tuple(dict.fromkeys(row.recording_id for row in rows))
    return Finding(
        code=code,
        severity=severity,
        recordings=names,
        message=f"{len(rows)} recordings {told}, {where}{remedy}",
        details=details,
    )

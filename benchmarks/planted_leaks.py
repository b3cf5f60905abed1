"""Plants leaks in sound corpora and asks the audit for them; asks it about sound ones, too.

python benchmarks/planted_leaks.py                 # 25 draws of every kind, 800 sound corpora
python benchmarks/planted_leaks.py --small --json leaks.json
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from cogspeech.audit.audit import judge
from cogspeech.audit.base import Evidence
from cogspeech.audit.gather import gather_evidence
from cogspeech.cache import ContentCache
from cogspeech.config import AuditSection, CorpusSection, TargetSection, TranscriptsSection
from cogspeech.corpora.base import read_corpus
from cogspeech.types import Recording
from digit_corpora import real_speech_folder
from leak_corpora import (
    CLASSES,
    DraftCorpus,
    dealt,
    real_corpus,
    synthetic_corpus,
    synthetic_people,
)
from leak_kinds import KINDS, CannotBePlanted, Kind

NOT_A_FIELD = ("file", "folder", "diagnosis")
GOALS = {"exact": 0.99, "near": 0.95, "by class": 0.95, "weak": 0.0}
FALSE_ALARMS = 0.01
Maker = Callable[[np.random.Generator], DraftCorpus]


@dataclass(frozen=True)
class Recall:
    """How often one kind was found in one sort of corpus."""

    kind: str
    group: str
    corpus: str
    found: int
    draws: int


@dataclass(frozen=True)
class FalseAlarms:
    """How many sound corpora were called anything but sound, and why."""

    corpus: str
    alarms: int
    draws: int
    codes: tuple[str, ...]


@contextmanager
def corpus_makers(folder: Path) -> Iterator[dict[str, Maker]]:
    """The two sorts of corpora; real voices only where they are at hand."""
    people = [p for seed in (11, 12) for p in synthetic_people(folder / f"{seed}", seed=seed)]
    makers: dict[str, Maker] = {"synthetic": lambda generator: synthetic_corpus(people, generator)}
    speech = real_speech_folder()
    if speech is not None:
        makers["real"] = lambda generator: real_corpus(speech, generator)
    yield makers


def evidence_of(corpus: DraftCorpus, cache: ContentCache) -> Evidence:
    """Writes the corpus, reads its table, hears every file that was never heard."""
    with tempfile.TemporaryDirectory() as folder:
        table = CorpusSection(path=corpus.write(Path(folder)))
        recordings = read_corpus(table, TargetSection()).recordings
        return gather_evidence(recordings, TranscriptsSection(), classes=CLASSES, cache=cache)


def is_found(kind: Kind, corpus: DraftCorpus, cache: ContentCache, draw: int) -> bool | None:
    """``None``: it cannot be planted in this sort of corpus."""
    leaky = corpus.copy()
    try:
        kind.plant(leaky, np.random.default_rng([draw, 1]))
    except CannotBePlanted:
        return None
    findings = judge(evidence_of(leaky, cache), AuditSection()).findings
    return bool({finding.code for finding in findings} & set(kind.codes))


def recalls_of(
    kinds: list[Kind], name: str, make: Maker, cache: ContentCache, draws: int
) -> list[Recall]:
    """Every kind in as many corpora."""
    answers: dict[str, list[bool]] = {kind.name: [] for kind in kinds}
    for draw in range(draws):
        corpus = make(np.random.default_rng(draw))
        for kind in kinds:
            found = is_found(kind, corpus, cache, draw)
            answers[kind.name] += [] if found is None else [found]
    return [
        Recall(kind.name, kind.group, name, sum(own), len(own))
        for kind in kinds
        if (own := answers[kind.name])
    ]


def false_alarms_of(
    name: str, make: Maker, cache: ContentCache, *, bases: int, deals: int
) -> FalseAlarms:
    """Every base with its labels and people dealt anew several times."""
    codes: list[str] = []
    alarms = 0
    for base in range(bases):
        corpus = make(np.random.default_rng(base))
        evidence = evidence_of(corpus, cache)
        for deal in range(deals):
            dealt(corpus.drafts, np.random.default_rng([base, deal, len(name)]))
            items = tuple(
                replace(item, recording=_with_row(item.recording, draft.row))
                for item, draft in zip(evidence.items, corpus.drafts, strict=True)
            )
            audit = judge(replace(evidence, items=items), AuditSection())
            alarms += audit.verdict != "sound"
            codes += [f.code for f in audit.findings if f.severity != "info"]
    return FalseAlarms(name, alarms, bases * deals, tuple(codes))


def _with_row(recording: Recording, row: dict[str, Any]) -> Recording:
    names = {"label": "diagnosis"} | {name: name for name in row if name not in NOT_A_FIELD}
    return replace(recording, **{name: row[column] for name, column in names.items()})


def is_reached(recalls: list[Recall], alarms: list[FalseAlarms]) -> bool:
    """Whether every goal is met, groups taken together."""
    for group, goal in GOALS.items():
        own = [r for r in recalls if r.group == group]
        if sum(r.found for r in own) < goal * sum(r.draws for r in own):
            return False
    return sum(a.alarms for a in alarms) <= FALSE_ALARMS * sum(a.draws for a in alarms)


def _print(recalls: list[Recall], alarms: list[FalseAlarms]) -> None:
    lines = ["| group | kind | corpus | found |", "|---|---|---|---|"]
    lines += [f"| {r.group} | {r.kind} | {r.corpus} | {r.found} of {r.draws} |" for r in recalls]
    for group in GOALS:
        own = [r for r in recalls if r.group == group]
        found, draws = sum(r.found for r in own), sum(r.draws for r in own)
        if draws:
            lines.append(f"| {group} | all | all | {found} of {draws} ({found / draws:.1%}) |")
    for each in alarms:
        high = binomtest(each.alarms, each.draws).proportion_ci().high
        lines.append(
            f"| sound | false alarms | {each.corpus} | {each.alarms} of {each.draws} (at most "
            f"{high:.1%}) {' '.join(each.codes)} |"
        )
    sys.stdout.write("\n".join([*lines, ""]))


def main() -> None:
    """Prints a table; exit code 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="2 draws of every kind")
    parser.add_argument("--draws", type=int, default=25)
    parser.add_argument("--kinds", nargs="*", help="only these")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    draws = 2 if options.small else options.draws
    kinds = [k for k in KINDS if not options.kinds or k.name in options.kinds]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(os.environ.get("COGSPEECH_LEAKS", folder))
        cache = ContentCache(work / "cache")
        with corpus_makers(work) as makers:
            recalls = [
                each for n, m in makers.items() for each in recalls_of(kinds, n, m, cache, draws)
            ]
            alarms = [
                false_alarms_of(n, m, cache, bases=draws, deals=16) for n, m in makers.items()
            ]
    _print(recalls, alarms)
    if options.json:
        content = {
            "recall": [asdict(each) for each in recalls],
            "false_alarms": [asdict(each) for each in alarms],
        }
        options.json.write_text(json.dumps(content, indent=1))
    sys.exit(0 if is_reached(recalls, alarms) else 1)


if __name__ == "__main__":
    main()

"""``cogspeech evaluate`` and ``cogspeech compare``: predictions are enough, torch is not needed."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cogspeech.cache import write_atomically
from cogspeech.errors import PredictionsError
from cogspeech.evaluation.comparison import SIGNIFICANT, Comparison, compare_scores, winner
from cogspeech.evaluation.detectable import detectable_differences, sentence
from cogspeech.evaluation.given import (
    DEFAULT_CLASSES,
    read_predictions,
    read_splits,
    refuse_seen,
    refuse_unknown,
)
from cogspeech.evaluation.metrics import Scores, scores_of
from cogspeech.evaluation.operating_points import OperatingPoint
from cogspeech.evaluation.summary import Summary, summarise
from cogspeech.types import RESEARCH_STATEMENT, Estimate

NAMED_PEOPLE = 5
METRIC_NAMES = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1",
    "brier": "Brier",
}


def evaluate(options: argparse.Namespace) -> None:
    """Prints what the predictions of a table come to; writes it where asked.

    Raises:
        PredictionsError: the table cannot be evaluated; one sentence with the rows.
    """
    path, classes = options.predictions, tuple(options.classes or ())
    if len(set(classes)) == 1:
        raise PredictionsError(f"--classes {' '.join(classes)}: expected two different classes")
    predictions = read_predictions(path, classes=classes)
    if options.participants:
        refuse_unknown(path, options.participants, predictions)
    if options.splits:
        refuse_seen(path, options.splits, predictions)
    negative, positive = classes or DEFAULT_CLASSES
    summary = summarise(predictions, (negative, positive))
    if options.json:
        _write_json(options.json, summary.as_json())
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        _write_json(options.out / "metrics.json", summary.as_json())
    _print_summary(summary)


def compare(options: argparse.Namespace) -> None:
    """Prints the paired comparison of the primary systems of two run folders.

    Raises:
        PredictionsError: a folder is no run, or the two tested different participants or labels.
    """
    (name_a, a), (name_b, b) = _read_run(options.run_a), _read_run(options.run_b)
    names = (name_a, name_b)
    if name_a == name_b:
        names = (f"{name_a} in {options.run_a}", f"{name_b} in {options.run_b}")
    _refuse_other_people(options.run_a, a, options.run_b, b)
    found = compare_scores([(names[0], a, names[1], b)])
    console = Console(highlight=False)
    console.print(_comparison_table(found, a.num_participants))
    if _digest(options.run_a) != _digest(options.run_b):
        console.print(
            Text("The two runs divided the participants differently; part of any difference may "
                 "come from that.", style="bold")
        )  # fmt: skip
    console.print(Text(sentence(detectable_differences(a, found))))
    console.print(Text(RESEARCH_STATEMENT, style="dim"))


def _read_run(folder: Path) -> tuple[str, Scores]:
    try:
        primary = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["primary"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PredictionsError(
            f"{folder}: is no run folder with a metrics.json; make one with 'cogspeech run'"
        ) from error
    predictions = read_predictions(folder / "predictions.csv")
    if not any(p.system == primary for p in predictions):
        raise PredictionsError(
            f"{folder / 'predictions.csv'}: holds nothing of '{primary}', the primary system"
        )
    return primary, scores_of(predictions, primary)


def _digest(folder: Path) -> str:
    return read_splits(folder / "splits.json").digest()


def _refuse_other_people(where_a: Path, a: Scores, where_b: Path, b: Scores) -> None:
    only = [
        f"{len(rest)} are only in {where} ({_some(sorted(rest))})"
        for where, rest in (
            (where_a, {*a.participants} - {*b.participants}),
            (where_b, {*b.participants} - {*a.participants}),
        )
        if rest
    ]
    if only:
        raise PredictionsError(
            f"the runs tested different participants: {'; '.join(only)}; a paired comparison "
            "needs the same"
        )
    differ = [
        name
        for name, label_a, label_b in zip(a.participants, a.labels, b.labels, strict=True)
        if label_a != label_b
    ]
    if differ:
        raise PredictionsError(
            f"{len(differ)} participants have another label in {where_b} than in {where_a} "
            f"({_some(differ)}); correct the one that is wrong, and run it anew"
        )


def _some(names: Sequence[str]) -> str:
    rest = len(names) - NAMED_PEOPLE
    more = f" and {rest} more" if rest > 0 else ""
    return ", ".join(names[:NAMED_PEOPLE]) + more


def _print_summary(summary: Summary) -> None:
    console = Console(highlight=False)
    table = Table(
        box=box.SIMPLE,
        title=f"{summary.n_participants} participants, {summary.n_recordings} recordings",
        caption="mean over runs (95 % interval over participants)",
    )
    table.add_column("metric", no_wrap=True)
    for system in summary.systems:
        table.add_column(Text(system), justify="right")
    for metric in next(iter(summary.systems.values())):
        cells = [_cell(found[metric]) for found in summary.systems.values()]
        table.add_row(METRIC_NAMES.get(metric, metric), *cells)
    console.print(table)
    if summary.comparisons:
        console.print(_comparison_table(summary.comparisons, summary.n_participants))
    console.print(_point_table(summary.operating_points))
    console.print(Text(sentence(summary.detectable)))
    console.print(Text(RESEARCH_STATEMENT, style="dim"))


def _comparison_table(comparisons: Sequence[Comparison], n: int) -> Table:
    table = Table(
        box=box.SIMPLE,
        title=f"paired differences on the same {n} participants",
        caption=f"95 % intervals; a verdict needs an adjusted p of at most {SIGNIFICANT} (Holm)",
    )
    for heading in ("systems", "metric", "difference", "p", "adjusted p", "test", "verdict"):
        table.add_column(heading)
    for found in comparisons:
        won = winner(found)
        counts = f", {found.discordant[0]}:{found.discordant[1]}" if found.discordant else ""
        table.add_row(
            Text(f"{found.a} minus {found.b}"),
            METRIC_NAMES.get(found.metric, found.metric),
            f"{found.difference:+.3f} ({found.low:+.3f} to {found.high:+.3f})",
            f"{found.p_value:.3f}",
            f"{found.p_adjusted:.3f}",
            f"{found.test}{counts}",
            Text(f"{won} is better" if won else "no difference was shown"),
        )
    return table


def _point_table(points: Sequence[OperatingPoint]) -> Table:
    table = Table(
        box=box.SIMPLE,
        title="operating points",
        caption="read off: from the ROC curve of these very participants; no threshold that was "
        "chosen on them keeps its promise elsewhere",
    )
    for heading in ("system", "held", "sensitivity", "specificity", "threshold"):
        table.add_column(heading)
    for point in points:
        held = "threshold" if point.held == "threshold" else f"{point.held} {point.value:.2f}"
        table.add_row(
            Text(point.system),
            held,
            "held" if point.held == "sensitivity" else _cell(point.sensitivity),
            "held" if point.held == "specificity" else _cell(point.specificity),
            "read off" if point.threshold is None else f"{point.threshold:.2f}",
        )
    return table


def _cell(estimate: Estimate) -> str:
    return f"{estimate.estimate:.2f} ({estimate.low:.2f}-{estimate.high:.2f})"


def _write_json(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(path, f"{text}\n".encode())

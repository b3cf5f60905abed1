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

from cogspeech.delivery.output_file import write_output
from cogspeech.errors import PredictionsError
from cogspeech.evaluation.comparison import (
    PRIMARY_METRIC,
    SIGNIFICANT,
    Comparison,
    compare_scores,
    winner,
)
from cogspeech.evaluation.detectable import detectable_differences, sentence
from cogspeech.evaluation.estimates import by_metric
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
SHOWN_OF_SEVERAL = ("auroc", "balanced_accuracy")
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
    names = (name_a, name_b) if name_a != name_b else (f"{name_a} (A)", f"{name_b} (B)")
    _refuse_other_people(options.run_a, a, options.run_b, b)
    found = compare_scores([(names[0], a, names[1], b)])
    console = Console(highlight=False)
    console.print(Text(f"A: {name_a} in {options.run_a}\nB: {name_b} in {options.run_b}"))
    metrics = [METRIC_NAMES.get(each.metric, each.metric) for each in found]
    title = f"A minus B on the same {a.num_participants} participants"
    console.print(_comparison_table(found, title, first=("metric", metrics)))
    if _digest(options.run_a) != _digest(options.run_b):
        console.print(
            Text("The two runs divided the participants differently; part of any difference may "
                 "come from that.", style="bold")
        )  # fmt: skip
    console.print(Text(sentence(detectable_differences(a, found))))
    console.print(Text(RESEARCH_STATEMENT, style="dim"))


def _read_run(folder: Path) -> tuple[str, Scores]:
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        primary, classes = metrics["primary"], list(metrics["classes"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PredictionsError(
            f"{folder}: is no run folder with a metrics.json; make one with 'cogspeech run'"
        ) from error
    if len(classes) != 2:
        raise PredictionsError(
            f"{folder}: its target has {len(classes) or 'no'} classes; 'compare' takes runs of two"
        )
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
    console.print(_system_table(summary))
    primary = next(iter(summary.systems))
    others = [c for c in summary.comparisons if c.metric == PRIMARY_METRIC]
    if others:
        title = f"AUROC of {primary} minus that of each, same {summary.n_participants} participants"
        console.print(_comparison_table(others, title, first=("minus", [c.b for c in others])))
    points = [point for point in summary.operating_points if point.system == primary]
    console.print(_point_table(points, primary))
    console.print(Text(sentence(summary.detectable)))
    if len(summary.systems) > 1:
        console.print(Text("every metric, comparison and operating point: --json FILE"))
    console.print(Text(RESEARCH_STATEMENT, style="dim"))


def _system_table(summary: Summary) -> Table:
    """Every metric of a single system; of several those that fit a narrow terminal."""
    table = Table(
        box=box.SIMPLE,
        title=f"{summary.n_participants} participants, {summary.n_recordings} recordings",
        caption="mean over runs (95 % interval over participants)",
    )
    (primary, found), *others = summary.systems.items()
    if not others:
        table.add_column("metric", no_wrap=True)
        table.add_column(Text(primary), justify="right")
        for metric, estimate in found.items():
            table.add_row(METRIC_NAMES.get(metric, metric), _cell(estimate))
        return table
    table.add_column("system", no_wrap=True)
    for metric in SHOWN_OF_SEVERAL:
        table.add_column(METRIC_NAMES[metric], justify="right", no_wrap=True)
    for system, estimates in by_metric(summary.systems, PRIMARY_METRIC).items():
        style = "bold" if system == primary else None
        cells = [_cell(estimates[metric]) for metric in SHOWN_OF_SEVERAL]
        table.add_row(Text(system), *cells, style=style)
    return table


def _comparison_table(
    comparisons: Sequence[Comparison], title: str, *, first: tuple[str, Sequence[str]]
) -> Table:
    """One row per comparison; the first column tells them apart."""
    tests = "; ".join(dict.fromkeys(each.test for each in comparisons))
    table = Table(
        box=box.SIMPLE,
        title=Text(title),
        caption=f"{tests}; 95 % intervals; a verdict on the first needs an adjusted p of at most "
        f"{SIGNIFICANT} (Holm)",
    )
    for heading in (first[0], "difference", "adjusted p", "verdict"):
        table.add_column(heading, no_wrap=True)
    for name, found in zip(first[1], comparisons, strict=True):
        won = winner(found)
        table.add_row(
            Text(name),
            f"{found.difference:+.2f} ({found.low:+.2f} to {found.high:+.2f})",
            f"{found.p_adjusted:.3f}",
            "not shown" if won is None else "better" if won == found.a else "worse",
        )
    return table


def _point_table(points: Sequence[OperatingPoint], system: str) -> Table:
    table = Table(
        box=box.SIMPLE,
        title=Text(f"operating points of {system}"),
        caption="read off: from the ROC curve of these very participants; no threshold that was "
        "chosen on them keeps its promise elsewhere",
    )
    for heading in ("held", "sensitivity", "specificity", "threshold"):
        table.add_column(heading)
    for point in points:
        held = "threshold" if point.held == "threshold" else f"{point.held} {point.value:.2f}"
        table.add_row(
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
    write_output(path, text)

"""What a person sees in the terminal: progress bars on stderr, a short table on stdout."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.table import Table
from rich.text import Text

from cogspeech.reporting.run_folder import StudyResult
from cogspeech.types import RESEARCH_STATEMENT, Estimate, Progress, no_progress

SHOWN_METRICS = {"auroc": "AUROC", "balanced_accuracy": "balanced accuracy"}


@contextmanager
def progress_bars(*, quiet: bool) -> Iterator[Progress]:
    """A bar per stage on stderr; none if ``quiet`` or if stderr is no terminal.

    Where stderr is read by a program, an error must be its only line.
    """
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield no_progress
        return
    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with RichProgress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield show


def print_summary(result: StudyResult, run_dir: Path) -> None:
    """The table of systems, what the probes say, and where the report lies."""
    console = Console(highlight=False)
    people = len({r.participant_id for r in result.corpus.recordings})
    title = (
        f"{result.study.name}: {people} participants, {len(result.corpus.recordings)} recordings"
    )
    table = Table(
        box=box.SIMPLE, title=title, caption="mean over runs (95 % interval over participants)"
    )
    table.add_column("system", no_wrap=True)
    for heading in SHOWN_METRICS.values():
        table.add_column(heading, justify="right", no_wrap=True)
    ordered = sorted(result.metrics.items(), key=lambda item: -item[1]["auroc"].estimate)
    for system, estimates in ordered:
        is_primary = system == result.study.fusion.name
        cells = [_cell(estimates[name]) for name in SHOWN_METRICS]
        table.add_row(system, *cells, style="bold" if is_primary else None)
    console.print(table)
    for probe in result.probes:
        if probe.verdict == "shortcut" and probe.auroc:
            line = (
                f"SHORTCUT: the probe {probe.name} alone reaches AUROC {_cell(probe.auroc)}; "
                "part of every number above may come from it"
            )
            console.print(Text(line, style="bold red"))
    if result.corpus.notice:
        console.print(Text(result.corpus.notice, style="bold"))
    console.print(Text(RESEARCH_STATEMENT, style="dim"))
    console.print(Text(f"report: {run_dir / 'report.html'}"))


def _cell(estimate: Estimate) -> str:
    return f"{estimate.estimate:.2f} ({estimate.low:.2f}-{estimate.high:.2f})"

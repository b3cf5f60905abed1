"""What a person sees in the terminal: progress bars on stderr, a short table on stdout."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.table import Table
from rich.text import Text

from cogspeech.embeddings.worker import Outcome
from cogspeech.errors import EmbeddingError
from cogspeech.evaluation.detectable import sentence
from cogspeech.evaluation.ledger import looks_sentence
from cogspeech.types import RESEARCH_STATEMENT, Estimate, Progress, no_progress

if TYPE_CHECKING:  # it knows torch, which takes seconds
    from cogspeech.reporting.run_folder import StudyResult

DONE_IN_PART = 3
SHOWN_METRICS = {
    "auroc": {"auroc": "AUROC", "balanced_accuracy": "balanced accuracy"},
    "macro_auroc": {"macro_auroc": "macro AUROC", "balanced_accuracy": "balanced accuracy"},
    "mae": {"mae": "mean error", "skill": "skill against the mean"},
}
"""By primary metric."""


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
        TextColumn("{task.fields[heard]}"),
    )
    with RichProgress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        heard_s: dict[str, float] = {}

        def show(stage: str, done: int, total: int, *, audio_s: float = 0.0) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total, heard="")
            heard_s[stage] = heard_s.get(stage, 0.0) + audio_s
            bars.update(tasks[stage], completed=done, total=total)
            if audio_s:
                elapsed_s = next(t.elapsed for t in bars.tasks if t.id == tasks[stage]) or 0.0
                bars.update(tasks[stage], heard=heard_text(heard_s[stage], elapsed_s))

        yield show


def heard_text(audio_s: float, elapsed_s: float) -> str:
    """Audio worked through, and how many times faster than it was spoken."""
    times = f", {audio_s / elapsed_s:.1f}x real time" if elapsed_s > 0 else ""
    return f"{_length(audio_s)} of audio{times}"


def _length(audio_s: float) -> str:
    if audio_s < 120:
        return f"{audio_s:.1f} s"
    return f"{audio_s / 60:.1f} min" if audio_s < 7200 else f"{audio_s / 3600:.2f} h"


def print_outcomes(outcomes: Sequence[Outcome]) -> int:
    """What an embedding came to, with a line per failure; gives the exit code.

    Raises:
        EmbeddingError: nothing could be embedded.
    """
    failed = [outcome for outcome in outcomes if outcome.problem]
    if outcomes and len(failed) == len(outcomes):
        more = f" (+{len(failed) - 1} more recordings)" if len(failed) > 1 else ""
        raise EmbeddingError(f"{failed[0].problem}{more}")
    done = [outcome for outcome in outcomes if not outcome.problem]
    audio = _length(sum(outcome.audio_s for outcome in done))
    events = sum(outcome.num_events for outcome in done)
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        Text(f"{len(done)} recordings, {audio} of audio, {events} words and pauses, in the cache")
    )
    if not failed:
        return 0
    console.print(Text(f"{len(failed)} failed:", style="bold"))
    for outcome in failed:
        console.print(Text(f"  {outcome.recording_id}  {outcome.problem}"))
    return DONE_IN_PART


def print_summary(result: "StudyResult", run_dir: Path) -> None:
    """The table of systems, what the probes say, and where the report lies."""
    from cogspeech.evaluation.estimates import by_metric, primary_metric  # it knows scipy

    console = Console(highlight=False)
    tested = [r for r in result.corpus.recordings if r.participant_id in result.plan.tested]
    people = len({r.participant_id for r in tested})
    title = f"{result.study.name}: {people} participants, {len(tested)} recordings"
    table = Table(
        box=box.SIMPLE, title=title, caption="mean over runs (95 % interval over participants)"
    )
    table.add_column("system", no_wrap=True)
    primary = primary_metric(result.study.target.classes)
    for heading in SHOWN_METRICS[primary].values():
        table.add_column(heading, justify="right", no_wrap=True)
    for system, estimates in by_metric(result.metrics, primary).items():
        is_primary = system == result.study.fusion.name
        cells = [_cell(estimates[name]) for name in SHOWN_METRICS[primary]]
        table.add_row(system, *cells, style="bold" if is_primary else None)
    console.print(table)
    _print_notes(console, result)
    if result.test_set_looks:
        console.print(Text(looks_sentence(result.test_set_looks), style="bold"))
    if result.corpus.notice:
        console.print(Text(result.corpus.notice, style="bold"))
    console.print(Text(RESEARCH_STATEMENT, style="dim"))
    console.print(Text(f"report: {run_dir / 'report.html'}"))


def _print_notes(console: Console, result: "StudyResult") -> None:
    """What has to be known to read the table."""
    classes = result.study.target.classes
    if len(classes) > 2:
        others = " or ".join(classes[1:])
        console.print(Text(f"comparisons and probes are about {others} against {classes[0]}"))
    elif not classes:
        console.print(Text("no comparison and no probe was made: they are about classes"))
    for system, reason in result.not_applicable.items():
        console.print(Text(f"{system} is not applicable: {reason}"))
    for system, terms in result.terms.items():
        console.print(Text(f"{system}: {terms}", style="bold"))
    if result.assessment.detectable:
        console.print(Text(sentence(result.assessment.detectable)))
    for probe in result.assessment.probes:
        if probe.verdict == "shortcut" and probe.auroc:
            line = (
                f"SHORTCUT: the probe {probe.name} is red at AUROC {_cell(probe.auroc)}. "
                f"{probe.red_means}"
            )
            console.print(Text(line, style="bold red"))


def _cell(estimate: Estimate) -> str:
    to = "-" if estimate.low >= 0 else " to "
    return f"{estimate.estimate:.2f} ({estimate.low:.2f}{to}{estimate.high:.2f})"

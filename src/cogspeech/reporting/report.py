"""``report.html`` from the files of a run folder, and from nothing else."""

from pathlib import Path

from cogspeech.cache import write_atomically
from cogspeech.reporting.page import page_of
from cogspeech.reporting.read_run import read_run
from cogspeech.reporting.sharing import FEWEST, shared


def write_report(run_dir: Path, *, is_shared: bool = False) -> Path:
    """Makes ``report.html`` anew from the other files of the run folder; gives its path.

    Args:
        run_dir: the run folder.
        is_shared: makes ``report-share.html`` instead, which may be passed on: see
            `cogspeech.reporting.sharing`.

    Raises:
        CogspeechError: a file is missing or not what `run` writes, or there are too few
            participants for anything to be passed on.
    """
    run = read_run(run_dir)
    if is_shared:
        path, html = run_dir / "report-share.html", page_of(shared(run), fewest=FEWEST)
    else:
        path, html = run_dir / "report.html", page_of(run)
    write_atomically(path, html.encode())
    return path

"""``report.html`` from the files of a run folder, and from nothing else."""

from pathlib import Path

from cogspeech.cache import write_atomically
from cogspeech.reporting.page import page_of
from cogspeech.reporting.read_run import read_run


def write_report(run_dir: Path) -> Path:
    """Makes ``report.html`` anew from the other files of the run folder; gives its path.

    Raises:
        CogspeechError: a file is missing or not what `run` writes.
    """
    path = run_dir / "report.html"
    write_atomically(path, page_of(read_run(run_dir)).encode())
    return path

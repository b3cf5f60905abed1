"""``report.html`` from the files of a run folder; from recordings only if somebody asks."""

from collections.abc import Sequence
from pathlib import Path

from cogspeech.cache import write_atomically
from cogspeech.reporting.listening.recordings import NONE, listening_of
from cogspeech.reporting.page import page_of
from cogspeech.reporting.read_run import read_run


def write_report(run_dir: Path, *, recordings: Sequence[str] = (NONE,)) -> Path:
    """Makes ``report.html`` anew from the other files of the run folder; gives its path.

    Args:
        run_dir: the run folder.
        recordings: which can be listened to: ``all``, ``shown`` (those whose words are shown),
            ``none``, or ids. Their audio is read from where the study found it.

    Raises:
        CogspeechError: a file is missing or not what `run` writes, or no such recording.
    """
    run = read_run(run_dir)
    path = run_dir / "report.html"
    write_atomically(path, page_of(run, listening_of(run_dir, run, recordings)).encode())
    return path

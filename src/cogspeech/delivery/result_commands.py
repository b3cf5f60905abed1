"""``cogspeech report`` and ``tensorboard``."""

import argparse
import sys

from cogspeech.reporting.paper import write_paper
from cogspeech.reporting.report import write_report
from cogspeech.reporting.tensorboard import write_tensorboard


def report(options: argparse.Namespace) -> None:
    """``cogspeech report``: everything in a run folder that is made from its other files."""
    if options.share:
        _say(str(write_report(options.run, is_shared=True)))
        return
    if (options.run / "corpus.json").exists():  # older versions wrote none
        write_paper(options.run)
    _say(str(write_report(options.run, recordings=options.recordings)))


def tensorboard(options: argparse.Namespace) -> None:
    """``cogspeech tensorboard``."""
    _say(f"tensorboard --logdir {write_tensorboard(options.run)}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")

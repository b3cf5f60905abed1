"""``cogspeech demo``, ``run`` and ``embed``."""

import argparse
from pathlib import Path
from typing import Any

from cogspeech.config import parse_options
from cogspeech.delivery.demo import demo_study
from cogspeech.delivery.terminal import print_outcomes, print_summary, progress_bars
from cogspeech.embeddings.corpus import embed_ahead
from cogspeech.engines.base import EngineOptions, build_engine
from cogspeech.reporting.listening.recordings import SHOWN
from cogspeech.reporting.report import write_report
from cogspeech.study import import_study, run_study
from cogspeech.study_file import load_study
from cogspeech.training.processes import Processes


def demo(options: argparse.Namespace) -> None:
    """``cogspeech demo``."""
    study = demo_study(options.out, effect=options.effect)
    run_dir = options.out / "run"
    _study(study, run_dir, options, resume=True)
    if Processes().is_main:
        write_report(run_dir, recordings=[SHOWN])  # its voices are synthetic


def run(options: argparse.Namespace) -> None:
    """``cogspeech run``."""
    study = load_study(options.study)
    alone = options.engine == "local" and options.workers == 1 and not options.cluster
    engine = None if alone else _engine(options)
    how = {"resume": options.resume, "workers": options.workers, "engine": engine}
    _study(study, options.out, options, **how)


def embed(options: argparse.Namespace) -> int:
    """``cogspeech embed``; gives the exit code."""
    engine = _engine(options)
    study = load_study(options.study)
    with progress_bars(quiet=options.quiet) as progress:
        corpus = import_study(study, progress=progress)
        outcomes = embed_ahead(corpus, study, engine, progress=progress)
    return print_outcomes(outcomes)


def _engine(options: argparse.Namespace) -> Any:
    asked = {"workers": options.workers, "cluster": options.cluster}
    return build_engine(options.engine, parse_options(EngineOptions, asked, where=options.name))


def _study(
    study: Any,
    run_dir: Path,
    options: argparse.Namespace,
    *,
    resume: bool,
    workers: int = 1,
    engine: Any = None,
) -> None:
    is_main = Processes().is_main
    with progress_bars(quiet=options.quiet or not is_main) as progress:
        result = run_study(
            study, run_dir, resume=resume, workers=workers, engine=engine, progress=progress
        )
    if is_main:
        print_summary(result, run_dir)

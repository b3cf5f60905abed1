"""``cogspeech check``: the audit of a recordings table or of the corpus of a study."""

import argparse
import json
import os
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cogspeech.audit.audit import SHOWN_RECORDINGS, Audit, audit_json, judge
from cogspeech.audit.base import Finding
from cogspeech.audit.gather import gather_evidence
from cogspeech.cache import ContentCache, cache_folder
from cogspeech.config import AuditSection, CorpusSection, Study, TargetSection, TranscriptsSection
from cogspeech.corpora.base import leave_out, read_corpora, read_corpus
from cogspeech.delivery.output_file import write_output
from cogspeech.delivery.terminal import progress_bars
from cogspeech.errors import ConfigError
from cogspeech.types import Corpus, Progress

UNSOUND = 2
STYLES = {"error": "bold red", "warning": "yellow", "info": "dim"}
SAID = {
    "sound": "sound: nothing was found that could make a result wrong",
    "warnings": "warnings: look at them before you believe a result",
    "unsound": "unsound: no result of these recordings can be relied on",
}


def check(options: argparse.Namespace) -> int:
    """Prints the findings and the verdict; 2: unsound.

    Raises:
        CogspeechError: the table or the study file cannot be read.
    """
    if options.workers < 0:
        raise ConfigError(f"--workers {options.workers}: expected 1 or more")
    with progress_bars(quiet=options.quiet) as progress:
        corpus, study = _read(options.corpus, progress)
        evidence = gather_evidence(
            corpus.recordings,
            study.transcripts if study else TranscriptsSection(),
            classes=_classes(corpus, study),
            cache=ContentCache(cache_folder()),
            workers=options.workers or len(os.sched_getaffinity(0)),
            progress=progress,
        )
    audit = judge(evidence, study.audit if study else AuditSection())
    if options.json:
        content = json.dumps(audit_json(audit), indent=2, ensure_ascii=False, allow_nan=False)
        write_output(options.json, content)
    print_audit(audit)
    return UNSOUND if audit.verdict == "unsound" else 0


def _read(path: Path, progress: Progress) -> tuple[Corpus, Study | None]:
    if path.suffix.lower() not in (".yaml", ".yml"):
        return read_corpus(CorpusSection(path=path), TargetSection(), progress=progress), None
    from cogspeech.study_file import load_study  # it knows torch, which takes seconds
    from cogspeech.training.objectives.base import with_scores

    study = load_study(path)
    corpus = read_corpora(study.corpus, study.test_corpus, study.target, progress=progress)
    corpus = leave_out(corpus, study.audit.dropped_ids)
    return with_scores(corpus, study.target), study


def _classes(corpus: Corpus, study: Study | None) -> tuple[str, ...]:
    """Those of the study. A table alone may have any; an empty label is none."""
    if study:
        return study.target.classes
    usual = TargetSection().classes
    found = sorted({r.label for r in corpus.recordings if r.label})
    return usual if set(found) <= set(usual) else tuple(found)


def print_audit(audit: Audit) -> None:
    """A row per finding, then the verdict."""
    console = Console(highlight=False)
    if audit.findings:
        table = Table(box=box.SIMPLE, title=f"audit of {audit.num_recordings} recordings")
        for heading in ("severity", "code"):
            table.add_column(heading, no_wrap=True)
        table.add_column("what was found", ratio=1)
        for finding in audit.findings:
            severity = "accepted" if finding.accepted else finding.severity
            style = "" if finding.accepted else STYLES[finding.severity]
            table.add_row(Text(severity, style=style), finding.code, Text(_told(finding)))
        console.print(table)
    console.print(Text(f"verdict: {SAID[audit.verdict]}", style="bold"))


def _told(finding: Finding) -> str:
    names = ", ".join(finding.recordings[:SHOWN_RECORDINGS])
    rest = len(finding.recordings) - SHOWN_RECORDINGS
    more = f" and {rest} more" if rest > 0 else ""
    where = f" ({names}{more})" if names else ""
    reason = f"; accepted: {finding.accepted}" if finding.accepted else ""
    return f"{finding.message}{where}{reason}"

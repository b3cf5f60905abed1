"""``cogspeech import``: a corpus as it is distributed becomes a recordings table."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

import yaml
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cogspeech.config import parse_options
from cogspeech.corpora.base import IMPORTERS, Access
from cogspeech.corpora.table_rows import check_place, write_table
from cogspeech.delivery.terminal import DONE_IN_PART, progress_bars
from cogspeech.errors import ConfigError
from cogspeech.types import Corpus, PassedOver

SHOWN = 10
"""Lines about what was passed over."""


def import_table(options: argparse.Namespace) -> int:
    """Reads a corpus and writes its table; gives the exit code.

    Raises:
        ConfigError: no such importer, or an option that it does not know.
        CorpusError: what cannot become a sound table. Nothing is written then.
    """
    kind = IMPORTERS.get(options.corpus)
    where = f"import {options.corpus}"
    importer = kind(parse_options(kind.Options, _settings(options.set), where=where))
    column = options.target or importer.label_column
    if options.root.exists():
        check_place(options.out, options.root)
    with progress_bars(quiet=options.quiet) as progress:
        corpus = importer.read(options.root, target_column=column, progress=progress)
    write_table(options.out, corpus.recordings, label_column=column)
    if kind.access and not options.quiet:
        _print_access(kind.access)
    return _print_summary(corpus, options)


def _settings(pairs: Sequence[str]) -> dict[str, Any]:
    settings = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        try:
            settings[key] = yaml.safe_load(value)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise ConfigError(f"--set {pair}: the value is not valid yaml") from error
        if not equals or not key:
            raise ConfigError(
                f"--set {pair}: expected KEY=VALUE, such as 'labels={{possible_ad: dementia}}'"
            )
    return settings


def _print_access(access: Access) -> None:
    sys.stderr.write(f"access: {access.url} {access.conditions}\n")


def _print_summary(corpus: Corpus, options: argparse.Namespace) -> int:
    console = Console(highlight=False, soft_wrap=True)
    people = len({recording.participant_id for recording in corpus.recordings})
    console.print(Text(f"{len(corpus.recordings)} recordings of {people} participants"))
    console.print(_counts(corpus))
    asked = Counter(each.reason for each in corpus.passed_over if each.is_asked)
    for reason, count in asked.items():
        console.print(Text(f"{count} left out as asked: {reason}"))
    failed = [each for each in corpus.passed_over if not each.is_asked]
    _print_passed_over(console, failed)
    if corpus.notice:
        console.print(Text(corpus.notice, style="bold"))
    console.print(Text(f"table: {options.out}"))
    return DONE_IN_PART if failed else 0


def _counts(corpus: Corpus) -> Table:
    """Participants and recordings by label and official split."""
    table = Table(box=box.SIMPLE)
    for heading in ("label", "split"):
        table.add_column(heading, no_wrap=True)
    for heading in ("participants", "recordings"):
        table.add_column(heading, justify="right", no_wrap=True)
    groups: dict[tuple[str, str], list[str]] = {}
    for recording in corpus.recordings:
        key = recording.label or "", recording.official_split or ""
        groups.setdefault(key, []).append(recording.participant_id)
    for (label, split), ids in sorted(groups.items()):
        table.add_row(Text(label), Text(split), str(len(set(ids))), str(len(ids)))
    return table


def _print_passed_over(console: Console, failed: Sequence[PassedOver]) -> None:
    if not failed:
        return
    console.print(Text(f"{len(failed)} passed over:", style="bold"))
    for each in failed[:SHOWN]:
        console.print(Text(f"  {each.where}  {each.reason}"))
    if len(failed) > SHOWN:
        console.print(Text(f"  and {len(failed) - SHOWN} more"))

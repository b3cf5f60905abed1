"""``cogspeech cache``: what is kept, whether it is whole, and how to be rid of it."""

import argparse
from collections import defaultdict
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cogspeech.cache import SCHEMA_VERSION, ContentCache, Entry, cache_folder
from cogspeech.errors import CacheError

DONE_IN_PART = 3
DAY_S = 86_400.0


def list_entries(_options: argparse.Namespace) -> None:
    """A line per kind and maker."""
    cache = ContentCache(cache_folder())
    groups: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in cache.entries():
        groups[entry.kind, entry.maker].append(entry)
    table = Table(box=box.SIMPLE, title=str(cache.folder))
    for heading in ("kind", "made by"):
        table.add_column(heading, no_wrap=True)
    for heading in ("entries", "MB", "newest", "oldest"):
        table.add_column(heading, justify="right", no_wrap=True)
    for (kind, maker), entries in sorted(groups.items()):
        ages_s = [entry.age_s for entry in entries]
        size = _megabytes(entries)
        table.add_row(kind, maker, str(len(entries)), size, _age(min(ages_s)), _age(max(ages_s)))
    everything = [entry for entries in groups.values() for entry in entries]
    table.add_section()
    table.add_row("all", "", str(len(everything)), _megabytes(everything))
    _console().print(table)


def verify(_options: argparse.Namespace) -> int:
    """Reads every entry; damaged ones are removed, to be made again."""
    cache = ContentCache(cache_folder())
    damaged, whole = [], 0
    for entry in cache.entries():
        if cache.read(entry.key) is None:
            damaged.append(entry)
        else:
            whole += 1
    console = _console()
    console.print(Text(f"{whole} entries are whole"))
    if not damaged:
        return 0
    console.print(Text(f"{len(damaged)} were damaged and are removed; they will be made again:"))
    for entry in damaged:
        console.print(Text(f"  {entry.kind:<10}  {entry.key}"))
    return DONE_IN_PART


def prune(options: argparse.Namespace) -> None:
    """Removes what nobody will read again."""
    cache = ContentCache(cache_folder())
    leftovers = cache.remove_leftovers()
    limit_s = float("inf") if options.older_than is None else options.older_than * DAY_S
    old = [e for e in cache.entries() if e.schema != SCHEMA_VERSION or e.age_s > limit_s]
    freed = cache.remove(entry.key for entry in old)
    _console().print(
        Text(f"removed {len(old)} entries ({freed / 1e6:.1f} MB) and {leftovers} leftovers")
    )


def forget(options: argparse.Namespace) -> None:
    """Removes everything made from one person, and names what cannot forget by itself.

    Raises:
        CacheError: nothing is known of that participant.
    """
    cache = ContentCache(cache_folder())
    keys, bundles = cache.keys_of(options.participant), cache.bundles_of(options.participant)
    if not keys and not bundles:
        raise CacheError(
            f"{cache.folder}: holds nothing of participant '{options.participant}'; the id must be "
            "written as in the recordings table"
        )
    freed = cache.remove(keys)
    console = _console()
    console.print(Text(f"removed {len(keys)} entries ({freed / 1e6:.1f} MB)"))
    if bundles:
        console.print(
            Text("trained on this participant, and not changed; delete them or train them anew:")
        )
        for digest, place in bundles.items():
            gone = "" if _lies_there(Path(place), digest) else "; moved, replaced or deleted since"
            console.print(Text(f"  {place}  (weights {digest[:12]}{gone})"))
        console.print(
            Text("The run folder around a bundle holds this participant's predictions, too.")
        )


def _lies_there(folder: Path, digest: str) -> bool:
    try:
        return digest in (folder / "bundle.json").read_text(encoding="utf-8")
    except OSError:
        return False


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)


def _megabytes(entries: list[Entry]) -> str:
    return f"{sum(entry.num_bytes for entry in entries) / 1e6:.1f}"


def _age(age_s: float) -> str:
    return f"{age_s / DAY_S:.0f} d" if age_s >= DAY_S else f"{age_s / 3600:.1f} h"

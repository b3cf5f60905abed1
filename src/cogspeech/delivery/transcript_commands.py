"""``cogspeech transcribe`` and ``cogspeech transcript``."""

import argparse
import csv
import io
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from rich.console import Console
from rich.text import Text

from cogspeech.cache import ContentCache, cache_folder, write_atomically
from cogspeech.config import TranscriptsSection, parse_options
from cogspeech.errors import ConfigError, TranscriptError
from cogspeech.transcripts.base import WRITERS, read_transcript_file
from cogspeech.transcripts.quality import Quality, quality_of
from cogspeech.transcripts.transcribe import Untranscribed
from cogspeech.types import Transcript

DONE_IN_PART = 3


def convert(options: argparse.Namespace) -> None:
    """One transcript of any known format to standard output, in another.

    Raises:
        ConfigError: the format or a role does not exist.
        TranscriptError: the file cannot be read, or the format cannot hold it.
    """
    writer = WRITERS.get({"json": "words_json"}.get(options.to, options.to))()
    section = parse_options(
        TranscriptsSection,
        {
            "roles": _roles(options.role),
            "rendering": "clean" if options.clean else "audible",
            "strict": options.strict,
        },
        where="transcript",
    )
    path: Path = options.file
    name = path.name.removesuffix(".words.json").removesuffix(path.suffix)
    transcript = read_transcript_file(path, recording_id=name, section=section)
    sys.stdout.write(writer.render(transcript, duration_s=None))
    for warning in transcript.warnings:
        sys.stderr.write(f"warning: {' '.join(warning.split())}\n")


def transcribe_study(options: argparse.Namespace) -> int:
    """The words of every recording of a study, into the cache, and into a folder if asked for.

    Raises:
        TranscriptError: no recording has usable words.
    """
    from cogspeech.delivery.terminal import progress_bars
    from cogspeech.study import import_study, load_study
    from cogspeech.transcripts.transcribe import transcribe

    study = load_study(options.study)
    with progress_bars(quiet=options.quiet) as progress:
        corpus = import_study(study, progress=progress)
        found = transcribe(
            corpus.recordings,
            study.transcripts,
            cache=ContentCache(cache_folder()),
            progress=progress,
        )
    transcripts = [each for each in found if isinstance(each, Transcript)]
    failed = [each for each in found if isinstance(each, Untranscribed)]
    if not transcripts:
        more = f" (+{len(failed) - 1} more recordings)" if len(failed) > 1 else ""
        raise TranscriptError(f"{failed[0].problem}{more}")
    if options.out:
        _write_folder(transcripts, options.out)
    return _print_transcripts([quality_of(each) for each in transcripts], failed)


def _roles(pairs: Sequence[str]) -> dict[str, str]:
    roles = {}
    for pair in pairs:
        code, equals, role = pair.rpartition("=")
        if not equals or not code:
            raise ConfigError(f"--role {pair}: expected CODE=ROLE, such as INV=interviewer")
        roles[code] = role
    return roles


def _write_folder(transcripts: Sequence[Transcript], folder: Path) -> None:
    """A words file per recording, and ``quality.csv``."""
    writer = WRITERS.get("words_json")()
    for transcript in transcripts:
        name = transcript.recording_id.replace("/", "_").replace("\0", "_")
        content = writer.render(transcript, duration_s=None)
        write_atomically(folder / f"{name}.words.json", content.encode())
    table = io.StringIO()
    rows = csv.DictWriter(table, [f.name for f in fields(Quality)], lineterminator="\n")
    rows.writeheader()
    rows.writerows(asdict(quality_of(transcript)) for transcript in transcripts)
    write_atomically(folder / "quality.csv", table.getvalue().encode())


def _print_transcripts(qualities: Sequence[Quality], failed: Sequence[Untranscribed]) -> int:
    console = Console(highlight=False, soft_wrap=True)
    counts = {
        "words": sum(q.words for q in qualities),
        "with times": sum(q.words_with_times for q in qualities),
        "interpolated": sum(q.interpolated for q in qualities),
        "trimmed": sum(q.trimmed for q in qualities),
        "clipped": sum(q.clipped for q in qualities),
        "fillers": sum(q.fillers for q in qualities),
    }
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    console.print(Text(f"{len(qualities)} recordings: {told}"))
    for quality in qualities:
        if quality.repeated_phrases:
            console.print(
                Text(
                    f"  {quality.recording_id}: {quality.repeated_phrases} phrases are said three "
                    "times in a row; a recogniser may have made them up"
                )
            )
    warnings = sum(q.warnings for q in qualities)
    if warnings:
        console.print(
            Text(f"{warnings} places were passed over; set transcripts.strict to see one")
        )
    if not failed:
        return 0
    console.print(Text(f"{len(failed)} failed:", style="bold"))
    for each in failed:
        console.print(Text(f"  {each.recording_id}  {each.problem}"))
    return DONE_IN_PART

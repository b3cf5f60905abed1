"""``cogspeech transcribe`` and ``cogspeech transcript``."""

import argparse
import csv
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from cogspeech.cache import ContentCache, cache_folder, write_atomically
from cogspeech.config import TranscriptsSection, parse_options
from cogspeech.errors import ConfigError, TranscriptError
from cogspeech.transcripts.base import WRITERS, read_transcript_file
from cogspeech.transcripts.pauses import Gap, gaps_of
from cogspeech.transcripts.quality import Quality, measure_quality, quality_csv
from cogspeech.transcripts.transcribe import Untranscribed
from cogspeech.types import Transcript

DONE_IN_PART = 3
GAP_COLUMNS = ("recording_id", "kind", "start_s", "end_s", "duration_s", "before_word")


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
    from cogspeech.study import import_study
    from cogspeech.study_file import load_study
    from cogspeech.transcripts.transcribe import transcribe

    study, cache = load_study(options.study), ContentCache(cache_folder())
    with progress_bars(quiet=options.quiet) as progress:
        corpus = import_study(study, is_audio_needed=False, progress=progress)
        found = transcribe(
            corpus.recordings,
            study.transcripts,
            cache=cache,
            workers=options.workers,
            progress=progress,
        )
    transcripts = [each for each in found if isinstance(each, Transcript)]
    failed = [each for each in found if isinstance(each, Untranscribed)]
    if not transcripts:
        more = f" (+{len(failed) - 1} more recordings)" if len(failed) > 1 else ""
        raise TranscriptError(f"{failed[0].problem}{more}")
    qualities = measure_quality(corpus.recordings, transcripts, study.transcripts, cache=cache)
    if options.out:
        _write_folder(transcripts, qualities, study.transcripts, options.out)
    return _print_transcripts(qualities, failed)


def _roles(pairs: Sequence[str]) -> dict[str, str]:
    roles = {}
    for pair in pairs:
        code, equals, role = pair.rpartition("=")
        if not equals or not code:
            raise ConfigError(f"--role {pair}: expected CODE=ROLE, such as INV=interviewer")
        roles[code] = role
    return roles


def _write_folder(
    transcripts: Sequence[Transcript],
    qualities: Sequence[Quality],
    section: TranscriptsSection,
    folder: Path,
) -> None:
    """A words file per recording, ``quality.csv`` and ``gaps.csv``."""
    writer = WRITERS.get("words_json")()
    for transcript in transcripts:
        name = transcript.recording_id.replace("/", "_").replace("\0", "_")
        content = writer.render(transcript, duration_s=None)
        write_atomically(folder / f"{name}.words.json", content.encode())
    write_atomically(folder / "quality.csv", quality_csv(qualities).encode())
    gaps = io.StringIO()
    table = csv.writer(gaps, lineterminator="\n")
    table.writerow(GAP_COLUMNS)
    table.writerows(
        (each.recording_id, gap.kind, *_seconds(gap), gap.before_word)
        for each in transcripts
        for gap in gaps_of(each, min_pause_s=section.min_pause_s)
    )
    write_atomically(folder / "gaps.csv", gaps.getvalue().encode())


def _seconds(gap: Gap) -> tuple[str, str, str]:
    return f"{gap.start_s:.3f}", f"{gap.end_s:.3f}", f"{gap.duration_s:.3f}"


def _print_transcripts(qualities: Sequence[Quality], failed: Sequence[Untranscribed]) -> int:
    console = Console(highlight=False, soft_wrap=True)
    counts = {
        "words": sum(q.words for q in qualities),
        "with times": sum(q.words_with_times for q in qualities),
        "interpolated": sum(q.interpolated for q in qualities),
        "trimmed": sum(q.trimmed for q in qualities),
        "clipped": sum(q.clipped for q in qualities),
        "fillers": sum(q.fillers for q in qualities),
        "pauses": sum(q.pauses for q in qualities),
    }
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    console.print(Text(f"{len(qualities)} recordings: {told}"))
    for quality in qualities:
        for doubt in _doubts(quality):
            console.print(Text(f"  {quality.recording_id}: {doubt}"))
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


def _doubts(quality: Quality) -> Iterator[str]:
    """Why some words of a recording may never have been said."""
    if quality.repeated_phrases:
        yield (
            f"{quality.repeated_phrases} phrases are said three times in a row; a recogniser may "
            "have made them up"
        )
    if quality.unheard_words:
        yield (
            f"{quality.unheard_words} words lie where transcripts.voice_activity hears no speech; "
            "they may be made up"
        )

"""Writes a synthetic corpus into a folder, or finds that it is there already.

`NOTICE_FILE` is written first and says that the folder is ours to write in; `DONE_FILE` is written
last and says with which options. A folder with the first and without the second is half-written.
"""

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from cogspeech.cache import write_atomically
from cogspeech.corpora.base import write_recordings_table
from cogspeech.corpora.importers.synthetic.people import Participant, invite
from cogspeech.corpora.importers.synthetic.script import write_script
from cogspeech.corpora.importers.synthetic.signs import vary_profile
from cogspeech.corpora.importers.synthetic.speak import Speech, speak
from cogspeech.corpora.importers.synthetic.voice import SAMPLE_RATE_HZ
from cogspeech.errors import CorpusError
from cogspeech.types import Progress

NOTICE = (
    "The voices are synthetic: this shows that the software works and proves nothing about people."
)
VERSION = 1
"""Raised whenever the same options give another corpus."""
NOTICE_FILE, DONE_FILE, TABLE_FILE = "SYNTHETIC.txt", "corpus.json", "recordings.csv"
COLUMNS = (
    "recording_id",
    "participant_id",
    "audio_path",
    "transcript_path",
    "visit",
    "task",
    "language",
    "age_years",
    "sex",
    "education_years",
)
"""The columns of the table; the label's comes after them, under the name the study gives it."""


def make_corpus(
    path: Path, options: Mapping[str, Any], *, target_column: str, progress: Progress
) -> None:
    """Makes the corpus in ``path`` unless it is there, made with the same options.

    Args:
        path: the corpus folder; nothing outside it is written.
        options: of `SyntheticImporter.Options`.
        target_column: the name of the column that holds the labels.
        progress: is told after each recording.

    Raises:
        CorpusError: the folder holds something else or cannot be written, or espeak-ng fails.
        MissingExtra: espeakng_loader is not installed.
    """
    if target_column in COLUMNS:
        raise CorpusError(
            f"target.column '{target_column}' is a column of its own in a synthetic corpus; "
            "give another name, such as diagnosis"
        )
    wanted = {"version": VERSION, "target_column": target_column, "options": dict(options)}
    if _is_made(path, wanted):
        return
    try:
        _make(path, wanted, progress)
    except OSError as error:
        raise CorpusError(
            f"{path}: cannot write the synthetic corpus ({error.strerror}); "
            "set corpus.path to a folder that can be written"
        ) from error


def _make(path: Path, wanted: Mapping[str, Any], progress: Progress) -> None:
    """Writes the whole corpus: first what says that it is ours, last what says that it is whole."""
    write_atomically(path / NOTICE_FILE, f"{NOTICE}\n".encode())
    options = wanted["options"]
    people = invite(
        options["participants"],
        options["second_visits"],
        effect=options["effect"],
        seed=options["seed"],
    )
    visits = [(person, visit) for person in people for visit in range(1, person.num_visits + 1)]
    rows = []
    for done, (person, visit) in enumerate(visits, start=1):
        cells = _record(path, person, visit, seed=options["seed"])
        rows.append(
            dict(zip(COLUMNS, cells, strict=True)) | {wanted["target_column"]: person.label}
        )
        progress("synthesise", done, len(visits))
    _remove_leftovers(path, rows)
    write_recordings_table(path / TABLE_FILE, rows)
    write_atomically(path / DONE_FILE, json.dumps(wanted, indent=1).encode())


def _is_made(path: Path, wanted: Mapping[str, Any]) -> bool:
    """Whether the finished corpus is there; refuses every folder that is not ours to write in."""
    if path.exists() and not path.is_dir():
        raise CorpusError(f"{path}: is a file; the synthetic corpus needs a folder of its own")
    done = path / DONE_FILE
    if done.is_file():
        try:
            found = json.loads(done.read_text(encoding="utf-8"))
        except ValueError:
            found = None
        if found != wanted:
            raise CorpusError(
                f"{path}: holds a corpus made with other options ({DONE_FILE}); "
                "set corpus.path to another folder, or remove this one"
            )
        return True
    if path.is_dir() and any(path.iterdir()) and not (path / NOTICE_FILE).is_file():
        raise CorpusError(
            f"{path}: holds files that are no synthetic corpus; set corpus.path to an empty folder"
        )
    return False


def _record(path: Path, person: Participant, visit: int, *, seed: int) -> tuple[object, ...]:
    """Speaks and writes one recording; its cells of the table, in the order of `COLUMNS`."""
    number = int(person.participant_id[1:])
    rng = np.random.default_rng([seed, 2, number, visit])
    profile = vary_profile(person.profile, rng)
    script = write_script(profile, rng)
    speech = speak(script, person, rate_wpm=profile.articulation_rate_wpm, rng=rng)
    name = f"{person.participant_id}-v{visit}"
    audio, transcript = f"audio/{name}.wav", f"transcripts/{name}.words.json"
    write_atomically(path / audio, _wav(speech))
    write_atomically(path / transcript, _words_file(speech))
    return (
        name,
        person.participant_id,
        audio,
        transcript,
        visit,
        "picture_description",
        "en",
        person.age_years + visit - 1,
        person.sex,
        person.education_years,
    )


def _wav(speech: Speech) -> bytes:
    content = io.BytesIO()
    soundfile.write(content, speech.samples, SAMPLE_RATE_HZ, subtype="PCM_16", format="WAV")
    return content.getvalue()


def _words_file(speech: Speech) -> bytes:
    words = [
        {
            "text": word.text,
            "start_s": word.start_s,
            "end_s": word.end_s,
            "speaker": word.speaker,
            "confidence": word.confidence,
        }
        for word in speech.words
    ]
    return json.dumps({"language": "en", "source": "synthetic", "words": words}).encode()


def _remove_leftovers(path: Path, rows: list[dict[str, object]]) -> None:
    """Removes recordings that an earlier, interrupted making left behind."""
    kept = {path / str(row[column]) for row in rows for column in ("audio_path", "transcript_path")}
    for file in _our_files(path):
        if file not in kept:
            file.unlink()


def _our_files(path: Path) -> Iterator[Path]:
    yield from (path / "audio").glob("p*-v*.wav")
    yield from (path / "transcripts").glob("p*-v*.words.json")

"""The files on the how-to pages are taken from there, installed as a package, and run."""

import json
import os
import re
import subprocess
import sys
import tomllib
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from jaxtyping import install_import_hook

from cogspeech import registry
from cogspeech.config import TranscriptsSection
from cogspeech.corpora.base import IMPORTERS, read_recordings_table, write_recordings_table
from cogspeech.delivery.cli import main
from cogspeech.embeddings.base import AUDIO_ENCODERS, Level
from cogspeech.errors import ConfigError, TranscriptError
from cogspeech.evaluation.base import PROBES
from cogspeech.fusion.base import FUSIONS
from cogspeech.transcripts.base import SOURCES
from cogspeech.types import Recording
from tone_corpora import tone_corpus

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "how-to"
FILES = {
    "add-an-importer": "bids_audio",
    "add-a-transcript-source": "closed_vocabulary",
    "add-an-encoder": "cepstra",
    "add-a-fusion": "bilinear",
    "add-a-probe": "collection_only",
}
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def block(page: str, language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", (PAGES / f"{page}.md").read_text(), re.S)
    return found


@pytest.fixture(scope="module")
def site_packages(tmp_path_factory):
    """The package of the pages, as ``pip install`` leaves it."""
    folder = tmp_path_factory.mktemp("site-packages")
    project = tomllib.loads(block("plug-in", "toml"))["project"]
    (folder / "my_lab").mkdir()
    (folder / "my_lab" / "__init__.py").touch()
    for page, name in FILES.items():
        (folder / "my_lab" / f"{name}.py").write_text(block(page, "python"))
    info = folder / f"my_lab-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    (info / "entry_points.txt").write_text(
        "\n".join(
            f"[{group}]\n" + "\n".join(f"{name} = {module}" for name, module in points.items())
            for group, points in project["entry-points"].items()
        )
    )
    return folder


@pytest.fixture
def installed(site_packages, monkeypatch):
    """For one test, the registries know the package; afterwards they never met it."""
    registries = (IMPORTERS, SOURCES, AUDIO_ENCODERS, FUSIONS, PROBES)
    for each in registries:
        each.names()
    monkeypatch.syspath_prepend(str(site_packages))
    registry._installed.cache_clear()
    for each in registries:
        monkeypatch.setattr(each, "_entries", dict(each._entries))
        monkeypatch.setattr(each, "_is_complete", False)
    with install_import_hook("my_lab", "beartype.beartype"):
        yield
    for module in [name for name in sys.modules if name.split(".")[0] == "my_lab"]:
        del sys.modules[module]
    registry._installed.cache_clear()


def test_every_page_has_one_file_and_the_package_names_it():
    groups = tomllib.loads(block("plug-in", "toml"))["project"]["entry-points"]

    assert {page.stem for page in PAGES.glob("add-*.md")} == {*FILES}
    assert {module for points in groups.values() for module in points.values()} == {
        f"my_lab.{name}" for name in FILES.values()
    }


def bids_corpus(folder: Path) -> Path:
    rows = ["participant_id\tage\tsex\tgroup\tsite"]
    for number, group in enumerate(("control", "patient", "control", "mci")):
        name = f"sub-{number:02d}"
        rows.append(f"{name}\t{70 + number}\t{'FM'[number % 2]}\t{group}\tn/a")
        for visit in ("1", "2"):
            place = folder / name / f"ses-{visit}" / "beh"
            place.mkdir(parents=True)
            samples = np.random.default_rng(number).standard_normal(8_000) / 10
            soundfile.write(place / f"{name}_ses-{visit}_task-cookie_audio.wav", samples, 8_000)
    (folder / "participants.tsv").write_text("\n".join(rows) + "\n")
    return folder


def test_the_importer_reads_a_bids_folder(installed, tmp_path, capsys):
    corpus = bids_corpus(tmp_path / "study")
    out = corpus / "recordings.csv"

    options = ["--out", str(out), "--set", "labels={mci: null}"]
    code = main(["import", "bids_audio", str(corpus), *options])

    assert code == 0, capsys.readouterr()
    rows = read_recordings_table(out, target_column="diagnosis")
    assert [(r.participant_id, r.visit, r.label) for r in rows[:3]] == [
        ("sub-00", "1", "control"),
        ("sub-00", "2", "control"),
        ("sub-01", "1", "dementia"),
    ]
    assert len(rows) == 6
    assert (rows[2].sex, rows[2].age_years, rows[2].task) == ("male", 71.0, "cookie")


def test_the_importer_tells_what_became_of_a_person_without_a_row(installed, tmp_path, capsys):
    corpus = bids_corpus(tmp_path / "study")
    sheet = corpus / "participants.tsv"
    sheet.write_text("\n".join(sheet.read_text().splitlines()[:-1]) + "\n")

    assert main(["import", "bids_audio", str(corpus), "--out", str(corpus / "recordings.csv")]) == 3

    assert "sub-03 has no row in participants.tsv" in " ".join(capsys.readouterr().out.split())


def count(spoken: Path, voice: str, take: int, folder: Path) -> Recording:
    """Zero to nine in a row, with pauses of 0.4 s."""
    parts = []
    for number in range(10):
        samples, rate_hz = soundfile.read(spoken / f"{number}_{voice}_{take}.wav")
        parts += [samples, np.zeros(round(0.4 * rate_hz))]
    path = folder / f"{voice}-{take}.wav"
    soundfile.write(path, np.concatenate(parts), rate_hz)
    return Recording(recording_id=path.stem, participant_id=voice, audio_path=path, language="en")


def test_the_source_finds_spoken_digits(installed, real_speech, tmp_path):
    pytest.importorskip("pocketsphinx")
    plugin = SOURCES.get("closed_vocabulary")
    source = plugin(plugin.Options(words=DIGITS), TranscriptsSection())
    recording = count(real_speech / "spoken-digits", "lucas", 2, tmp_path)

    words = source.transcript_of(recording).words

    texts = [word.text for word in words]
    matches = SequenceMatcher(None, texts, DIGITS).get_matching_blocks()
    assert sum(match.size for match in matches) == len(DIGITS)
    ends = [0.0, *(word.end_s for word in words)]
    assert all(word.start_s >= end for word, end in zip(words, ends, strict=False))
    assert ends[-1] <= soundfile.info(recording.audio_path).duration
    assert json.loads(json.dumps(source.fingerprint()))["words"] == [*DIGITS]


def test_the_source_refuses_what_it_cannot_hear(installed, tmp_path):
    pytest.importorskip("pocketsphinx")
    plugin = SOURCES.get("closed_vocabulary")
    path = tmp_path / "hum.wav"
    soundfile.write(path, 0.01 * np.sin(np.arange(16_000) / 40), 16_000)
    recording = Recording(recording_id="r", participant_id="p", audio_path=path, where="a.csv:2")

    with pytest.raises(TranscriptError, match=r"a\.csv:2: none of the words of the list is heard"):
        plugin(plugin.Options(words=("seven",)), TranscriptsSection()).transcript_of(recording)
    with pytest.raises(ConfigError, match="lacks 'qqzx'; leave it out of words"):
        plugin(plugin.Options(words=("qqzx",)), TranscriptsSection()).transcript_of(recording)


def test_the_encoder_hears_in_which_band_a_tone_lies(installed):
    plugin = AUDIO_ENCODERS.get("cepstra")
    encoder = plugin(plugin.Options(coefficients=3))
    times = np.arange(16_000) / 16_000
    tones = np.stack([np.sin(2 * np.pi * hz * times) for hz in (200, 3_000)]).astype(np.float32)

    prepared = [encoder.prepare(tone, Level(mean=0.0, variance=0.5)) for tone in tones]
    low, high = encoder.encode(np.stack(prepared))

    assert low.shape == (encoder.geometry.num_frames(16_000), encoder.dimension)
    assert low[:, 0].mean() > high[:, 0].mean() + 1  # C1: how much lies below the middle
    assert np.abs(low[:, 3:]).max() < 0.5  # a steady tone does not change


def undescribed(metrics: dict) -> list[str]:
    """Keys of the file that docs/reference/result-files.md does not name."""
    page = (ROOT / "docs" / "reference" / "result-files.md").read_text()
    known = {*re.findall(r"`(\w+)`", page), *re.findall(r"\w+", "{estimate, low, high, n}")}
    known |= {"classes", *metrics["systems"], *metrics["probes"]}
    known |= {metric for own in metrics["systems"].values() for metric in own}

    def keys(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                yield key
                yield from keys(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from keys(inner)

    return sorted({*keys(metrics)} - known)


def test_a_study_runs_with_encoder_fusion_and_probe(installed, tmp_path, monkeypatch):
    tone_corpus(tmp_path, participants=12, words=8)
    table = read_recordings_table(tmp_path / "recordings.csv", target_column="diagnosis")
    write_recordings_table(
        tmp_path / "recordings.csv",
        [
            {
                "recording_id": row.recording_id,
                "participant_id": row.participant_id,
                "audio_path": row.audio_path.relative_to(tmp_path),
                "transcript_path": row.transcript_path.relative_to(tmp_path),
                "diagnosis": row.label,
                "site": f"clinic-{row.label}",
            }
            for row in table
        ],
    )
    study = {
        "corpus": {"path": "recordings.csv"},
        "training": {"max_epochs": 2},
        "evaluation": {"outer_folds": 3, "repeats": 1, "seeds": 1},
        "audit": {"accept": [{"code": "site_by_class", "reason": "planted"}]},
    }
    for page in ("add-an-encoder", "add-a-fusion", "add-a-probe"):
        study |= yaml.safe_load(block(page, "yaml"))
    study["compare"], study["probes"] = ["majority"], ["collection_only"]
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))

    monkeypatch.chdir(tmp_path)
    assert main(["run", "study.yaml", "--out", "run", "--quiet"]) == 0

    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["primary"] == "bilinear"
    assert undescribed(metrics) == []
    assert metrics["probes"]["collection_only"]["verdict"] == "shortcut"
    provenance = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert provenance["plugins"] == {"my-lab": "1.0"}
    assert "collection_only" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.slow
def test_the_contract_tests_of_a_checkout_test_the_plugins(site_packages):
    """In a process of its own, as on the page: the registries are asked at its collection."""
    commands = [line.split() for line in block("plug-in", "bash").splitlines()]
    files = [command[1] for command in commands]
    names = " or ".join(command[-1] for command in commands)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files, "-k", names],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{site_packages}:{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 15

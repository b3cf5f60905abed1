"""What the documents say is run, or compared with the code."""

import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from checkpoints import save_audio_checkpoint, save_text_checkpoint
from cogspeech.config import Study
from cogspeech.corpora.base import IMPORTERS, OPTIONAL_COLUMNS, REQUIRED_COLUMNS
from cogspeech.delivery.cli import main
from cogspeech.evaluation.base import BASELINES, PROBES
from cogspeech.fusion.base import FUSIONS
from cogspeech.robustness.base import PERTURBATIONS
from cogspeech.training.objectives.base import OBJECTIVES
from cogspeech.transcripts.base import read_transcript_file
from tone_corpora import tone_corpus

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SMALL = {"training": {"max_epochs": 2}, "evaluation": {"outer_folds": 2, "repeats": 1, "seeds": 1}}


def blocks(document: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", document.read_text(), flags=re.S)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A small corpus laid out as the README describes it."""
    folder = tmp_path_factory.mktemp("corpus")
    tone_corpus(folder, participants=12, words=12)
    return folder


def test_the_first_commands_of_the_readme_exist():
    first = blocks(ROOT / "README.md", "bash")[0]
    commands = re.findall(r"^(make \w+)", first, flags=re.M)

    assert commands == ["make demo", "make test"]
    for command in commands:
        dry = subprocess.run(
            [*command.split(), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert "cogspeech demo" in dry.stdout or "pytest" in dry.stdout


def test_make_bench_runs_every_benchmark():
    listed = re.search(r"^BENCHMARKS := (.*?)\n\n", (ROOT / "Makefile").read_text(), re.M | re.S)
    programs = {
        path.stem
        for path in (ROOT / "benchmarks").glob("*.py")
        if '__name__ == "__main__"' in path.read_text()
    }

    assert set(listed[1].replace("\\", "").split()) == programs


@pytest.mark.slow
def test_every_other_block_of_the_readme_runs(corpus, tmp_path, monkeypatch):
    """In this process: a new one for every line would import torch nine times."""
    (study,) = blocks(ROOT / "README.md", "yaml")
    (corpus / "study.yaml").write_text(study)
    monkeypatch.chdir(corpus)
    monkeypatch.setenv("COGSPEECH_CACHE", str(tmp_path / "cache"))

    for text in blocks(ROOT / "README.md", "bash")[1:]:
        for line in text.splitlines():
            program, *arguments = shlex.split(line, comments=True)
            assert program == "cogspeech"
            assert main(arguments) == 0, line
    for text in blocks(ROOT / "README.md", "python"):
        exec(compile(text, "README.md", "exec"), {})

    assert sorted(path.name for path in (corpus / "runs" / "first").iterdir()) == [
        "attributions.json",
        "audit.json",
        "checklists",
        "checkpoints",
        "corpus.json",
        "data_card.md",
        "metrics.json",
        "model",
        "predictions.csv",
        "provenance.json",
        "quality.csv",
        "report.html",
        "splits.json",
        "study.yaml",
        "tables",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_config_runs(path, corpus, tmp_path):
    """As shipped, but small, and with tiny checkpoints in place of those of the hub."""
    content = yaml.safe_load(path.read_text()) | SMALL | {"compare": ["majority"]}
    content["corpus"]["path"] = str(corpus / "recordings.csv")
    for side, save in (("audio", save_audio_checkpoint), ("text", save_text_checkpoint)):
        encoder = content[f"{side}_encoder"]
        if "model" in encoder:
            kind = {"audio": "wav2vec2", "text": "roberta"}[side]
            encoder["model"] = str(save(kind, tmp_path / side))
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(content))

    assert main(["run", str(tmp_path / "study.yaml"), "--out", str(tmp_path / "run")]) == 0

    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert set(metrics["systems"]) == {"aligned_cross_attention", "majority"}


def test_the_words_file_of_the_docs_is_valid(tmp_path):
    (text,) = blocks(ROOT / "docs" / "words-file.md", "json")
    (tmp_path / "a.words.json").write_text(text)

    transcript = read_transcript_file(tmp_path / "a.words.json", recording_id="a")

    assert [word.is_timed for word in transcript.words] == [True, False]


def test_the_docs_name_every_key_of_the_study_file():
    text = (ROOT / "docs" / "study-file.md").read_text()
    for name, field in Study.model_fields.items():
        section = field.annotation
        known = getattr(section, "model_fields", None)
        keys = [f"{name}.{key}" for key in known] if known and "name" not in known else [name]
        for key in keys:
            assert f"`{key}`" in text, key
    for probe in PROBES.names():
        assert f"`{probe}`" in text


def test_the_docs_name_every_fusion_and_objective_with_every_option():
    fusions = (ROOT / "docs" / "explanation" / "fusion.md").read_text()
    objectives = (ROOT / "docs" / "study-file.md").read_text()
    for registry, text in ((FUSIONS, fusions), (OBJECTIVES, objectives)):
        for name in registry.names():
            for word in (name, *registry.get(name).Options.model_fields):
                assert f"`{word}`" in text, word


def test_the_docs_name_every_baseline_and_the_default_compares_with_all_but_two():
    text = (ROOT / "docs" / "explanation" / "baselines.md").read_text()
    assert [name for name in BASELINES.names() if f"| `{name}` |" not in text] == []
    compared = Study.model_fields["compare"].default
    assert set(BASELINES.names()) - {*compared} == {"egemaps", "random_embeddings"}


def test_the_docs_name_every_perturbation():
    text = (ROOT / "docs" / "explanation" / "robustness.md").read_text()

    assert [name for name in PERTURBATIONS.names() if f"`{name}`" not in text] == []


def test_the_docs_name_every_column():
    text = (ROOT / "docs" / "recordings-table.md").read_text()

    assert [c for c in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS) if f"`{c}`" not in text] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.stem)
def test_every_link_of_a_document_leads_somewhere(document):
    prose = re.sub(r"^    .*$", "", document.read_text(), flags=re.M)
    for target in re.findall(r"\]\(([^)#]+)\)", prose):
        if not target.startswith("https://"):
            assert (document.parent / target).exists(), target


def test_every_dependency_has_a_pin_and_every_promised_extra_exists():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(name for names in extras.values() for name in names)]
    names = {re.split(r"[><=\[]", name)[0].lower().replace("_", "-") for name in wanted}

    assert names - pins == set()
    assert "torch==2.13.0" in (ROOT / "constraints.txt").read_text()
    assert set(extras) == {
        "align", "asr", "browser", "demo", "dev", "docs", "explain", "export", "media", "opensmile",
        "peft", "ray", "serve", "tensorboard", "test", "tune", "vad",
    }  # fmt: skip


def test_the_dedicated_files_are_there():
    for name in ("LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "SECURITY.md"):
        assert (ROOT / name).stat().st_size > 200
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["license"] == "Apache-2.0"


def test_the_docs_name_every_corpus_with_its_access_options_and_labels():
    text = (ROOT / "docs" / "corpora.md").read_text()
    for name in IMPORTERS.names():
        importer = IMPORTERS.get(name)
        assert f"`{name}`" in text
        assert importer.access is None or f"({importer.access.url})" in text
        for label, canonical in getattr(importer, "known_labels", {}).items():
            assert f"`{label}`" in text, label
            assert f"`{canonical}`" in text, canonical
        for option in importer.Options.model_fields if name != "synthetic" else ():
            assert f"| `{option}` |" in text, option

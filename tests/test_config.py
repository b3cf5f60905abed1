"""The study file: defaults, one clear line for every mistake, and a digest of what matters."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cogspeech.config import (
    Study,
    TranscriptsSection,
    as_plain,
    is_offline,
    parse_options,
    read_study_file,
    study_hash,
)
from cogspeech.errors import ConfigError
from cogspeech.settings import Component, Settings

SMALLEST = "corpus: {path: recordings.csv}\n"


def _study(tmp_path: Path, text: str | bytes = SMALLEST) -> Study:
    path = tmp_path / "study.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return read_study_file(path)


def test_only_the_corpus_is_required_and_the_rest_has_defaults(tmp_path: Path) -> None:
    study = _study(tmp_path)

    assert study.name == "study"
    assert study.corpus.importer == "table"
    assert study.target.column == "diagnosis"
    assert study.target.classes == ("control", "dementia")
    assert study.transcripts.source == "files"
    assert (study.audio_encoder.name, study.text_encoder.name) == ("acoustic", "hashed_words")
    assert study.fusion.name == "aligned_cross_attention"
    assert "tfidf_svm" in study.compare
    assert (study.training.max_epochs, study.training.patience) == (60, 10)
    evaluation = study.evaluation
    assert (evaluation.outer_folds, evaluation.repeats, evaluation.seeds) == (5, 5, 3)
    assert study.probes == "all"


def test_the_corpus_path_is_relative_to_the_study_file_and_made_absolute(tmp_path: Path) -> None:
    study = _study(tmp_path, "corpus: {path: data/recordings.csv}")

    assert study.corpus.path == tmp_path / "data" / "recordings.csv"


def test_an_absolute_corpus_path_stays(tmp_path: Path) -> None:
    study = _study(tmp_path, f"corpus: {{path: {tmp_path / 'x.csv'}}}")

    assert study.corpus.path == tmp_path / "x.csv"


def test_options_of_a_plug_in_stand_beside_its_name(tmp_path: Path) -> None:
    study = _study(
        tmp_path,
        "corpus: {importer: synthetic, path: c, participants: 8}\n"
        "audio_encoder: {name: acoustic, mel_bands: 20}",
    )

    assert study.corpus.options == {"participants": 8}
    assert study.audio_encoder.options == {"mel_bands": 20}
    assert study.text_encoder.options == {}


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("fusoin: {name: text_only}", r"unknown key 'fusoin'; did you mean 'fusion'\?"),
        (
            "training: {max_epoch: 3}",
            r"unknown key 'training\.max_epoch'; did you mean 'max_epochs",
        ),
        ("target: {colum: x}", r"unknown key 'target\.colum'; did you mean 'column'\?"),
        (
            "evaluation: {folds: 5}",
            r"unknown key 'evaluation\.folds'; .*did you mean 'outer_folds'.*known: ",
        ),
        ("fusion: {nme: text_only}", r"the key 'fusion\.name' is required"),
        ("seed: -1", r"'seed': .*greater than or equal to 0, found -1"),
        ("seed: many", r"'seed': .*valid integer.*, found 'many'"),
        ("training: {validation_fraction: 0.95}", r"'training\.validation_fraction': .*less than"),
        ("training: {learning_rate: .nan}", r"'training\.learning_rate': "),
        ("target: {classes: [a, a]}", "the classes must differ from each other"),
        ("target: {classes: [a, abstain]}", "'abstain' is what a model decides that cannot tell"),
        ("target: {classes: [a]}", "'classes' needs two names or more"),
        ("target: {classes: []}", "'classes' needs two names or more"),
        ("target: {objective: 3}", r"'target\.objective'"),
        ("compare: [text_only, text_only]", "'text_only' stands twice among fusion and compare"),
        ("compare: [aligned_cross_attention]", "'aligned_cross_attention' stands twice"),
        ("training: 3", r"'training': "),
        ("1: x", "study.yaml: "),
        (f"name: [{'x' * 100}]", r"found \['x{55,60}\.\.\."),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(ConfigError, match=match) as refusal:
        _study(tmp_path, SMALLEST + text)

    assert str(refusal.value).startswith(f"{tmp_path / 'study.yaml'}: ")
    assert len(str(refusal.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("corpus: {importer: table}", r"the key 'corpus\.path' is required"),
        ("name: x", "the key 'corpus' is required"),
        ("", "expected a mapping of sections"),
        ("- corpus", "expected a mapping of sections"),
        ("corpus: {path: a\nname: b: c", r"study\.yaml:2: not valid yaml"),
        ("corpus: !!python/object:os.system x", r"study\.yaml:1: not valid yaml"),
        ("name: 2024-13-45", "not valid yaml"),
        ("seed: " + "9" * 5000, "not valid yaml"),
        ("[" * 600, "not valid yaml"),
        (b"name: \xff", "not valid yaml"),
        (b"name: \x00", "not valid yaml"),
    ],
    ids=range(11),
)
def test_a_file_that_is_no_study_is_refused(tmp_path: Path, text: str | bytes, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        _study(tmp_path, text)


def test_a_missing_study_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml: no such study file; give the path"):
        read_study_file(tmp_path / "gone.yaml")


def test_a_folder_is_no_study_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such study file"):
        read_study_file(tmp_path)


def test_settings_never_change_once_read(tmp_path: Path) -> None:
    study = _study(tmp_path)

    with pytest.raises(ValueError, match="frozen"):
        study.seed = 8


def test_options_without_keys_say_so() -> None:
    with pytest.raises(ConfigError, match=r"^here: unknown key 'x'; nothing can be named here$"):
        parse_options(Settings, {"x": 1}, where="here")


@settings(deadline=None, max_examples=50)
@given(
    name=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=20),
    seed=st.integers(0, 2**31 - 1),
    learning_rate=st.floats(1e-6, 1.0),
    epochs=st.integers(1, 100),
    probes=st.one_of(st.just("all"), st.lists(st.sampled_from(["a", "b"]), unique=True)),
    size=st.integers(8, 4096),
)
def test_a_resolved_study_round_trips_through_yaml(
    name: str, seed: int, learning_rate: float, epochs: int, probes: str | list[str], size: int
) -> None:
    study = Study.model_validate(
        {
            "name": name,
            "seed": seed,
            "corpus": {"path": "/data/recordings.csv", "participants": 8},
            "text_encoder": {"name": "hashed_words", "size": size},
            "training": {"learning_rate": learning_rate, "max_epochs": epochs},
            "probes": probes,
        }
    )
    text = yaml.safe_dump(as_plain(study), allow_unicode=True)

    again = Study.model_validate(yaml.safe_load(text))

    assert again == study
    assert study_hash(again) == study_hash(study)


def test_the_digest_of_a_study_ignores_where_its_corpus_lies(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()

    assert study_hash(_study(tmp_path)) == study_hash(_study(tmp_path / "elsewhere"))


@pytest.mark.parametrize(
    "text",
    [
        "seed: 8",
        "target: {column: group}",
        "training: {max_epochs: 61}",
        "audio_encoder: {name: acoustic, mel_bands: 20}",
        "compare: []",
        "evaluation: {outer_folds: 6}",
    ],
)
def test_the_digest_of_a_study_tells_every_setting(tmp_path: Path, text: str) -> None:
    assert study_hash(_study(tmp_path, SMALLEST + text)) != study_hash(_study(tmp_path))


def test_the_digest_tells_the_options_of_an_importer(tmp_path: Path) -> None:
    changed = "corpus: {path: recordings.csv, participants: 8}"

    assert study_hash(_study(tmp_path, changed)) != study_hash(_study(tmp_path))


def test_components_with_other_options_are_different() -> None:
    assert Component(name="acoustic", mel_bands=20) != Component(name="acoustic")


@pytest.mark.parametrize(
    ("value", "expected"), [("1", True), ("yes", True), ("0", False), ("", False)]
)
def test_the_network_is_forbidden_by_the_environment(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: bool
) -> None:
    monkeypatch.setenv("COGSPEECH_OFFLINE", value)

    assert is_offline() is expected


def test_the_network_is_allowed_unless_it_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COGSPEECH_OFFLINE", raising=False)

    assert is_offline() is False


@pytest.mark.parametrize("bins", [[1.0, 0.5], [0.5, 0.5], [0.0, 1.0], [0.5, 1e9]])
def test_pause_bins_rise_and_are_durations(bins):
    with pytest.raises(ConfigError, match="pause_bins_s"):
        parse_options(TranscriptsSection, {"pause_bins_s": bins}, where="transcripts")

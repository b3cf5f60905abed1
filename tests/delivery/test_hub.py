"""A predictor to the hub and back, with the hub's own client and real requests."""

import json
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard, close_session, constants

from bundle_mutations import sound_bundle
from cogspeech import Predictor
from cogspeech.delivery.hub import OnHub, bundle_at
from cogspeech.errors import BundleError
from cogspeech.training.bundle import load_bundle
from cogspeech.types import RESEARCH_STATEMENT
from hub_server import NAME, Hub, serving

FILES = {"model.safetensors", "bundle.json", "README.md"}


@pytest.fixture
def folder(tmp_path):
    sound_bundle(tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture
def online(tmp_path, monkeypatch):
    """The hub's own client, with the given hub as the only one there is."""

    @contextmanager
    def online(hub):
        with serving(hub) as address:
            monkeypatch.setenv("COGSPEECH_OFFLINE", "")
            monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
            monkeypatch.setattr(constants, "ENDPOINT", address)
            url = address + "/{repo_id}/resolve/{revision}/{filename}"
            monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url)
            monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
            monkeypatch.setenv("HF_TOKEN", "hf_secret")
            close_session()
            yield
            close_session()

    return online


def loaded(name=NAME, **options):
    return Predictor.from_pretrained(name, **options)._bundle


def refusal(function, *arguments, **options):
    with pytest.raises(BundleError) as error:
        function(*arguments, **options)
    assert "\n" not in str(error.value)
    assert "hf_secret" not in str(error.value)
    return str(error.value)


def test_what_is_saved_are_three_files_that_load_as_the_same(folder, tmp_path):
    predictor = Predictor.from_pretrained(folder)

    predictor.save_pretrained(tmp_path / "saved")

    assert {path.name for path in (tmp_path / "saved").iterdir()} == FILES
    there, here = load_bundle(tmp_path / "saved"), load_bundle(folder)
    assert (there.facts, there.digest) == (here.facts, here.digest)
    saved = (tmp_path / "saved" / "README.md").read_text()
    Predictor.from_pretrained(str(tmp_path / "saved")).save_pretrained(tmp_path / "again")
    assert (tmp_path / "again" / "README.md").read_text() == saved


def test_a_card_says_what_the_bundle_is_for(folder, tmp_path):
    Predictor.from_pretrained(folder).save_pretrained(tmp_path / "saved")

    card = ModelCard.load(tmp_path / "saved" / "README.md")

    assert card.data.library_name == "cogspeech"
    assert card.data.license == "other"
    assert {"research-only", "pause_only"} <= set(card.data.tags)
    for said in (RESEARCH_STATEMENT, "## Intended use", "## Thresholds", "participants: 4"):
        assert said in card.text


def test_published_and_fetched_it_is_the_same_bundle(folder, online):
    hub = Hub()

    with online(hub):
        url = Predictor.from_pretrained(folder).push_to_hub(NAME)
        fetched, named = loaded(), bundle_at(f"hf://{NAME}@main")
        mistyped = refusal(bundle_at, NAME)

    ((commit, files),) = hub.commits
    assert set(files) == FILES
    assert hub.created["visibility"] == "private"
    assert url.endswith(f"/{NAME}/commit/{commit}")
    assert fetched.origin == named.origin == f"{NAME}@{commit}"
    assert fetched.digest == named.digest == load_bundle(folder).digest
    assert fetched.card.encode() == files["README.md"]
    assert mistyped.startswith(f"{NAME}/bundle.json: no such bundle; give the 'model' folder")


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_only_the_files_of_a_bundle_are_fetched(folder, online, tmp_path):
    traps = {
        "pytorch_model.bin": b"\x80\x04",
        "model.pt": b"\x80\x04",
        "setup.py": b"raise SystemExit",
        "config.json": b'{"auto_map": "x"}',
        "nested/model.safetensors": b"",
    }
    hub = Hub({**files_of(folder), **traps})

    with online(hub):
        digest = loaded().digest

    assert digest == load_bundle(folder).digest
    fetched = {request.rpartition("/")[2] for request in hub.requests if "resolve" in request}
    assert fetched == {"model.safetensors", "bundle.json"}
    assert not [request for request in hub.requests if "nested" in request]
    snapshots = tmp_path / "hub" / "models--lab--model" / "snapshots"
    assert {path.name for path in snapshots.glob("*/*")} == fetched


def test_a_revision_stays_what_it_was(folder, online):
    hub = Hub(files_of(folder))
    first, _ = hub.commits[0]
    hub.commit({"bundle.json": b"{}"})

    with online(hub):
        assert loaded(revision=first).origin == f"{NAME}@{first}"
        assert "has format None" in refusal(loaded)
        missing = refusal(loaded, revision="v9")

    assert missing == (
        f"{NAME}: the hub does not give or take it (RevisionNotFoundError); check name, revision "
        "and token"
    )


def test_offline_nothing_is_asked_and_what_was_fetched_serves(folder, online, monkeypatch):
    hub = Hub(files_of(folder))
    predictor = Predictor.from_pretrained(folder)

    with online(hub):
        monkeypatch.setenv("COGSPEECH_OFFLINE", "1")
        before = refusal(loaded)
        assert hub.requests == []
        monkeypatch.setenv("COGSPEECH_OFFLINE", "")
        fetched, asked = loaded().digest, len(hub.requests)
        monkeypatch.setenv("COGSPEECH_OFFLINE", "1")
        again, pushed = loaded().digest, refusal(predictor.push_to_hub, NAME)

    assert before.endswith("(LocalEntryNotFoundError); allow the network once")
    assert again == fetched == load_bundle(folder).digest
    assert "cannot be published offline" in pushed
    assert len(hub.requests) == asked


def test_a_hub_that_is_not_there_is_one_line(folder, online):
    with online(Hub(files_of(folder))):
        pass

    assert "check name, revision and token" in refusal(loaded)
    assert "check name, revision and token" in refusal(
        Predictor.from_pretrained(folder).push_to_hub, NAME
    )


def test_what_is_too_large_is_not_fetched(folder, online):
    hub = Hub({**files_of(folder), "bundle.json": bytes(2 << 20)})

    with online(hub):
        said = refusal(loaded)

    assert "its bundle.json has 2097152 bytes, expected at most 1048576; nothing was" in said
    assert not [request for request in hub.requests if request.startswith("GET /lab")]


def test_a_place_on_this_computer_is_not_published(folder, monkeypatch):
    monkeypatch.setenv("COGSPEECH_OFFLINE", "")
    plain = json.loads((folder / "bundle.json").read_text())
    plain["transcripts"]["source"] = {"name": "faster_whisper", "model": "/home/dr_roe/whisper"}
    (folder / "bundle.json").write_text(json.dumps(plain))

    with pytest.raises(BundleError, match=r"'transcripts.source.model' in bundle.json is a place"):
        Predictor.from_pretrained(folder).push_to_hub(NAME)


@pytest.mark.parametrize("name", ["nothing here", "../model", "a/b/c", "https://x.org/a", "-"])
def test_what_is_neither_folder_nor_name_is_one_line(name):
    with pytest.raises(BundleError, match="no such bundle; give the 'model' folder of a run"):
        Predictor.from_pretrained(name)


def test_a_folder_has_no_revision(folder):
    with pytest.raises(BundleError, match="is a folder, which has no revision"):
        Predictor.from_pretrained(folder, revision="main")


def test_arguments_are_not_copied_into_a_config(folder):
    assert Predictor.from_pretrained(folder)._hub_mixin_config is None
    assert issubclass(Predictor, OnHub)
    assert bundle_at(folder).origin is None


def test_the_header_of_a_card_is_yaml_whatever_a_study_is_called(folder):
    plain = json.loads((folder / "bundle.json").read_text())
    plain["study"] = "---\nlicense: mit\n# `x` <b>: [1, {"
    (folder / "bundle.json").write_text(json.dumps(plain))
    Predictor.from_pretrained(folder).save_pretrained(folder)

    _, header, text = Path(folder / "README.md").read_text().split("---\n", 2)

    assert yaml.safe_load(header)["license"] == "other"
    assert "<b>" not in text

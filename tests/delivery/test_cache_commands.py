"""What people see of the cache, and what it takes to be forgotten."""

import json
import os
import time

import pytest

from cogspeech.cache import ContentCache, cache_folder
from cogspeech.delivery.cli import main
from cogspeech.study import run_study
from cogspeech.study_file import load_study
from tone_corpora import tone_corpus


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A cache and a run folder, with a study of ten people behind them."""
    folder = tmp_path_factory.mktemp("trained")
    tone_corpus(folder, participants=10, words=12)
    (folder / "study.yaml").write_text(
        json.dumps(
            {
                "name": "small",
                "corpus": {"path": "recordings.csv"},
                "training": {"max_epochs": 1},
                "compare": [],
                "probes": [],
                "evaluation": {"outer_folds": 2, "repeats": 1, "seeds": 1},
            }
        )
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COGSPEECH_CACHE", str(folder / "cache"))
        run_study(load_study(folder / "study.yaml"), folder / "run")
    return folder


@pytest.fixture
def own_cache(trained, tmp_path, monkeypatch):
    import shutil

    shutil.copytree(trained / "cache", tmp_path / "cache")
    monkeypatch.setenv("COGSPEECH_CACHE", str(tmp_path / "cache"))
    return ContentCache(cache_folder())


def entries(cache):
    return sorted(cache.folder.glob("??/*.safetensors"))


def test_list_counts_entries_by_kind_and_encoder(own_cache, capsys):
    assert main(["cache", "list"]) == 0

    printed = capsys.readouterr().out
    rows = [" ".join(line.split()) for line in printed.splitlines()]
    assert any(row.startswith("audio acoustic 10 ") for row in rows)
    assert any(row.startswith("audit audit 10 ") for row in rows)
    assert any(row.startswith("text hashed_words 3 ") for row in rows)  # three lengths of text
    assert any(row.startswith("all 33 ") for row in rows)


def test_verify_says_that_all_is_well(own_cache, capsys):
    assert main(["cache", "verify"]) == 0
    assert capsys.readouterr().out == "33 entries are whole\n"


def test_verify_removes_what_is_damaged_and_the_next_embedding_makes_it_again(
    own_cache, trained, capsys
):
    own = next(each.key for each in own_cache.entries() if each.kind == "audio")
    victim = next(path for path in entries(own_cache) if path.stem == own)
    damaged = bytearray(victim.read_bytes())
    damaged[-3] ^= 4
    victim.write_bytes(damaged)

    assert main(["cache", "verify"]) == 3

    printed = capsys.readouterr().out
    assert "32 entries are whole" in printed
    assert victim.stem in printed
    assert not victim.exists()
    assert main(["embed", str(trained / "study.yaml"), "--quiet"]) == 0
    assert victim.exists()


def test_prune_removes_leftovers_old_schemas_and_nothing_else(own_cache, capsys):
    from safetensors.numpy import save

    before = entries(own_cache)
    fresh, stale = own_cache.folder / "ab" / ".tmp-new", own_cache.folder / "ab" / ".tmp-old"
    fresh.parent.mkdir(exist_ok=True)
    for path in (fresh, stale):
        path.write_bytes(b"half")
    os.utime(stale, (time.time() - 7200,) * 2)
    former = own_cache.folder / "ab" / f"{'ab' * 32}.safetensors"
    former.write_bytes(save({}, metadata={"sha256": "0"}))

    assert main(["cache", "prune"]) == 0

    assert capsys.readouterr().out.startswith("removed 1 entries")
    assert not stale.exists()
    assert not former.exists()
    assert fresh.exists()
    assert entries(own_cache) == before


def test_prune_removes_what_is_older_than_was_said(own_cache, capsys):
    before = entries(own_cache)
    for path in before[:7]:
        os.utime(path, (time.time() - 10 * 86_400,) * 2)

    assert main(["cache", "prune", "--older-than", "9"]) == 0

    assert entries(own_cache) == before[7:]
    assert "removed 7 entries" in capsys.readouterr().out


def test_forget_removes_everything_of_one_person_and_names_the_bundles(own_cache, trained, capsys):
    before = set(entries(own_cache))
    assert len(own_cache.keys_of("p003")) == 4

    assert main(["cache", "forget", "p003"]) == 0

    printed = capsys.readouterr().out
    assert "removed 4 entries" in printed
    assert str(trained / "run" / "model") in printed
    assert "; moved" not in printed
    gone = {path.stem for path in before - set(entries(own_cache))}
    assert len(gone) == 4
    assert own_cache.keys_of("p003") == ()
    assert not any(path.name in gone for path in own_cache.folder.rglob("*"))


def test_nothing_of_a_forgotten_person_is_left_in_any_byte(own_cache, trained):
    """Not the id, and no entry that only this person's recordings give."""
    main(["embed", str(trained / "study.yaml"), "--quiet"])
    with_person = {path.name for path in own_cache.folder.rglob("*") if path.is_file()}

    main(["cache", "forget", "p003"])

    for path in own_cache.folder.rglob("*"):
        assert "p003" not in str(path.relative_to(own_cache.folder))
        if path.is_file():
            assert b"p003" not in path.read_bytes()
            assert path.name in with_person


def test_forgetting_somebody_unknown_is_an_error(own_cache, capsys):
    assert main(["cache", "forget", "p999"]) == 2

    printed = capsys.readouterr()
    assert printed.err.startswith("error: ")
    assert "holds nothing of participant 'p999'" in printed.err


def test_a_bundle_that_was_deleted_is_said_to_be(own_cache, trained, capsys, monkeypatch):
    own_cache.remember_bundle("f" * 64, trained / "elsewhere", ["p003"])

    main(["cache", "forget", "p003"])

    assert "elsewhere  (weights ffffffffffff; moved, replaced or deleted since)" in (
        capsys.readouterr().out
    )


def test_embed_lists_what_failed_and_ends_with_3(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COGSPEECH_CACHE", str(tmp_path / "cache"))
    tone_corpus(tmp_path, participants=4, words=12)
    (tmp_path / "study.yaml").write_text("corpus: {path: recordings.csv}\n")
    import numpy as np
    import soundfile

    samples, rate_hz = soundfile.read(tmp_path / "audio" / "p002-v1.wav")
    samples[3000] = np.nan
    soundfile.write(tmp_path / "audio" / "p002-v1.wav", samples, rate_hz, subtype="FLOAT")

    assert main(["embed", str(tmp_path / "study.yaml")]) == 3

    printed = capsys.readouterr()
    assert printed.err == ""
    lines = printed.out.splitlines()
    assert lines[0].startswith("3 recordings, 21.5 s of audio, 71 words and pauses, in the cache")
    assert lines[1] == "1 failed:"
    assert "p002-v1" in lines[2]
    assert "not finite numbers" in lines[2]


def test_embed_of_nothing_but_bad_recordings_is_an_error(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COGSPEECH_CACHE", str(tmp_path / "cache"))
    tone_corpus(tmp_path, participants=2, words=12)
    (tmp_path / "study.yaml").write_text("corpus: {path: recordings.csv}\n")
    import numpy as np
    import soundfile

    for name in ("p000-v1", "p001-v1"):
        soundfile.write(tmp_path / "audio" / f"{name}.wav", np.zeros(16_000 * 8), 16_000)

    assert main(["embed", str(tmp_path / "study.yaml")]) == 2

    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert "digital silence" in printed.err
    assert "(+1 more recordings)" in printed.err


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--engine", "locl"], "unknown engine 'locl'; did you mean 'local'?"),
        (["--workers", "0"], "'workers'"),
        (["--cluster", "h:1"], "--cluster belongs to --engine ray"),
    ],
)
def test_wrong_flags_of_embed_are_one_line(trained, capsys, flags, expected, monkeypatch, tmp_path):
    monkeypatch.setenv("COGSPEECH_CACHE", str(tmp_path))

    assert main(["embed", str(trained / "study.yaml"), *flags]) == 2

    printed = capsys.readouterr()
    assert expected in printed.err
    assert printed.err.count("\n") == 1

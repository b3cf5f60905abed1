"""Looks at test sets are counted: once per run, never lost, also under several writers."""

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogspeech.errors import CogspeechError
from cogspeech.evaluation.ledger import (
    count_look,
    ledger_path,
    looks_sentence,
    require_ledger,
    set_digest,
)
from cogspeech.types import Recording

SET, OTHER = "a" * 64, "b" * 64


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Three recordings of two people."""
    folder = tmp_path_factory.mktemp("audio")
    rows = []
    for number, person in enumerate(("p", "p", "q")):
        path = folder / f"{number}.wav"
        path.write_bytes(bytes([number]))
        rows.append(
            Recording(
                recording_id=f"r{number}", participant_id=person, audio_path=path, label="control"
            )
        )
    return tuple(rows)


def test_every_run_is_a_look_and_a_resumed_one_is_none(tmp_path):
    runs = [tmp_path / name for name in "abc"]

    assert [count_look(SET, "s", run) for run in runs] == [1, 2, 3]
    assert [count_look(SET, "s", run) for run in runs] == [1, 2, 3]
    assert len(ledger_path().read_text().splitlines()) == 3


def test_test_sets_are_counted_apart(tmp_path):
    assert count_look(SET, "s", tmp_path / "a") == 1
    assert count_look(OTHER, "s", tmp_path / "b") == 1
    assert count_look(OTHER, "s", tmp_path / "a") == 2  # the run was made anew on another set


def test_a_run_that_is_made_anew_in_the_same_place_is_another_look(tmp_path):
    count_look(SET, "s", tmp_path / "run")
    shutil.rmtree(tmp_path / "run")

    assert count_look(SET, "s", tmp_path / "run") == 2


def test_a_run_that_moved_is_the_same_look(tmp_path):
    count_look(SET, "s", tmp_path / "run")
    (tmp_path / "run").rename(tmp_path / "moved")

    assert count_look(SET, "s", tmp_path / "moved") == 1


def test_a_look_that_the_ledger_lost_is_noted_again(tmp_path):
    count_look(SET, "s", tmp_path / "run")
    ledger_path().unlink()

    assert count_look(SET, "s", tmp_path / "run") == 1
    assert len(ledger_path().read_text().splitlines()) == 1


def test_a_line_that_a_killed_writer_left_spoils_no_other(tmp_path):
    count_look(SET, "s", tmp_path / "a")
    with ledger_path().open("ab") as stream:
        stream.write(b'{"date": "2026-')

    assert count_look(SET, "s", tmp_path / "b") == 2
    assert count_look(SET, "s", tmp_path / "c") == 3
    assert count_look(SET, "s", tmp_path / "b") == 2


def test_the_ledger_names_nobody_and_can_be_read_by_its_owner_only(tmp_path):
    count_look(SET, "s" * 64, tmp_path / "jane-doe")

    (line,) = map(json.loads, ledger_path().read_text().splitlines())
    assert set(line) == {"date", "test_set", "study", "run", "look"}
    assert (line["test_set"], line["study"]) == (SET, "s" * 64)
    assert "jane-doe" not in ledger_path().read_text()
    assert ledger_path().stat().st_mode & 0o077 == 0


def test_no_look_is_lost_where_several_processes_look_at_once(tmp_path):
    program = (
        "import sys; from pathlib import Path; from cogspeech.evaluation.ledger import count_look\n"
        "for n in range(20): count_look('a' * 64, 's', Path(sys.argv[1]) / str(n))"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path / name)]) for name in "abcd"
    ]

    assert [writer.wait(60) for writer in writers] == [0, 0, 0, 0]
    lines = [json.loads(line) for line in ledger_path().read_text().splitlines()]
    assert len({line["look"] for line in lines}) == len(lines) == 80


def test_it_lies_where_emptying_the_cache_does_not_lose_it(tmp_path, monkeypatch):
    monkeypatch.delenv("COGSPEECH_CACHE")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert ledger_path() == tmp_path / "state" / "cogspeech" / "test-set-looks.jsonl"
    monkeypatch.delenv("XDG_STATE_HOME")
    assert ledger_path().relative_to(Path.home()).parts[:2] == (".local", "state")


def test_a_ledger_that_cannot_be_written_is_told_before_anything_is_fitted(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COGSPEECH_CACHE", str(tmp_path / "file"))

    with pytest.raises(CogspeechError, match="looks at test sets are counted there"):
        require_ledger()


@given(order=st.permutations(range(3)), names=st.permutations(["x", "y", "z"]))
def test_a_test_set_stays_itself_in_another_table(recordings, order, names):
    renamed = [
        dataclasses.replace(
            recordings[i],
            recording_id=names[i],
            participant_id=f"other-{recordings[i].participant_id}",
            where=names[i],
        )
        for i in order
    ]

    assert set_digest(renamed) == set_digest(recordings)


@pytest.mark.parametrize("change", ["label", "person", "audio", "fewer"])
def test_another_test_set_is_another(recordings, tmp_path, change):
    (tmp_path / "new.wav").write_bytes(b"new")
    first, *rest = recordings
    changed = {
        "label": [dataclasses.replace(first, label="dementia"), *rest],
        "person": [dataclasses.replace(first, participant_id="q"), *rest],
        "audio": [dataclasses.replace(first, audio_path=tmp_path / "new.wav"), *rest],
        "fewer": rest,
    }[change]

    assert set_digest(changed) != set_digest(recordings)


def test_what_is_said_of_a_look():
    assert "first look" in looks_sentence(1)
    assert "looked at 7 times by studies on this machine" in looks_sentence(7)

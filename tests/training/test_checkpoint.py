import json
import os

import pytest
import torch

from cogspeech.errors import CheckpointError
from cogspeech.training.checkpoint import Checkpoint, CheckpointFolder

IDENTITY = {"place": "fold0", "fusion": {"name": "text_only", "sizes": (1, 2)}}


def a_checkpoint(number):
    tensors = {
        "weights/a": torch.arange(6, dtype=torch.float32).reshape(2, 3) + number,
        "random/b": torch.tensor([number], dtype=torch.uint8),
    }
    return Checkpoint(tensors=tensors, state={"number": number, "share": 0.1 + 0.2})


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_is_saved_is_loaded(tmp_path):
    CheckpointFolder(tmp_path, IDENTITY).save(3, a_checkpoint(3))

    found = CheckpointFolder(tmp_path, IDENTITY).load()

    assert found.state == {"number": 3, "share": 0.1 + 0.2}
    assert {n: t.tolist() for n, t in found.tensors.items()} == {
        n: t.tolist() for n, t in a_checkpoint(3).tensors.items()
    }


def test_the_same_state_gives_the_same_bytes(tmp_path):
    for name in "ab":
        CheckpointFolder(tmp_path / name, IDENTITY).save(1, a_checkpoint(1))

    first, again = (next((tmp_path / name).iterdir()).read_bytes() for name in "ab")
    assert first == again


def test_two_generations_are_kept_and_one_of_a_finished_fit(tmp_path):
    folder = CheckpointFolder(tmp_path, IDENTITY)
    for step in (9, 10, 11):
        folder.save(step, a_checkpoint(step))
    assert names(tmp_path) == ["step-00000010.safetensors", "step-00000011.safetensors"]

    folder.save(12, a_checkpoint(12), is_last=True)
    assert names(tmp_path) == ["step-00000012.safetensors"]


def test_the_newest_is_the_one_with_the_highest_step(tmp_path):
    folder = CheckpointFolder(tmp_path, IDENTITY)
    folder.save(9, a_checkpoint(9))
    folder.save(10, a_checkpoint(10))
    os.utime(tmp_path / "step-00000010.safetensors", (1, 1))

    assert folder.load().state["number"] == 10


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "bit"])
def test_a_damaged_one_is_named_and_passed_over(tmp_path, capsys, damage):
    folder = CheckpointFolder(tmp_path, IDENTITY)
    folder.save(1, a_checkpoint(1))
    folder.save(2, a_checkpoint(2))
    path = tmp_path / "step-00000002.safetensors"
    content = bytearray(path.read_bytes())
    flipped = content[:-1] + bytes([content[-1] ^ 1])
    path.write_bytes({"cut": content[:100], "text": b"{}", "empty": b"", "bit": flipped}[damage])

    assert folder.load().state["number"] == 1

    said = capsys.readouterr().err
    assert said.startswith(f"warning: {path}: is damaged and passed over (")
    assert said.count("\n") == 1


def test_where_all_are_damaged_the_fit_begins_anew_and_says_so(tmp_path, capsys):
    folder = CheckpointFolder(tmp_path, IDENTITY)
    folder.save(1, a_checkpoint(1))
    (tmp_path / "step-00000001.safetensors").write_bytes(b"x")

    assert folder.load() is None
    assert "has no whole checkpoint; this fit begins anew" in capsys.readouterr().err


def test_an_empty_folder_has_none(tmp_path):
    assert CheckpointFolder(tmp_path / "nowhere", IDENTITY).load() is None


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({**IDENTITY, "place": "fold1"}, "place is 'fold0' there and 'fold1' here"),
        ({"fusion": IDENTITY["fusion"]}, "place is 'fold0' there and None here"),
        (
            {**IDENTITY, "fusion": {"name": "audio_only", "sizes": (1, 2)}},
            "fusion.name is 'text_only' there and 'audio_only' here",
        ),
    ],
)
def test_one_of_another_fit_is_refused_by_the_field_that_differs(tmp_path, other, field):
    CheckpointFolder(tmp_path, IDENTITY).save(1, a_checkpoint(1))

    with pytest.raises(CheckpointError, match=f"belongs to another fit: {field}"):
        CheckpointFolder(tmp_path, other).load()


def test_a_format_of_another_time_is_passed_over(tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr("cogspeech.training.checkpoint.FORMAT_VERSION", 0)
        CheckpointFolder(tmp_path, IDENTITY).save(1, a_checkpoint(1))

    assert CheckpointFolder(tmp_path, IDENTITY).load() is None
    assert "it has format 0, expected 1" in capsys.readouterr().err


def test_numbers_that_are_no_json_are_never_written(tmp_path):
    broken = Checkpoint(tensors={}, state={"loss": float("nan")})

    with pytest.raises(ValueError, match="not JSON compliant"):
        CheckpointFolder(tmp_path, IDENTITY).save(1, broken)
    assert list(tmp_path.iterdir()) == []


def test_the_header_alone_says_what_it_is(tmp_path):
    CheckpointFolder(tmp_path, IDENTITY).save(1, a_checkpoint(1))

    content = (tmp_path / "step-00000001.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    whole = json.loads(json.loads(header["__metadata__"]["cogspeech"])["state"])
    assert whole["identity"]["place"] == "fold0"


def test_tidying_removes_what_killed_writers_left(tmp_path):
    folder = CheckpointFolder(tmp_path, IDENTITY)
    folder.save(1, a_checkpoint(1))
    (tmp_path / ".tmp-abc").write_bytes(b"half")

    folder.tidy(keeps_generations=True)
    assert names(tmp_path) == ["step-00000001.safetensors"]
    folder.tidy(keeps_generations=False)
    assert names(tmp_path) == []

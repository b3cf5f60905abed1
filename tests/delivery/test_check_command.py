"""``cogspeech check``, and what ``run`` does with its verdict."""

import csv
import json
import shutil

import pytest
import yaml

from cogspeech.audit.base import known_codes
from cogspeech.delivery.cli import main
from tone_corpora import tone_corpus

STUDY = {
    "corpus": {"path": "recordings.csv"},
    "fusion": {"name": "text_only"},
    "compare": [],
    "probes": [],
    "training": {"max_epochs": 1},
    "evaluation": {"outer_folds": 2, "repeats": 1, "seeds": 1},
}


@pytest.fixture
def folder(tmp_path):
    """Ten participants of whom nothing bad can be said."""
    tone_corpus(tmp_path, participants=10, words=12)
    return tmp_path


def change(folder, edit):
    table = folder / "recordings.csv"
    with table.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    edit(rows)
    with table.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def copy_third(folder):
    shutil.copy(folder / "audio" / "p002-v1.wav", folder / "audio" / "p003-v1.wav")


def check(folder, name="recordings.csv"):
    found = folder / "found.json"
    code = main(["check", str(folder / name), "--json", str(found), "--quiet"])
    return code, json.loads(found.read_text())


def study(folder, **audit):
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY | {"audit": audit}))
    return folder / "study.yaml"


def test_a_copy_makes_a_corpus_unsound(folder, capsys):
    copy_third(folder)

    code, found = check(folder)

    assert (code, found["verdict"]) == (2, "unsound")
    assert set(found["findings"][0]) >= {"code", "severity", "recordings", "message"}
    assert found["findings"][0]["recordings"] == ["p002-v1", "p003-v1"]
    printed = capsys.readouterr()
    assert "same_audio" in printed.out
    assert "verdict: unsound" in printed.out
    assert printed.err == ""


def test_warnings_and_nothing_at_all_end_with_0(folder, capsys):
    code, found = check(folder)
    assert (code, found["verdict"]) == (0, "sound")
    assert all(finding["severity"] == "info" for finding in found["findings"])

    change(
        folder,
        lambda rows: [
            row.update(official_split="train" if n else "") for n, row in enumerate(rows)
        ],
    )
    code, found = check(folder)

    assert (code, found["verdict"]) == (0, "warnings")
    assert "verdict: warnings" in capsys.readouterr().out


def test_what_run_would_refuse_is_a_finding_here(folder):
    def spoil(rows):
        rows[0]["diagnosis"] = ""
        rows[3]["participant_id"] = rows[2]["participant_id"]
        rows[5]["recording_id"] = rows[4]["recording_id"]

    change(folder, spoil)
    (folder / "audio" / "p007-v1.wav").write_bytes(b"")
    (folder / "audio" / "p008-v1.words.json").write_text("{}")

    code, found = check(folder)

    assert code == 2
    assert {f["code"] for f in found["findings"]} >= {
        "label_unknown", "conflicting_labels", "id_repeated", "audio_unreadable",
        "transcript_unreadable",
    }  # fmt: skip


def test_a_table_with_labels_of_its_own_is_checked_against_them(folder):
    change(folder, lambda rows: [row.update(diagnosis=f"x{row['diagnosis']}") for row in rows])

    assert check(folder)[0] == 0


def test_a_table_that_cannot_be_read_is_one_line(folder, capsys):
    assert main(["check", str(folder / "no.csv"), "--quiet"]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_run_stops_on_what_is_unsound_and_says_what_to_do(folder, capsys):
    copy_third(folder)
    path = study(folder)

    assert main(["run", str(path), "--out", str(folder / "run"), "--quiet"]) == 2

    line = capsys.readouterr().err
    assert line.startswith("error: audit: same_audio: 2 recordings decode to the same samples")
    assert "(p002-v1, p003-v1)" in line
    assert "audit.accept" in line
    assert line.count("\n") == 1


def test_run_goes_on_where_the_study_gives_a_reason_and_keeps_it(folder):
    copy_third(folder)
    accepted = [{"code": "same_audio", "reason": "twins with one telephone"}]
    path = study(folder, accept=accepted)

    assert check(folder, "study.yaml")[0] == 0
    assert main(["run", str(path), "--out", str(folder / "run"), "--quiet"]) == 0

    audit = json.loads((folder / "run" / "audit.json").read_text())
    assert [f["accepted"] for f in audit["findings"] if f["code"] == "same_audio"] == [
        "twins with one telephone"
    ]
    assert audit["verdict"] != "unsound"
    assert "twins with one telephone" in (folder / "run" / "report.html").read_text()
    assert not (folder / "run" / "dropped.csv").exists()


def test_a_recording_is_dropped_by_name_with_its_reason_even_if_it_is_broken(folder):
    copy_third(folder)
    (folder / "audio" / "p006-v1.wav").write_bytes(b"")
    dropped = [
        {"recording_id": "p003-v1", "reason": "copied by mistake, see the letter"},
        {"recording_id": "p006-v1", "reason": "lost"},
    ]
    path = study(folder, drop=dropped)

    assert check(folder, "study.yaml")[0] == 0
    assert main(["run", str(path), "--out", str(folder / "run"), "--quiet"]) == 0

    with (folder / "run" / "dropped.csv").open() as stream:
        assert list(csv.DictReader(stream)) == dropped
    assert json.loads((folder / "run" / "metrics.json").read_text())["n_recordings"] == 8
    assert "copied by mistake, see the letter" in (folder / "run" / "report.html").read_text()


@pytest.mark.parametrize(
    ("audit", "said"),
    [
        ({"accept": [{"code": "same_audo", "reason": "x"}]}, "did you mean 'same_audio'?"),
        ({"accept": [{"code": "same_audio"}]}, "'audit.accept.0.reason' is required"),
        ({"accept": [{"code": "same_audio", "reason": "  "}]}, "audit.accept.0.reason"),
        ({"drop": [{"recording_id": "p099-v1", "reason": "x"}]}, "no recording 'p099-v1'"),
        ({"keep": []}, "unknown key 'audit.keep'"),
    ],
)
def test_a_mistake_in_the_study_file_is_one_line(folder, capsys, audit, said):
    assert main(["run", str(study(folder, **audit)), "--out", str(folder / "run"), "--quiet"]) == 2

    assert said in capsys.readouterr().err


def test_every_code_can_be_accepted(folder):
    accepted = [{"code": code, "reason": "looked at"} for code in known_codes()]
    copy_third(folder)

    assert check(folder, study(folder, accept=accepted).name)[0] == 0

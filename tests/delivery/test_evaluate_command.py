"""Anybody's predictions at the command line: the numbers, and what is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cogspeech.delivery.cli import main
from cogspeech.types import RESEARCH_STATEMENT


def table(folder: Path, rows: list[str], header="participant_id,label,probability") -> Path:
    path = folder / "predictions.csv"
    path.write_text("\n".join([header, *rows, ""]))
    return path


def sound_rows(n=12) -> list[str]:
    return [f"p{i},{i % 2},{(i * 7 % n) / (2 * n) + 0.4 * (i % 2):.3f}" for i in range(n)]


@pytest.fixture
def refused(capsys):
    def refuse(*arguments) -> str:
        assert main([str(a) for a in arguments]) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.startswith("error: ")
        assert shown.err.count("\n") == 1
        return shown.err

    return refuse


def test_three_columns_are_enough(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")

    assert main(["evaluate", str(table(tmp_path, sound_rows()))]) == 0

    shown = capsys.readouterr().out
    assert "12 participants, 12 recordings" in shown
    assert "one participant = 8.3 points of accuracy" in shown
    assert "read off" in shown
    assert RESEARCH_STATEMENT in " ".join(shown.split())


def test_the_numbers_are_written_where_asked(tmp_path, capsys):
    rows = [f"{row},{system}" for system in ("mine", "theirs") for row in sound_rows()]
    path = table(tmp_path, rows, "participant_id,label,probability,system")

    assert main(["evaluate", str(path), "--json", str(tmp_path / "found.json"),
                 "--out", str(tmp_path / "out")]) == 0  # fmt: skip

    found = json.loads((tmp_path / "found.json").read_text())
    assert found == json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert found["primary"] == "mine"
    assert set(found["systems"]) == {"mine", "theirs"}
    assert {(c["a"], c["b"]) for c in found["comparisons"]} == {("mine", "theirs")}
    assert found["detectable"]["n"] == 12
    assert found["operating_points"][0]["predictive_values"][0]["prevalence"] == 0.01


def test_labels_may_be_written_as_words(tmp_path, capsys):
    rows = [row.replace(",0,", ",HC,").replace(",1,", ",AD,") for row in sound_rows()]

    assert main(["evaluate", str(table(tmp_path, rows)), "--classes", "HC", "AD"]) == 0


def test_torch_is_not_needed(tmp_path):
    path = table(tmp_path, sound_rows())
    script = (
        "import sys; from cogspeech.delivery.cli import main; "
        f"main(['evaluate', {str(path)!r}]); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert done.stdout.endswith("False\n"), done.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: [*rows, rows[3]], "row 14: the recording has a prediction"),
        (lambda rows: ["p0,0,1.2", *rows[1:]], "row 2: the probability is no number between"),
        (lambda rows: ["p0,0,nan", *rows[1:4], "p4,0,", *rows[5:]], "rows 2, 6: the probability"),
        (lambda rows: ["p0,0,inf", *rows[1:]], "row 2: the probability"),
        (lambda rows: [r.replace(",1,", ",0,") for r in rows], "0 participants have label '1'"),
        (lambda rows: rows[::2] + rows[1:2], "1 participants have label '1' (row 8)"),
        (lambda rows: [*rows, "p0,1,0.5"], "row 14: the participant has label '1' here and '0'"),
        (lambda rows: ["p0,AD,0.5", *rows[1:]], "row 2: the label is neither '0' nor '1'; name"),
        (lambda rows: [",0,0.5", *rows[1:]], "row 2: participant_id is empty"),
        (lambda rows: [], "holds no row below its header"),
        (lambda rows: [f"p{i},{i % 2},2" for i in range(9)], "rows 2, 3, 4, 5, 6 and 4 more"),
        (lambda rows: [*rows[:2], "", "p2,0,2", *rows[3:]], "row 5: the probability"),
        (lambda rows: ["p0,0,0,25", *rows[1:]], "row 2: more cells than the header has; a decimal"),
    ],
)
def test_rows_that_cannot_be_evaluated_are_named(tmp_path, refused, change, said):
    path = table(tmp_path, change(sound_rows()))

    shown = refused("evaluate", path)

    assert str(path) in shown
    assert said in shown


def test_a_person_is_tested_in_one_fold_of_a_repeat(tmp_path, refused):
    rows = [f"{row},{i % 2},r{i}" for i, row in enumerate(sound_rows())]
    path = table(
        tmp_path, [*rows, "p0,0,0.5,1,other"], "participant_id,label,probability,fold,recording_id"
    )

    assert "row 14: the participant is tested in another fold" in refused("evaluate", path)


def test_every_run_needs_everybody(tmp_path, refused):
    rows = [f"{row},1" for row in sound_rows()] + [f"{row},2" for row in sound_rows()[1:]]
    path = table(tmp_path, rows, "participant_id,label,probability,seed")

    assert "seed 2 says nothing about 1 of 12 participants, such as 'p0'" in refused(
        "evaluate", path
    )


def test_a_missing_column_or_file_and_equal_classes_are_refused(tmp_path, refused):
    path = table(tmp_path, ["a,1"], "participant_id,label")

    assert "row 1 has no column 'probability'" in refused("evaluate", path)
    assert "cannot be read" in refused("evaluate", tmp_path / "none.csv")
    assert "two different classes" in refused("evaluate", path, "--classes", "a", "a")
    path.write_bytes(b"\xff\xfe\x00")
    assert "is no csv file in UTF-8" in refused("evaluate", path)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("participant_id;label;probability", "seem to be separated by semicolons"),
        ("participant_id\tlabel\tprobability", "seem to be separated by tabs"),
        ("participant_id,label,probability,probability", "row 1 has two columns 'probability'"),
    ],
)
def test_a_header_is_read_as_it_stands(tmp_path, refused, header, said):
    assert said in refused("evaluate", table(tmp_path, sound_rows(), header=header))


def test_folds_of_one_class_are_refused(tmp_path, refused):
    rows = [f"{row},{row.split(',')[1]}" for row in sound_rows()]

    shown = refused(
        "evaluate", table(tmp_path, rows, header="participant_id,label,probability,fold")
    )

    assert "no fold tests participants of both classes" in shown


def test_a_system_is_called_as_it_is(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    rows = [f"{row},bert[/large]" for row in sound_rows()]
    path = table(tmp_path, rows, header="participant_id,label,probability,system")

    assert main(["evaluate", str(path)]) == 0

    assert "operating points of bert[/large]" in capsys.readouterr().out


def test_output_goes_where_it_was_asked_to_go(tmp_path, capsys):
    path = str(table(tmp_path, sound_rows()))
    target, link, pipe = (tmp_path / name for name in ("target.json", "link.json", "pipe"))
    target.write_text("old")
    link.symlink_to(target)
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE)

    for place in (link, pipe):
        assert main(["evaluate", path, "--json", str(place)]) == 0
    piped, _ = reader.communicate(timeout=30)
    capsys.readouterr()

    assert link.is_symlink()
    assert pipe.is_fifo()
    assert json.loads(target.read_text()) == json.loads(piped)
    assert main(["evaluate", path, "--json", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"error: {tmp_path}: Is a directory\n"


def test_numbers_of_runs_are_whole(tmp_path, refused):
    path = table(
        tmp_path, [f"{r},x" for r in sound_rows()], "participant_id,label,probability,fold"
    )

    assert "fold is no whole number" in refused("evaluate", path)


def test_unknown_participants_are_refused(tmp_path, refused):
    people = tmp_path / "recordings.csv"
    people.write_text("recording_id,participant_id\n" + "".join(f"r{i},p{i}\n" for i in range(11)))

    shown = refused("evaluate", table(tmp_path, sound_rows()), "--participants", people)

    assert f"row 13: the participant is not in {people}" in shown


def splits(folder: Path, **parts: list[str]) -> Path:
    path = folder / "splits.json"
    people = [f"p{i}" for i in range(12)]
    fold = {"repeat": 0, "fold": 0, "train": ["x"], "validation": ["y"], "test": people} | parts
    path.write_text(json.dumps({"sha256": "", "folds": [fold]}))
    return path


def test_who_was_trained_on_is_refused(tmp_path, refused, capsys):
    path = table(tmp_path, sound_rows())
    people = [f"p{i}" for i in range(12)]

    assert main(["evaluate", str(path), "--splits", str(splits(tmp_path))]) == 0
    capsys.readouterr()
    for change, said in (
        ({"train": ["p2"], "test": people[3:]}, "row 4: the participant is on the training side"),
        ({"validation": ["p0"], "test": people[1:]}, "row 2: the participant is on the training"),
        ({"test": people[:-1]}, "row 13: the participant is not tested in this fold"),
        ({"train": ["p1"]}, "repeat 0, fold 0: a participant is on two sides"),
        ({"fold": 1}, "rows 2, 3, 4, 5, 6 and 7 more: the repeat and fold are not in"),
        ({"train": 3}, "holds no folds"),
    ):
        assert said in refused("evaluate", path, "--splits", splits(tmp_path, **change))


def run_folder(
    folder: Path, *, seed=0, people=range(20), digest="a", primary="m", classes="no"
) -> Path:
    folder.mkdir()
    generator = np.random.default_rng(seed)
    rows = ["system,repeat,fold,seed,participant_id,recording_id,label,probability"]
    for i in people:
        fold = i // 2 % 2 if digest == "a" else i // 4 % 2
        value = np.clip(0.3 + 0.3 * (i % 2) + generator.normal(0, 0.1), 0, 1)
        rows.append(f"{primary},0,{fold},7,p{i},r{i},{i % 2},{value:.4f}")
    (folder / "predictions.csv").write_text("\n".join([*rows, ""]))
    content = {"primary": primary, "classes": list(classes)}
    (folder / "metrics.json").write_text(json.dumps(content))
    fold = {"repeat": 0, "fold": 0, "train": [], "validation": [], "test": [digest]}
    (folder / "splits.json").write_text(json.dumps({"folds": [fold]}))
    return folder


def test_two_runs_are_compared_on_the_same_participants(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    a, b = run_folder(tmp_path / "a"), run_folder(tmp_path / "b", seed=1, primary="n")

    assert main(["compare", str(a), str(b)]) == 0

    shown = capsys.readouterr().out
    assert "A minus B on the same 20 participants" in shown
    assert f"A: m in {a}\nB: n in {b}\n" in shown
    assert "divided the participants differently" not in shown
    assert "cannot be detected here" in shown


def test_runs_of_the_same_system_are_told_apart_and_other_folds_are_said(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "400")
    a, b = run_folder(tmp_path / "a"), run_folder(tmp_path / "b", seed=1, digest="b")

    assert main(["compare", str(a), str(b)]) == 0

    shown = capsys.readouterr().out
    assert f"A: m in {a}\nB: m in {b}\n" in shown
    assert "divided the participants differently" in shown


def test_runs_of_other_people_or_labels_are_refused(tmp_path, refused):
    a = run_folder(tmp_path / "a")
    b = run_folder(tmp_path / "b", people=range(2, 21))
    c = run_folder(tmp_path / "c")
    text = (c / "predictions.csv").read_text()
    (c / "predictions.csv").write_text(text.replace("p3,r3,1", "p3,r3,0"))

    shown = refused("compare", a, b)
    assert f"2 are only in {a} (p0, p1); 1 are only in {b} (p20)" in shown
    assert "1 participants have another label" in refused("compare", a, c)
    assert "(p3)" in refused("compare", a, c)
    assert "is no run folder" in refused("compare", a, tmp_path)


def test_the_tables_of_many_systems_fit_a_narrow_terminal(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    table = ["system,participant_id,label,probability"]
    generator = np.random.default_rng(0)
    for system in ("aligned_cross_attention", *(f"system_number_{n}" for n in range(12))):
        table += [f"{system},p{i},{i % 2},{generator.random():.3f}" for i in range(30)]
    (tmp_path / "p.csv").write_text("\n".join([*table, ""]))

    assert main(["evaluate", str(tmp_path / "p.csv")]) == 0

    shown = capsys.readouterr().out
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_run_of_three_classes_is_not_compared(tmp_path, refused):
    a, b = run_folder(tmp_path / "a"), run_folder(tmp_path / "b", classes="abc")

    assert "its target has 3 classes; 'compare' takes" in refused("compare", a, b)

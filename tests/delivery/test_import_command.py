"""``cogspeech import``: where the table may lie, options, and ends."""

import csv
import shutil
import subprocess
import sys

import pytest

from cogspeech.delivery.cli import main
from layouts import layouts_of


@pytest.fixture
def adress(tmp_path):
    """A miniature of ADReSS-2020 with everything in its place."""
    layouts_of("adress2020")["labelled test"].build(tmp_path / "data")
    return tmp_path / "data" / "ADReSS-IS2020-data"


def _run(capsys, *arguments):
    code = main(["import", *map(str, arguments)])
    shown, told = capsys.readouterr()
    return code, shown, told


def _columns(path):
    with path.open(newline="") as stream:
        return next(csv.reader(stream))


@pytest.mark.parametrize("place", ["in", "above", "further above"])
def test_the_table_may_lie_in_the_corpus_or_above_it(adress, capsys, place):
    folder = {"in": adress, "above": adress.parent, "further above": adress.parent.parent}[place]

    code, shown, told = _run(capsys, "adress2020", adress, "--out", folder / "recordings.csv")

    assert code == 0
    assert told.startswith("access: https://talkbank.org/dementia/ADReSS-2020/ Members of")
    assert "7 recordings of 7 participants" in shown
    assert ["dementia", "train", "2", "2"] in [line.split() for line in shown.splitlines()]
    assert f"table: {folder / 'recordings.csv'}" in shown
    assert _columns(folder / "recordings.csv") == [
        "recording_id", "participant_id", "audio_path", "diagnosis", "transcript_path", "task",
        "language", "official_split", "mmse", "age_years", "sex", "label_raw", "label_source",
        "mmse_source", "corpus",
    ]  # fmt: skip


def test_another_place_is_refused_with_two_that_fit(adress, tmp_path, capsys):
    (tmp_path / "tables").mkdir()
    out = tmp_path / "tables" / "recordings.csv"

    code, shown, told = _run(capsys, "adress2020", adress, "--out", out)

    assert (code, shown) == (2, "")
    assert f"--out {out}: the table must lie in the folder of the corpus or above it" in told
    assert f"write it to {adress / 'recordings.csv'} or, if that folder is read-only, to " in told
    assert not out.exists()


def test_a_file_of_the_corpus_is_never_replaced(adress, capsys):
    out = adress / "train" / "cc_meta_data.txt"
    before = out.read_bytes()

    code, _, told = _run(
        capsys, "adress2020", adress / "train", "--out", adress / "train" / out.name
    )

    assert code == 2
    assert "is there and is no recordings table; give another name" in told
    assert out.read_bytes() == before


def test_a_table_is_replaced_by_a_new_one_and_is_the_same(adress, capsys):
    out = adress / "recordings.csv"
    assert _run(capsys, "adress2020", adress, "--out", out)[0] == 0
    before = out.read_bytes()

    assert _run(capsys, "adress2020", adress, "--out", out)[0] == 0

    assert out.read_bytes() == before


def test_options_are_yaml_and_what_was_asked_for_is_no_failure(tmp_path, capsys):
    path = layouts_of("prepare")["unpacked"].build(tmp_path)
    option = "--set=labels={MCI: null, PPA: dementia}"

    code, shown, _ = _run(capsys, "prepare", path, "--out", path / "r.csv", option)

    assert code == 0
    assert "5 recordings of 5 participants" in shown
    assert "1 left out as asked: labels: MCI is left out" in shown


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        (["--set", "labels"], "--set labels: expected KEY=VALUE, such as"),
        (["--set", "=1"], "--set =1: expected KEY=VALUE"),
        (["--set", "labels={"], "--set labels={: the value is not valid yaml"),
        (["--set", "label={}"], "import adress2020: unknown key 'label'; did you mean 'labels'?"),
        (["--set", "labels=3"], "import adress2020: 'labels': Input should be"),
        (["--set", "labels={okapi: null}"], "labels: ADReSS-2020 has no 'okapi'"),
        (["--target", "shoes"], "target.column: ADReSS-2020 has no 'shoes'"),
    ],
    ids=range(7),
)
def test_a_wrong_option_is_one_line_and_writes_nothing(adress, capsys, arguments, refusal):
    out = adress / "recordings.csv"

    code, shown, told = _run(capsys, "adress2020", adress, "--out", out, *arguments)

    assert (code, shown) == (2, "")
    assert told.startswith(f"error: {refusal}")
    assert told.count("\n") == 1
    assert not out.exists()


def test_an_unknown_corpus_names_the_known_ones(tmp_path, capsys):
    code, _, told = _run(capsys, "adresso", tmp_path, "--out", tmp_path / "r.csv")

    assert code == 2
    assert "unknown corpus importer 'adresso'; did you mean 'adresso2021'?" in told


def test_the_target_is_a_column_of_the_table(adress, capsys):
    out = adress / "recordings.csv"

    assert _run(capsys, "adress2020", adress, "--out", out, "--target", "sex")[0] == 0

    assert _columns(out).count("sex") == 1
    assert "diagnosis" not in _columns(out)


def test_long_lists_of_what_was_passed_over_are_cut(tmp_path, capsys):
    path = layouts_of("chat_folder")["delaware"].build(tmp_path)
    for number in range(12):
        shutil.copy(path / "MCI" / "35-1.cha", path / f"{number}-9.cha")

    code, shown, _ = _run(capsys, "chat_folder", path, "--out", path / "r.csv", "--quiet")

    assert code == 3
    assert "13 passed over:" in shown
    assert shown.count("expected one") == 10
    assert "and 3 more" in shown


def test_quiet_says_nothing_of_access(adress, capsys):
    _, _, told = _run(capsys, "adress2020", adress, "--out", adress / "r.csv", "--quiet")

    assert told == ""


def test_a_table_that_cannot_be_written_leaves_nothing(tmp_path, capsys, monkeypatch):
    path = layouts_of("prepare")["unpacked"].build(tmp_path)

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)

    code, shown, told = _run(capsys, "prepare", path, "--out", path / "r.csv")

    assert (code, shown, told) == (2, "", "error: No space left on device\n")
    assert not list(path.glob("*r.csv*"))
    assert not list(path.glob(".tmp*"))


@pytest.mark.slow
def test_ten_thousand_files_are_no_matter(tmp_path):
    """No audio is opened: these files are empty."""
    for group in ("control", "dementia"):
        for person in range(50):
            folder = tmp_path / "many" / group / f"{group}{person}"
            folder.mkdir(parents=True)
            for visit in range(100):
                (folder / f"{visit}.wav").touch()
    command = ["import", "audio_folder", ".", "--out", "recordings.csv"]

    done = subprocess.run(
        [sys.executable, "-m", "cogspeech", *command],
        cwd=tmp_path / "many",
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert "10000 recordings of 100 participants" in done.stdout

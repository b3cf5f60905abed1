"""A corpus is checked before anything is made of it; every refusal names file, row and remedy."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cogspeech.config import CorpusSection, TargetSection
from cogspeech.corpora.base import (
    OPTIONAL_COLUMNS,
    REQUIRED_COLUMNS,
    check_recordings,
    import_corpus,
    read_recordings_table,
    write_recordings_table,
)
from cogspeech.errors import ConfigError, CorpusError
from cogspeech.settings import Component
from cogspeech.types import Recording

HEADER = "recording_id,participant_id,audio_path,diagnosis"


def _table(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "recordings.csv"
    path.write_bytes("\n".join([header, *rows, ""]).encode("utf-8", "surrogateescape"))
    return path


def _read(path: Path) -> tuple[Recording, ...]:
    return read_recordings_table(path, target_column="diagnosis")


def _refusal(path: Path) -> str:
    with pytest.raises(CorpusError) as refusal:
        _read(path)
    return str(refusal.value)


def _recording(folder: Path, row: int, **changed) -> Recording:
    path = folder / "a.wav"
    if not path.exists():
        soundfile.write(path, np.full(800, 0.1), 16_000)
    facts = {
        "recording_id": f"r{row}",
        "participant_id": f"p{row}",
        "audio_path": path,
        "label": "control",
        "where": f"recordings.csv:{row}",
    }
    return Recording(**{**facts, **changed})


def test_a_row_becomes_a_recording_that_knows_its_row(tmp_path: Path) -> None:
    path = _table(
        tmp_path,
        "r1,p1,audio/a.wav,control,audio/a.words.json,turns/a.csv,v1,picture,en,train,29,71.5,f,12,"
        "north,left",
        header=f"{HEADER},transcript_path,segmentation_path,visit,task,language,official_split,mmse,"
        "age_years,sex,education_years,site,handedness",
    )

    (recording,) = _read(path)

    assert recording == Recording(
        recording_id="r1",
        participant_id="p1",
        audio_path=tmp_path / "audio" / "a.wav",
        label="control",
        transcript_path=tmp_path / "audio" / "a.words.json",
        segmentation_path=tmp_path / "turns" / "a.csv",
        where=f"{path}:2",
        visit="v1",
        task="picture",
        language="en",
        official_split="train",
        mmse=29.0,
        age_years=71.5,
        sex="f",
        education_years=12.0,
        site="north",
        metadata={"handedness": "left"},
    )


def test_what_is_not_in_the_table_is_none(tmp_path: Path) -> None:
    (recording,) = _read(_table(tmp_path, "r1,p1,a.wav,"))

    assert recording.label is None
    assert all(getattr(recording, name) is None for name in OPTIONAL_COLUMNS)
    assert recording.metadata == {}


def test_a_table_with_a_byte_order_mark_spaces_and_quotes_is_read(tmp_path: Path) -> None:
    path = _table(tmp_path, ' r1 ,"p, 1", a.wav , control')
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())

    (recording,) = _read(path)

    assert (recording.recording_id, recording.participant_id) == ("r1", "p, 1")


def test_a_cell_of_several_lines_keeps_the_rows_apart(tmp_path: Path) -> None:
    path = _table(tmp_path, 'r1,p1,a.wav,control,"two\nlines"', "r2,p2,,control,x",
                  header=f"{HEADER},note")  # fmt: skip

    assert _refusal(path).startswith(f"{path}:4: audio_path is empty")


@pytest.mark.parametrize("missing", [*REQUIRED_COLUMNS, "diagnosis"])
def test_a_missing_column_suggests_the_nearest(tmp_path: Path, missing: str) -> None:
    misspelt = missing[:-1]
    path = _table(tmp_path, "a,b,c,d", header=HEADER.replace(missing, misspelt))

    refusal = _refusal(path)

    assert refusal.startswith(f"{path}:1: the column '{missing}' is missing; ")
    assert f"did you mean '{misspelt}'?" in refusal


def test_the_target_column_is_the_one_the_study_names(tmp_path: Path) -> None:
    path = _table(tmp_path, "r1,p1,a.wav,x", header=HEADER.replace("diagnosis", "group"))

    (recording,) = read_recordings_table(path, target_column="group")

    assert recording.label == "x"


@pytest.mark.parametrize(
    ("row", "match"),
    [
        ("r1,p1,a.wav", "another number of cells"),
        ("r1,p1,a.wav,control,more", "another number of cells"),
        (",p1,a.wav,control", "recording_id is empty; every row needs one"),
        ("r1, ,a.wav,control", "participant_id is empty"),
        ("r1,p1,,control", "audio_path is empty"),
        ("r1,p1,../a.wav,control", r"audio_path '\.\./a\.wav' leaves the folder .* move the file"),
        ("r1,p1,a/../../a.wav,control", "leaves the folder of the table"),
        ("r1,p1,/etc/passwd,control", "leaves the folder of the table"),
        ("r1,p\0 1,a.wav,control", "holds a NUL character; export the table again"),
        ("r1,p1,a\0.wav,control", "holds a NUL character"),
        (f"r1,p1,{'a' * 131_073},control", "field larger than field limit"),
        ('r1,p1,"a.wav,control', "not valid csv .* correct the row"),
    ],
    ids=range(12),
)
def test_a_row_that_cannot_be_used_is_named(tmp_path: Path, row: str, match: str) -> None:
    path = _table(tmp_path, "r0,p0,a.wav,control", row)

    with pytest.raises(CorpusError, match=match) as refusal:
        _read(path)

    assert str(refusal.value).startswith((f"{path}:3: ", f"{path}:4: "))


@pytest.mark.parametrize("column", ["mmse", "age_years", "education_years"])
@pytest.mark.parametrize("text", ["old", "nan", "inf", "1,5"])
def test_a_number_is_a_number_or_nothing(tmp_path: Path, column: str, text: str) -> None:
    path = _table(tmp_path, f'r1,p1,a.wav,control,"{text}"', header=f"{HEADER},{column}")

    assert _refusal(path) == f"{path}:2: {column} is '{text}'; expected a number or an empty cell"


def test_a_column_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = _table(tmp_path, "r1,p1,a.wav,control,dementia", header=f"{HEADER},diagnosis")

    assert _refusal(path) == f"{path}:1: the column 'diagnosis' stands 2 times; keep one"


@pytest.mark.parametrize("column", ["audio_path", "transcript_path"])
def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path, column: str) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "secret").write_text("")
    (tmp_path / "corpus" / "link").symlink_to(tmp_path / "secret")
    cells = {"audio_path": "a.wav", "transcript_path": "", column: "link"}
    path = _table(
        tmp_path / "corpus",
        f"r1,p1,{cells['audio_path']},control,{cells['transcript_path']}",
        header=f"{HEADER},transcript_path",
    )

    assert f"{path}:2: {column} 'link' leaves the folder of the table" in _refusal(path)


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")

    assert ":2: audio_path is not a usable path" in _refusal(_table(tmp_path, "r1,p1,one,control"))


def test_a_table_below_a_linked_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    _table(tmp_path / "real", "r1,p1,a.wav,control")
    (tmp_path / "link").symlink_to("real")

    (recording,) = _read(tmp_path / "link" / "recordings.csv")

    assert recording.audio_path == tmp_path / "real" / "a.wav"


def test_a_table_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = _table(tmp_path, "r\udcff1,p1,a.wav,control")

    assert "not utf-8 text" in _refusal(path)


def test_an_empty_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recordings.csv"
    path.touch()

    assert _refusal(path) == f"{path}:1: the column 'recording_id' is missing; the file is empty"


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir, os.mkfifo])
def test_a_table_that_is_no_file_is_refused(tmp_path: Path, make) -> None:
    make(tmp_path / "recordings.csv")

    assert "no such recordings table" in _refusal(tmp_path / "recordings.csv")


@settings(deadline=None, max_examples=50)
@given(
    cells=st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0\r")), min_size=4, max_size=4
    )
)
def test_any_row_is_read_or_refused_with_its_place(tmp_path_factory, cells: list[str]) -> None:
    assume(any(cells))  # a row of nothing but commas is no row
    folder = tmp_path_factory.mktemp("any")
    names = HEADER.split(",")
    write_recordings_table(folder / "recordings.csv", [dict(zip(names, cells, strict=True))])

    try:
        (recording,) = _read(folder / "recordings.csv")
    except CorpusError as refusal:
        message = str(refusal)
    else:
        message = ""
        assert recording.recording_id == cells[0].strip()
        assert recording.participant_id == cells[1].strip()
        assert recording.label == (cells[3].strip() or None)

    assert not message or message.startswith(f"{folder / 'recordings.csv'}:")


def test_sound_recordings_pass(tmp_path: Path) -> None:
    check_recordings(
        [_recording(tmp_path, 2), _recording(tmp_path, 3, label="dementia")], TargetSection()
    )


def test_an_unknown_label_names_the_row_the_classes_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError,
        match=r"^recordings\.csv:3: diagnosis is 'Dementia'; expected one of control, dementia; "
        r"correct the row or set target\.classes in the study file$",
    ):
        check_recordings(
            [_recording(tmp_path, 2), _recording(tmp_path, 3, label="Dementia")], TargetSection()
        )


def test_a_number_to_be_told_is_needed_in_every_row_and_may_change_between_visits(
    tmp_path: Path,
) -> None:
    target = TargetSection(column="moca", classes=(), objective=Component(name="regression"))
    rows = [
        _recording(tmp_path, row, label=label, participant_id="p1")
        for row, label in ((2, "23"), (3, "19"))
    ]

    check_recordings(rows, target)

    for label, found in ((None, "moca is empty; expected a number"), ("low", "moca is 'low'")):
        with pytest.raises(CorpusError, match=rf"^recordings\.csv:4: {found}"):
            check_recordings([*rows, _recording(tmp_path, 4, label=label)], target)


def test_a_missing_label_is_an_unknown_one(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="diagnosis is ''; expected one of"):
        check_recordings([_recording(tmp_path, 2, label=None)], TargetSection())


def test_an_id_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match=r"^recordings\.csv:2: recording_id 'r2' stands 2 times; ids must be uni"
    ):
        check_recordings(
            [_recording(tmp_path, 2), _recording(tmp_path, 3, recording_id="r2")], TargetSection()
        )


def test_a_participant_with_two_labels_names_both_rows(tmp_path: Path) -> None:
    visits = [
        _recording(tmp_path, 2, participant_id="p"),
        _recording(tmp_path, 3, participant_id="p", label="dementia"),
    ]

    with pytest.raises(
        CorpusError,
        match=r"^recordings\.csv:3: participant 'p' is 'dementia' here and 'control' at "
        r"recordings\.csv:2; a participant needs one label, keep the visits of one$",
    ):
        check_recordings(visits, TargetSection())


def test_missing_audio_names_the_row_and_how_many_more(tmp_path: Path) -> None:
    recordings = [_recording(tmp_path, row, audio_path=tmp_path / "gone.wav") for row in (2, 3, 4)]

    with pytest.raises(
        CorpusError,
        match=r"^recordings\.csv:2: audio file '.*gone\.wav' cannot be opened \(No such file or "
        r"directory\); correct the path \(\+2 more problems\)$",
    ):
        check_recordings(recordings, TargetSection())


def test_a_corpus_of_nobody_is_refused() -> None:
    with pytest.raises(CorpusError, match="has no recordings; expected at least one row"):
        check_recordings([], TargetSection())


def test_a_corpus_is_imported_by_the_name_of_its_importer_and_checked(tmp_path: Path) -> None:
    _recording(tmp_path, 2)
    path = _table(tmp_path, "r1,p1,a.wav,control", "r2,p2,a.wav,dementia")
    told = []

    corpus = import_corpus(
        CorpusSection(path=path), TargetSection(), progress=lambda *step: told.append(step)
    )

    assert [recording.recording_id for recording in corpus.recordings] == ["r1", "r2"]
    assert told == [("import", 2, 2)]


def test_an_unknown_importer_or_option_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"unknown corpus importer 'tabel'; did you mean 'table'"):
        import_corpus(CorpusSection(importer="tabel", path=tmp_path), TargetSection())
    with pytest.raises(ConfigError, match="study: corpus: unknown key 'sheet'"):
        import_corpus(CorpusSection(path=tmp_path, sheet=1), TargetSection())


def test_a_written_table_is_read_again(tmp_path: Path) -> None:
    rows = [
        {"recording_id": 'r,"1"', "participant_id": "é", "audio_path": "a b.wav", "diagnosis": "x"}
    ]

    write_recordings_table(tmp_path / "recordings.csv", rows)

    (recording,) = _read(tmp_path / "recordings.csv")
    assert (recording.recording_id, recording.participant_id) == ('r,"1"', "é")

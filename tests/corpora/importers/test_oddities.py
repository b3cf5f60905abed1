"""Where one corpus could be misread, or contradicts itself: what its importer does then."""

import shutil

import pytest

from cogspeech.corpora.base import IMPORTERS
from cogspeech.errors import ConfigError, CorpusError
from cogspeech.types import no_progress
from layouts import chat, layouts_of, swap, text, tone


def _read(importer, path, *, target="diagnosis", **options):
    kind = IMPORTERS.get(importer)
    return kind(kind.Options(**options)).read(path, target_column=target, progress=no_progress)


def _labels(corpus):
    return {r.recording_id: r.label for r in corpus.recordings}


def _built(importer, root, name=None):
    layouts = layouts_of(importer)
    return layouts[name or next(iter(layouts))].build(root)


def test_adress_half_of_the_training_part_is_refused(tmp_path):
    path = _built("adress2020", tmp_path)
    (path / "train" / "cd_meta_data.txt").unlink()

    with pytest.raises(CorpusError, match=r"but no cd_meta_data\.txt; complete the corpus"):
        _read("adress2020", path)


def test_adress_a_test_part_alone_is_told(tmp_path):
    path = _built("adress2020", tmp_path, "labelled test")
    shutil.rmtree(path / "ADReSS-IS2020-data" / "train")

    corpus = _read("adress2020", path)

    assert {r.official_split for r in corpus.recordings} == {"test"}
    assert [each.reason for each in corpus.passed_over] == [
        "no cc_meta_data.txt, so nothing of its part",
        "no cd_meta_data.txt, so nothing of its part",
    ]


def test_adresso_a_label_that_contradicts_its_folder_is_refused(tmp_path):
    path = _built("adresso2021", tmp_path)
    swap(path / "diagnosis/train/adresso-train-mmse-scores.csv", '28,"cn"', '28,"ad"')

    with pytest.raises(CorpusError, match=r"scores\.csv:5: dx is 'ad', but the audio lies in .*cn"):
        _read("adresso2021", path)


def test_adresso_a_segmentation_without_audio_is_a_recording_without_audio(tmp_path):
    path = _built("adresso2021", tmp_path, "progression")
    (path / "progression/train/audio/decline/adrsp001.wav").unlink()

    corpus = _read("adresso2021", path, target="progression", task="progression")

    assert "adrsp001" not in _labels(corpus)
    place = "progression/train/audio/decline/adrsp001.wav"
    assert any(each.reason.endswith(place) for each in corpus.passed_over)


def test_adresso_diagnosis_is_no_column_of_the_progression_corpus(tmp_path):
    path = _built("adresso2021", tmp_path, "progression")

    with pytest.raises(CorpusError, match=r"column: ADReSSo-2021 has no 'diagnosis'; known:"):
        _read("adresso2021", path, task="progression")


@pytest.mark.parametrize(
    ("code", "label"),
    [("1", "dementia"), ("100.0", "dementia"), ("200", "possible_ad"), ("3", "vascular"),
     ("420", "other"), ("5", "other"), ("6", "mci"), ("611", "mci"), ("720", "memory"),
     ("730", "mci"), ("851", "control"), ("9", "other")],
)  # fmt: skip
def test_pitt_codes_of_the_spreadsheet(tmp_path, code, label):
    path = _built("pitt", tmp_path, "spreadsheet first")
    swap(path / "data.csv", "2;57;800", f"2;57;{code}")

    corpus = _read("pitt", path, label_from="spreadsheet")

    assert _labels(corpus)["control-cookie-002-0"] == label


@pytest.mark.parametrize(
    ("code", "refusal"), [("0", "expected a code"), ("x", "expected a number")]
)
def test_pitt_a_code_that_nobody_knows_is_refused_with_row_and_column(tmp_path, code, refusal):
    path = _built("pitt", tmp_path, "spreadsheet first")
    swap(path / "data.csv", "2;57;800", f"2;57;{code}")

    with pytest.raises(CorpusError, match=rf"data\.csv:3: dx0 is '{code}'; {refusal}"):
        _read("pitt", path, label_from="spreadsheet")


def test_pitt_other_tasks_are_not_imported_unasked_and_other_names_are_told(tmp_path):
    path = _built("pitt", tmp_path)
    chat(path / "transcripts/Control/cookie/notes.cha", "eng|UPMC|PAR|||||Participant|||")

    corpus = _read("pitt", path)

    assert {r.task for r in corpus.recordings} == {"cookie"}
    assert not [each for each in corpus.passed_over if "fluency" in each.where]
    assert [each.reason for each in corpus.passed_over if each.where.endswith("notes.cha")] == [
        "the name is not that of a person and a visit, such as 001-0.cha"
    ]


@pytest.mark.parametrize("importer", ["pitt", "chat_folder"])
def test_the_audio_of_another_group_is_never_taken_even_if_there_is_no_other(tmp_path, importer):
    """Nothing but the names of the groups tells that these two do not belong together."""
    chat(tmp_path / "Control/cookie/001-0.cha", "eng|UPMC|PAR|||Control||Participant|||")
    tone(tmp_path / "Dementia/cookie/001-0.wav")

    with pytest.raises(CorpusError, match=r"Control/cookie/001-0\.cha:5: no audio, looked for"):
        _read(importer, tmp_path)


def test_pitt_all_visits_are_of_one_person(tmp_path):
    corpus = _read("pitt", _built("pitt", tmp_path))

    visits = {r.visit for r in corpus.recordings if r.participant_id == "001"}
    assert visits == {"0", "2"}


@pytest.mark.parametrize("pattern", ["(", "(?P<person>.*)"])
@pytest.mark.parametrize("importer", ["chat_folder", "audio_folder"])
def test_a_pattern_that_tells_no_participant_is_refused(importer, pattern):
    with pytest.raises(ValueError, match=r"regular expression|needs a group"):
        IMPORTERS.get(importer).Options(participant=pattern)


def test_chat_folder_the_folder_never_overrules_the_header(tmp_path):
    chat(tmp_path / "MCI" / "1.cha", "eng|x|PAR|||Control||Participant|||")
    chat(tmp_path / "MCI" / "2.cha", "eng|x|PAR|||||Participant|||")
    for name in "12":
        tone(tmp_path / "MCI" / f"{name}.wav")

    corpus = _read("chat_folder", tmp_path)

    assert _labels(corpus) == {"MCI-1": "control", "MCI-2": "mci"}


def test_chat_folder_years_of_education_are_no_score_unless_said_so(tmp_path):
    chat(tmp_path / "AD" / "1.cha", "eng|x|PAR|||AD||Participant|16|29|")
    tone(tmp_path / "AD" / "1.wav")

    years, scores, none = (
        _read("chat_folder", tmp_path, mmse_field=field).recordings[0]
        for field in ("custom", "education", "none")
    )

    assert (years.mmse, years.education_years) == (29.0, 16.0)
    assert (scores.mmse, scores.education_years) == (16.0, None)
    assert (none.mmse, none.education_years) == (None, 16.0)


@pytest.mark.parametrize(
    ("ids", "people"), [("whole corpus", {"1"}), ("per folder", {"A-1", "B-1"})]
)
def test_chat_folder_numbers_may_be_given_per_folder(tmp_path, ids, people):
    for group in "AB":
        chat(tmp_path / group / "1-0.cha", "eng|x|PAR|||MCI||Participant|||")
        tone(tmp_path / group / "1-0.wav")

    corpus = _read("chat_folder", tmp_path, ids=ids)

    assert {r.participant_id for r in corpus.recordings} == people


def test_taukadial_a_name_without_person_and_picture_is_refused_with_its_row(tmp_path):
    path = _built("taukadial2024", tmp_path)
    swap(path / "train" / "groundtruth.csv", "taukdial-003-1.wav", "taukdial-003.wav")

    with pytest.raises(CorpusError, match=r"groundtruth\.csv:5: tkdname is no name such as"):
        _read("taukadial2024", path)


def test_taukadial_a_table_of_languages_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(CorpusError, match=r"languages: .*none\.csv: no such table"):
        _read("taukadial2024", _built("taukadial2024", tmp_path), languages="none.csv")


def test_process_an_age_is_a_number_with_or_without_its_star(tmp_path):
    path = _built("process2025", tmp_path)
    swap(path / "dem-info.csv", ",71,", ",7x*,")

    with pytest.raises(CorpusError, match=r"dem-info\.csv:3: age is '7x'; expected a number"):
        _read("process2025", path)


def test_process_a_task_that_a_person_did_not_do_is_told(tmp_path):
    path = _built("process2025", tmp_path, "PROCESS-2")
    (path / "P2-01" / "P2-01__Fluency.wav").unlink()

    (only,) = _read("process2025", path).passed_over

    assert "meta-info.csv:2" in only.where
    assert "P2-01__FLUENCY.wav" in only.reason


def test_process_a_copy_of_a_recording_elsewhere_is_refused(tmp_path):
    path = _built("process2025", tmp_path)
    (path / "copy").mkdir()
    shutil.copy(path / "Process-rec-001" / "Process-rec-001__CTD.wav", path / "copy")

    with pytest.raises(CorpusError, match="two audio files of one recording; keep one of them"):
        _read("process2025", path)


def test_ncmmsc_a_name_that_contradicts_its_folder_is_refused(tmp_path):
    path = _built("ncmmsc2021", tmp_path)
    folder = path / "AD_dataset_long" / "train"
    (folder / "AD" / "AD_F_030807_001.wav").rename(folder / "HC" / "AD_F_030807_001.wav")

    with pytest.raises(CorpusError, match=r"AD_F_030807_001\.wav: the name says AD and the folder"):
        _read("ncmmsc2021", path)


def test_ncmmsc_one_number_in_two_groups_is_two_persons_and_crops_are_none(tmp_path):
    corpus = _read("ncmmsc2021", _built("ncmmsc2021", tmp_path))

    people = {r.participant_id for r in corpus.recordings if "030807" in r.participant_id}
    assert people == {"AD_030807", "HC_030807"}
    assert not [each for each in corpus.passed_over if "6s" in each.where]


def test_dementianet_a_file_in_the_folder_of_somebody_else_is_refused(tmp_path):
    path = _built("dementianet", tmp_path)
    tone(path / "dementia" / "Ada Quill" / "BoTern_5.wav")

    with pytest.raises(CorpusError, match="the file is not named after the person of its folder"):
        _read("dementianet", path)


def test_dementianet_files_right_below_a_class_are_not_one_person(tmp_path):
    for name in ("AnnaRowe_5", "AnnaRowe_10", "CarlMay_5"):
        tone(tmp_path / "net" / "dementia" / f"{name}.wav")
    tone(tmp_path / "net" / "nodementia" / "EveSole.wav")

    corpus = _read("dementianet", tmp_path / "net")

    assert {r.participant_id for r in corpus.recordings} == {"annarowe", "carlmay", "evesole"}


def test_dementianet_the_split_of_one_class_only_is_not_taken(tmp_path):
    path = _built("dementianet", tmp_path)
    (path / "train_dm.csv").unlink()
    (path / "valid_dm.csv").unlink()

    assert {r.official_split for r in _read("dementianet", path).recordings} == {None}


@pytest.mark.parametrize(
    ("age", "words", "label"),
    [("59", "15", "low_fluency"), ("59", "16", "control"), ("60", "14", "control"),
     ("79", "13", "low_fluency"), ("80", "12", "control"), ("80", "11", "low_fluency"),
     ("70", "0", "low_fluency")],
)  # fmt: skip
def test_wls_thresholds_by_age(tmp_path, age, words, label):
    path = _built("wls", tmp_path, "csv")
    swap(path / "WLS-data.csv", "2000000123.0,1.0,71.0,12.0,20.0", f"2000000123,1,{age},12,{words}")

    assert _labels(_read("wls", path))["00123"] == label


def test_wls_without_its_spreadsheet_is_refused(tmp_path):
    path = _built("wls", tmp_path, "csv")
    (path / "WLS-data.csv").unlink()

    with pytest.raises(CorpusError, match=r"is not the folder of WLS; looked for WLS-data\.xlsx"):
        _read("wls", path)


def test_prepare_a_split_that_is_not_there_at_all_is_half_a_corpus(tmp_path):
    path = _built("prepare", tmp_path)
    shutil.rmtree(path / "test_audios")
    text(path / "test_audios.zip", "PK")

    with pytest.raises(
        CorpusError, match=r"split test has audio.*unpack test_audios\.zip; complete"
    ):
        _read("prepare", path)


def test_audio_folder_a_class_is_named_or_refused(tmp_path):
    path = _built("audio_folder", tmp_path, "pattern")
    pattern = "(?P<participant>[a-z]+)_v(?P<visit>[0-9])"

    with pytest.raises(CorpusError, match="the label is 'SCI'; expected one of"):
        _read("audio_folder", path, participant=pattern)
    with pytest.raises(ConfigError, match=r"has no 'SCID'; did you mean 'SCI'"):
        _read("audio_folder", path, participant=pattern, labels={"SCID": "x"})

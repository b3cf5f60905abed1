"""What is decided for all importers about what they find."""

import dataclasses
from pathlib import Path

import pytest

from cogspeech.config import CorpusSection, TargetSection
from cogspeech.corpora.base import import_corpus
from cogspeech.corpora.layout import Found, LayoutImporter, LayoutOptions
from cogspeech.errors import ConfigError, CorpusError
from cogspeech.types import PassedOver, no_progress
from layouts import layouts_of, tone


class _Listed(LayoutImporter):
    """Finds what a test gives it."""

    corpus = "a test"
    known_labels = {"hc": "control", "ad": "dementia", "mci": "mci"}  # noqa: RUF012

    def __init__(self, given, **options):
        super().__init__(LayoutOptions(**options))
        self.given = given

    def find(self, tree, passed_over):
        return [one(tree) if callable(one) else one for one in self.given]


def _one(name, label="HC", *, has_audio=True, **facts):
    def found(tree):
        values = {
            "recording_id": name,
            "participant_id": name.partition("-")[0],
            "where": f"list.csv:{name}",
            "audio": tree.audio((), name) if has_audio else None,
            "label_raw": label,
            "label_source": "list.csv",
            "looked_for": f"{name}.wav",
        }
        return Found(**{**values, **facts})

    return found


@pytest.fixture
def root(tmp_path):
    for name in ("a-1", "a-2", "b-1", "c-1"):
        (tmp_path / f"{name}.wav").write_bytes(name.encode())
    return tmp_path


def _read(root, *given, **options):
    return _Listed(given, **options).read(root, target_column="diagnosis", progress=no_progress)


def _refusal(root, *given, error=CorpusError, **options):
    with pytest.raises(error) as refusal:
        _read(root, *given, **options)
    return str(refusal.value)


def _labels(corpus):
    return {r.recording_id: r.label for r in corpus.recordings}


REST = (_one("b-1", "AD"), _one("c-1"))


def test_labels_are_named_and_left_out_as_asked_and_nothing_else_is(root):
    given = (_one("a-1", "MCI"), _one("a-2", "hC"), *REST)

    assert _labels(_read(root, *given)) == {
        "a-1": "mci", "a-2": "control", "b-1": "dementia", "c-1": "control",
    }  # fmt: skip
    assert _labels(_read(root, *given, labels={"mci": "dementia", "ad": "severe"})) == {
        "a-1": "dementia", "a-2": "control", "b-1": "severe", "c-1": "control",
    }  # fmt: skip
    left = _read(root, *given, labels={"mci": None, "dementia": "severe"})
    assert _labels(left) == {"a-2": "control", "b-1": "severe", "c-1": "control"}
    assert left.passed_over == (
        PassedOver(where="list.csv:a-1", reason="labels: MCI is left out", is_asked=True),
    )


def test_a_label_is_a_text_of_at_least_one_letter():
    with pytest.raises(ValueError, match="at least 1 character"):
        LayoutOptions(labels={"mci": ""})


def test_people_whose_label_changes_can_be_left_out_as_a_whole(root):
    given = (_one("a-1", "HC"), _one("a-2", "MCI"), *REST)

    assert len(_read(root, *given).recordings) == 4
    left = _read(root, *given, when_label_changes="leave_out")
    assert set(_labels(left)) == {"b-1", "c-1"}
    assert [(p.where, p.is_asked) for p in left.passed_over] == [
        ("list.csv:a-1", True), ("list.csv:a-2", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ([_one("a-1"), _one("a-1")], "the recording 'a-1' stands at list.csv:a-1 already"),
        ([_one("a-1"), _one("a-2", recording_id="A-1")], "differs only in case at"),
        ([_one("a-1"), _one("a-2", participant_id="A")], "the participant 'A' is 'a' at list.csv"),
        ([_one("a-1"), _one("a-1", recording_id="x")], "'a-1.wav' belongs to the recording 'a-1'"),
        ([_one("a-1", recording_id="x" * 4000)], "the id of the recording has 4000 characters"),
        ([_one("a-1", participant_id="")], "the id of the participant has 0 characters"),
        ([_one("a-1", recording_id="x\n1")], r"the name 'x\n1' holds a character that cannot be"),
        ([_one("a-1", recording_id="x ")], "begins or ends with a space"),
        ([_one("a-1", participant_id="\u202ea")], r"'\u202ea' holds a character"),
    ],
    ids=range(9),
)
def test_what_a_table_could_not_keep_apart_is_refused(root, given, refusal):
    assert refusal in _refusal(root, *given, *REST)


@pytest.mark.parametrize("name", ["x\udcff.wav", "x\n.wav", " x.wav", "x\u200b.wav"])
def test_a_file_name_that_a_table_cannot_hold_is_refused(tmp_path, name):
    tone(tmp_path / "ok.wav").rename(tmp_path / name)

    refusal = _refusal(tmp_path, lambda tree: dataclasses.replace(
        _one("r")(tree), audio=tree.files[0]), *[])  # fmt: skip

    assert "rename it" in refusal
    assert refusal.isprintable()


@pytest.mark.parametrize(
    ("given", "lost"),
    [
        ([_one("x-1", "AD", has_audio=False), _one("x-2", "AD", has_audio=False)],
         "none of the 2 recordings of the label dementia has audio"),
        ([_one("x-1", has_audio=False, official_split="test"),
          _one("x-2", has_audio=False, official_split="test")],
         "none of the 2 recordings of the official split test has audio"),
    ],
    ids=["label", "split"],
)  # fmt: skip
def test_half_a_corpus_is_refused(root, given, lost):
    refusal = _refusal(root, *given, _one("a-1"), _one("a-2"))

    assert f"{root}: {lost}, the first at list.csv:x-1, looked for x-1.wav; complete" in refusal


def test_half_a_corpus_is_taken_where_that_is_asked_for(root):
    given = (_one("x-1", "AD", has_audio=False), _one("x-2", "AD", has_audio=False))

    corpus = _read(root, *given, _one("a-1"), labels={"dementia": None})

    assert set(_labels(corpus)) == {"a-1"}


def test_single_recordings_are_passed_over_and_named(root):
    corpus = _read(root, *REST, _one("a-1", None), _one("x-1", has_audio=False))

    reasons = {each.where: each.reason for each in corpus.passed_over}
    assert reasons == {
        "list.csv:a-1": "no label in list.csv",
        "list.csv:x-1": "no audio, looked for x-1.wav",
        str(root): "1 audio files of which a test says nothing, the first is 'a-2.wav'",
    }


def test_nothing_at_all_says_why(root):
    refusal = _refusal(root, _one("x-1", has_audio=False))

    assert refusal == (
        f"{root}: no recording of a test has audio and a label; list.csv:x-1: no audio, looked for "
        "x-1.wav (+1 more)"
    )


def test_a_score_can_be_the_target_and_is_empty_where_unknown(root):
    given = (_one("a-1", mmse=29.0, mmse_source="list.csv"), _one("a-2"), *REST)

    corpus = _Listed(given).read(root, target_column="mmse", progress=no_progress)

    assert _labels(corpus) == {"a-1": "29", "a-2": None, "b-1": None, "c-1": None}


def test_an_option_that_does_not_exist_is_refused(root):
    refusal = _refusal(root, *REST, error=ConfigError, labels={"mcl": None})

    assert refusal == "labels: a test has no 'mcl'; did you mean 'mci'? known: AD, HC, " \
        "control, dementia, mci"  # fmt: skip


def test_a_study_can_name_a_corpus_and_hears_what_is_missing(tmp_path):
    layout = layouts_of("adresso2021")["as distributed"]
    section = CorpusSection(importer="adresso2021", path=layout.build(tmp_path))

    corpus = import_corpus(section, TargetSection())

    assert {r.label for r in corpus.recordings} == {"control", "dementia"}
    assert "is a selection of the Pitt corpus" in corpus.notice
    assert corpus.notice.endswith(
        "imported in part (3 times something was passed over, first no label in the folder of the "
        "test)."
    )


def test_a_study_of_two_groups_leaves_the_third_out_by_name(tmp_path):
    path = layouts_of("prepare")["unpacked"].build(tmp_path)
    two = CorpusSection(importer="prepare", path=path, labels={"mci": None, "ppa": None})

    assert len(import_corpus(two, TargetSection()).recordings) == 4
    with pytest.raises(CorpusError, match=r"metadata\.csv:3: diagnosis is 'mci'; expected one of"):
        import_corpus(CorpusSection(importer="prepare", path=path), TargetSection())


def test_the_progress_is_told(root):
    told = []

    _Listed(REST).read(
        root, target_column="diagnosis", progress=lambda *step: told.append(step)
    )  # fmt: skip

    assert told == [("import", 2, 2)]


def test_paths_are_those_of_the_tree(root):
    (first, *_) = _read(root, *REST).recordings

    assert first.audio_path == Path(root / "b-1.wav")

"""Both classes side by side, counted by hand."""

import pytest
from pydantic import ValidationError

from cogspeech.config import TranscriptsSection
from cogspeech.reporting.transcript_table import read_quality, transcript_table
from cogspeech.transcripts.quality import quality_csv, quality_of
from cogspeech.types import Prediction, Transcript, Word

NAMES = (
    "recording_id,source,words,words_with_times,interpolated,trimmed,clipped,fillers,pauses,"
    "repeated_phrases,words_per_s,confidence,unheard_words"
)


def prediction(recording_id, participant_id, label, repeat=0):
    return Prediction(
        system="fused",
        repeat=repeat,
        fold=0,
        seed=7,
        participant_id=participant_id,
        recording_id=recording_id,
        label=label,
        probability=0.5,
    )


def row(name, source="manual", *, words=10, fillers=0, rate="2.0", phrases=0, unheard=""):
    return f"{name},{source},{words},{words - 1},1,0,1,{fillers},3,{phrases},{rate},,{unheard}"


def table(*rows, predictions):
    return transcript_table(read_quality("\n".join([NAMES, *rows])), predictions)


def test_medians_are_of_people_and_not_of_recordings():
    """One person with three visits counts once."""
    found = table(
        row("a1", rate="1.0"),
        row("a2", rate="2.0"),
        row("a3", rate="3.0"),
        row("b1", rate="4.0", fillers=5),
        row("c1", rate="6.0"),
        row("d1", rate="1.5"),
        predictions=[
            *(prediction(name, "a", 0) for name in ("a1", "a2", "a3")),
            *(prediction(name, "a", 0, repeat=1) for name in ("a1", "a2", "a3")),
            prediction("b1", "b", 0),
            prediction("c1", "c", 0),
            prediction("d1", "d", 1),
        ],
    )

    control, dementia = found.measures["Words per second"]
    assert (control.median, control.n, control.interval) == (4.0, 3, None)
    assert (dementia.median, dementia.n) == (1.5, 1)
    assert found.recordings == (5, 1)
    assert found.measures["Fillers per 100 words"][0].median == 0.0
    assert found.measures["Pauses per 100 words"][0].median == pytest.approx(30.0)
    assert found.measures["Words whose times were repaired (%)"][0].median == pytest.approx(20.0)
    assert found.measures["Words without measured times (%)"][0].median == pytest.approx(10.0)


def test_six_people_have_an_interval():
    names = [f"r{i}" for i in range(6)]
    found = table(
        *(row(name, rate=str(i + 1)) for i, name in enumerate(names)),
        predictions=[prediction(name, name, 1) for name in names],
    )

    nobody, dementia = found.measures["Words per second"]
    assert nobody is None
    assert (dementia.median, dementia.interval) == (3.5, (1.0, 6.0))
    assert found.only_in_one_class == ()


def test_a_source_of_one_class_only_stands_out():
    found = table(
        row("a", "manual"),
        row("b", "pocketsphinx 5.1.1", phrases=2),
        row("c", "manual"),
        row("unknown", "chat"),
        predictions=[prediction("a", "a", 0), prediction("b", "b", 1), prediction("c", "c", 1)],
    )

    assert found.only_in_one_class == ("pocketsphinx 5.1.1",)
    assert found.sources == ({"manual": 1}, {"pocketsphinx 5.1.1": 1, "manual": 1})
    assert found.repeating == (0, 1)


def test_what_no_recording_has_is_no_row_and_what_one_class_has_is_one():
    predictions = [prediction("a", "a", 0), prediction("b", "b", 1)]

    without = table(row("a"), row("b"), predictions=predictions).measures
    found = table(row("a"), row("b", unheard=2), predictions=predictions).measures

    name = "Words in which the detector hears no speech (%)"
    assert name not in without
    assert "Confidence of the words" not in without
    assert found[name][0] is None
    assert found[name][1].median == pytest.approx(20.0)


def test_what_a_study_writes_can_be_read():
    words = (Word(text="uh", start_s=0.0, end_s=0.5, is_filler=True), Word(text="boy"))
    transcript = Transcript(recording_id="r1", words=words)

    (found,) = read_quality(quality_csv([quality_of(transcript, TranscriptsSection())]))

    assert (found.recording_id, found.source, found.words, found.fillers) == ("r1", "manual", 2, 1)
    assert (found.words_per_s, found.confidence, found.unheard_words) == (2.0, None, None)


@pytest.mark.parametrize("text", ["recording_id,words\nr1,3\n", f"{NAMES}\n{row('r1', words=0)}\n"])
def test_a_table_of_another_kind_is_refused(text):
    with pytest.raises(ValidationError):
        read_quality(text)

from pathlib import Path

import pytest

from cogspeech.config import CorpusSection, TargetSection
from cogspeech.corpora.base import import_corpus
from cogspeech.corpora.two_corpora import side_by_side
from cogspeech.errors import CorpusError
from cogspeech.types import Corpus, PassedOver, Recording
from tone_corpora import tone_corpus


def recording(name, person, **more):
    return Recording(
        recording_id=name, participant_id=person, audio_path=Path(f"{name}.wav"), **more
    )


def test_every_recording_stands_on_the_side_of_its_corpus_whatever_that_says():
    trained = Corpus(recordings=(recording("a", "p", official_split="test"),))
    tested = Corpus(recordings=(recording("b", "q", official_split="train"), recording("c", "r")))

    joined = side_by_side(trained, tested)

    sides = {r.recording_id: r.official_split for r in joined.recordings}
    assert sides == {"a": "train", "b": "test", "c": "test"}


def test_what_either_corpus_must_say_is_said_once():
    lost = PassedOver(where="x", reason="no audio")
    first = Corpus(recordings=(recording("a", "p"),), notice="N.", passed_over=(lost,))
    second = Corpus(recordings=(recording("b", "q"),), notice="N.", passed_over=(lost,))

    joined = side_by_side(first, second)

    assert joined.notice == "N."
    assert joined.passed_over == (lost, lost)


@pytest.mark.parametrize(
    ("there", "here", "column"),
    [(("a", "p"), ("b", "p"), "participant_id 'p'"), (("a", "p"), ("a", "q"), "recording_id 'a'")],
)
def test_a_name_in_both_corpora_is_refused_with_both_places(there, here, column):
    trained = Corpus(recordings=(recording(*there, where="one.csv:2"),))
    tested = Corpus(recordings=(recording(*here, where="two.csv:3"),))

    with pytest.raises(CorpusError, match=rf"^two\.csv:3: {column} also stands at one\.csv:2"):
        side_by_side(trained, tested)


def test_both_corpora_are_checked_and_dropped_from(tmp_path):
    tone_corpus(tmp_path / "one", participants=4, words=2)
    tone_corpus(tmp_path / "two", participants=4, words=2, prefix="q")
    sections = [CorpusSection(path=tmp_path / n / "recordings.csv") for n in ("one", "two")]

    corpus = import_corpus(sections[0], TargetSection(), test_section=sections[1], drop=["q001-v1"])

    assert [r.participant_id for r in corpus.recordings] == [
        "p000", "p001", "p002", "p003", "q000", "q002", "q003"
    ]  # fmt: skip
    (tmp_path / "two" / "audio" / "q003-v1.wav").write_bytes(b"no audio")
    with pytest.raises(CorpusError, match=r"two/recordings\.csv:5: "):
        import_corpus(sections[0], TargetSection(), test_section=sections[1])

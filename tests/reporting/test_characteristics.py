import dataclasses

import numpy as np
import pytest
import soundfile

from cogspeech.reporting.characteristics import characteristics_of
from cogspeech.types import Corpus, Recording

CLASSES = ("control", "dementia")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Person a with two visits, b and c; d is of the other class."""
    path = tmp_path_factory.mktemp("audio") / "one-second.wav"
    soundfile.write(path, np.zeros(8000), 8000)
    rows = [
        ("a1", "a", "control", 60.0, "female"),
        ("a2", "a", "control", 62.0, "female"),
        ("b", "b", "control", 71.0, "male"),
        ("c", "c", "control", None, None),
        ("d", "d", "dementia", 80.0, None),
    ]
    return Corpus(
        recordings=tuple(
            Recording(
                recording_id=name,
                participant_id=person,
                audio_path=path,
                label=label,
                age_years=age,
                sex=sex,
            )
            for name, person, label, age, sex in rows
        )
    )


def test_people_are_counted_and_not_their_recordings(corpus):
    first, second = characteristics_of(corpus, classes=CLASSES, tested=None)

    assert (first.side, first.label, first.participants, first.recordings) == (
        "all", "control", 3, 4
    )  # fmt: skip
    assert first.numbers.keys() == {"age_years"}
    age = first.numbers["age_years"]
    assert (age.mean, age.n) == (66.0, 2)
    assert age.sd == pytest.approx(np.std([61, 71], ddof=1))
    assert first.categories == {"sex": {"female": 1, "male": 1}}
    assert first.duration_s.mean == pytest.approx(4 / 3)
    assert (second.numbers["age_years"].n, second.numbers["age_years"].sd) == (1, None)
    assert second.categories == {}


def test_a_test_set_is_told_apart_from_what_is_trained_on(corpus):
    more = dataclasses.replace(corpus.recordings[-1], recording_id="e", participant_id="e")
    both = Corpus(recordings=(*corpus.recordings, more))

    groups = characteristics_of(both, classes=CLASSES, tested=frozenset({"a", "e"}))

    assert [(g.side, g.label, g.participants, g.recordings) for g in groups] == [
        ("train", "control", 2, 2),
        ("train", "dementia", 1, 1),
        ("test", "control", 1, 2),
        ("test", "dementia", 1, 1),
    ]

"""Every check of the audit there is, and every one added tomorrow."""

import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cogspeech.audit.base import CHECKS, Evidence, Item, known_codes
from cogspeech.audit.listening import hear
from cogspeech.types import Recording, Transcript, Word

CLASSES = ("control", "dementia")
RATE_HZ = 8_000
SPOKEN = "the boy takes jam from a high shelf while water runs over and mother dries a plate"


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Two seconds of bursts and near silence."""
    samples = np.random.default_rng(0).normal(0, 0.1, 2 * RATE_HZ)
    samples[::3] *= 1e-3
    path = tmp_path_factory.mktemp("sound") / "a.wav"
    soundfile.write(path, samples, RATE_HZ)
    return hear(path)


def evidence(sound, count=6):
    """Recordings that share everything which recordings must not share."""
    words = tuple(Word(text=text) for text in SPOKEN.split() * 3)
    items = [
        Item(
            recording=Recording(
                recording_id=f"control-{n // 2}",
                participant_id=f"p{n // 3}",
                audio_path=Path(f"{CLASSES[n % 2]}/r{n}.wav"),
                label=CLASSES[n % 2],
                official_split=("train", "test", None)[n % 3],
                age_years=60.0 + n,
                metadata={"device": "abc"[n % 3]},
            ),
            sound=sound if n else None,
            sound_problem=None if n else "it breaks off",
            transcript=Transcript(recording_id=f"r{n}", words=words),
        )
        for n in range(count)
    ]
    return Evidence(items=tuple(items), classes=CLASSES)


@pytest.fixture(params=CHECKS.names())
def check(request):
    return CHECKS.get(request.param)()


def test_it_names_its_codes_and_finds_no_others(check, sound):
    assert check.codes
    assert all(re.fullmatch(r"[a-z_]+", code) and rule for code, rule in check.codes.items())
    assert {finding.code for finding in check.find(evidence(sound))} <= set(check.codes)


def test_it_finds_the_same_twice_and_it_is_json(check, sound):
    first, second = (list(check.find(evidence(sound))) for _ in range(2))

    assert first == second
    for finding in first:
        json.dumps(asdict(finding), allow_nan=False)
        assert finding.message


def test_no_message_holds_a_word_of_a_transcript(check, sound):
    words = (*(Word(text=f"zqx{n}") for n in range(60)),)
    given = evidence(sound)
    items = [
        replace(item, transcript=Transcript(recording_id="r", words=words)) for item in given.items
    ]

    for finding in check.find(replace(given, items=tuple(items))):
        assert "zqx" not in json.dumps(asdict(finding))


@pytest.mark.parametrize("classes", [(), ("control",), CLASSES, ("a", "b", "c")])
def test_it_lives_with_a_table_of_nothing(check, classes):
    found = list(check.find(Evidence(items=(), classes=classes)))

    assert [finding.recordings for finding in found if finding.recordings] == []


def test_it_lives_with_recordings_of_which_nothing_is_known(check):
    rows = [
        Recording(recording_id=str(n), participant_id=str(n), audio_path=Path("x"))
        for n in range(4)
    ]
    items = tuple(Item(recording=row, sound=None, sound_problem="gone") for row in rows)

    found = list(check.find(Evidence(items=items, classes=CLASSES)))

    assert {name for finding in found for name in finding.recordings} <= {"0", "1", "2", "3"}


def test_no_code_belongs_to_two_checks():
    assert len(known_codes()) == sum(len(CHECKS.get(name).codes) for name in CHECKS.names())


def test_the_docs_name_every_code():
    text = (Path(__file__).parents[2] / "docs" / "explanation" / "audit.md").read_text()

    assert [code for code in known_codes() if f"`{code}`" not in text] == []

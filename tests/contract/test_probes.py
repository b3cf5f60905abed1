"""Every probe there is: red on its artefact, clear without, silent where it does not apply."""

import dataclasses
import math

import numpy as np
import pytest
import soundfile
from scipy.stats import norm

from cases import make_case
from cogspeech.corpora.splits import People, plan_splits
from cogspeech.evaluation.base import PROBES
from cogspeech.evaluation.intervals import Z
from cogspeech.evaluation.probing import run_probes
from cogspeech.types import Word

CLASSES = ("control", "dementia")
RATE_HZ = 16_000


def corpus(folder, planted):
    """Forty people; `planted` is the artefact in which the classes differ, if any."""
    generator = np.random.default_rng(0)
    made = []
    for number in range(40):
        label = number % 2
        words = 10 + int(generator.integers(6)) + (8 if planted == "length_only" and label else 0)
        noise = 0.01 * (3 if planted == "silence_only" and label else 1)
        samples = noise * generator.standard_normal(round((0.5 * words + 1.5) * RATE_HZ))
        path = folder / f"{planted}-{number}.wav"
        soundfile.write(path, samples, RATE_HZ)
        case = make_case(number, CLASSES[label], words=words)
        recording = dataclasses.replace(case.recording, audio_path=path)
        made.append(dataclasses.replace(case, recording=recording))
    return made


def run(name, made):
    people = People.of([case.recording for case in made], CLASSES)
    plan = plan_splits(people, outer_folds=4, repeats=1, validation_fraction=0.25, seed=1)
    (result,) = run_probes([name], made, plan, classes=CLASSES, seed=1)
    return result


@pytest.mark.parametrize("name", PROBES.names())
def test_it_turns_red_on_its_planted_artefact_and_only_then(name, tmp_path):
    planted, clean = run(name, corpus(tmp_path, name)), run(name, corpus(tmp_path, "nothing"))

    assert planted.verdict == "shortcut"
    assert planted.auroc.low > 0.5
    assert planted.p_value < 0.025
    assert clean.verdict == "clear"
    assert clean.p_value > 0.025


@pytest.mark.parametrize("name", PROBES.names())
def test_it_says_what_it_looks_at(name):
    assert PROBES.get(name).name == name
    assert len(PROBES.get(name).looks_at) > 20


def test_silence_does_not_apply_where_nobody_is_silent(tmp_path):
    made = corpus(tmp_path, "nothing")
    words = (Word(text="long", start_s=0.0, end_s=30.0),)
    transcript = dataclasses.replace(made[0].transcript, words=words)
    made[0] = dataclasses.replace(made[0], transcript=transcript)

    result = run("silence_only", made)

    assert (result.verdict, result.auroc, result.p_value) == ("not_applicable", None, None)


def test_silence_does_not_apply_where_word_times_are_unknown(tmp_path):
    made = corpus(tmp_path, "nothing")
    transcript = dataclasses.replace(made[0].transcript, words=(Word(text="untimed"),))

    assert (
        PROBES.get("silence_only")().features(dataclasses.replace(made[0], transcript=transcript))
        is None
    )


def test_length_does_not_apply_to_an_event_without_duration():
    case = make_case(1, "control")
    instant = dataclasses.replace(
        case.embedded,
        event_start_s=np.zeros_like(case.embedded.event_start_s),
        event_duration_s=np.zeros_like(case.embedded.event_duration_s),
    )

    assert PROBES.get("length_only")().features(dataclasses.replace(case, embedded=instant)) is None


def test_the_p_value_and_the_interval_of_a_probe_say_the_same(tmp_path):
    found = run("length_only", corpus(tmp_path, "nothing"))

    middle, low = (math.log(x / (1 - x)) for x in (found.auroc.estimate, found.auroc.low))
    assert found.p_value == pytest.approx(norm.sf(middle / ((middle - low) / Z)), rel=1e-6)

"""Every perturbation there is: pure, deterministic, in place, and what it says it does."""

import dataclasses
import re

import numpy as np
import pytest
import soundfile

from cases import make_case
from cogspeech.robustness.base import (
    CLEAN,
    PERTURBATIONS,
    EventPerturbation,
    Heard,
    SoundPerturbation,
    Surroundings,
)
from cogspeech.types import Transcript, Word

RATES_HZ = (8_000, 16_000, 44_100)
SOUND = [n for n in PERTURBATIONS.names() if issubclass(PERTURBATIONS.get(n), SoundPerturbation)]
EVENT = [n for n in PERTURBATIONS.names() if issubclass(PERTURBATIONS.get(n), EventPerturbation)]


def heard(rate_hz=16_000, *, words=20, seed=0):
    """Bursts of band-limited noise where the words are, a faint floor elsewhere."""
    generator = np.random.default_rng(seed)
    num_samples = round((0.5 * words + 0.7) * rate_hz)
    rough = generator.standard_normal(num_samples)
    samples = np.convolve(rough, np.hanning(9) / 4, mode="same")
    envelope = np.full(num_samples, 0.001)
    spoken = tuple(
        Word(text=f"w{i % 5}", start_s=0.5 * i + 0.2, end_s=0.5 * i + 0.5) for i in range(words)
    )
    for word in spoken:
        envelope[round(word.start_s * rate_hz) : round(word.end_s * rate_hz)] = 0.1
    return Heard(
        samples=(samples * envelope).astype(np.float32),
        sample_rate_hz=rate_hz,
        transcript=Transcript(recording_id="r1", words=spoken),
    )


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Eight recordings of other people."""
    folder = tmp_path_factory.mktemp("others")
    made = []
    for number in range(8):
        path = folder / f"{number}.wav"
        sound = heard(seed=number + 1)
        soundfile.write(path, sound.samples, sound.sample_rate_hz)
        case = make_case(number, "control", texts=[f"v{i}" for i in range(12)])
        recording = dataclasses.replace(case.recording, audio_path=path)
        made.append(dataclasses.replace(case, recording=recording))
    return made


def around(others, seed=3):
    return Surroundings(generator=np.random.default_rng(seed), others=others)


@pytest.mark.parametrize("name", PERTURBATIONS.names())
def test_it_says_what_it_does(name):
    plugin = PERTURBATIONS.get(name)

    assert plugin.name == name
    assert re.fullmatch(r"[a-z].{15,}[^.]", plugin.does)
    assert plugin.unit
    assert len(set(plugin.severities)) == len(plugin.severities) >= 1
    assert CLEAN not in plugin.severities


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_what_comes_out_can_be_embedded(name, rate_hz, others):
    before = heard(rate_hz, words=10)
    plugin = PERTURBATIONS.get(name)()
    for severity in plugin.severities:
        after = plugin.perturb(before, severity, around(others))

        assert after.samples.dtype == np.float32
        assert after.sample_rate_hz == rate_hz
        assert np.isfinite(after.samples).all()
        if name != "clip_length":
            assert len(after.samples) == len(before.samples)
        assert after.samples is before.samples or not np.array_equal(after.samples, before.samples)
        assert after.transcript.participant_words


@pytest.mark.parametrize("name", SOUND)
def test_the_same_seed_gives_the_same_bits_and_the_input_stays(name, others):
    before = heard(words=8)
    copy = before.samples.copy()
    plugin = PERTURBATIONS.get(name)()
    for severity in (plugin.severities[0], plugin.severities[-1]):
        first, second = (plugin.perturb(before, severity, around(others)) for _ in range(2))

        np.testing.assert_array_equal(first.samples, second.samples)
        assert first.transcript == second.transcript
        np.testing.assert_array_equal(before.samples, copy)


@pytest.mark.parametrize("name", [n for n in SOUND if n.startswith(("noise_", "reverb", "word_"))])
def test_another_person_gets_another_draw(name, others):
    before = heard(words=12)
    plugin = PERTURBATIONS.get(name)()

    one, two = (plugin.perturb(before, plugin.severities[-1], around(others, s)) for s in (1, 2))

    assert not np.array_equal(one.samples, two.samples) or one.transcript != two.transcript


@pytest.mark.parametrize("name", [n for n in SOUND if not n.startswith(("word_", "clip_"))])
def test_words_keep_their_times_and_their_sound_keeps_its_place(name, others):
    before = heard(words=20)
    plugin = PERTURBATIONS.get(name)()
    mildest = plugin.severities[0]

    after = plugin.perturb(before, mildest, around(others))

    assert after.transcript == before.transcript
    assert abs(lag_of(before.samples, after.samples)) == 0


@pytest.mark.parametrize("name", EVENT)
def test_changed_events_fit_each_other(name):
    before = make_case(1, "control", words=12).embedded
    plugin = PERTURBATIONS.get(name)()
    for severity in plugin.severities:
        after = plugin.change(before, severity)

        sizes = {len(getattr(after, f)) for f in ("event_vectors", "event_word", "event_is_pause",
                                                  "event_start_s", "event_duration_s")}  # fmt: skip
        assert len(sizes) == 1
        np.testing.assert_array_equal(after.token_vectors, before.token_vectors)
        assert (np.diff(after.event_start_s) >= 0).all()


def lag_of(before, after):
    """By how many samples the second comes later, from the cross-correlation."""
    size = 1 << (2 * len(before) - 1).bit_length()
    product = np.fft.rfft(after, size) * np.conj(np.fft.rfft(before, size))
    peak = int(np.argmax(np.abs(np.fft.irfft(product, size))))
    return peak - size if peak > size // 2 else peak

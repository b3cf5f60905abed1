"""Each perturbation does what was asked for, as measured on what comes out."""

import dataclasses

import numpy as np
import pytest
import scipy.signal
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from cases import make_case
from cogspeech.corpora.audio import read_audio
from cogspeech.robustness.base import PERTURBATIONS, Heard, Surroundings
from cogspeech.robustness.levels import with_noise
from cogspeech.types import Transcript, Word
from conftest import make_embedded

RATE_HZ = 16_000


def spoken(texts, *, duration_s=None, rate_hz=RATE_HZ, level=0.1, seed=0, speaker="participant"):
    """A word of 0.3 s every half second, in noise whose level changes from word to word."""
    generator = np.random.default_rng(seed)
    words = tuple(
        Word(text=text, start_s=0.5 * i + 0.2, end_s=0.5 * i + 0.5, speaker=speaker)
        for i, text in enumerate(texts)
    )
    num_samples = round((duration_s or 0.5 * len(texts) + 0.5) * rate_hz)
    samples = 0.002 * generator.standard_normal(num_samples)
    for i, word in enumerate(words):
        inside = slice(round(word.start_s * rate_hz), round(word.end_s * rate_hz))
        samples[inside] *= 500 * level * (0.5 + i % 3)
    return Heard(
        samples=samples.astype(np.float32),
        sample_rate_hz=rate_hz,
        transcript=Transcript(recording_id="r1", words=words),
    )


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    folder = tmp_path_factory.mktemp("others")
    made = []
    for number in range(7):
        path = folder / f"{number}.wav"
        time_s = np.arange(3 * RATE_HZ + 1000 * number) / RATE_HZ
        tone = np.sin(2 * np.pi * 100 * (number + 1) * time_s) * 0.1 * (number + 1)
        soundfile.write(path, tone, RATE_HZ)
        case = make_case(number, "control", texts=["the", "boy", "the", "jar", "water"])
        recording = dataclasses.replace(case.recording, audio_path=path)
        made.append(dataclasses.replace(case, recording=recording))
    return made


def perturb(name, heard, severity, others=(), seed=0):
    around = Surroundings(generator=np.random.default_rng(seed), others=others)
    return PERTURBATIONS.get(name)().perturb(heard, severity, around)


def power_db(signal):
    return 10 * np.log10(np.mean(np.square(signal, dtype=np.float64)))


@pytest.mark.parametrize("name", ["noise_white", "noise_pink", "noise_babble"])
@pytest.mark.parametrize("snr_db", [30.0, 5.0, -5.0])
def test_the_ratio_over_the_words_is_what_was_asked_for(name, snr_db, others):
    before = spoken(["a"] * 12)

    after = perturb(name, before, snr_db, others)

    noise = after.samples.astype(np.float64) - before.samples
    words = before.transcript.words
    is_speech = np.zeros(len(noise), dtype=bool)
    for word in words:
        is_speech[round(word.start_s * RATE_HZ) : round(word.end_s * RATE_HZ)] = True
    measured = power_db(before.samples[is_speech]) - power_db(noise[is_speech])
    assert measured == pytest.approx(snr_db, abs=0.1)


def test_the_level_of_a_noise_is_measured_during_the_words_too():
    before = spoken(["a"] * 12)
    noise = np.ones(len(before.samples))
    for word in before.transcript.words:
        noise[round(word.start_s * RATE_HZ) : round(word.end_s * RATE_HZ)] = 0.01

    mixed = with_noise(before, noise, snr_db=10.0)

    added = dataclasses.replace(before, samples=mixed - before.samples).speech
    assert power_db(before.speech) - power_db(added) == pytest.approx(10.0, abs=0.01)


def test_only_the_participants_words_make_the_level_of_the_speech(others):
    before = spoken(["a"] * 12)
    words = [
        dataclasses.replace(w, speaker="interviewer" if i % 2 else "participant")
        for i, w in enumerate(before.transcript.words)
    ]
    transcript = dataclasses.replace(before.transcript, words=tuple(words))
    samples = before.samples.copy()
    for word in words[1::2]:
        samples[round(word.start_s * RATE_HZ) : round(word.end_s * RATE_HZ)] *= 30
    loud = dataclasses.replace(before, transcript=transcript, samples=samples)
    quiet = dataclasses.replace(before, transcript=transcript)

    noises = [perturb("noise_white", h, 10.0).samples - h.samples for h in (loud, quiet)]

    np.testing.assert_allclose(noises[0], noises[1], atol=1e-5)


@pytest.mark.parametrize(("name", "slope_db"), [("noise_white", 0.0), ("noise_pink", -3.01)])
def test_the_colour_of_the_noise(name, slope_db):
    before = spoken(["a"] * 60)
    noise = perturb(name, before, 0.0).samples - before.samples

    frequency_hz, power = scipy.signal.welch(noise, RATE_HZ, nperseg=4096)
    octaves = [
        10 * np.log10(power[(frequency_hz >= low) & (frequency_hz < 2 * low)].mean())
        for low in (200, 400, 800, 1600)
    ]

    assert np.diff(octaves) == pytest.approx([slope_db] * 3, abs=0.5)


def test_babble_is_six_voices_at_equal_levels(others):
    before = spoken(["a"] * 30)
    noise = perturb("noise_babble", before, 0.0, others).samples - before.samples

    frequency_hz, power = scipy.signal.periodogram(noise, RATE_HZ, "hann")
    tones = np.array(
        [power[np.abs(frequency_hz - 100 * (n + 1)) < 3].sum() for n in range(len(others))]
    )

    heard = tones > tones.max() / 100
    assert heard.sum() == 6
    assert tones[heard].max() < 1.5 * tones[heard].min()


@pytest.mark.parametrize("rt60_s", [0.2, 1.0])
def test_the_room_rings_as_long_as_was_asked_for(rt60_s):
    """Schroeder's backward integral of the response to a click, from -5 to -25 dB."""
    rate_hz = 16_000
    samples = np.zeros(2 * rate_hz, dtype=np.float32)
    samples[0] = 1.0
    click = Heard(
        samples=samples,
        sample_rate_hz=rate_hz,
        transcript=Transcript(recording_id="r1", words=(Word(text="a", start_s=0.0, end_s=2.0),)),
    )

    response = perturb("reverberation", click, rt60_s).samples.astype(np.float64)

    tail = response[round(0.0025 * rate_hz) :]
    left_db = 10 * np.log10(np.cumsum(np.square(tail)[::-1])[::-1] / np.sum(np.square(tail)))
    time_s = [np.argmax(left_db < level) / rate_hz for level in (-5.0, -25.0)]
    assert 3 * (time_s[1] - time_s[0]) == pytest.approx(rt60_s, rel=0.1)
    assert np.argmax(np.abs(response)) == 0
    assert np.sum(np.square(response)) == pytest.approx(1.0, rel=1e-5)


def test_reverberation_keeps_the_level_of_the_speech():
    before = spoken(["a"] * 12)

    after = perturb("reverberation", before, 0.6)

    assert power_db(after.speech) == pytest.approx(power_db(before.speech), abs=0.01)


@pytest.mark.parametrize(
    ("name", "severity", "highest_hz"),
    [("telephone", s, 3400) for s in PERTURBATIONS.get("telephone").severities]
    + [("low_pass", s, s) for s in (4000.0, 3400.0, 2000.0)],
)
def test_what_lies_above_the_band_is_gone(name, severity, highest_hz):
    before = spoken(["a"] * 40)

    after = perturb(name, before, severity)

    frequency_hz, power = scipy.signal.welch(after.samples, RATE_HZ, nperseg=1024)
    above, inside = frequency_hz > 1.25 * highest_hz, (frequency_hz > 500) & (frequency_hz < 1500)
    assert 10 * np.log10(power[above].mean() / power[inside].mean()) < -20


def test_a_filter_above_the_highest_frequency_changes_nothing():
    before = spoken(["a"] * 4)

    assert perturb("low_pass", before, 8000.0) is before


def sentences(real_speech):
    for path in sorted((real_speech / "librivox").glob("*.wav"))[:2]:
        samples = read_audio(path, sample_rate_hz=RATE_HZ)
        words = (Word(text="all", start_s=0.0, end_s=len(samples) / RATE_HZ),)
        yield Heard(
            samples=samples,
            sample_rate_hz=RATE_HZ,
            transcript=Transcript(recording_id="r1", words=words),
        )


@pytest.mark.real_speech
@pytest.mark.parametrize(
    ("name", "severity"),
    [(n, s) for n in ("telephone", "codecs", "low_pass") for s in PERTURBATIONS.get(n).severities],
)
def test_real_voices_keep_length_and_place_through_every_codec(real_speech, name, severity):
    for before in sentences(real_speech):
        after = perturb(name, before, severity)

        assert len(after.samples) == len(before.samples)
        correlation = scipy.signal.correlate(after.samples, before.samples, method="fft")
        lag = np.argmax(correlation) - (len(before.samples) - 1)
        assert abs(lag) <= (severity == "Opus 6k")  # which makes up its waveform
        third = len(before.samples) // 3  # no drift: the last third has not moved either
        late = scipy.signal.correlate(after.samples[-third:], before.samples[-third:], method="fft")
        assert abs(np.argmax(late) - (third - 1)) <= 1


@pytest.mark.real_speech
@pytest.mark.parametrize("family", ["MP3", "Opus"])
def test_fewer_bits_are_further_from_the_original(real_speech, family):
    before = next(sentences(real_speech))
    severities = [s for s in PERTURBATIONS.get("codecs").severities if s.startswith(family)]

    # Codecs keep what is heard, not the waveform: the envelope of the spectrum tells.
    def spectrum(samples):
        _, _, found = scipy.signal.stft(samples, RATE_HZ, nperseg=512)
        return np.log10(np.abs(found) + 1e-4)

    distance = [
        np.abs(spectrum(perturb("codecs", before, s).samples) - spectrum(before.samples)).mean()
        for s in severities
    ]
    assert distance == sorted(distance)
    assert distance[-1] > 1.2 * distance[0]


@pytest.mark.parametrize("gain_db", [-20.0, 12.0])
def test_a_gain_is_a_gain(gain_db):
    before = spoken(["a"] * 4)

    after = perturb("level", before, gain_db)

    assert power_db(after.samples) - power_db(before.samples) == pytest.approx(gain_db, abs=1e-3)


def test_the_polarity_is_turned_and_a_constant_is_added():
    before = spoken(["a"] * 4)

    np.testing.assert_array_equal(perturb("level", before, "polarity").samples, -before.samples)
    np.testing.assert_allclose(
        perturb("level", before, "constant").samples - before.samples, 0.05, atol=1e-6
    )


@given(
    st.sampled_from([5.0, 10.0, 15.0]),
    st.integers(0, 10),
    st.integers(0, 3),
    st.sampled_from([0.0, 0.1, 0.4]),
)
def test_only_words_inside_the_clip_stay(seconds, first_untimed, untimed, later_s):
    before = spoken([f"w{i}" for i in range(40)])
    words = [
        dataclasses.replace(word, start_s=word.start_s + later_s, end_s=word.end_s + later_s)
        for word in before.transcript.words
    ]
    for position in range(first_untimed, first_untimed + untimed):
        words[position] = Word(text=f"w{position}")
    before = dataclasses.replace(
        before, transcript=dataclasses.replace(before.transcript, words=tuple(words))
    )

    after = perturb("clip_length", before, seconds)

    assert len(after.samples) == seconds * RATE_HZ
    np.testing.assert_array_equal(after.samples, before.samples[: len(after.samples)])
    last = max(i for i, w in enumerate(words) if w.end_s is not None and w.end_s <= seconds)
    assert after.transcript.words == tuple(words[: last + 1])


def test_a_short_recording_is_not_clipped_and_one_without_words_is_left_out():
    before = spoken(["a"] * 8)
    late = dataclasses.replace(
        spoken(["a"] * 8, duration_s=30),
        transcript=Transcript(
            recording_id="r1",
            words=(
                Word(text="hello", start_s=0.5, end_s=1.0, speaker="interviewer"),
                Word(text="a", start_s=20.0, end_s=21.0),
            ),
        ),
    )

    assert perturb("clip_length", before, 5.0) is before
    assert perturb("clip_length", late, 15.0) is None


PERCENT = st.sampled_from([10.0, 20.0, 30.0, 40.0, 60.0])


@given(PERCENT, st.integers(2, 60), st.integers(0, 5))
def test_deletions_hit_the_rate(percent, count, seed):
    before = spoken([f"w{i}" for i in range(count)])

    after = perturb("word_deletion", before, percent, seed=seed)

    left = after.transcript.words
    assert len(left) == count - round(count * percent / 100)
    assert [w for w in before.transcript.words if w in left] == list(left)
    assert after.samples is before.samples


@given(PERCENT, st.integers(2, 60), st.integers(0, 5))
def test_substitutions_hit_the_rate_and_keep_the_times(percent, count, seed):
    before = spoken(["the"] * count)

    after = perturb("word_substitution", before, percent, talkers(), seed=seed)

    pairs = list(zip(before.transcript.words, after.transcript.words, strict=True))
    changed = [new.text for old, new in pairs if old.text != new.text]
    assert len(changed) == round(count * percent / 100)
    assert set(changed) <= {"boy", "jar"}
    assert all((old.start_s, old.end_s) == (new.start_s, new.end_s) for old, new in pairs)


@given(PERCENT, st.integers(2, 60), st.integers(0, 5))
def test_insertions_hit_the_rate_and_move_nothing(percent, count, seed):
    before = spoken([f"w{i}" for i in range(count)])

    after = perturb("word_insertion", before, percent, talkers(), seed=seed)

    new = [w for w in after.transcript.words if w.text in {"the", "boy", "jar"}]
    assert len(new) == round(count * percent / 100)
    assert [w for w in after.transcript.words if w not in new] == list(before.transcript.words)
    for previous, word in zip(after.transcript.words, after.transcript.words[1:], strict=False):
        if word in new:
            assert (word.start_s, word.end_s) == (previous.start_s, previous.end_s)


def talkers():
    return [make_case(1, "control", texts=["the", "boy", "jar"])]


@pytest.mark.parametrize("name", ["word_deletion", "word_insertion", "word_substitution"])
def test_the_words_of_others_are_never_errors(name):
    before = spoken(["a"] * 20)
    words = tuple(
        dataclasses.replace(w, speaker="interviewer" if i < 10 else "participant")
        for i, w in enumerate(before.transcript.words)
    )
    before = dataclasses.replace(
        before, transcript=dataclasses.replace(before.transcript, words=words)
    )

    after = perturb(name, before, 60.0, talkers())

    assert [w for w in after.transcript.words if w.speaker == "interviewer"] == list(words[:10])


def test_milder_deletions_are_among_the_harder_ones():
    before = spoken([f"w{i}" for i in range(30)])

    left = [set(perturb("word_deletion", before, p).transcript.words) for p in (60.0, 30.0, 10.0)]

    assert left[0] < left[1] < left[2]


@pytest.mark.parametrize("name", ["word_insertion", "word_substitution"])
def test_no_word_is_invented(name):
    before = spoken(["the"] * 10)

    assert perturb(name, before, 20.0, [make_case(1, "control", texts=["the"])]) is None


def change(severity):
    before = make_embedded(words=9)
    return before, PERTURBATIONS.get("pause_removal")().change(before, severity)


def test_pauses_are_removed_and_what_follows_moves_up():
    before, after = change("none")

    is_word = ~before.event_is_pause
    assert not after.event_is_pause.any()
    np.testing.assert_array_equal(after.event_vectors, before.event_vectors[is_word])
    np.testing.assert_array_equal(after.event_duration_s, before.event_duration_s[is_word])
    expected = np.cumsum(after.event_duration_s) - after.event_duration_s
    np.testing.assert_allclose(after.event_start_s, expected, atol=1e-12)


def test_all_pauses_last_200_ms():
    before, after = change("200 ms")

    np.testing.assert_array_equal(after.event_is_pause, before.event_is_pause)
    assert set(after.event_duration_s[after.event_is_pause]) == {0.2}
    expected = np.cumsum(after.event_duration_s) - after.event_duration_s
    np.testing.assert_allclose(after.event_start_s, expected, atol=1e-12)

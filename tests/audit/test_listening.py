"""What is measured of a recording is what was put into it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cogspeech.audit import gather
from cogspeech.audit.gather import gather_evidence
from cogspeech.audit.listening import from_arrays, hear, to_arrays
from cogspeech.cache import ContentCache
from cogspeech.config import TranscriptsSection
from cogspeech.errors import AudioError
from cogspeech.types import Recording

RATE_HZ = 16_000


def bursts(*, level=0.1, noise=1e-3, silence_s=0.5, seconds=6.0, rate_hz=RATE_HZ, seed=0):
    """Noise in the place of syllables: 0.3 s loud, 0.2 s quiet, after a first silence."""
    generator = np.random.default_rng(seed)
    at_s = np.arange(round(seconds * rate_hz)) / rate_hz
    is_loud = (at_s >= silence_s) & ((at_s - silence_s) % 0.5 < 0.3)
    return np.where(is_loud, level, noise) * generator.standard_normal(len(at_s))


def heard(folder: Path, samples, *, rate_hz=RATE_HZ, name="a.wav", subtype="PCM_16"):
    soundfile.write(folder / name, samples, rate_hz, subtype=subtype)
    return hear(folder / name)


def test_levels_and_silences_are_those_of_the_signal(tmp_path):
    sound = heard(tmp_path, bursts(level=0.1, noise=1e-3, silence_s=0.8))

    in_band_db = 10 * np.log10(7_520 / 8_000)
    assert sound.level_dbfs == pytest.approx(-20 + in_band_db, abs=1.5)
    assert sound.noise_dbfs == pytest.approx(-60 + in_band_db, abs=1.5)
    assert sound.snr_db == pytest.approx(40, abs=2)
    assert sound.leading_silence_s == pytest.approx(0.8, abs=0.03)
    assert sound.speech_s == pytest.approx(0.6 * 5.2, abs=0.4)
    assert sound.duration_s == 6.0


def test_gain_moves_levels_and_nothing_else(tmp_path):
    loud, quiet = (
        heard(tmp_path, gain * bursts(), name=f"{gain}.wav", subtype="FLOAT")
        for gain in (1.0, 0.125)
    )

    assert loud.level_dbfs - quiet.level_dbfs == pytest.approx(18.06, abs=0.01)
    assert loud.snr_db == pytest.approx(quiet.snr_db, abs=0.01)
    assert np.array_equal(loud.landmarks.bins, quiet.landmarks.bins)
    assert loud.pcm_digest != quiet.pcm_digest


def test_the_digest_is_that_of_the_samples_and_not_of_the_file(tmp_path):
    whole = np.rint(bursts() * 32767).astype(np.int16)
    wav, flac, both, slower = (
        heard(tmp_path, whole, name="a.wav"),
        heard(tmp_path, whole, name="a.flac"),
        heard(tmp_path, np.stack([whole, whole], axis=1), name="both.wav"),
        heard(tmp_path, whole, rate_hz=8_000, name="slow.wav"),
    )

    assert wav.pcm_digest == flac.pcm_digest == both.pcm_digest != slower.pcm_digest
    assert (wav.codec, flac.codec) == ("WAV PCM", "FLAC PCM")
    assert (wav.num_channels, both.num_channels) == (1, 2)
    assert (wav.bits_per_sample, slower.sample_rate_hz) == (16, 8_000)


@pytest.mark.parametrize("limit_hz", [2_000, 3_400, 6_000])
def test_bandwidth_is_where_the_spectrum_ends(tmp_path, limit_hz):
    spectrum = np.fft.rfft(bursts())
    spectrum[round(limit_hz / 8_000 * (len(spectrum) - 1)) :] = 0

    sound = heard(tmp_path, np.fft.irfft(spectrum))

    assert sound.bandwidth_hz == pytest.approx(limit_hz, abs=300)


def test_clipping_and_offset(tmp_path):
    clipped = heard(tmp_path, np.clip(bursts(level=0.8), -1, 1))
    moved = heard(tmp_path, bursts() + 0.1)

    assert clipped.clipped_share > 0.05
    assert moved.dc_offset == pytest.approx(0.1, abs=1e-3)
    assert moved.clipped_share == 0


def test_the_pitch_of_a_voice(tmp_path):
    at_s = np.arange(8 * RATE_HZ) / RATE_HZ
    tone = sum(np.sin(2 * np.pi * 150 * k * at_s) / k for k in range(1, 12))
    sound = heard(tmp_path, 0.1 * tone * (at_s % 0.5 < 0.4))

    assert sound.voice is not None
    assert sound.voice.halves[:, -2] == pytest.approx(12 * np.log2(1.5), abs=0.3)


def test_little_speech_has_no_voice(tmp_path):
    assert heard(tmp_path, bursts(seconds=2.0)).voice is None


def test_what_the_cache_gives_back_is_what_it_was_given(tmp_path):
    sound = heard(tmp_path, bursts(seconds=10.0))

    again = from_arrays(to_arrays(sound))

    assert repr(again) == repr(sound)


def test_digital_silence_and_broken_files_are_refused(tmp_path):
    with pytest.raises(AudioError, match="digital silence"):
        heard(tmp_path, np.zeros(RATE_HZ))
    (tmp_path / "b.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:-999])
    with pytest.raises(AudioError, match="breaks off"):
        hear(tmp_path / "b.wav")


def rows(folder, count):
    for number in range(count):
        samples = bursts(seconds=1.5, seed=number)
        soundfile.write(folder / f"{number}.wav", samples, RATE_HZ)
    (folder / "3.wav").write_bytes(b"no audio")
    return [
        Recording(recording_id=f"r{n}", participant_id=f"p{n}", audio_path=folder / f"{n}.wav")
        for n in range(count)
    ]


def test_every_file_is_heard_once_and_never_again(tmp_path, monkeypatch):
    recordings = rows(tmp_path, 5)
    calls, real = [], gather.hear
    monkeypatch.setattr(gather, "hear", lambda path: calls.append(path.name) or real(path))
    told = []

    def ask():
        return gather_evidence(
            [*recordings, recordings[0]],
            TranscriptsSection(),
            classes=("control", "dementia"),
            cache=ContentCache(tmp_path / "cache"),
            progress=lambda *step, audio_s=0.0: told.append(step),
        )

    first, second = ask(), ask()

    assert calls == ["0.wav", "1.wav", "2.wav", "4.wav"]
    assert repr(first) == repr(second)
    assert "not readable" in first.items[3].sound_problem
    assert told == [("audit", 2 + n, 5) for n in range(4)]
    assert len(ContentCache(tmp_path / "cache").keys_of("p0")) == 1


def test_a_file_under_two_names_is_forgotten_with_either(tmp_path):
    first = rows(tmp_path, 4)[0]
    cache = ContentCache(tmp_path / "cache")

    gather_evidence(
        [replace(first, participant_id=name) for name in ("anna", "bert")],
        TranscriptsSection(),
        classes=(),
        cache=cache,
    )

    assert cache.keys_of("anna") == cache.keys_of("bert") != ()


def test_several_processes_hear_what_one_hears(tmp_path, monkeypatch):
    monkeypatch.setattr(gather, "WORTH_A_POOL", 2)
    recordings = rows(tmp_path, 6)
    alone, together = (
        gather_evidence(
            recordings,
            TranscriptsSection(),
            classes=(),
            cache=ContentCache(tmp_path / f"cache{workers}"),
            workers=workers,
        )
        for workers in (1, 2)
    )

    assert repr(alone) == repr(together)

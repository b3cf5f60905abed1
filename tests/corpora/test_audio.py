"""Audio is read whole, once, as mono float32; what cannot be read whole is refused."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from cogspeech.corpora import audio
from cogspeech.corpora.audio import keep_turns, probe_audio, read_audio
from cogspeech.errors import AudioError
from cogspeech.types import Turn

RATE_HZ = 16_000


def _noise(num_samples: int, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, num_samples).astype(np.float32)


def _tone(hertz: float, duration_s: float, rate_hz: int) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(duration_s * rate_hz)) / rate_hz)


def _cut_in_half(path: Path) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def _refusal(path: Path) -> str:
    with pytest.raises(AudioError) as refusal:
        read_audio(path, sample_rate_hz=RATE_HZ)
    return str(refusal.value)


def test_the_header_tells_rate_channels_and_duration(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros((4_000, 2)), 8_000)

    info = probe_audio(tmp_path / "a.wav")

    assert (info.sample_rate_hz, info.num_channels, info.duration_s) == (8_000, 2, 0.5)


def test_samples_at_the_wanted_rate_are_not_changed(tmp_path: Path) -> None:
    samples = _noise(8_000)
    soundfile.write(tmp_path / "a.wav", samples, RATE_HZ, subtype="FLOAT")

    read = read_audio(tmp_path / "a.wav", sample_rate_hz=RATE_HZ)

    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, samples)


def test_channels_become_their_mean(tmp_path: Path) -> None:
    left, right = _noise(1_600, seed=1), _noise(1_600, seed=2)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), RATE_HZ, subtype="FLOAT")

    read = read_audio(tmp_path / "a.wav", sample_rate_hz=RATE_HZ)

    np.testing.assert_allclose(read, (left + right) / 2, atol=1e-7)


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 44_100, 48_000])
def test_a_tone_keeps_its_pitch_level_and_length_through_the_resampler(
    tmp_path: Path, rate_hz: int
) -> None:
    soundfile.write(tmp_path / "a.wav", _tone(440.0, 1.0, rate_hz), rate_hz, subtype="FLOAT")

    read = read_audio(tmp_path / "a.wav", sample_rate_hz=RATE_HZ)

    assert abs(len(read) - RATE_HZ) <= 1
    middle = slice(2_000, 14_000)  # 440 Hz has whole periods in 1 s, not here: compare directly
    np.testing.assert_allclose(read[middle], _tone(440.0, 1.0, RATE_HZ)[middle], atol=2e-3)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_every_promised_format_is_read_whole(tmp_path: Path, name: str) -> None:
    soundfile.write(tmp_path / name, _tone(440.0, 1.0, RATE_HZ), RATE_HZ)

    read = read_audio(tmp_path / name, sample_rate_hz=RATE_HZ)

    assert len(read) / RATE_HZ == probe_audio(tmp_path / name).duration_s
    assert 0.2 < np.sqrt(np.mean(np.square(read))) < 0.5


@settings(deadline=None, max_examples=50)
@given(block=st.integers(1, 5_000))
def test_the_size_of_the_blocks_changes_nothing(tmp_path_factory, block: int) -> None:
    path = tmp_path_factory.mktemp("blocks") / "a.wav"
    soundfile.write(path, _noise(3_000), 22_050, subtype="FLOAT")
    whole = read_audio(path, sample_rate_hz=RATE_HZ)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audio, "BLOCK_FRAMES", block)
        in_blocks = read_audio(path, sample_rate_hz=RATE_HZ)

    np.testing.assert_array_equal(in_blocks, whole)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "gone.wav' cannot be opened (No such file" in _refusal(tmp_path / "gone.wav")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "is not a regular file" in _refusal(tmp_path)


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.wav")

    assert "is not a regular file" in _refusal(tmp_path / "a.wav")


def test_a_file_of_no_bytes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()

    assert "is empty (0 bytes)" in _refusal(tmp_path / "a.wav")


def test_a_file_of_no_samples_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", _noise(0), RATE_HZ)

    assert "has no samples" in _refusal(tmp_path / "a.wav")


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.raw", "a"])
def test_a_file_that_is_no_audio_is_refused_whatever_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"not a recording" * 100)

    assert "is not readable as WAV, FLAC, OGG or MP3" in _refusal(tmp_path / name)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_a_file_that_breaks_off_is_refused(tmp_path: Path, name: str) -> None:
    soundfile.write(tmp_path / name, _noise(2 * RATE_HZ), RATE_HZ)

    refusal = _refusal(_cut_in_half(tmp_path / name))

    assert "again" in refusal
    assert any(
        found in refusal
        for found in ("breaks off at", "shorter than its header says", "has no samples")
    )


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_a_wav_that_breaks_off_is_known_from_its_header(tmp_path: Path, subtype: str) -> None:
    soundfile.write(tmp_path / "a.wav", _noise(RATE_HZ), RATE_HZ, subtype=subtype)
    content = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(content[:-1])

    with pytest.raises(AudioError, match="shorter than its header says; copy it again"):
        probe_audio(tmp_path / "a.wav")


def test_a_wav_with_further_chunks_is_whole(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", _noise(1_600), RATE_HZ, subtype="PCM_16")
    content = (tmp_path / "a.wav").read_bytes()
    odd_chunk = b"note" + (3).to_bytes(4, "little") + b"abc\0"
    with_chunks = content[:12] + odd_chunk + content[12:] + odd_chunk
    (tmp_path / "a.wav").write_bytes(with_chunks)

    assert probe_audio(tmp_path / "a.wav").duration_s == 0.1


def test_a_wav_written_as_a_stream_does_not_know_its_length_and_is_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", _noise(1_600), RATE_HZ, subtype="PCM_16")
    content = bytearray((tmp_path / "a.wav").read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = content[4:8] = b"\xff" * 4
    (tmp_path / "a.wav").write_bytes(content)

    assert len(read_audio(tmp_path / "a.wav", sample_rate_hz=RATE_HZ)) == 1_600


def test_a_decoder_that_gives_less_than_the_header_says_is_not_filled_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "a.wav", _noise(8_000), RATE_HZ)
    read = soundfile.SoundFile.read

    def read_less(self, frames=-1, **options):
        return read(self, min(frames, 4_000 - self.tell()), **options)

    monkeypatch.setattr(soundfile.SoundFile, "read", read_less)

    assert "breaks off at 0.25 s of 0.50 s" in _refusal(tmp_path / "a.wav")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(tmp_path: Path, value: float) -> None:
    samples = _noise(1_600)
    samples[800] = value
    soundfile.write(tmp_path / "a.wav", samples, RATE_HZ, subtype="FLOAT")

    assert "not finite numbers" in _refusal(tmp_path / "a.wav")


def test_digital_silence_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(1_600), RATE_HZ)

    assert "digital silence" in _refusal(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("rate_hz", "channels", "match"),
    [
        (1, 1, "sample rate of 1 Hz; expected 4000 to 384000"),
        (3_999, 1, "sample rate of 3999 Hz"),
        (RATE_HZ, 9, "has 9 channels; expected at most 8"),
    ],
)
def test_a_header_beyond_the_limits_is_refused(
    tmp_path: Path, rate_hz: int, channels: int, match: str
) -> None:
    soundfile.write(tmp_path / "a.wav", np.ones((10, channels)) / 2, rate_hz)

    assert match in _refusal(tmp_path / "a.wav")


def test_the_limits_themselves_are_allowed(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.ones((10, 8)) / 2, 4_000)

    assert probe_audio(tmp_path / "a.wav").num_channels == 8


def test_a_recording_of_hours_is_refused_from_its_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio, "MAX_DURATION_S", 0.5)
    soundfile.write(tmp_path / "a.wav", _noise(RATE_HZ), RATE_HZ)

    assert "cut it into parts" in _refusal(tmp_path / "a.wav")


def test_only_the_turns_are_kept_in_order() -> None:
    samples = np.arange(100, dtype=np.float32)  # 10 samples a second
    turns = [Turn(start_s=1.0, end_s=1.5), Turn(start_s=4.0, end_s=4.2)]

    kept = keep_turns(samples, turns, sample_rate_hz=10)

    assert kept.tolist() == [10, 11, 12, 13, 14, 40, 41]


def test_without_turns_nothing_is_kept() -> None:
    assert len(keep_turns(_noise(100), [], sample_rate_hz=10)) == 0

"""Audio is read whole, once, as mono float32; what cannot be read whole is refused."""

import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from cogspeech.corpora import decoding
from cogspeech.corpora.audio import (
    LIMITS_VARIABLE,
    audio_limits,
    decoder_identity,
    probe_audio,
    read_audio,
    stream_turns,
)
from cogspeech.errors import AudioError, ConfigError, MissingExtra
from cogspeech.types import Turn

RATE_HZ = 16_000
GROWTH = """
import sys
from pathlib import Path
from cogspeech.corpora.audio import stream_turns
from cogspeech.types import Turn

def listen(path, minutes):
    turns = [Turn(start_s=start, end_s=start + 50.0) for start in range(0, 60 * minutes, 60)]
    pieces = stream_turns(Path(path), turns, sample_rate_hz=16_000)
    heard = sum(len(samples) for _, samples in pieces)
    assert heard == 50 * 16_000 * minutes, heard
    status = Path("/proc/self/status").read_text()  # not ru_maxrss: it begins with the parent's
    return int(status.partition("VmHWM:")[2].split()[0])

short_kib = listen(sys.argv[1], 1)
print(listen(sys.argv[2], 30) - short_kib)
"""


def _noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, shape).astype(np.float32)


def _tone(hertz: float, duration_s: float, rate_hz: int) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(duration_s * rate_hz)) / rate_hz)


def _write(path: Path, samples: np.ndarray, rate_hz: int = RATE_HZ) -> Path:
    soundfile.write(path, samples, rate_hz, subtype="FLOAT")
    return path


def _wav_of(path: Path, *, rate_hz: int = RATE_HZ, channels: int = 1, num_bytes: int = 0) -> Path:
    """A WAV file of silence that takes no room on the disk."""
    form = struct.pack("<HHIIHH", 1, channels, rate_hz, 0, 2 * channels, 16)
    head = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", num_bytes)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(head) + num_bytes) + head)
    os.truncate(path, 8 + len(head) + num_bytes)
    return path


def _refusal(path: Path) -> str:
    with pytest.raises(AudioError) as refusal:
        read_audio(path, sample_rate_hz=RATE_HZ)
    return str(refusal.value)


def _turns(edges: list[int], rate_hz: int) -> list[Turn]:
    return [
        Turn(start_s=start / rate_hz, end_s=end / rate_hz)
        for start, end in zip(edges[::2], edges[1::2], strict=True)
    ]


def _joined(path: Path, turns: list[Turn], rate_hz: int = RATE_HZ) -> list[np.ndarray]:
    pieces = [[np.zeros(0, dtype=np.float32)] for _ in turns]
    last = 0
    for turn, samples in stream_turns(path, turns, sample_rate_hz=rate_hz):
        assert turn >= last
        last = turn
        pieces[turn].append(samples)
    return [np.concatenate(of_turn) for of_turn in pieces]


def test_the_header_tells_rate_channels_and_duration(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros((4_000, 2)), 8_000)

    info = probe_audio(tmp_path / "a.wav")

    assert (info.sample_rate_hz, info.num_channels, info.duration_s) == (8_000, 2, 0.5)


def test_samples_at_the_wanted_rate_are_not_changed(tmp_path: Path) -> None:
    samples = _noise(8_000)

    read = read_audio(_write(tmp_path / "a.wav", samples), sample_rate_hz=RATE_HZ)

    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, samples)


@pytest.mark.parametrize("channels", [2, 8])
def test_channels_become_their_mean(tmp_path: Path, channels: int) -> None:
    samples = _noise(1_600, channels)

    read = read_audio(_write(tmp_path / "a.wav", samples), sample_rate_hz=RATE_HZ)

    np.testing.assert_allclose(read, samples.mean(axis=1), atol=1e-7)


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 44_100, 48_000])
def test_a_tone_keeps_its_pitch_level_and_length_through_the_resampler(
    tmp_path: Path, rate_hz: int
) -> None:
    _write(tmp_path / "a.wav", _tone(440.0, 1.0, rate_hz), rate_hz)

    read = read_audio(tmp_path / "a.wav", sample_rate_hz=RATE_HZ)

    assert abs(len(read) - RATE_HZ) <= 1
    middle = slice(2_000, 14_000)  # 440 Hz has whole periods in 1 s, not here: compare directly
    np.testing.assert_allclose(read[middle], _tone(440.0, 1.0, RATE_HZ)[middle], atol=2e-3)


@settings(max_examples=60)
@given(data=st.data())
def test_a_turn_is_cut_out_and_resampled_alone_whatever_the_size_of_a_block(
    tmp_path_factory, data: st.DataObject
) -> None:
    rate_hz = data.draw(st.sampled_from([8_000, 16_000, 22_050, 44_100]), label="rate_hz")
    channels = data.draw(st.integers(1, 3), label="channels")
    num_frames = data.draw(st.integers(1, 4_000), label="num_frames")
    edge = st.integers(0, num_frames + 100)
    count = 2 * data.draw(st.integers(0, 4), label="turns")
    edges = sorted(data.draw(st.lists(edge, min_size=count, max_size=count), label="edges"))
    samples = _noise(num_frames, channels)
    path = _write(tmp_path_factory.mktemp("turns") / "a.wav", samples, rate_hz)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "BLOCK_SAMPLES", data.draw(st.integers(1, 15_000), label="block"))
        found = _joined(path, _turns(edges, rate_hz))

    mono = samples.mean(axis=1, dtype=np.float32)
    for start, end, audio in zip(edges[::2], edges[1::2], found, strict=True):
        alone = mono[start:end]
        expected = soxr.resample(alone, rate_hz, RATE_HZ, quality="HQ") if len(alone) else alone
        np.testing.assert_array_equal(audio, expected)


@settings(max_examples=25)
@given(seed=st.integers(1, 1_000), block=st.integers(1, 5_000))
def test_what_lies_outside_the_turns_changes_nothing(tmp_path_factory, seed: int, block: int):
    folder = tmp_path_factory.mktemp("outside")
    turns = _turns([700, 1_500, 1_501, 2_000, 2_900, 3_100], 22_050)
    samples = _noise(4_000)
    outside = np.ones(4_000, dtype=bool)
    for start, end in ((700, 1_500), (1_501, 2_000), (2_900, 3_100)):
        outside[start:end] = False
    other = np.where(outside, _noise(4_000, seed=seed), samples)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "BLOCK_SAMPLES", block)
        before = _joined(_write(folder / "a.wav", samples, 22_050), turns)
        after = _joined(_write(folder / "b.wav", other, 22_050), turns)

    for one, same in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, same)


def test_neighbouring_turns_do_not_hear_each_other(tmp_path: Path) -> None:
    samples = _noise(4_410)
    path = _write(tmp_path / "a.wav", samples, 44_100)

    first, second = _joined(path, _turns([0, 2_000, 2_000, 4_410], 44_100))

    np.testing.assert_array_equal(first, soxr.resample(samples[:2_000], 44_100, RATE_HZ))
    np.testing.assert_array_equal(second, soxr.resample(samples[2_000:], 44_100, RATE_HZ))


@pytest.mark.parametrize("beyond", [0, 1, 5_000])
def test_a_turn_that_ends_with_or_after_the_file_is_its_rest(tmp_path: Path, beyond: int) -> None:
    samples = _noise(4_410)
    path = _write(tmp_path / "a.wav", samples, 44_100)

    (rest,) = _joined(path, _turns([1_000, 4_410 + beyond], 44_100))

    np.testing.assert_array_equal(rest, soxr.resample(samples[1_000:], 44_100, RATE_HZ))


def test_a_turn_after_the_file_has_no_samples(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.wav", _noise(4_410), 44_100)

    assert list(stream_turns(path, _turns([4_410, 5_000], 44_100), sample_rate_hz=RATE_HZ)) == []


@pytest.mark.parametrize("turns", [[], [Turn(start_s=0.0, end_s=0.1)]])
def test_a_file_is_decoded_to_its_end_whatever_the_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, turns: list[Turn]
) -> None:
    monkeypatch.setattr(decoding, "BLOCK_SAMPLES", 4_000)
    path = tmp_path / "a.flac"
    soundfile.write(path, _noise(2 * RATE_HZ), RATE_HZ)
    os.truncate(path, path.stat().st_size // 2)

    with pytest.raises(AudioError, match="breaks off at"):
        list(stream_turns(path, turns, sample_rate_hz=RATE_HZ))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_recording(tmp_path: Path) -> None:
    second = 48_000 * 2 * 2
    short = _wav_of(tmp_path / "a.wav", rate_hz=48_000, channels=2, num_bytes=60 * second)
    long = _wav_of(tmp_path / "b.wav", rate_hz=48_000, channels=2, num_bytes=1_800 * second)

    command = [sys.executable, "-c", GROWTH, short, long]
    growth_kib = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    long.unlink()

    assert growth_kib < 100 * 1024


def test_the_decoder_and_the_resampler_are_named_with_their_versions(tmp_path: Path) -> None:
    identity = decoder_identity(_write(tmp_path / "a.wav", _noise(10)))

    assert identity == f"libsndfile {soundfile.__libsndfile_version__}, soxr {soxr.__version__}"


def test_without_the_extra_the_line_that_installs_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.m4a").write_bytes(b"\0\0\0\x20ftypM4A ")
    monkeypatch.setitem(sys.modules, "av", None)

    with pytest.raises(MissingExtra, match=r"run: pip install 'cogspeech\[media\]'"):
        probe_audio(tmp_path / "a.m4a")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "gone.wav' cannot be opened (No such file" in _refusal(tmp_path / "gone.wav")


def test_a_file_that_may_not_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path, *args):  # root may read everything
        raise PermissionError(13, "Permission denied", str(path))

    _write(tmp_path / "a.wav", _noise(10))
    monkeypatch.setattr(Path, "open", refuse)

    assert "a.wav' cannot be opened (Permission denied)" in _refusal(tmp_path / "a.wav")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "is not a regular file" in _refusal(tmp_path)


@pytest.mark.parametrize("name", ["a.wav", "a.m4a"])
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)

    assert "is not a regular file" in _refusal(tmp_path / name)


@pytest.mark.parametrize("name", ["a.wav", "a.m4a"])
def test_a_file_of_no_bytes_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()

    assert "is empty (0 bytes)" in _refusal(tmp_path / name)


def test_a_file_of_no_samples_is_refused(tmp_path: Path) -> None:
    assert "has no samples" in _refusal(_wav_of(tmp_path / "a.wav"))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, -3e38])
@pytest.mark.parametrize("channels", [1, 2])
def test_samples_that_are_no_numbers_are_refused(
    tmp_path: Path, value: float, channels: int
) -> None:
    samples = _noise(1_600, channels)
    samples[800] = value

    assert "not finite numbers" in _refusal(_write(tmp_path / "a.wav", samples))


def test_a_sample_that_is_no_number_is_refused_outside_the_turns_too(tmp_path: Path) -> None:
    samples = _noise(1_600)
    samples[1_500] = np.nan
    path = _write(tmp_path / "a.wav", samples)

    with pytest.raises(AudioError, match="not finite numbers"):
        list(stream_turns(path, _turns([0, 100], RATE_HZ), sample_rate_hz=RATE_HZ))


def test_digital_silence_is_refused(tmp_path: Path) -> None:
    assert "digital silence" in _refusal(_wav_of(tmp_path / "a.wav", num_bytes=3_200))


@pytest.mark.parametrize(
    ("header", "match"),
    [
        ({"rate_hz": 1}, "sample rate of 1 Hz; expected 4000 to 384000"),
        ({"rate_hz": 3_999}, "sample rate of 3999 Hz"),
        ({"rate_hz": 384_001}, "sample rate of 384001 Hz"),
        ({"rate_hz": 2**31 - 1}, "sample rate of 2147483647 Hz"),
        ({"channels": 9}, "has 9 channels; expected at most 8"),
        ({"num_bytes": 4 * 3600 * 32_000 + 3_200}, "lasts 4.0 h; expected at most 4 h; cut it"),
    ],
)
def test_a_header_beyond_the_limits_is_refused(
    tmp_path: Path, header: dict[str, int], match: str
) -> None:
    path = _wav_of(tmp_path / "a.wav", **{"num_bytes": 36_000, **header})

    with pytest.raises(AudioError, match=match):
        probe_audio(path)


@pytest.mark.parametrize(
    "header",
    [{"rate_hz": 4_000}, {"rate_hz": 384_000}, {"channels": 8}, {"num_bytes": 4 * 3600 * 32_000}],
)
def test_the_limits_themselves_are_allowed(tmp_path: Path, header: dict[str, int]) -> None:
    path = _wav_of(tmp_path / "a.wav", **{"num_bytes": 36_000, **header})

    assert probe_audio(path).duration_s > 0


def test_an_hour_of_nothing_in_a_small_flac_is_refused_from_its_header(tmp_path: Path) -> None:
    minute = np.zeros((60 * RATE_HZ, 2), dtype=np.int16)
    with soundfile.SoundFile(tmp_path / "a.flac", "w", RATE_HZ, 2) as stream:
        for _ in range(60):
            stream.write(minute)
    assert (tmp_path / "a.flac").stat().st_size < 1_000_000

    with pytest.raises(AudioError, match=r"would decode to \d+ times its size"):
        probe_audio(tmp_path / "a.flac")


def test_the_environment_changes_the_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _wav_of(tmp_path / "a.wav", channels=12, num_bytes=24 * RATE_HZ)
    monkeypatch.setenv(LIMITS_VARIABLE, "max_channels=16, max_hours=0.5")

    assert probe_audio(path).num_channels == 12
    assert audio_limits().max_hours == 0.5
    assert audio_limits().max_expansion == 500.0


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("max_hour=8", "unknown key 'max_hour'.*max_hours"),
        ("max_hours=long", "'max_hours': .*number"),
        ("max_hours", "'max_hours': .*number"),
        ("max_channels=1.5", "'max_channels': "),
        ("max_hours=0", "must be a number above 0"),
        ("max_hours=-1", "must be a number above 0"),
        ("max_expansion=nan", "must be a number above 0"),
        ("max_expansion=inf", "must be a number above 0"),
    ],
)
def test_limits_that_are_none_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, match: str
) -> None:
    monkeypatch.setenv(LIMITS_VARIABLE, text)

    with pytest.raises(ConfigError, match=f"{LIMITS_VARIABLE}: .*{match}"):
        probe_audio(_write(tmp_path / "a.wav", _noise(10)))


def test_a_file_that_was_replaced_is_measured_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    probe_audio(_write(path, _noise(800), 8_000))
    _write(path, _noise(800), RATE_HZ)
    os.utime(path, ns=(1, 1))

    assert probe_audio(path).duration_s == 0.05

"""What libsndfile reads is whole, or it is refused with the second at which it breaks off."""

import os
import re
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from cogspeech.corpora.audio import probe_audio, read_audio
from cogspeech.errors import AudioError

RATE_HZ = 16_000
DURATION_S = 6.0
FORMATS = {
    "wav": ("WAV", "PCM_16"),
    "wav24": ("WAV", "PCM_24"),
    "wav_float": ("WAV", "FLOAT"),
    "wav_adpcm": ("WAV", "MS_ADPCM"),
    "wavex": ("WAVEX", "PCM_16"),
    "rf64": ("RF64", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "vorbis": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
ID3 = b"ID3\x03\x00\x00\x00\x01\x1c\x20" + bytes(20_000)  # 7 bits of a length in each byte


def _samples(seconds: float = DURATION_S) -> np.ndarray:
    """A tone of 440 Hz in some noise, so that no codec can make it small."""
    ticks = np.arange(round(seconds * RATE_HZ))
    noise = np.random.default_rng(0).normal(0, 0.05, len(ticks))
    return (0.3 * np.sin(2 * np.pi * 440 * ticks / RATE_HZ) + noise).astype(np.float32)


def _write(path: Path, kind: str = "wav", **options: str) -> bytes:
    file_format, subtype = FORMATS[kind]
    soundfile.write(path, _samples(), RATE_HZ, format=file_format, subtype=subtype, **options)
    return path.read_bytes()


def _mp3(path: Path, **options: str) -> bytes:
    """An MP3 file of FFmpeg, which can leave out the header that knows the length."""
    with av.open(str(path), "w", format="mp3", options=options) as container:
        stream = container.add_stream("libmp3lame", rate=RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(_samples()[None], format="fltp", layout="mono")
        frame.sample_rate = RATE_HZ
        resampler = av.AudioResampler(format="fltp", frame_size=576)
        for part in (*resampler.resample(frame), *resampler.resample(None), None):
            container.mux(stream.encode(part))
    return path.read_bytes()


def _refusal(path: Path) -> str:
    with pytest.raises(AudioError) as refusal:
        read_audio(path, sample_rate_hz=RATE_HZ)
    return str(refusal.value)


def _second_named(refusal: str) -> float:
    found = re.search(r"breaks off at (\d+\.\d\d) s", refusal)
    assert found, refusal
    return float(found[1])


def _pitch_hz(samples: np.ndarray) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * RATE_HZ / len(samples))


@pytest.mark.parametrize("kind", FORMATS)
def test_every_promised_format_is_read_whole(tmp_path: Path, kind: str) -> None:
    _write(tmp_path / "a", kind)

    read = read_audio(tmp_path / "a", sample_rate_hz=RATE_HZ)

    assert len(read) / RATE_HZ == pytest.approx(DURATION_S, abs=0.1)
    assert len(read) / RATE_HZ == probe_audio(tmp_path / "a").duration_s
    assert _pitch_hz(read) == pytest.approx(440, abs=1)
    assert np.sqrt(np.mean(np.square(read))) == pytest.approx(0.218, abs=0.02)


@pytest.mark.parametrize("share", [0.31, 0.5, 0.77, 0.95, 0.998])
@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_that_breaks_off_is_refused_with_the_second(
    tmp_path: Path, kind: str, share: float
) -> None:
    content = _write(tmp_path / "a", kind)
    os.truncate(tmp_path / "a", round(share * len(content)))

    second = _second_named(_refusal(tmp_path / "a"))

    page_s = {"vorbis": 1.2, "opus": 1.2, "flac": 0.3}.get(kind, 0.15)
    assert share * DURATION_S - page_s <= second <= share * DURATION_S + 0.15


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_without_its_last_byte_is_refused(tmp_path: Path, kind: str) -> None:
    content = _write(tmp_path / "a", kind)
    os.truncate(tmp_path / "a", len(content) - 1)

    assert "breaks off at" in _refusal(tmp_path / "a")


@pytest.mark.parametrize("kind", ["wav", "wav24", "wav_float", "rf64", "aiff"])
def test_samples_that_are_missing_are_known_from_the_header(tmp_path: Path, kind: str) -> None:
    content = _write(tmp_path / "a", kind)
    os.truncate(tmp_path / "a", len(content) // 2)

    with pytest.raises(AudioError, match=r"breaks off at [23]\.\d\d s of 6\.\d\d s; copy it again"):
        probe_audio(tmp_path / "a")


def test_a_wav_of_the_other_byte_order_that_breaks_off_is_refused(tmp_path: Path) -> None:
    content = _write(tmp_path / "a", endian="BIG")
    assert content[:4] == b"RIFX"
    os.truncate(tmp_path / "a", len(content) // 2)

    assert _second_named(_refusal(tmp_path / "a")) == 3.0


def test_a_wav_with_further_chunks_is_whole(tmp_path: Path) -> None:
    content = _write(tmp_path / "a")
    odd_chunk = b"note" + (3).to_bytes(4, "little") + b"abc\0"
    (tmp_path / "a").write_bytes(content[:12] + odd_chunk + content[12:] + odd_chunk)

    assert probe_audio(tmp_path / "a").duration_s == DURATION_S


def test_a_wav_with_further_chunks_that_breaks_off_is_refused(tmp_path: Path) -> None:
    content = _write(tmp_path / "a")
    odd_chunk = b"note" + (3).to_bytes(4, "little") + b"abc\0"
    (tmp_path / "a").write_bytes(content[:12] + odd_chunk + content[12:-2])

    assert "breaks off at 6.00 s of 6.00 s" in _refusal(tmp_path / "a")


@pytest.mark.parametrize("size", [0x7FFF_F000, 0x7FFF_FF00, 0x8000_0000, 0xFFFF_FFFF])
def test_a_wav_written_as_a_stream_does_not_know_its_length_and_is_read(
    tmp_path: Path, size: int
) -> None:
    content = bytearray(_write(tmp_path / "a"))
    at = content.index(b"data") + 4
    content[at : at + 4] = size.to_bytes(4, "little")
    (tmp_path / "a").write_bytes(content)

    assert len(read_audio(tmp_path / "a", sample_rate_hz=RATE_HZ)) == DURATION_S * RATE_HZ


def test_a_wav_of_more_than_2_gib_that_breaks_off_is_refused(tmp_path: Path) -> None:
    content = bytearray(_write(tmp_path / "a"))
    at = content.index(b"data") + 4
    content[at : at + 4] = (0xA000_0000).to_bytes(4, "little")
    (tmp_path / "a").write_bytes(content)

    assert "breaks off at 6.00 s of 83886.08 s" in _refusal(tmp_path / "a")


@pytest.mark.parametrize(("back", "more"), [(1, 0), (2, 0), (3, 0), (1, 4), (1, 26), (1, 27)])
@pytest.mark.parametrize("kind", ["vorbis", "opus"])
def test_an_ogg_that_breaks_off_between_two_pages_or_in_the_head_of_one_is_refused(
    tmp_path: Path, kind: str, back: int, more: int
) -> None:
    content = _write(tmp_path / "a", kind)
    pages = [found.start() for found in re.finditer(b"OggS", content)]
    os.truncate(tmp_path / "a", pages[-back] + more)
    assert soundfile.info(tmp_path / "a").duration > 1  # the library takes it for whole

    assert 1 < _second_named(_refusal(tmp_path / "a")) < DURATION_S


@pytest.mark.parametrize("back", [1, 3, 5])
@pytest.mark.parametrize("kind", ["vorbis", "opus"])
def test_an_ogg_with_a_damaged_page_is_refused(tmp_path: Path, kind: str, back: int) -> None:
    content = bytearray(_write(tmp_path / "a", kind))
    pages = [found.start() for found in re.finditer(b"OggS", content)]
    content[pages[-back] + 500] ^= 1
    (tmp_path / "a").write_bytes(content)

    assert _second_named(_refusal(tmp_path / "a")) == pytest.approx(DURATION_S - back, abs=1)


def test_an_ogg_that_breaks_off_after_another_stream_in_it_has_ended_is_refused(
    tmp_path: Path,
) -> None:
    pages = [
        [b"OggS" + page for page in _write(tmp_path / "a", kind).split(b"OggS")[1:]]
        for kind in ("vorbis", "opus")
    ]
    both = [pages[0][0], *pages[1], *pages[0][1:]]
    (tmp_path / "a").write_bytes(b"".join(both))
    assert probe_audio(tmp_path / "a").duration_s == DURATION_S
    (tmp_path / "a").write_bytes(b"".join(both[:-1]))

    assert "breaks off at" in _refusal(tmp_path / "a")


def test_an_ogg_with_more_behind_its_last_page_is_whole(tmp_path: Path) -> None:
    content = _write(tmp_path / "a", "vorbis")
    (tmp_path / "a").write_bytes(content + b"TAG" + bytes(125))

    assert probe_audio(tmp_path / "a").duration_s == DURATION_S


def test_a_damaged_flac_is_refused_at_the_damage(tmp_path: Path) -> None:
    content = bytearray(_write(tmp_path / "a", "flac"))
    at = len(content) // 2
    content[at : at + 200] = bytes(200)
    (tmp_path / "a").write_bytes(content)

    assert _second_named(_refusal(tmp_path / "a")) == pytest.approx(3, abs=0.3)


def test_a_flac_written_as_a_stream_is_refused_for_it_has_no_length(tmp_path: Path) -> None:
    content = bytearray(_write(tmp_path / "a", "flac"))
    content[22:26] = bytes(4)  # the lower bits of the number of samples
    (tmp_path / "a").write_bytes(content)

    assert "does not say how long it is" in _refusal(tmp_path / "a")


@pytest.mark.parametrize("front", [b"", ID3], ids=["plain", "id3"])
@pytest.mark.parametrize("options", [{}, {"write_xing": "0"}], ids=["xing", "no xing"])
def test_an_mp3_is_whole_with_and_without_the_header_that_knows_its_length(
    tmp_path: Path, options: dict[str, str], front: bytes
) -> None:
    content = _mp3(tmp_path / "a", id3v2_version="0", **options)
    assert (b"Xing" in content or b"Info" in content) == (not options)
    (tmp_path / "a").write_bytes(front + content)

    read = read_audio(tmp_path / "a", sample_rate_hz=RATE_HZ)

    assert len(read) / RATE_HZ == pytest.approx(DURATION_S, abs=0.15)
    assert len(read) / RATE_HZ == probe_audio(tmp_path / "a").duration_s
    assert _pitch_hz(read) == pytest.approx(440, abs=1)


def test_an_mp3_with_a_tag_behind_it_is_whole(tmp_path: Path) -> None:
    content = _write(tmp_path / "a", "mp3")
    (tmp_path / "a").write_bytes(content + b"TAG" + bytes(125))

    assert probe_audio(tmp_path / "a").duration_s == DURATION_S


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95, 0.98])
def test_an_mp3_that_breaks_off_is_known_from_its_xing_header_behind_a_tag(
    tmp_path: Path, share: float
) -> None:
    content = _write(tmp_path / "a", "mp3")
    (tmp_path / "a").write_bytes(ID3 + content[: round(share * len(content))])

    with pytest.raises(AudioError) as refusal:
        probe_audio(tmp_path / "a")
    assert _second_named(str(refusal.value)) == pytest.approx(share * DURATION_S, abs=0.2)


def test_nobody_can_know_that_an_mp3_without_a_xing_header_breaks_off(tmp_path: Path) -> None:
    content = _mp3(tmp_path / "a", write_xing="0")
    os.truncate(tmp_path / "a", len(content) // 2)

    read = read_audio(tmp_path / "a", sample_rate_hz=RATE_HZ)

    assert len(read) / RATE_HZ == pytest.approx(DURATION_S / 2, abs=0.15)


def test_an_mp3_without_a_xing_header_begins_1105_samples_late(tmp_path: Path) -> None:
    _mp3(tmp_path / "a")
    _mp3(tmp_path / "b", write_xing="0")

    exact = read_audio(tmp_path / "a", sample_rate_hz=RATE_HZ)
    late = read_audio(tmp_path / "b", sample_rate_hz=RATE_HZ)

    np.testing.assert_allclose(late[1_105 : 1_105 + len(exact)][:90_000], exact[:90_000], atol=1e-4)


def test_a_damaged_mp3_without_a_xing_header_is_refused_at_the_damage(tmp_path: Path) -> None:
    content = bytearray(_mp3(tmp_path / "a", write_xing="0"))
    at = len(content) // 2
    content[at : at + 3_000] = bytes(3_000)
    (tmp_path / "a").write_bytes(content)

    with pytest.raises(AudioError) as refusal:
        probe_audio(tmp_path / "a")
    assert _second_named(str(refusal.value)) == pytest.approx(3, abs=0.3)


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.raw", "a"])
def test_a_file_that_is_no_audio_is_refused_whatever_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"not a recording" * 100)

    assert "is not readable as WAV, FLAC, OGG or MP3" in _refusal(tmp_path / name)


@pytest.mark.parametrize("name", ["a.m3u8", "a.m4a", "a.mp4", "a.wav"])
@pytest.mark.parametrize(
    "playlist", ["#EXTM3U\n#EXTINF:4,\nb.wav\n", "ffconcat version 1.0\nfile b.wav\n"]
)
def test_a_playlist_is_never_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, playlist: str
) -> None:
    _write(tmp_path / "b.wav")
    (tmp_path / name).write_text(playlist)
    monkeypatch.setitem(sys.modules, "av", None)  # FFmpeg, which follows them, is not even asked

    assert "is not readable as WAV, FLAC, OGG or MP3" in _refusal(tmp_path / name)


@pytest.mark.parametrize("kind", FORMATS)
def test_half_a_header_is_refused(tmp_path: Path, kind: str) -> None:
    content = _write(tmp_path / "a", kind)
    (tmp_path / "a").write_bytes(content[:20])

    assert "is not readable" in _refusal(tmp_path / "a")


def test_half_a_xing_header_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"\xff\xfb\x90\x00Xing\x00")

    assert "is not readable" in _refusal(tmp_path / "a.mp3")


@pytest.mark.parametrize("file_format", ["W64", "AU", "CAF", "NIST", "VOC"])
def test_a_format_of_which_nobody_knows_whether_it_is_whole_is_refused(
    tmp_path: Path, file_format: str
) -> None:
    soundfile.write(tmp_path / "a", _samples(), RATE_HZ, format=file_format, subtype="PCM_16")

    assert "is not readable as WAV, FLAC, OGG or MP3; convert it" in _refusal(tmp_path / "a")


@pytest.mark.parametrize("frames_given", [4_000, 0])
def test_a_decoder_that_gives_less_than_the_header_says_is_not_filled_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames_given: int
) -> None:
    _write(tmp_path / "a")
    read = soundfile.SoundFile.read

    def read_less(self, frames=-1, **options):
        return read(self, min(frames, frames_given - self.tell()), **options)

    monkeypatch.setattr(soundfile.SoundFile, "read", read_less)

    assert f"breaks off at {frames_given / RATE_HZ:.2f} s of 6.00 s" in _refusal(tmp_path / "a")

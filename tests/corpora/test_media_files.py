"""What FFmpeg reads is whole, or it is refused with the second at which it breaks off."""

import os
import re
import struct
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogspeech.corpora.audio import decoder_identity, probe_audio, read_audio
from cogspeech.corpora.media_files import media_format
from cogspeech.errors import AudioError

RATE_HZ = 16_000
DURATION_S = 4.0
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "500000"}
AMR = "libopencore_amrnb"
CLUSTER = b"\x1f\x43\xb6\x75"


@dataclass(frozen=True, eq=False)
class Kind:
    name: str
    codec: str
    options: dict[str, str] = field(default_factory=dict)
    video: bool = False
    rate_hz: int = 48_000
    bit_rate: int = 96_000


FORMATS = {
    "m4a": Kind("a.m4a", "aac"),
    "m4a faststart": Kind("a.m4a", "aac", {"movflags": "faststart"}),
    "alac": Kind("a.m4a", "alac", {"movflags": "faststart"}),
    "mov": Kind("a.mov", "pcm_s16le", {"movflags": "faststart"}),
    "fragments": Kind("a.mp4", "aac", FRAGMENTS),
    "fragments video": Kind("a.mp4", "aac", FRAGMENTS, video=True),
    "mp4 video": Kind("a.mp4", "aac", {"movflags": "faststart"}, video=True),
    "3gp": Kind("a.3gp", AMR, {"movflags": "faststart"}, rate_hz=8_000, bit_rate=12_200),
    "webm": Kind("a.webm", "libopus"),
    "webm live": Kind("a.webm", "libopus", {"live": "1"}),
    "mka": Kind("a.mka", "flac"),
    "mka live": Kind("a.mka", "pcm_s16le", {"live": "1"}),
    "mkv video": Kind("a.mkv", "aac", {"cluster_time_limit": "500"}, video=True),
    "mkv video live": Kind("a.mkv", "aac", {"live": "1"}, video=True),
    "avi": Kind("a.avi", "pcm_s16le"),
    "avi video": Kind("a.avi", "libmp3lame", video=True),
    "wma": Kind("a.wma", "wmav2"),
    "aac": Kind("a.aac", "aac"),
    "amr": Kind("a.amr", AMR, rate_hz=8_000, bit_rate=12_200),
}


def _tone(rate_hz: int, hertz: float = 440.0) -> np.ndarray:
    ticks = np.arange(round(DURATION_S * rate_hz))
    return (0.3 * np.sin(2 * np.pi * hertz * ticks / rate_hz)).astype(np.float32)


def _pictures(container: av.container.OutputContainer) -> list[av.Packet]:
    stream = container.add_stream("mpeg4", rate=25)
    stream.width = stream.height = 64
    packets = []
    for position in range(round(25 * DURATION_S)):
        pixels = np.full((64, 64, 3), position, dtype=np.uint8)
        picture = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
        picture.pts = position
        packets += stream.encode(picture)
    return packets + stream.encode(None)


@cache
def _content(kind: Kind, *, title: str = "") -> bytes:
    """Of a real file, its packets in the order of time."""
    folder = TemporaryDirectory()
    path = Path(folder.name) / kind.name
    with folder, av.open(str(path), "w", options=kind.options) as container:
        container.metadata.update({"title": title} if title else {})
        packets = _pictures(container) if kind.video else []
        stream = container.add_stream(kind.codec, rate=kind.rate_hz, layout="mono")
        stream.bit_rate = kind.bit_rate
        context = stream.codec_context
        context.open()
        samples = _tone(kind.rate_hz)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = kind.rate_hz, 0
        resampler = av.AudioResampler(format=context.format, frame_size=context.frame_size or 960)
        for part in (*resampler.resample(frame), *resampler.resample(None), None):
            packets += stream.encode(part)
        container.mux(sorted(packets, key=lambda packet: packet.dts * packet.time_base))
        container.close()
        return path.read_bytes()


def _encode(path: Path, kind: Kind, **options: str) -> bytes:
    path.write_bytes(_content(kind, **options))
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


@pytest.fixture(params=FORMATS.values(), ids=FORMATS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


def test_every_promised_format_is_read_whole(tmp_path: Path, kind: Kind) -> None:
    _encode(tmp_path / kind.name, kind)

    info = probe_audio(tmp_path / kind.name)
    read = read_audio(tmp_path / kind.name, sample_rate_hz=RATE_HZ)

    assert (info.sample_rate_hz, info.num_channels) == (kind.rate_hz, 1)
    assert info.duration_s == pytest.approx(DURATION_S, abs=0.1)
    assert len(read) / RATE_HZ == pytest.approx(DURATION_S, abs=0.1)
    assert _pitch_hz(read) == pytest.approx(440, abs=1)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.77, 0.95])
def test_a_file_that_breaks_off_is_refused_with_the_second(
    tmp_path: Path, kind: Kind, share: float
) -> None:
    path = tmp_path / kind.name
    os.truncate(path, round(share * len(_encode(path, kind))))

    refusal = _refusal(path)

    if kind is FORMATS["m4a"]:
        assert "is a broken mov file; copy it again" in refusal
    else:
        assert _second_named(refusal) == pytest.approx(share * DURATION_S, abs=0.5)


def test_half_a_header_is_refused(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / kind.name
    os.truncate(path, 100 * bool(_encode(path, kind)))

    assert re.search("is a broken|breaks off at 0.0|has no samples|holds no audio", _refusal(path))


@pytest.mark.parametrize("name", ["webm live", "aac", "amr", "fragments"])
def test_the_end_of_a_file_without_a_length_is_missed_every_time(tmp_path: Path, name: str) -> None:
    kind = FORMATS[name]
    path = tmp_path / kind.name
    content = _encode(path, kind)
    end = content.rindex(b"mfra") - 4 if name == "fragments" else len(content)
    os.truncate(path, end - 3)

    for _ in range(3):
        assert _second_named(_refusal(path)) == pytest.approx(DURATION_S, abs=0.1)


@pytest.mark.parametrize("within", ["description", "samples"])
def test_a_fragment_that_breaks_off_is_refused_even_near_its_end(
    tmp_path: Path, within: str
) -> None:
    content = _encode(tmp_path / "a.mp4", FORMATS["fragments"])
    fragments = [found.start() - 4 for found in re.finditer(b"moof", content)]
    with av.open(str(tmp_path / "a.mp4")) as container:
        packets = [packet.pos for packet in container.demux() if packet.size]
    last_packet = max(at for at in packets if at < fragments[3])
    os.truncate(tmp_path / "a.mp4", last_packet if within == "samples" else fragments[3] + 30)

    assert _second_named(_refusal(tmp_path / "a.mp4")) == pytest.approx(1.5, abs=0.1)


def test_a_fragment_without_any_samples_is_refused(tmp_path: Path) -> None:
    kind = Kind("a.mp4", "aac", FRAGMENTS | {"frag_duration": "50000"})
    os.truncate(tmp_path / "a.mp4", _encode(tmp_path / "a.mp4", kind).index(b"mdat") - 4)

    assert "breaks off at 0.00 s of 0.06 s" in _refusal(tmp_path / "a.mp4")


def test_a_wma_that_breaks_off_between_two_packets_is_refused(tmp_path: Path) -> None:
    content = _encode(tmp_path / "a.wma", FORMATS["wma"])
    packets = content.index(b"\x36\x26\xb2\x75\x8e\x66") + 50  # each of 3200 bytes
    os.truncate(tmp_path / "a.wma", packets + 3 * 3_200)

    assert _second_named(_refusal(tmp_path / "a.wma")) == pytest.approx(0.8, abs=0.1)


def test_a_damaged_flac_in_matroska_is_refused_at_the_damage(tmp_path: Path) -> None:
    content = bytearray(_encode(tmp_path / "a.mka", FORMATS["mka"]))
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "a.mka").write_bytes(content)

    assert _second_named(_refusal(tmp_path / "a.mka")) == pytest.approx(2, abs=0.2)


def test_a_damaged_aac_is_refused_at_the_damage(tmp_path: Path) -> None:
    content = bytearray(_encode(tmp_path / "a.aac", FORMATS["aac"]))
    at = content.index(b"\xff\xf1", len(content) // 2)
    content[at + 3 : at + 6] = content[at + 3] & 0xFC, 0, content[at + 5] & 0x1F  # no length
    (tmp_path / "a.aac").write_bytes(content)

    with pytest.raises(AudioError) as refusal:
        probe_audio(tmp_path / "a.aac")
    assert _second_named(str(refusal.value)) == pytest.approx(2, abs=0.2)


def test_a_matroska_that_breaks_off_between_two_clusters_is_refused(tmp_path: Path) -> None:
    kind = FORMATS["mkv video"]
    path = tmp_path / kind.name
    content = _encode(path, kind)
    at = [found.start() for found in re.finditer(CLUSTER, content)]
    os.truncate(path, at[len(at) // 2])

    assert _second_named(_refusal(path)) == pytest.approx(2, abs=0.6)


@pytest.mark.parametrize(
    ("name", "edge"),
    [("fragments", b"moof"), ("webm live clusters", CLUSTER), ("aac", b"\xff\xf1"), ("amr", b"<")],
)
def test_nobody_can_know_that_a_stream_without_a_length_breaks_off_between_two_of_its_parts(
    tmp_path: Path, name: str, edge: bytes
) -> None:
    clusters = {"live": "1", "cluster_time_limit": "500"}
    kind = FORMATS.get(name, Kind("a.webm", "libopus", clusters))
    path = tmp_path / kind.name
    content = _encode(path, kind)
    at = content.index(edge, len(content) // 2) - (4 if edge == b"moof" else 0)
    at = 6 + 32 * 100 if name == "amr" else at  # 100 frames of 20 ms
    os.truncate(path, at)

    assert 1.4 < len(read_audio(path, sample_rate_hz=RATE_HZ)) / RATE_HZ < 2.6


def test_a_file_whose_last_part_goes_up_to_its_end_is_whole(tmp_path: Path) -> None:
    content = _encode(tmp_path / "a.m4a", FORMATS["m4a faststart"])
    at = content.index(b"mdat") - 4
    (tmp_path / "a.m4a").write_bytes(content[:at] + bytes(4) + content[at + 4 :])

    assert len(read_audio(tmp_path / "a.m4a", sample_rate_hz=RATE_HZ)) == DURATION_S * RATE_HZ


@pytest.mark.parametrize("name", ["m4a", "avi", "wma"])
def test_a_file_with_more_behind_its_last_part_is_whole(tmp_path: Path, name: str) -> None:
    kind = FORMATS[name]
    content = _encode(tmp_path / kind.name, kind)
    (tmp_path / kind.name).write_bytes(content + b"more bytes of no known kind")

    assert len(read_audio(tmp_path / kind.name, sample_rate_hz=RATE_HZ)) > 3.9 * RATE_HZ


@pytest.mark.parametrize(
    ("stated_s", "match"),
    [
        (1.0, "does not end where its header says, at 1.00 s"),
        (3.8, "does not end where its header says, at 3.80 s"),
        (4.3, "breaks off at 4.00 s of 4.30 s"),
        (30.0, "breaks off at 4.00 s of 30.00 s"),
        (-5.0, "has no samples"),
    ],
)
def test_a_header_that_states_another_length_is_refused(
    tmp_path: Path, stated_s: float, match: str
) -> None:
    content = _encode(tmp_path / "a.webm", FORMATS["webm"])
    at = content.index(b"\x44\x89\x88") + 3
    stated = struct.pack(">d", 1_000 * stated_s)
    (tmp_path / "a.webm").write_bytes(content[:at] + stated + content[at + 8 :])

    assert match in _refusal(tmp_path / "a.webm")


def test_an_aac_of_changing_bit_rates_is_read_whole(tmp_path: Path) -> None:
    content = _encode(tmp_path / "a.aac", FORMATS["aac"])
    low = _content(Kind("b.aac", "aac", bit_rate=16_000))
    (tmp_path / "a.aac").write_bytes(low + content)

    read = read_audio(tmp_path / "a.aac", sample_rate_hz=RATE_HZ)

    assert len(read) / RATE_HZ == pytest.approx(2 * DURATION_S, abs=0.1)


def test_an_amr_of_changing_bit_rates_is_read_whole(tmp_path: Path) -> None:
    content = _encode(tmp_path / "a.amr", FORMATS["amr"])
    low = _content(Kind("b.amr", AMR, rate_hz=8_000, bit_rate=4_750))
    (tmp_path / "a.amr").write_bytes(content + 2 * low[len(b"#!AMR\n") :])

    read = read_audio(tmp_path / "a.amr", sample_rate_hz=RATE_HZ)

    assert len(read) / RATE_HZ == pytest.approx(3 * DURATION_S, abs=0.1)


def test_a_gap_is_refused_for_words_would_lie_beside_their_sound(tmp_path: Path) -> None:
    content = _encode(tmp_path / "a.webm", Kind("a.webm", "libopus", {"cluster_time_limit": "500"}))
    clusters = [found.start() for found in re.finditer(CLUSTER, content)]
    (tmp_path / "a.webm").write_bytes(content[: clusters[2]] + content[clusters[3] :])

    assert "has a gap at 0.97 s; export it as WAV" in _refusal(tmp_path / "a.webm")


def test_a_sample_rate_that_changes_is_refused(tmp_path: Path) -> None:
    content = _encode(tmp_path / "a.aac", FORMATS["aac"])
    other = _encode(tmp_path / "a.aac", Kind("a.aac", "aac", rate_hz=44_100))
    (tmp_path / "a.aac").write_bytes(content + other)

    assert re.search(r"changes its sample rate at 4.\d\d s", _refusal(tmp_path / "a.aac"))


def test_time_0_is_the_first_sample_and_the_first_audio_stream_counts(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mka"), "w") as container:
        packets = []
        for hertz in (440.0, 660.0):
            stream = container.add_stream("pcm_s16le", rate=RATE_HZ, layout="mono")
            samples = (_tone(RATE_HZ, hertz)[None] * 32_767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE_HZ, 3 * RATE_HZ
            stream.codec_context.open()
            packets += stream.encode(frame)
        container.mux(packets)

    read = read_audio(tmp_path / "a.mka", sample_rate_hz=RATE_HZ)

    np.testing.assert_allclose(read, _tone(RATE_HZ), atol=1e-4)
    assert probe_audio(tmp_path / "a.mka").duration_s == DURATION_S


def test_a_file_without_audio_is_refused(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        container.mux(_pictures(container))

    assert "holds no audio that can be decoded; leave it out" in _refusal(tmp_path / "a.mp4")


def test_a_codec_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    content = _encode(tmp_path / "a.mka", FORMATS["mka"])
    (tmp_path / "a.mka").write_bytes(content.replace(b"A_FLAC", b"A_XXXX"))

    assert "holds no audio that can be decoded" in _refusal(tmp_path / "a.mka")


@pytest.mark.parametrize("large", [False, True])
def test_a_video_whose_end_is_missing_is_broken_not_silent(tmp_path: Path, large: bool) -> None:
    content = _encode(tmp_path / "a.mp4", Kind("a.mp4", "aac", video=True))
    at = content.index(b"mdat") - 4
    if large:  # as beyond 4 GiB: the length in 64 bits, in the room that is left free for it
        length = int.from_bytes(content[at : at + 4], "big") + 8
        head = b"\0\0\0\1mdat" + length.to_bytes(8, "big")
        content = content[: at - 8] + head + content[at + 8 :]
    second_track = content.index(b"trak", content.index(b"trak") + 4)
    (tmp_path / "a.mp4").write_bytes(content[:second_track])

    assert "is a broken mov file; copy it again" in _refusal(tmp_path / "a.mp4")


@pytest.mark.parametrize("name", ["m4a", "mka", "avi"])
def test_a_title_that_is_no_utf8_changes_nothing(tmp_path: Path, name: str) -> None:
    kind = FORMATS[name]
    content = _encode(tmp_path / kind.name, kind, title="TITLE")
    assert b"TITLE" in content
    (tmp_path / kind.name).write_bytes(content.replace(b"TITLE", b"T\xe9\xff\xfeE"))

    assert probe_audio(tmp_path / kind.name).duration_s == pytest.approx(DURATION_S, abs=0.1)


@pytest.mark.parametrize("name", ["visit:1.m4a", "concat:a.m4a", "http:a.m4a", "a%d.m4a", "-"])
def test_a_name_is_never_taken_for_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    _encode(tmp_path / "a.m4a", FORMATS["m4a"])
    (tmp_path / "a.m4a").rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)

    assert len(read_audio(Path(name), sample_rate_hz=RATE_HZ)) == DURATION_S * RATE_HZ


def test_ffmpeg_is_told_the_format_and_may_open_nothing_but_files(
    tmp_path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    _encode(tmp_path / kind.name, kind)
    told, really_open = [], av.open

    def listen(file, **options):
        told.append((options["format"], options["options"]))
        return really_open(file, **options)

    monkeypatch.setattr(av, "open", listen)
    read_audio(tmp_path / kind.name, sample_rate_hz=RATE_HZ)

    expected = media_format(tmp_path / kind.name)
    assert expected
    assert all(call == (expected, {"protocol_whitelist": "file"}) for call in told)


@pytest.mark.parametrize("head", [b"....ftypM4A ", b"\x1a\x45\xdf\xa3", b"#!AMR\n", b"\xff\xf1"])
def test_text_behind_the_first_bytes_of_a_container_is_refused(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "a.m4a").write_bytes(head + b"not a recording" * 100)

    assert re.search("is a broken|breaks off at|holds no audio", _refusal(tmp_path / "a.m4a"))


@settings(max_examples=150)
@given(st.data())
def test_whatever_the_bytes_there_are_samples_or_an_audio_error(tmp_path_factory, data) -> None:
    folder = tmp_path_factory.mktemp("damage")
    kind = FORMATS[data.draw(st.sampled_from(sorted(FORMATS)), label="kind")]
    path = folder / kind.name
    content = bytearray(_encode(path, kind))
    for _ in range(data.draw(st.integers(1, 4), label="damages")):
        at = data.draw(st.integers(0, len(content) - 1) | st.integers(0, 600), label="at")
        content[at : at + 4] = data.draw(st.binary(max_size=8), label="bytes")
    path.write_bytes(content)

    try:
        read = read_audio(path, sample_rate_hz=RATE_HZ)
    except AudioError:
        return
    assert len(read)
    assert np.isfinite(read).all()


def test_the_library_is_named_with_its_version_and_left_as_it_was(tmp_path: Path) -> None:
    _encode(tmp_path / "a.webm", FORMATS["webm live"])

    read_audio(tmp_path / "a.webm", sample_rate_hz=RATE_HZ)

    assert av.logging.get_level() is None
    assert decoder_identity(tmp_path / "a.webm").startswith(f"PyAV {av.__version__}, soxr ")

"""What FFmpeg reads is whole, or it is refused with the second at which it breaks off."""

import re
import struct
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogspeech.corpora.audio import decoder_identity, probe_audio, read_audio, stream_turns
from cogspeech.corpora.media_files import media_format
from cogspeech.errors import AudioError
from cogspeech.types import Turn

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
    "webm live": Kind("a.webm", "libopus", {"live": "1", "cluster_time_limit": "500"}),
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


def _frame(samples: np.ndarray, rate_hz: int, start: int = 0) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
    frame.sample_rate, frame.pts = rate_hz, start
    return frame


def _pictures(container: av.container.OutputContainer) -> list[av.Packet]:
    stream = container.add_stream("mpeg4", rate=25)
    stream.width = stream.height = 64
    packets = []
    for position in range(round(25 * DURATION_S)):
        pixels = av.VideoFrame.from_ndarray(np.full((64, 64, 3), position, dtype=np.uint8))
        picture = pixels.reformat(format="yuv420p")
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
        stream.codec_context.open()
        whole = _frame(_tone(kind.rate_hz), kind.rate_hz)
        cutter = av.AudioResampler(format=stream.format, frame_size=stream.frame_size or 960)
        for part in (*cutter.resample(whole), *cutter.resample(None), None):
            packets += stream.encode(part)
        container.mux(sorted(packets, key=lambda packet: packet.dts * packet.time_base))
        container.close()
        return path.read_bytes()


def _refusal(path: Path) -> str:
    with pytest.raises(AudioError) as refusal:
        read_audio(path, sample_rate_hz=RATE_HZ)
    return str(refusal.value)


def _second_named(path: Path) -> float:
    refusal = _refusal(path)
    found = re.search(r"breaks off at (\d+\.\d\d) s", refusal)
    assert found, refusal
    return float(found[1])


def _places(of: bytes, content: bytes) -> list[int]:
    return [found.start() for found in re.finditer(re.escape(of), content)]


@pytest.fixture(params=FORMATS.values(), ids=FORMATS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a"


def test_every_promised_format_is_read_whole(path: Path, kind: Kind) -> None:
    path.write_bytes(_content(kind))

    info = probe_audio(path)
    read = read_audio(path, sample_rate_hz=RATE_HZ)

    assert (info.sample_rate_hz, info.num_channels) == (kind.rate_hz, 1)
    assert [info.duration_s, len(read) / RATE_HZ] == pytest.approx([DURATION_S] * 2, abs=0.1)
    pitch_hz = np.argmax(np.abs(np.fft.rfft(read))) * RATE_HZ / len(read)
    assert pitch_hz == pytest.approx(440, abs=1)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.77, 0.95])
def test_a_file_that_breaks_off_is_refused_with_the_second(
    path: Path, kind: Kind, share: float
) -> None:
    content = _content(kind)
    path.write_bytes(content[: round(share * len(content))])

    if kind is FORMATS["m4a"]:  # what tells where the samples lie stands at its end
        assert "is a broken mov file; copy it again" in _refusal(path)
    else:
        assert _second_named(path) == pytest.approx(share * DURATION_S, abs=0.5)


def test_half_a_header_is_refused(path: Path, kind: Kind) -> None:
    path.write_bytes(_content(kind)[:100])

    assert re.search("is a broken|breaks off at 0.0|has no samples|holds no audio", _refusal(path))


@pytest.mark.parametrize("name", ["webm live", "aac", "amr", "fragments"])
def test_the_end_of_a_file_without_a_length_is_missed_every_time(path: Path, name: str) -> None:
    content = _content(FORMATS[name])
    end = content.rindex(b"mfra") - 4 if name == "fragments" else len(content)
    path.write_bytes(content[: end - 3])

    for _ in range(3):
        assert _second_named(path) == pytest.approx(DURATION_S, abs=0.1)


@pytest.mark.parametrize("within", ["description", "samples"])
def test_a_fragment_that_breaks_off_is_refused_even_near_its_end(path: Path, within: str) -> None:
    content = _content(FORMATS["fragments"])
    path.write_bytes(content)
    fragment = _places(b"moof", content)[3] - 4
    with av.open(str(path)) as container:
        packets = [packet.pos for packet in container.demux() if packet.size]
    last_packet = max(at for at in packets if at < fragment)
    path.write_bytes(content[: last_packet if within == "samples" else fragment + 30])

    assert _second_named(path) == pytest.approx(1.5, abs=0.1)


def test_a_fragment_without_any_samples_is_refused(path: Path) -> None:
    content = _content(Kind("a.mp4", "aac", FRAGMENTS | {"frag_duration": "50000"}))
    path.write_bytes(content[: content.index(b"mdat") - 4])

    assert "breaks off at 0.00 s of 0.06 s" in _refusal(path)


def test_a_file_that_breaks_off_between_two_of_its_parts_is_refused(path: Path) -> None:
    wma, mkv = _content(FORMATS["wma"]), _content(FORMATS["mkv video"])
    packets = wma.index(b"\x36\x26\xb2\x75\x8e\x66") + 50  # each of 3200 bytes
    path.write_bytes(wma[: packets + 3 * 3_200])
    assert _second_named(path) == pytest.approx(0.8, abs=0.1)
    path.write_bytes(mkv[: _places(CLUSTER, mkv)[4]])
    assert _second_named(path) == pytest.approx(2, abs=0.6)


def test_two_files_that_are_read_at_once_are_told_apart(tmp_path: Path) -> None:
    streams, turns = [], [Turn(start_s=0.0, end_s=DURATION_S)]
    for name, end in (("cut", -3), ("whole", None)):
        (tmp_path / name).write_bytes(_content(FORMATS["webm live"])[:end])
        streams.append(stream_turns(tmp_path / name, turns, sample_rate_hz=RATE_HZ))

    with pytest.raises(AudioError, match="cut' breaks off at 3"):
        list(zip(*streams, strict=True))
    assert list(streams[1])


@pytest.mark.parametrize(
    ("name", "edge"),
    [("fragments", b"moof"), ("webm live", CLUSTER), ("aac", b"\xff\xf1"), ("amr", b"")],
)
def test_nobody_can_know_that_a_stream_without_a_length_breaks_off_between_two_of_its_parts(
    path: Path, name: str, edge: bytes
) -> None:
    content = _content(FORMATS[name])
    places = _places(edge, content) if edge else range(6, len(content), 32)
    at = places[len(places) // 2] - (4 if edge == b"moof" else 0)
    path.write_bytes(content[:at])

    assert 1.4 < len(read_audio(path, sample_rate_hz=RATE_HZ)) / RATE_HZ < 2.6


def test_a_damaged_flac_in_matroska_is_refused_at_the_damage(path: Path) -> None:
    before, after = _content(FORMATS["mka"])[:25_000], _content(FORMATS["mka"])[25_006:]
    path.write_bytes(before + b"damage" + after)

    assert _second_named(path) == pytest.approx(2, abs=0.4)


def test_a_damaged_aac_is_refused_at_the_damage(path: Path) -> None:
    content = bytearray(_content(FORMATS["aac"]))
    at = content.index(b"\xff\xf1", len(content) // 2)
    content[at + 3 : at + 6] = content[at + 3] & 0xFC, 0, content[at + 5] & 0x1F  # no length
    path.write_bytes(content)

    assert _second_named(path) == pytest.approx(2, abs=0.2)


def test_a_file_whose_last_part_goes_up_to_its_end_is_whole(path: Path) -> None:
    content = _content(FORMATS["m4a faststart"])
    at = content.index(b"mdat") - 4
    path.write_bytes(content[:at] + bytes(4) + content[at + 4 :])

    assert len(read_audio(path, sample_rate_hz=RATE_HZ)) == DURATION_S * RATE_HZ


@pytest.mark.parametrize("name", ["m4a", "avi", "wma"])
def test_a_file_with_more_behind_its_last_part_is_whole(path: Path, name: str) -> None:
    path.write_bytes(_content(FORMATS[name]) + b"more bytes of no known kind")

    assert len(read_audio(path, sample_rate_hz=RATE_HZ)) > 3.9 * RATE_HZ


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
    path: Path, stated_s: float, match: str
) -> None:
    content = _content(FORMATS["webm"])
    at = content.index(b"\x44\x89\x88") + 3
    path.write_bytes(content[:at] + struct.pack(">d", 1_000 * stated_s) + content[at + 8 :])

    assert match in _refusal(path)


@pytest.mark.parametrize(("name", "low_bit_rate"), [("aac", 16_000), ("amr", 4_750)])
def test_a_bit_rate_that_changes_is_no_matter(path: Path, name: str, low_bit_rate: int) -> None:
    low, usual = _content(replace(FORMATS[name], bit_rate=low_bit_rate)), _content(FORMATS[name])
    path.write_bytes(low + usual.removeprefix(b"#!AMR\n"))

    read = read_audio(path, sample_rate_hz=RATE_HZ)

    assert len(read) / RATE_HZ == pytest.approx(2 * DURATION_S, abs=0.1)


def test_a_gap_is_refused_for_words_would_lie_beside_their_sound(path: Path) -> None:
    content = _content(Kind("a.webm", "libopus", {"cluster_time_limit": "500"}))
    clusters = _places(CLUSTER, content)
    path.write_bytes(content[: clusters[2]] + content[clusters[3] :])

    assert "has a gap at 0.97 s; export it as WAV" in _refusal(path)


def test_a_sample_rate_that_changes_is_refused(path: Path) -> None:
    aac = FORMATS["aac"]
    path.write_bytes(_content(aac) + _content(replace(aac, rate_hz=44_100)))

    assert re.search(r"changes its sample rate at 4.\d\d s", _refusal(path))


def test_time_0_is_the_first_sample_and_the_first_audio_stream_counts(path: Path) -> None:
    with av.open(str(path), "w", format="matroska") as container:
        packets = []
        for hertz in (440.0, 660.0):
            stream = container.add_stream("pcm_f32le", rate=RATE_HZ, layout="mono")
            stream.codec_context.open()
            packets += stream.encode(_frame(_tone(RATE_HZ, hertz), RATE_HZ, start=3 * RATE_HZ))
        container.mux(packets)

    np.testing.assert_allclose(read_audio(path, sample_rate_hz=RATE_HZ), _tone(RATE_HZ), atol=1e-4)
    assert probe_audio(path).duration_s == DURATION_S


def test_a_file_without_audio_that_can_be_decoded_is_refused(path: Path) -> None:
    path.write_bytes(_content(FORMATS["mka"]).replace(b"A_FLAC", b"A_XXXX"))
    assert "holds no audio that can be decoded" in _refusal(path)
    with av.open(str(path), "w", format="mp4") as container:
        container.mux(_pictures(container))
    assert "holds no audio that can be decoded; leave it out" in _refusal(path)


@pytest.mark.parametrize("is_large", [False, True])
def test_a_video_whose_end_is_missing_is_broken_not_silent(path: Path, is_large: bool) -> None:
    content = _content(Kind("a.mp4", "aac", video=True))
    at = content.index(b"mdat") - 4
    if is_large:  # as beyond 4 GiB: the length in 64 bits, in the room that is left free for it
        length = int.from_bytes(content[at : at + 4], "big") + 8
        content = content[: at - 8] + b"\0\0\0\1mdat" + length.to_bytes(8) + content[at + 8 :]
    path.write_bytes(content[: _places(b"trak", content)[1]])

    assert "is a broken mov file; copy it again" in _refusal(path)


@pytest.mark.parametrize("name", ["m4a", "mka", "avi"])
def test_a_title_that_is_no_utf8_changes_nothing(path: Path, name: str) -> None:
    content = _content(FORMATS[name], title="TITLE")
    assert b"TITLE" in content
    path.write_bytes(content.replace(b"TITLE", b"T\xe9\xff\xfeE"))

    assert probe_audio(path).duration_s == pytest.approx(DURATION_S, abs=0.1)


@pytest.mark.parametrize("name", ["visit:1.m4a", "concat:a.m4a", "http:a.m4a", "a%d.m4a", "-"])
def test_a_name_is_never_taken_for_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(_content(FORMATS["m4a"]))

    assert len(read_audio(Path(name), sample_rate_hz=RATE_HZ)) == DURATION_S * RATE_HZ


def test_ffmpeg_is_told_the_format_and_may_open_nothing_but_files(
    path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(_content(kind))
    told, really_open = [], av.open

    def listen(file, **options):
        told.append((options["format"], options["options"]))
        return really_open(file, **options)

    monkeypatch.setattr(av, "open", listen)
    read_audio(path, sample_rate_hz=RATE_HZ)

    assert media_format(path)
    assert all(call == (media_format(path), {"protocol_whitelist": "file"}) for call in told)


@settings(max_examples=150)
@given(st.data())
def test_whatever_the_bytes_there_are_samples_or_an_audio_error(tmp_path_factory, data) -> None:
    content = bytearray(_content(FORMATS[data.draw(st.sampled_from(sorted(FORMATS)))]))
    for _ in range(data.draw(st.integers(1, 4), label="damages")):
        at = data.draw(st.integers(0, len(content) - 1) | st.integers(0, 600), label="at")
        content[at : at + 4] = data.draw(st.binary(max_size=8), label="bytes")
    path = tmp_path_factory.mktemp("damage") / "a"
    path.write_bytes(content)

    with suppress(AudioError):
        read = read_audio(path, sample_rate_hz=RATE_HZ)
        assert len(read)
        assert np.isfinite(read).all()


def test_the_library_is_named_with_its_version_and_left_as_it_was(path: Path) -> None:
    path.write_bytes(_content(FORMATS["webm live"]))
    read_audio(path, sample_rate_hz=RATE_HZ)

    assert av.logging.get_level() is None
    assert decoder_identity(path).startswith(f"PyAV {av.__version__}, soxr ")

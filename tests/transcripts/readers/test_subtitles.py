"""Subtitles: cues with times, words without, markup taken away, speakers only if they are known."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import READERS, ReadingOptions, read_transcript_file
from cogspeech.transcripts.readers import subtitles
from cogspeech.transcripts.readers.subtitles import SubtitlesReader
from cogspeech.types import Transcript, Utterance, Word

TWO = {"PAR": "participant", "INV": "interviewer"}


def _read(folder: Path, content: str | bytes, roles=None, name: str = "r1.srt") -> Transcript:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    options = ReadingOptions(roles=roles or {})
    return SubtitlesReader().read(path, recording_id="r1", options=options)


def _refusal(folder: Path, content: str | bytes, roles=None, name: str = "r1.srt") -> str:
    with pytest.raises(TranscriptError) as refusal:
        _read(folder, content, roles, name)
    message = str(refusal.value)
    assert message.startswith(str(folder / name))
    assert "adder" not in message
    assert len(message.splitlines()) == 1
    return message


def _vtt(folder: Path, *blocks: str, roles=None) -> Transcript:
    return _read(folder, "\n\n".join(("WEBVTT", *blocks)), roles, name="r1.vtt")


def _seen(transcript: Transcript) -> list[tuple]:
    return [(word.text, word.speaker[0]) for word in transcript.words]


def _spans(transcript: Transcript) -> list[tuple]:
    return [(u.first_word, u.last_word, u.start_s, u.end_s) for u in transcript.utterances]


def _told(transcript: Transcript) -> list[str]:
    return [warning.partition("r1.")[2] for warning in transcript.warnings]


def test_it_is_registered_by_name_and_found_by_both_endings(tmp_path: Path) -> None:
    assert READERS.get("subtitles") is SubtitlesReader
    for name, head in (("a.SRT", "1\n"), ("a.Vtt", "WEBVTT\n\n")):
        (tmp_path / name).write_text(f"{head}00:00:01,000 --> 00:00:02,000\nthe\n")
        assert len(read_transcript_file(tmp_path / name, recording_id="r1").words) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_subrip_cues_are_utterances_with_times(tmp_path: Path, encoding: str) -> None:
    content = (
        "1\r\n00:00:01,250 --> 00:00:02,500\r\nThe größe - falls.\r\non two lines\r\n\r\n"
        "2\r\n01:00:03,000 --> 01:00:04,000 X1:100 X2:200\r\n…\r\n\r\n"
        "3\r\n00:10:00,000-->00:10:01,001\r\n99"
    )

    assert _read(tmp_path, content.encode(encoding)) == Transcript(
        recording_id="r1",
        words=tuple(
            Word(text=text) for text in ("The", "größe", "falls.", "on", "two", "lines", "99")
        ),
        utterances=(
            Utterance(first_word=0, last_word=6, start_s=1.25, end_s=2.5),
            Utterance(first_word=6, last_word=7, start_s=600.0, end_s=601.001),
        ),
    )


def test_webvtt_blocks_settings_and_short_times_are_read(tmp_path: Path) -> None:
    transcript = _vtt(
        tmp_path,
        "NOTE\nnot spoken",
        "STYLE\n::cue { color: red }",
        "REGION\nid:fred",
        "intro\n00:01.000 --> 00:02.000 line:0 position:20% align:start\nthe boy",
        "NOTE not spoken either",
        "00:02.000 --> 100:00:00.000\tline:0\nfalls",
    )

    assert [word.text for word in transcript.words] == ["the", "boy", "falls"]
    assert _spans(transcript) == [(0, 2, 1.0, 2.0), (2, 3, 2.0, 360_000.0)]
    assert transcript.warnings == ()


@pytest.mark.parametrize("header", ["WEBVTT", "WEBVTT - ladder", "WEBVTT\nKind: captions\nX: a"])
def test_the_header_of_webvtt_is_no_cue(tmp_path: Path, header: str) -> None:
    content = f"{header}\n\n00:01.000 --> 00:02.000\nthe"

    assert _seen(_read(tmp_path, content, name="r1.vtt")) == [("the", "p")]


@pytest.mark.parametrize("content", ["", "ladder", "WEBVTTladder", "\nWEBVTT"])
def test_a_vtt_file_without_its_header_is_refused(tmp_path: Path, content: str) -> None:
    assert "expected WEBVTT in the first" in _refusal(tmp_path, content, name="r1.vtt")


def test_markup_is_taken_away(tmp_path: Path) -> None:
    lines = (
        "<i>the</i> <b.loud>old</b> <00:00:01.500><c>lad</c>der",
        "{\\an8}<font color='red'>a &amp; b</font>&nbsp;&lt;c&gt; &#65; x&lrm;y 3 < 4",
        "♪ (.) -- ¿",
    )

    transcript = _read(tmp_path, "1\n00:00:01,000 --> 00:00:02,000\n" + "\n".join(lines))

    assert [word.text for word in transcript.words] == [
        *("the", "old", "ladder", "a", "&", "b", "<c>", "A", "xy", "3", "4")
    ]


def test_voices_are_told_apart_by_their_roles(tmp_path: Path) -> None:
    transcript = _vtt(
        tmp_path,
        "00:00.000 --> 00:01.000\n<v.loud par >the boy",
        "00:01.000 --> 00:02.000\n<v INV>and then?</v>",
        "00:02.000 --> 00:03.000\n<v PAR>he <i>falls\nfrom it</i>",
        roles=TWO,
    )

    assert [speaker for _, speaker in _seen(transcript)] == ["p", "p", "i", "i", "p", "p", "p", "p"]
    assert _spans(transcript) == [(0, 2, 0.0, 1.0), (2, 4, 1.0, 2.0), (4, 8, 2.0, 3.0)]


def test_a_cue_that_speakers_share_becomes_utterances_without_times(tmp_path: Path) -> None:
    voices = _vtt(
        tmp_path, "00:00.000 --> 00:01.000\n<v PAR>the boy</v> <v INV>and?</v>", roles=TWO
    )
    prefixes = _read(
        tmp_path, "1\n00:00:00,000 --> 00:00:01,000\nPAR: the\nboy\ninv: and?\n", roles=TWO
    )

    for transcript in (voices, prefixes):
        assert _seen(transcript) == [("the", "p"), ("boy", "p"), ("and?", "i")]
        assert _spans(transcript) == [(0, 2, None, None), (2, 3, None, None)]


def _cues(*texts: str) -> str:
    return "\n\n".join(
        f"{n}\n00:00:{n:02d},000 --> 00:00:{n + 1:02d},000\n{text}" for n, text in enumerate(texts)
    )


def test_a_prefix_is_a_speaker_only_if_it_has_a_role(tmp_path: Path) -> None:
    content = _cues("INV: what is it?", "Ladder: INV: a", "at 10:30", "[INV]: so", "INV:")

    transcript = _read(tmp_path, content, {"INV": "interviewer"})

    assert _seen(transcript) == [
        *[("what", "i"), ("is", "i"), ("it?", "i")],
        *[("Ladder:", "p"), ("INV:", "p"), ("a", "p")],
        *[("at", "p"), ("10:30", "p"), ("so", "i")],
    ]
    assert transcript.warnings == ()


def test_where_the_participant_is_named_words_of_nobody_are_not_the_participants(
    tmp_path: Path,
) -> None:
    transcript = _read(tmp_path, _cues("PAR: the ladder", "on its own"), TWO)

    assert [speaker for _, speaker in _seen(transcript)] == ["p", "p", "o", "o", "o"]
    assert _told(transcript) == [
        "srt: 1 texts name no speaker, unlike the rest; they are nobody's ('other')"
    ]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("<v Nurse  Joy>ladder", "nurse joy"),
        ("[SPEAKER_00]: ladder", "speaker_00"),
        ("<v.loud SPEAKER_00>[PAR]: ladder</v> <v x>ladder", "x"),
        (f"<v {'so ' * 30}ladder>a", "so so so so so so so so so so so so so s"),
    ],
)
def test_a_speaker_without_a_role_is_refused_and_named(
    tmp_path: Path, text: str, named: str
) -> None:
    refusal = _refusal(tmp_path, _cues("PAR: a", text), TWO)

    assert f":6: speaker '{named}' is not in transcripts.roles; add it, such as " in refusal


@pytest.mark.parametrize(
    "times",
    [
        "00:00:02,000 --> 00:00:01,000",
        "00:00:99,000 --> 00:01:40,000",
        "00:00:01,0 --> 00:00:02,0",
        "-00:00:01,000 --> 00:00:02,000",
        "ladder --> ladder",
        "-->",
        f"{'9' * 5000}:00:01,000 --> {'9' * 5000}:00:02,000",
    ],
    ids=range(7),
)
def test_a_cue_whose_times_cannot_be_right_keeps_its_words(tmp_path: Path, times: str) -> None:
    transcript = _read(tmp_path, f"1\n{times}\nthe ladder\n")

    assert _seen(transcript) == [("the", "p"), ("ladder", "p")]
    assert _spans(transcript) == [(0, 2, None, None)]
    assert _told(transcript) == ["srt:2: its times cannot be right; they are taken as unknown"]


def test_cues_stand_in_the_order_of_time(tmp_path: Path) -> None:
    blocks = _cues("a", "b", "c").split("\n\n")

    transcript = _read(tmp_path, "\n\n".join(reversed(blocks)))

    assert [word.text for word in transcript.words] == ["a", "b", "c"]


def test_cues_that_no_empty_line_sets_apart_are_told_apart(tmp_path: Path) -> None:
    transcript = _read(tmp_path, _cues("a 7", "8", "c").replace("\n\n", "\n"))

    assert [word.text for word in transcript.words] == ["a", "7", "8", "c"]
    assert len(transcript.utterances) == 3


def test_text_without_a_time_is_passed_over_and_told(tmp_path: Path) -> None:
    transcript = _read(tmp_path, _cues("the\n\nladder"))

    assert _seen(transcript) == [("the", "p")]
    assert _told(transcript) == ["srt:5: text without a time was passed over"]


def test_prose_gives_no_words_and_few_warnings(tmp_path: Path) -> None:
    transcript = _read(tmp_path, "the ladder falls\n\n" * 500)

    assert transcript.words == ()
    assert len(transcript.warnings) == 101
    assert not any("ladder" in warning for warning in transcript.warnings)


@pytest.mark.parametrize(
    ("limit", "match"),
    [({"MAX_WORDS": 3}, "more than 3 words"), ({"MAX_BYTES": 9}, "larger than 0 MB")],
    ids=["words", "bytes"],
)
def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: dict, match: str
) -> None:
    sound = _cues("a b c")
    too_large = _cues("a b", "c ladder")
    assert len(_read(tmp_path, sound).words) == 3
    for name, value in limit.items():
        monkeypatch.setattr(subtitles, name, value)

    assert match in _refusal(tmp_path, too_large)
    if "MAX_WORDS" in limit:
        assert len(_read(tmp_path, sound).words) == 3


@pytest.mark.timeout(10)
@pytest.mark.parametrize("piece", ["<", "{\\", "&#", "<v.", "<v.a", "a:", "[a", " ", "-->"])
def test_no_text_makes_the_search_slow(tmp_path: Path, piece: str) -> None:
    transcript = _read(tmp_path, _cues(piece * 100_000), TWO)

    assert len(transcript.utterances) <= 1


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Z"), exclude_characters="<>&{}:"),
    min_size=1,
).filter(lambda text: any(sign.isalnum() for sign in text))


def _clock(ms: int, mark: str) -> str:
    return (
        f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}{mark}{ms % 1000:03d}"
    )


@settings(max_examples=50)
@given(
    cues=st.lists(
        st.tuples(st.integers(0, 10**7), st.integers(0, 10**6), st.lists(TEXTS, min_size=1)),
        max_size=5,
    ),
    is_vtt=st.booleans(),
)
def test_any_cues_come_back_exactly(tmp_path_factory, cues: list[tuple], is_vtt: bool) -> None:
    cues = sorted(cues, key=lambda cue: cue[0])
    mark = "." if is_vtt else ","
    blocks = [
        f"{number}\n{_clock(start, mark)} --> {_clock(start + length, mark)}\n{' '.join(texts)}"
        for number, (start, length, texts) in enumerate(cues)
    ]
    name, head = ("a.vtt", ["WEBVTT"]) if is_vtt else ("a.srt", [])

    transcript = _read(tmp_path_factory.getbasetemp(), "\n\n".join(head + blocks) + "\n", name=name)

    assert [word.text for word in transcript.words] == [text for *_, some in cues for text in some]
    assert [(u.start_s, u.end_s) for u in transcript.utterances] == [
        pytest.approx((start / 1000, (start + length) / 1000), abs=1e-9)
        for start, length, _ in cues
    ]

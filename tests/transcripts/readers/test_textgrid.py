"""TextGrids: what praatio writes is read; tiers are told by name; nothing is guessed."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from praatio import textgrid as praatio

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import READERS, ReadingOptions, read_transcript_file
from cogspeech.transcripts.pauses import pauses_of
from cogspeech.transcripts.readers import textgrid
from cogspeech.transcripts.readers.textgrid import TextGridReader
from cogspeech.types import Transcript, Utterance, Word

FORMATS = ("long_textgrid", "short_textgrid")
TWO = {"PAR": "participant", "INV": "interviewer"}


def _read(folder: Path, content: str | bytes, roles=None, rendering: str = "audible") -> Transcript:
    path = folder / "r1.TextGrid"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    options = ReadingOptions(roles=roles or {}, rendering=rendering)
    return TextGridReader().read(path, recording_id="r1", options=options)


def _refusal(folder: Path, content: str | bytes, roles=None) -> str:
    with pytest.raises(TranscriptError) as refusal:
        _read(folder, content, roles)
    message = str(refusal.value)
    assert message.startswith(str(folder / "r1.TextGrid"))
    assert "ladder" not in message
    assert len(message.splitlines()) == 1
    return message


def _saved(folder: Path, tiers: dict, kind: str = "long_textgrid", end_s: float = 9.0) -> bytes:
    """A file that praatio has written; points are given as a set."""
    grid = praatio.Textgrid(0, end_s)
    for name, entries in tiers.items():
        tier = praatio.PointTier if isinstance(entries, set) else praatio.IntervalTier
        grid.addTier(tier(name, sorted(entries), 0, end_s))
    grid.save(str(folder / "saved.TextGrid"), kind, includeBlankSpaces=True)
    return (folder / "saved.TextGrid").read_bytes()


def _grid(*tiers: str, count: int | None = None) -> str:
    """A short text file by hand."""
    size = len(tiers) if count is None else count
    return f'"ooTextFile"\n"TextGrid"\n\n0\n9\n<exists>\n{size}\n' + "\n".join(tiers)


def _tier(name: str, *intervals: str, kind: str = "IntervalTier", size: int | None = None) -> str:
    count = len(intervals) if size is None else size
    return f'"{kind}"\n"{name}"\n0\n9\n{count}\n' + "\n".join(intervals)


def _texts(transcript: Transcript) -> list[str]:
    return [word.text for word in transcript.words]


def test_it_is_registered_by_name_and_found_by_any_case_of_its_ending(tmp_path: Path) -> None:
    assert READERS.get("textgrid") is TextGridReader
    for name in ("a.TextGrid", "b.textgrid", "c.TEXTGRID"):
        (tmp_path / name).write_text(_grid(_tier("words", '1 2 "ladder"')))
        assert _texts(read_transcript_file(tmp_path / name, recording_id="r1")) == ["ladder"]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_what_praatio_writes_is_read_in_every_encoding(
    tmp_path: Path, kind: str, encoding: str
) -> None:
    entries = [(0.25, 1.0, "the"), (1.0, 2.5, 'so-called "größe"'), (3.0, 4.0, "梯子")]
    text = _saved(tmp_path, {"words": entries, "phones": [(0.0, 1.0, "DH")]}, kind).decode()
    content = text.replace("\n", "\r\n").encode(encoding)

    transcript = _read(tmp_path, b"\xfe\xff" + content if encoding == "utf-16-be" else content)

    assert transcript == Transcript(
        recording_id="r1",
        words=(
            Word(text="the", start_s=0.25, end_s=1.0),
            Word(text="so-called"),
            Word(text='"größe"'),
            Word(text="梯子", start_s=3.0, end_s=4.0),
        ),
        utterances=(Utterance(first_word=1, last_word=3, start_s=1.0, end_s=2.5),),
    )


@pytest.mark.parametrize("kind", FORMATS)
def test_words_of_several_speakers_are_merged_in_the_order_of_time(
    tmp_path: Path, kind: str
) -> None:
    tiers = {
        "par - words": [(0.0, 1.0, "a"), (2.0, 3.0, "c")],
        "PAR - phones": [(0.0, 1.0, "AH")],
        "Inv - Words": [(1.5, 2.5, "b"), (4.0, 5.0, "d")],
    }

    transcript = _read(tmp_path, _saved(tmp_path, tiers, kind), TWO)

    assert [(word.text, word.speaker) for word in transcript.words] == [
        ("a", "participant"),
        ("b", "interviewer"),
        ("c", "participant"),
        ("d", "interviewer"),
    ]
    assert (transcript.utterances, transcript.warnings) == ((), ())


def test_a_tier_with_a_role_is_read_and_words_are_the_participants(tmp_path: Path) -> None:
    tiers = {
        "Word": [(0.0, 1.0, "a")],
        "Doctor": [(1.0, 2.0, "b")],
        "comments": [(0.0, 9.0, "calls at noon")],
    }

    transcript = _read(tmp_path, _saved(tmp_path, tiers), {"doctor ": "interviewer"})

    assert [(word.text, word.speaker) for word in transcript.words] == [
        ("a", "participant"),
        ("b", "interviewer"),
    ]


def test_where_most_intervals_hold_several_words_each_is_an_utterance(tmp_path: Path) -> None:
    tiers = {"PAR": [(0.5, 2.0, "the boy falls ."), (2.0, 2.5, "yes"), (3.0, 4.0, "from it")]}

    transcript = _read(tmp_path, _saved(tmp_path, tiers), TWO)

    assert _texts(transcript) == ["the", "boy", "falls", "yes", "from", "it"]
    assert not any(word.is_timed for word in transcript.words)
    assert transcript.utterances == (
        Utterance(first_word=0, last_word=3, start_s=0.5, end_s=2.0),
        Utterance(first_word=3, last_word=4, start_s=2.0, end_s=2.5),
        Utterance(first_word=4, last_word=6, start_s=3.0, end_s=4.0),
    )


def test_silences_are_no_words_but_what_nobody_understood_is(tmp_path: Path) -> None:
    marks = ["", "sp", "SIL", "<eps>", "<sil>", "spn", "[SPN]", "<unk>", "ladder", " . "]
    intervals = [f'{at} {at + 1} "{mark}"' for at, mark in enumerate(marks)]

    audible = _read(tmp_path, _grid(_tier("words", *intervals)))
    clean = _read(tmp_path, _grid(_tier("words", *intervals)), rendering="clean")

    assert [(word.text, word.start_s, word.end_s) for word in audible.words] == [
        ("xxx", 5.0, 6.0),
        ("xxx", 6.0, 7.0),
        ("xxx", 7.0, 8.0),
        ("ladder", 8.0, 9.0),
    ]
    assert clean.words == (Word(text="ladder", start_s=8.0, end_s=9.0),)
    assert audible.warnings == clean.warnings == ()


def test_no_pause_is_measured_where_somebody_spoke_unintelligibly(tmp_path: Path) -> None:
    content = _grid(
        _tier("words", '0 1 "the"', '1 3 "spn"', '3 4 "boy"', '4 6 "sil"', '6 7 "fell"')
    )

    pauses = pauses_of(_read(tmp_path, content), min_pause_s=0.15)

    assert [(pause.start_s, pause.end_s) for pause in pauses] == [(4.0, 6.0)]


def test_praats_own_reading_rules_hold(tmp_path: Path) -> None:
    """Comments, flags, labels and positions are not values; a doubled quote is one."""
    content = (
        'File type = "ooTextFile"\nObject class = "TextGrid" ! 5 "no"\n\n'
        "xmin = 0 seconds\nxmax = 9\ntiers? <exists>\nsize = 1\nitem [1]:\n"
        'class = "IntervalTier" name = "words" xmin = 0 xmax = 9 intervals: size = 2\n'
        'intervals [1]: xmin = 1e-1 xmax = +.5 text = "say ""ladder"""\n'
        'intervals [2]: xmin = 1. xmax = 2 text = "two\nlines"'
    )

    transcript = _read(tmp_path, content)

    assert _texts(transcript) == ["say", '"ladder"', "two", "lines"]
    assert [(u.start_s, u.end_s) for u in transcript.utterances] == [(0.1, 0.5), (1.0, 2.0)]


def test_control_characters_are_taken_out_of_words(tmp_path: Path) -> None:
    transcript = _read(tmp_path, _grid(_tier("words", '1 2 "la\x07d\u200bder"', '2 3 "\x01"')))

    assert _texts(transcript) == ["ladder"]


@pytest.mark.parametrize(
    ("times", "line"), [("-2 -1", 1), ("3 2", 2), ("1 1e999", 3), ("-1 2", 4)], ids=str
)
def test_a_word_whose_times_cannot_be_right_stays_without_them(
    tmp_path: Path, times: str, line: int
) -> None:
    others = [f'{at} {at + 1} "a"' for at in range(5)]
    others[line] = f'{times} "ladder"'

    transcript = _read(tmp_path, _grid(_tier("words", *others)))

    assert [word.is_timed for word in transcript.words].count(False) == 1
    assert transcript.words[line] == Word(text="ladder")
    assert transcript.warnings == (
        f"{tmp_path / 'r1.TextGrid'}:{13 + line}: an interval's times cannot be right; its words "
        "have none",
    )


def test_only_the_first_warnings_are_kept(tmp_path: Path) -> None:
    transcript = _read(tmp_path, _grid(_tier("words", *['2 1 "a"'] * 500)))

    assert len(transcript.warnings) == 101
    assert transcript.warnings[-1].endswith("r1.TextGrid: and 400 more such warnings")


def test_tiers_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    tiers = {
        "PAR": [(0.0, 9.0, "the ladder")],
        "PAR - words": [(0.0, 1.0, "the"), (1.0, 2.0, "ladder")],
        "INV": {(1.0, "ladder")},
        "words": [(0.0, 1.0, "ladder")],
    }

    transcript = _read(tmp_path, _saved(tmp_path, tiers), TWO)

    assert _texts(transcript) == ["the", "ladder"]
    assert [warning.partition(".TextGrid: ")[2] for warning in transcript.warnings] == [
        "tier 'PAR' was passed over, for its words have a tier",
        "tier 'INV' holds points, not intervals; it was passed over",
        "tier 'words' was passed over, for roles name the participant's",
    ]


@pytest.mark.parametrize(
    ("limit", "match"),
    [({"MAX_WORDS": 3}, "more than 3 words"), ({"MAX_BYTES": 9}, "larger than 0 MB")],
    ids=["words", "bytes"],
)
def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: dict, match: str
) -> None:
    sound = _grid(_tier("words", '1 2 "b c d"'))
    too_large = _grid(_tier("words", '1 2 "b c d"', '2 3 "ladder"'))
    assert len(_read(tmp_path, sound).words) == 3
    for name, value in limit.items():
        monkeypatch.setattr(textgrid, name, value)

    assert match in _refusal(tmp_path, too_large)
    if "MAX_WORDS" in limit:
        assert len(_read(tmp_path, sound).words) == 3


def test_a_file_with_too_many_values_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = _grid(_tier("phones", *['1 2 "m"'] * 30), _tier("words", WORDS))
    monkeypatch.setattr(textgrid, "MAX_VALUES", 109)
    assert len(_read(tmp_path, content).words) == 1

    monkeypatch.setattr(textgrid, "MAX_VALUES", 108)
    assert "more than 108 values; no transcript" in _refusal(tmp_path, content)


WORDS = '1 2 "ladder"'


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("", "breaks off where the file type should stand"),
        ("ladder", "breaks off where the file type should stand"),
        ('"ladder" "TextGrid"', "is no TextGrid; save it as a text file in Praat"),
        ('"ooTextFile" "PitchTier"', "is no TextGrid"),
        ('"Praat chronological TextGrid text file" "x"', "is no TextGrid"),
        ("ooBinaryFile\x08TextGrid\0\0", "is not text"),
        ('"ooTextFile"\n"TextGrid"\n"ladder"', ":3: expected the start, a number, but found a te"),
        ('"ooTextFile" "TextGrid" 0 9 <absent>', "has 0 tiers called 'words'; its tiers: ; say"),
        (_grid(), "has 0 tiers called 'words'"),
        (_grid(_tier("ladde", WORDS)), "its tiers: ladde; say in transcripts.roles whose words"),
        (_grid(_tier("words", WORDS), _tier("Words", WORDS)), "has 2 tiers called 'words'; its t"),
        (
            _grid(_tier("X - words", WORDS)),
            ":9: tier 'X - words' holds words of somebody who is not known; its ti",
        ),
        (_grid(_tier("words", '1 "m"', kind="TextTier")), "has 0 tiers called 'words'"),
        (_grid(_tier("words", WORDS), count=2), "breaks off where the class of a tier should st"),
        (_grid(_tier("words", WORDS, size=2)), "breaks off where a time should stand"),
        (_grid(_tier("words", WORDS, size=10**9)), "breaks off where a time should stand"),
        (_grid(_tier("words", WORDS), count=10**9), "breaks off where the class"),
        (
            _grid(_tier("words", WORDS).replace("\n1\n", "\n1.5\n", 1)),
            "size of a tier must be a whole",
        ),
        (_grid(_tier("words", WORDS).replace("\n1\n", "\n-1\n", 1)), "must be a whole number"),
        (_grid(_tier("words", WORDS).replace("\n1\n", f"\n{'9' * 5000}\n", 1)), "must be a whole"),
        (_grid(_tier("words", WORDS, kind="ladder")), "must be an IntervalTier or a TextTier"),
        (_grid(_tier("words", WORDS, WORDS, size=1), count=2), ":14: expected the class of a tier"),
        (_grid(_tier("words", '1 2 "ladder')), "breaks off where the text of an interval should"),
        (_grid(_tier("words", 'NaN 2 "ladder"')), ":13: expected a time, a number, but found a te"),
        (_grid(*[_tier(f"t{n}") for n in range(99)]), "t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t1"),
    ],
    ids=range(25),
)
def test_a_file_that_is_no_sound_textgrid_is_refused(
    tmp_path: Path, content: str, match: str
) -> None:
    assert match in _refusal(tmp_path, content)


def test_the_list_of_tiers_stays_short_and_without_phones(tmp_path: Path) -> None:
    tiers = [_tier("phones"), *[_tier(f"tier \x1b[31m{n}" + "x" * 99) for n in range(99)]]

    refusal = _refusal(tmp_path, _grid(*tiers))

    assert "(+79 more)" in refusal
    assert "phones" not in refusal
    assert "\x1b" not in refusal
    assert len(refusal) < 1500


def test_what_stands_after_the_last_tier_is_told(tmp_path: Path) -> None:
    content = _grid(_tier("words", WORDS), _tier("words", WORDS), count=1)

    transcript = _read(tmp_path, content)

    assert transcript.warnings == (
        f"{tmp_path / 'r1.TextGrid'}:13: more stands after the last tier; it was passed over",
    )


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "content",
    [
        '"' * 400_000 + "x",
        ' "a' * 300_000,
        " 1" * 300_000 + "x",
        " " + "1" * 900_000 + "x",
        "! " * 9**5,
    ],
    ids=["quotes", "unclosed", "numbers", "digits", "comments"],
)
def test_no_text_makes_the_search_slow(tmp_path: Path, content: str) -> None:
    assert "breaks off" in _refusal(tmp_path, content) or "expected" in _refusal(tmp_path, content)


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cn", "Z")), min_size=1, max_size=6
).filter(lambda text: any(sign.isalnum() for sign in text) and text.lower() not in ("sp", "sil"))
STEPS = st.tuples(st.integers(0, 800), st.integers(1, 2000), TEXTS)


@settings(max_examples=50)
@given(steps=st.lists(STEPS, min_size=1, max_size=8), kind=st.sampled_from(FORMATS))
def test_any_words_that_praatio_writes_come_back_exactly(
    tmp_path_factory, steps: list[tuple[int, int, str]], kind: str
) -> None:
    folder, at, entries = tmp_path_factory.getbasetemp(), 0, []
    for gap, length, text in steps:
        entries.append(((at + gap) / 1000, (at + gap + length) / 1000, text))
        at += gap + length

    transcript = _read(folder, _saved(folder, {"words": entries}, kind, end_s=at / 1000 + 1))

    assert [(w.start_s, w.end_s, w.text) for w in transcript.words] == entries

"""TextGrids as praatio and our own reader read them: without gaps, without overlap."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from praatio import textgrid as praatio

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import READERS, WRITERS, ReadingOptions
from cogspeech.transcripts.reading import SILENCES, UNKNOWN_WORDS
from cogspeech.transcripts.writers.textgrid import TextGridWriter
from cogspeech.types import SPEAKERS, Phone, Transcript, Word

ROLES = {speaker: speaker for speaker in SPEAKERS}


def _render(*words: Word, duration_s: float | None = None) -> str:
    transcript = Transcript(recording_id="r1", words=words)
    return TextGridWriter().render(transcript, duration_s=duration_s)


def _read(folder: Path, content: str) -> Transcript:
    path = folder / "a.TextGrid"
    path.write_bytes(content.encode())
    options = ReadingOptions(roles=ROLES)
    return READERS.get("textgrid")().read(path, recording_id="r1", options=options)


def _tiers(folder: Path, content: str) -> dict[str, list[tuple]]:
    """What praatio reads, empty intervals too."""
    (folder / "b.TextGrid").write_bytes(content.encode())
    grid = praatio.openTextgrid(str(folder / "b.TextGrid"), includeEmptyIntervals=True)
    return {tier.name: [tuple(entry) for entry in tier.entries] for tier in grid.tiers}


def _word(start_s: float, end_s: float, text: str = "a", **facts) -> Word:
    return Word(text=text, start_s=start_s, end_s=end_s, **facts)


def test_it_is_registered_by_name() -> None:
    assert WRITERS.get("textgrid") is TextGridWriter


def test_the_long_format_is_written_as_praat_writes_it() -> None:
    assert _render(_word(0.5, 1.0, 'so-"called"'), duration_s=2.5).splitlines() == [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0.0",
        "xmax = 2.5",
        "tiers? <exists>",
        "size = 1",
        "item []:",
        "    item [1]:",
        '        class = "IntervalTier"',
        '        name = "participant"',
        "        xmin = 0.0",
        "        xmax = 2.5",
        "        intervals: size = 3",
        "        intervals [1]:",
        "            xmin = 0.0",
        "            xmax = 0.5",
        '            text = ""',
        "        intervals [2]:",
        "            xmin = 0.5",
        "            xmax = 1.0",
        '            text = "so-""called"""',
        "        intervals [3]:",
        "            xmin = 1.0",
        "            xmax = 2.5",
        '            text = ""',
    ]


def test_every_speaker_has_a_tier_of_the_whole_recording(tmp_path: Path) -> None:
    content = _render(
        _word(0.0, 1.0, "größe", speaker="interviewer"),
        _word(2.0, 3.0, "梯子"),
        _word(1.0, 1.5, "so", speaker="interviewer"),
        Word(text="lost", speaker="other"),
    )

    assert _tiers(tmp_path, content) == {
        "participant": [(0.0, 2.0, ""), (2.0, 3.0, "梯子")],
        "interviewer": [(0.0, 1.0, "größe"), (1.0, 1.5, "so"), (1.5, 3.0, "")],
        "other": [(0.0, 3.0, "")],
    }


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([(0, 2, "a"), (1, 3, "b")], [(0, 1, "a"), (1, 3, "b")]),
        ([(0, 3, "a"), (1, 2, "b")], [(0, 1, "a"), (1, 2, "b")]),
        ([(1, 3, "b"), (0, 2, "a")], [(0, 1, "a"), (1, 3, "b")]),
        ([(0, 1, "a"), (0, 2, "b")], [(0, 2, "a b")]),
        ([(0, 1, "a"), (1, 1, "b"), (1, 2, "c")], [(0, 1, "a b"), (1, 2, "c")]),
        ([(0, 2, "a"), (1, 1, "b"), (2, 3, "c")], [(0, 2, "a b"), (2, 3, "c")]),
        ([(0, 0, "a"), (0, 2, "b")], [(0, 2, "a b")]),
        ([(0, 0, "a"), (0, 0, "b"), (0, 2, "c")], [(0, 2, "a b c")]),
    ],
    ids=range(8),
)
def test_words_of_one_speaker_that_overlap_are_cut_or_joined(
    tmp_path: Path, words: list[tuple], expected: list[tuple]
) -> None:
    content = _render(*(_word(float(start), float(end), text) for start, end, text in words))

    spoken = [entry for entry in _tiers(tmp_path, content)["participant"] if entry[2]]
    assert spoken == expected


def test_words_whose_times_nobody_measured_are_left_out(tmp_path: Path) -> None:
    content = _render(
        Word(text="a"),
        _word(0.0, 1.0, "b"),
        _word(1.0, 2.0, "c", repair="interpolated"),
        _word(2.0, 3.0, "d", repair="trimmed"),
    )

    assert [word.text for word in _read(tmp_path, content).words] == ["b", "d"]


@pytest.mark.parametrize(
    "words",
    [
        [],
        [Word(text="ladder")],
        [_word(0.0, 1.0, "ladder", spread=True)],
        [_word(0.0, 1.0, "ladder", repair="interpolated"), Word(text="ladder")],
    ],
    ids=["none", "untimed", "spread", "interpolated"],
)
def test_a_transcript_without_measured_times_is_refused(words: list[Word]) -> None:
    with pytest.raises(TranscriptError, match=r"^recording 'r1' has no word with measured times, "):
        _render(*words)


def test_a_word_without_length_and_neighbour_is_refused_by_number() -> None:
    with pytest.raises(TranscriptError) as refusal:
        _render(Word(text="a"), _word(0.0, 1.0), _word(1.5, 1.5, "ladder"), _word(2.0, 3.0))

    assert str(refusal.value) == (
        "recording 'r1': word 3 begins and ends at 1.500 s, which a TextGrid cannot hold; align "
        "it again, or write words_json"
    )


def test_the_recording_is_never_shorter_than_its_words(tmp_path: Path) -> None:
    content = _render(_word(0.0, 2.5), duration_s=2.4999)

    assert _tiers(tmp_path, content) == {"participant": [(0.0, 2.5, "a")]}
    assert content.splitlines()[4] == "xmax = 2.5"


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cn", "Z")), min_size=1, max_size=6
).filter(
    lambda text: (
        any(sign.isalnum() for sign in text) and text.casefold() not in SILENCES | UNKNOWN_WORDS
    )
)
STEPS = st.tuples(st.integers(0, 800), st.integers(1, 2000), TEXTS, st.sampled_from(SPEAKERS))


@settings(max_examples=50)
@given(steps=st.lists(STEPS, min_size=1, max_size=8), rest_ms=st.integers(0, 500))
def test_words_in_order_come_back_exactly_and_praatio_agrees(
    tmp_path_factory, steps: list[tuple], rest_ms: int
) -> None:
    folder, at, words = tmp_path_factory.getbasetemp(), 0, []
    for gap, length, text, speaker in steps:
        start_s, end_s = (at + gap) / 1000, (at + gap + length) / 1000
        words.append(_word(start_s, end_s, text, speaker=speaker))
        at += gap + length

    content = _render(*words, duration_s=(at + rest_ms) / 1000)

    assert _read(folder, content) == Transcript(recording_id="r1", words=tuple(words))
    tiers = _tiers(folder, content)
    assert {
        (start, end, text, name)
        for name, entries in tiers.items()
        for start, end, text in entries
        if text
    } == {(word.start_s, word.end_s, word.text, word.speaker) for word in words}
    for entries in tiers.values():
        edges = [entry[0] for entry in entries] + [entries[-1][1]]
        assert edges == [0.0, *(entry[1] for entry in entries)]
        assert edges[-1] == (at + rest_ms) / 1000


ANY = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from("ab")), min_size=1, max_size=6
)


@settings(max_examples=100)
@given(spans=ANY)
def test_however_words_overlap_no_word_is_lost(tmp_path_factory, spans: list[tuple]) -> None:
    words = [_word(start / 4, (start + length) / 4, text) for start, length, text in spans]

    try:
        content = _render(*words)
    except TranscriptError:
        refused = True
    else:
        refused = False
        entries = _tiers(tmp_path_factory.getbasetemp(), content)["participant"]
        said = [text for _, _, texts in entries for text in texts.split()]
        assert sorted(said) == sorted(word.text for word in words)
        assert all(start < end for start, end, _ in entries)
        assert all(one[1] == two[0] for one, two in pairwise(entries))

    assert not refused or any(word.start_s == word.end_s for word in words)


def test_phones_have_a_tier_of_their_own(tmp_path: Path) -> None:
    phones = (Phone(label="DH", start_s=0.5, end_s=0.6), Phone(label="AH", start_s=0.6, end_s=0.8))
    words = (_word(0.5, 0.8, "the", phones=phones), _word(1.0, 1.2, "boy"))

    content = _render(*words, duration_s=2.0)

    assert _tiers(tmp_path, content)["participant - phones"] == [
        (0.0, 0.5, ""), (0.5, 0.6, "DH"), (0.6, 0.8, "AH"), (0.8, 2.0, "")
    ]  # fmt: skip
    read = _read(tmp_path, content)
    assert [(w.text, w.start_s, w.end_s) for w in read.words] == [
        ("the", 0.5, 0.8), ("boy", 1.0, 1.2)
    ]  # fmt: skip
    assert read.warnings == ()

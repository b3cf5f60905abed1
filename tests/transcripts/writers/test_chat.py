"""Written CHAT files: valid for another library, and read back as they were."""

import dataclasses
from pathlib import Path

import pylangacq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import READERS, WRITERS, ReadingOptions
from cogspeech.transcripts.chat_lexer import NOT_UNDERSTOOD, spelled, spoken_line
from cogspeech.transcripts.writers.chat import ChatWriter
from cogspeech.types import SPEAKERS, Speaker, Transcript, Utterance, Word


def _written(*words: Word, **facts) -> str:
    """The file, with dots for bullets."""
    transcript = Transcript(recording_id="s1", words=words, **facts)
    return ChatWriter().render(transcript, duration_s=None).replace("\x15", "•")


def _body(*words: Word, **facts) -> list[str]:
    return [line for line in _written(*words, **facts).splitlines() if line[0] != "@"]


def _read_back(folder: Path, content: str) -> Transcript:
    path = folder / "s1.cha"
    path.write_text(content, encoding="utf-8")
    return READERS.get("chat")().read(path, recording_id="s1", options=ReadingOptions())


def _word(text: str, start_s: float | None = None, end_s: float | None = None, **facts) -> Word:
    return Word(text=text, start_s=start_s, end_s=end_s, **facts)


def test_it_is_registered_by_name() -> None:
    assert WRITERS.get("chat") is ChatWriter


def test_a_file_holds_headers_lines_and_word_times() -> None:
    content = _written(
        _word("what", 0.1, 0.5, speaker="interviewer"),
        _word("uh", 0.8, 0.9, is_filler=True),
        _word("the", 1.0, 1.1),
        _word("jar"),
        _word("fell", 1.5, 1.9996),
        language="en",
        utterances=(
            Utterance(first_word=0, last_word=1, start_s=0.0, end_s=0.6),
            Utterance(first_word=1, last_word=5),
        ),
    )

    assert content.splitlines() == [
        "@UTF8",
        "@Begin",
        "@Languages:\teng",
        "@Participants:\tPAR Participant, INV Investigator",
        "@ID:\teng|corpus_name|PAR|||||Participant|||",
        "@ID:\teng|corpus_name|INV|||||Investigator|||",
        "*INV:\twhat . •0_600•",
        "%wor:\twhat •100_500• .",
        "*PAR:\t&-uh the jar fell . •800_2000•",
        "%wor:\tuh •800_900• the •1000_1100• jar fell •1500_2000• .",
        "@End",
    ]


@pytest.mark.parametrize(
    ("language", "code"),
    [("en", "eng"), ("de", "deu"), ("fr", "fra"), ("zh", "zho"), ("en-GB", "eng"), ("yue", "yue"),
     ("mt", "mt"), (None, "und"), ("English", "und"), ("", "und")],
)  # fmt: skip
def test_the_language_is_written_in_three_letters(language: str | None, code: str) -> None:
    assert f"@Languages:\t{code}\n" in _written(_word("jar"), language=language)


def test_without_utterances_lines_end_at_speaker_changes_and_long_silences() -> None:
    assert _body(
        _word("one", 0.0, 0.5),
        _word("two", 1.5, 1.8),
        _word("three", 2.9, 3.0),
        _word("four"),
        _word("five", speaker="other"),
        _word("six", speaker="interviewer"),
    ) == [
        "*PAR:\tone two . •0_1800•",
        "%wor:\tone •0_500• two •1500_1800• .",
        "*PAR:\tthree four .",
        "%wor:\tthree •2900_3000• four .",
        "*OTH:\tfive .",
        "*INV:\tsix .",
    ]


def test_words_outside_every_utterance_and_utterances_of_two_speakers_are_written() -> None:
    assert _body(
        _word("one"),
        _word("two"),
        _word("three", speaker="interviewer"),
        _word("four"),
        _word("five"),
        utterances=(
            Utterance(first_word=1, last_word=1, start_s=0.0, end_s=1.0),
            Utterance(first_word=1, last_word=3, start_s=1.0, end_s=2.0),
            Utterance(first_word=3, last_word=4, start_s=2.0, end_s=3.0),
        ),
    ) == [
        "*PAR:\tone .",
        "*PAR:\ttwo .",
        "*INV:\tthree .",
        "*PAR:\tfour . •2000_3000•",
        "*PAR:\tfive .",
    ]


def test_times_that_nobody_measured_are_not_written() -> None:
    assert _body(
        _word("one", 0.0, 0.1, spread=True), _word("two", 0.1, 0.2, repair="interpolated")
    ) == ["*PAR:\tone two ."]
    assert _body(_word("one", 0.0, 0.1, repair="clipped"))[1] == "%wor:\tone •0_100• ."


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("ladder,", "ladder"),
        ("U.S.", "U_S"),
        ("New York", "New_York"),
        ("don’t", "don't"),  # noqa: RUF001
        ("'cause", "'cause"),
        ("ice-cream", "ice-cream"),
        ("3.5", "3-5"),
        ("100%", "100"),
        ("0die", "zerodie"),
        ("0", "zero"),
        ("xxx", "xxx"),
        ("XXX", "X_X_X"),
        ("xxx!", "x_x_x"),
        ("Www", "W_w_w"),
        ("&-uh", "uh"),
        ("[x]", "x"),
        ("<the", "the"),
        ("a@l", "a_l"),
        ("♪", "eighth_note"),
        ("...", "full_stop_full_stop_full_stop"),
        ("-", "hyphen_minus"),
        ("niño", "niño"),
        ("男孩", "男孩"),
    ],
)
def test_a_word_that_chat_cannot_hold_is_spelled_near_it_and_kept_exactly(
    tmp_path: Path, text: str, spelling: str
) -> None:
    content = _written(_word("yes"), _word(text, 0.5, 0.9), _word("no"))

    assert f"*PAR:\tyes {spelling} no ." in content
    assert f"%wor:\tyes {spelling} •500_900• no ." in content
    assert ("%xword" in content) == (text not in {"'cause", "ice-cream", "niño", "男孩", "xxx"})
    assert [word.text for word in _read_back(tmp_path, content).words] == ["yes", text, "no"]


def test_a_word_that_was_corrected_in_the_file_wins_over_the_kept_one(tmp_path: Path) -> None:
    content = _written(_word("the"), _word("ladder,"), _word("fell."))

    corrected = _read_back(tmp_path, content.replace("the ladder fell", "the stool fell"))

    assert [word.text for word in corrected.words] == ["the", "stool", "fell."]
    assert corrected.warnings == ()


def test_pylangacq_takes_the_kept_words_for_a_tier_of_the_user() -> None:
    content = _written(_word("the", 0.0, 0.4), _word("ladder,", 0.5, 0.9), _word("100%")).replace(
        "•", "\x15"
    )

    (utterance,) = pylangacq.CHAT.from_strs([content]).utterances()

    assert utterance.tiers["%xword"] == "2=ladder, 3=100%25"
    assert utterance.audible == "the ladder 100 ."


@pytest.mark.parametrize(
    "tier", ["", "1", "1=", "0=ladder", "9=ladder,", "1=%FF%00", "1=%", "=", "99999999999=x"]
)
def test_a_broken_tier_of_kept_words_is_no_harm(tmp_path: Path, tier: str) -> None:
    content = f"@UTF8\n@Begin\n*PAR:\tladder .\n%xword:\t{tier}\n@End\n"

    (word,) = _read_back(tmp_path, content).words

    assert word.text == "ladder"


def test_what_the_format_cannot_hold_is_refused() -> None:
    with pytest.raises(TranscriptError, match="recording 's1' has no words; a CHAT file needs a s"):
        _written()
    for end_s in (1e9, 1e308):
        with pytest.raises(TranscriptError, match="'s1' has times beyond 12 digits of ms; are th"):
            _written(_word("zebra", 0.0, end_s))


@given(text=st.text(min_size=1).filter(str.strip))
def test_every_spelling_is_read_as_one_word(text: str) -> None:
    spelling = spelled(text)

    line = spoken_line(f"{spelling} .")

    assert len(line.words) == 1
    assert not line.problems
    assert spelling.casefold() not in NOT_UNDERSTOOD or text == "xxx"


TEXTS = st.one_of(
    st.sampled_from(["the", "ladder,", "don't", "U.S.", "xxx", "0", "12_34", "New York", "..."]),
    st.text(
        st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\u200b\ufeff"),
        min_size=1,
        max_size=8,
    )
    .map(str.strip)
    .filter(bool),
)
HOW = (
    st.sampled_from(SPEAKERS),
    st.booleans(),
    st.one_of(st.none(), st.tuples(st.floats(0, 2), st.floats(0.2, 2))),
)


def _spoken(facts: list[tuple[str, Speaker, bool, tuple[float, float] | None]]) -> list[Word]:
    """Words one after the other, each after a silence, or without times."""
    words, now_s = [_word("yes")], 0.0
    for text, speaker, is_filler, times in facts:
        start_s = end_s = None
        if times is not None:
            start_s, end_s = now_s + times[0], now_s + sum(times)
            now_s = end_s
        words.append(_word(text, start_s, end_s, speaker=speaker, is_filler=is_filler))
    return words


@settings(max_examples=100)
@given(facts=st.lists(st.tuples(TEXTS, *HOW), max_size=12))
def test_what_was_written_is_read_back(tmp_path_factory, facts: list[tuple]) -> None:
    words = _spoken(facts)
    transcript = Transcript(recording_id="s1", words=tuple(words), language="fr")

    content = ChatWriter().render(transcript, duration_s=None)
    again = _read_back(tmp_path_factory.mktemp("again"), content)

    assert again.warnings == ()
    assert again.language == "fr"
    assert [(w.text, w.speaker, w.is_filler) for w in again.words] == [
        (w.text, w.speaker, w.is_filler) for w in words
    ]
    for before, after in zip(words, again.words, strict=True):
        assert before.is_timed == after.is_timed
        for mine, theirs in ((before.start_s, after.start_s), (before.end_s, after.end_s)):
            assert mine is None or theirs == pytest.approx(mine, abs=0.0005001)
    once_more = ChatWriter().render(again, duration_s=None)
    assert once_more == content


def test_utterances_come_back_with_their_times(tmp_path: Path) -> None:
    transcript = Transcript(
        recording_id="s1",
        words=(_word("the"), _word("jar"), _word("yes", speaker="interviewer"), _word("fell")),
        utterances=(
            Utterance(first_word=0, last_word=2, start_s=0.25, end_s=1.5),
            Utterance(first_word=2, last_word=3),
            Utterance(first_word=3, last_word=4, start_s=2.0, end_s=2.001),
        ),
    )
    longer = dataclasses.replace(
        transcript, utterances=(*transcript.utterances[:2], Utterance(first_word=3, last_word=4))
    )

    for written in (transcript, longer):
        content = ChatWriter().render(written, duration_s=9.0)
        assert _read_back(tmp_path, content) == written


PLAIN = st.text(st.characters(categories=["L"], max_codepoint=0x17F), min_size=1, max_size=8)


@settings(max_examples=40)
@given(facts=st.lists(st.tuples(PLAIN, *HOW), max_size=8))
def test_pylangacq_reads_what_was_written(facts: list[tuple]) -> None:
    words = _spoken(facts)
    content = ChatWriter().render(
        Transcript(recording_id="s1", words=tuple(words)), duration_s=None
    )

    chat = pylangacq.CHAT.from_strs([content])

    heard = [word for u in chat.utterances() for word in u.audible.split()[:-1]]
    assert heard == [spelled(word.text) for word in words]
    codes = {"participant": "PAR", "interviewer": "INV", "other": "OTH"}
    spoken_by = [u.participant for u in chat.utterances() for _ in u.audible.split()[:-1]]
    assert spoken_by == [codes[word.speaker] for word in words]
    ends_ms = [u.time_marks[1] for u in chat.utterances() if u.time_marks]
    assert ends_ms == sorted(ends_ms)
    assert all(f"{end_ms}\x15\n" in content for end_ms in ends_ms)

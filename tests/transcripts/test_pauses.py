"""Where the participant speaks alone, and where they are silent before a word."""

import dataclasses
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogspeech.transcripts.pauses import (
    TURN_MARGIN_S,
    Gap,
    gaps_of,
    participant_turns,
    pauses_of,
)
from cogspeech.types import Pause, Transcript, Turn, Word

DURATION_S = 20.0


def _transcript(*words: tuple[str, float, float] | str) -> Transcript:
    """Words as (speaker's initial, start, end), or as the initial alone where nobody timed it."""
    names = {"p": "participant", "i": "interviewer", "o": "other"}
    return Transcript(
        recording_id="r1",
        words=tuple(
            Word(text="w", speaker=names[word])
            if isinstance(word, str)
            else Word(text="w", speaker=names[word[0]], start_s=word[1], end_s=word[2])
            for word in words
        ),
    )


def _pauses(transcript: Transcript, min_pause_s: float = 0.15) -> list[tuple[float, float, int]]:
    return [
        (pause.start_s, pause.end_s, pause.before_word)
        for pause in pauses_of(transcript, min_pause_s=min_pause_s)
    ]


def _turns(transcript: Transcript, duration_s: float = DURATION_S) -> list[tuple[float, float]]:
    return [
        (turn.start_s, turn.end_s) for turn in participant_turns(transcript, duration_s=duration_s)
    ]


Spoken = list[tuple[str, float, float] | str]


@st.composite
def _anything(draw) -> Spoken:
    """Words in the order of time for each speaker; speakers interleaved or one after the other."""
    words: list[tuple[float, tuple[str, float, float] | str]] = []
    for speaker in "pio":
        clock = 0.0
        for _ in range(draw(st.integers(0, 6))):
            clock += draw(st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]))
            end_s = clock + draw(st.sampled_from([0.0, 0.1, 0.5, 2.0]))
            is_timed = draw(st.integers(0, 5)) > 0
            words.append((clock, (speaker, clock, end_s) if is_timed else speaker))
            clock = draw(st.sampled_from([clock, end_s]))
    if draw(st.booleans()):
        words.sort(key=lambda pair: pair[0])
    return [word for _, word in words]


def _overlap(one: tuple[float, float], two: tuple[float, float]) -> tuple[float, float]:
    return max(one[0], two[0]), min(one[1], two[1])


def _is_covered(span: tuple[float, float], spans: list[tuple[float, float]]) -> bool:
    """Whether every point of a span lies in one of the others."""
    reached = span[0]
    for start, end in sorted(spans):
        if start > reached:
            break
        reached = max(reached, end)
    return reached >= span[1]


def _spans(transcript: Transcript, *, own: bool) -> list[tuple[float, float]]:
    return [
        (word.start_s, word.end_s)
        for word in transcript.words
        if word.is_timed and (word.speaker == "participant") is own
    ]


def test_a_pause_stands_before_the_word_it_delays() -> None:
    transcript = _transcript(("p", 0.0, 0.5), ("p", 1.5, 2.0), ("p", 2.1, 2.5))

    assert pauses_of(transcript, min_pause_s=0.15) == (
        Pause(start_s=0.5, end_s=1.5, before_word=1),
    )


@pytest.mark.parametrize(("min_pause_s", "expected"), [(0.5, 1), (0.51, 0)])
def test_a_pause_lasts_at_least_as_long_as_is_asked_for(min_pause_s: float, expected: int) -> None:
    transcript = _transcript(("p", 0.0, 0.5), ("p", 1.0, 1.5))

    assert len(_pauses(transcript, min_pause_s)) == expected


def test_the_position_of_a_pause_counts_the_participants_words_only() -> None:
    transcript = _transcript(("i", 0.0, 1.0), ("p", 2.0, 2.5), ("p", 4.0, 4.5))

    assert _pauses(transcript) == [(2.5, 4.0, 1)]


def test_silence_before_the_first_and_after_the_last_word_is_no_pause() -> None:
    assert _pauses(_transcript(("p", 5.0, 5.5))) == []


def test_a_gap_in_which_the_interviewer_speaks_is_no_pause() -> None:
    transcript = _transcript(("p", 0.0, 0.5), ("i", 1.0, 1.5), ("p", 3.0, 3.5))

    assert _pauses(transcript) == []


def test_a_gap_in_which_the_interviewer_speaks_is_no_pause_wherever_the_word_is_listed() -> None:
    transcript = _transcript(("p", 0.0, 0.5), ("p", 3.0, 3.5), ("i", 1.0, 1.5))

    assert _pauses(transcript) == []
    assert _turns(transcript) == [(0.0, 0.75), (2.75, 3.75)]


def test_an_interviewer_without_times_between_two_words_ends_the_turn() -> None:
    transcript = _transcript(("p", 0.0, 0.5), "i", ("p", 3.0, 3.5))

    assert _pauses(transcript) == []
    assert _turns(transcript) == [(0.0, 0.75), (2.75, 3.75)]


def test_a_word_without_times_breaks_the_chain_of_pauses() -> None:
    transcript = _transcript(("p", 0.0, 0.5), "p", ("p", 3.0, 3.5), ("p", 4.5, 5.0))

    assert _pauses(transcript) == [(3.5, 4.5, 3)]


def test_a_pause_begins_where_the_last_of_overlapping_words_ends() -> None:
    transcript = _transcript(("p", 0.0, 2.0), ("p", 0.5, 1.0), ("p", 3.0, 3.5))

    assert _pauses(transcript) == [(2.0, 3.0, 2)]


def test_a_long_word_is_heard_beyond_the_words_that_follow_it() -> None:
    transcript = _transcript(("p", 0.0, 2.0), "p", ("p", 0.5, 1.0), ("p", 1.5, 1.8))

    assert _pauses(transcript) == []


def test_words_that_overlap_have_no_pause() -> None:
    assert _pauses(_transcript(("p", 0.0, 1.0), ("p", 0.5, 1.5))) == []


def test_a_turn_keeps_its_pauses_and_a_margin() -> None:
    transcript = _transcript(("p", 1.0, 1.5), ("p", 4.0, 4.5))

    assert participant_turns(transcript, duration_s=DURATION_S) == (
        Turn(start_s=1.0 - TURN_MARGIN_S, end_s=4.5 + TURN_MARGIN_S),
    )


def test_the_margin_is_cut_where_somebody_else_speaks() -> None:
    transcript = _transcript(("i", 0.0, 0.9), ("p", 1.0, 1.5), ("i", 1.6, 2.0))

    assert _turns(transcript) == [(0.9, 1.6)]


def test_there_is_no_margin_where_somebody_else_speaks_over_the_word() -> None:
    transcript = _transcript(("i", 0.0, 1.2), ("p", 1.0, 2.0), ("i", 1.8, 3.0))

    assert _turns(transcript) == [(1.0, 2.0)]


def test_the_margin_is_cut_where_the_recording_ends() -> None:
    assert _turns(_transcript(("p", 0.1, 1.9)), duration_s=2.0) == [(0.0, 2.0)]


def test_margins_of_neighbouring_turns_do_not_overlap() -> None:
    transcript = _transcript(("p", 0.0, 1.0), "i", ("p", 1.1, 2.0))

    assert _turns(transcript) == [(0.0, 1.25), (1.25, 2.25)]


def test_a_turn_without_any_times_is_left_out() -> None:
    transcript = _transcript("p", ("i", 1.0, 2.0), ("p", 3.0, 4.0))

    assert _turns(transcript) == [(2.75, 4.25)]


def test_words_without_times_are_part_of_their_turn() -> None:
    transcript = _transcript("p", ("p", 1.0, 2.0), "p", ("p", 3.0, 4.0), "p")

    assert _turns(transcript) == [(0.75, 4.25)]


def test_nobody_speaks_nowhere() -> None:
    assert _turns(_transcript()) == []
    assert _turns(_transcript(("i", 0.0, 1.0))) == []
    assert _pauses(_transcript()) == []


@settings(deadline=None, max_examples=60)
@given(_anything())
def test_turns_are_in_order_and_never_overlap(spoken: Spoken) -> None:
    transcript = _transcript(*spoken)
    turns = _turns(transcript)

    assert all(0.0 <= start < end <= DURATION_S for start, end in turns)
    assert all(one[1] <= two[0] for one, two in pairwise(turns))


@settings(deadline=None, max_examples=60)
@given(_anything())
def test_others_are_heard_in_a_turn_only_while_the_participant_speaks(
    spoken: Spoken,
) -> None:
    transcript = _transcript(*spoken)
    own = _spans(transcript, own=True)

    for turn in _turns(transcript):
        for other in _spans(transcript, own=False):
            both = _overlap(turn, other)
            assert both[0] >= both[1] or _is_covered(both, own)


@settings(deadline=None, max_examples=60)
@given(_anything())
def test_every_timed_word_of_the_participant_is_in_the_turns(spoken: Spoken) -> None:
    transcript = _transcript(*spoken)
    turns = _turns(transcript)

    for span in _spans(transcript, own=True):
        assert span[0] == span[1] or _is_covered(span, turns)


@settings(deadline=None, max_examples=60)
@given(_anything(), st.sampled_from([0.05, 0.1, 0.3]))
def test_nobody_speaks_in_a_pause_and_it_ends_where_its_word_begins(
    spoken: Spoken, min_pause_s: float
) -> None:
    transcript = _transcript(*spoken)
    everybody = _spans(transcript, own=True) + _spans(transcript, own=False)
    words = transcript.participant_words

    for start, end, position in _pauses(transcript, min_pause_s):
        assert end == words[position].start_s
        assert end - start >= min_pause_s
        for span in everybody:
            low, high = _overlap((start, end), span)
            assert low >= high


@settings(deadline=None, max_examples=60)
@given(_anything())
def test_every_pause_lies_in_one_turn(spoken: Spoken) -> None:
    transcript = _transcript(*spoken)
    turns = _turns(transcript)

    for start, end, _ in _pauses(transcript):
        assert _is_covered((start, end), turns)


def _gaps(transcript: Transcript) -> list[tuple[str, float, float, int | None]]:
    return [
        (gap.kind, gap.start_s, gap.end_s, gap.before_word)
        for gap in gaps_of(transcript, min_pause_s=0.15)
    ]


def _with_fillers(transcript: Transcript, *positions: int) -> Transcript:
    words = list(transcript.words)
    for position in positions:
        words[position] = dataclasses.replace(words[position], text="uh", is_filler=True)
    return dataclasses.replace(transcript, words=tuple(words))


def test_a_filler_is_a_gap_of_its_own_beside_the_silences_around_it() -> None:
    transcript = _with_fillers(_transcript(("p", 0.0, 0.5), ("p", 1.0, 1.5), ("p", 2.0, 2.5)), 1)

    assert _gaps(transcript) == [
        ("pause", 0.5, 1.0, 1),
        ("filled", 1.0, 1.5, 2),
        ("pause", 1.5, 2.0, 2),
    ]


def test_a_filler_that_ends_a_turn_delays_nothing() -> None:
    transcript = _with_fillers(_transcript(("p", 0.0, 0.5), ("i", 1.0, 2.0), ("p", 3.0, 3.5)), 0)

    assert _gaps(transcript) == [("filled", 0.0, 0.5, None), ("turn_change", 0.5, 3.0, 1)]


def test_a_change_of_turn_lasts_from_word_to_word() -> None:
    transcript = _transcript(("p", 0.0, 0.5), ("i", 1.0, 1.5), ("p", 3.0, 3.5))

    assert gaps_of(transcript, min_pause_s=0.15) == (
        Gap(kind="turn_change", start_s=0.5, end_s=3.0, before_word=1),
    )
    assert gaps_of(transcript, min_pause_s=0.15)[0].duration_s == 2.5


@pytest.mark.parametrize(
    "words",
    [
        (("p", 0.0, 0.5), "p", ("i", 1.0, 1.5), ("p", 3.0, 3.5)),
        (("p", 0.0, 0.5), ("i", 1.0, 1.5), "p", ("p", 3.0, 3.5)),
        (("p", 0.0, 0.5), "i", "p", ("p", 3.0, 3.5)),
        (("p", 0.0, 4.0), ("i", 1.0, 1.5), ("p", 3.0, 3.5)),
        (("p", 0.0, 6.0), ("p", 1.0, 1.5), "i", "p", "i", ("p", 2.0, 2.5), "i", ("p", 3.0, 3.5)),
    ],
)
def test_beside_an_unknown_or_a_longer_word_there_is_no_change_of_turn(
    words: tuple[tuple[str, float, float] | str, ...],
) -> None:
    assert _gaps(_transcript(*words)) == []


@st.composite
def _one_mouth(draw) -> tuple[Spoken, list[int]]:
    """The participant's words one after the other; anybody else anywhere; which are fillers."""
    eighths = st.integers(0, 8).map(lambda count: count / 8)  # sums are exact
    words: Spoken = []
    for speaker in "pio":
        clock = 0.0
        for _ in range(draw(st.integers(1 if speaker == "p" else 0, 6))):
            start = clock + draw(eighths)
            clock = start + draw(eighths)
            words.append((speaker, start, clock))
    words.sort(key=lambda word: word[1:])
    own = [position for position, word in enumerate(words) if word[0] == "p"]
    return words, [position for position in own if draw(st.integers(0, 3)) == 0]


@settings(deadline=None, max_examples=100)
@given(_one_mouth())
def test_the_time_between_the_words_is_divided_among_the_gaps(
    spoken: tuple[Spoken, list[int]],
) -> None:
    """From the first to the last word each moment is that of a word or of exactly one gap."""
    transcript = _with_fillers(_transcript(*spoken[0]), *spoken[1])
    gaps = gaps_of(transcript, min_pause_s=1e-9)
    own = transcript.participant_words
    fluent = [(word.start_s, word.end_s) for word in own if not word.is_filler]
    filled = [(word.start_s, word.end_s) for word in own if word.is_filler]
    spans = sorted([*fluent, *((gap.start_s, gap.end_s) for gap in gaps)])

    assert all(one[1] <= two[0] for one, two in pairwise(s for s in spans if s[0] < s[1]))
    assert sum(end - start for start, end in spans) == own[-1].end_s - own[0].start_s
    assert [(gap.start_s, gap.end_s) for gap in gaps if gap.kind == "filled"] == filled


@settings(deadline=None, max_examples=60)
@given(_anything(), st.integers(0, 7))
def test_nobody_else_speaks_in_a_pause_and_somebody_does_where_turns_change(
    spoken: Spoken, filler: int
) -> None:
    transcript = _transcript(*spoken)
    if filler < len(transcript.words):
        transcript = _with_fillers(transcript, filler)
    others = _spans(transcript, own=False)
    silences = [span[:3] for span in _gaps(transcript) if span[0] == "pause"]

    assert silences == [("pause", *pause[:2]) for pause in _pauses(transcript)]
    for _, start, end in silences:
        assert all(max(start, low) >= min(end, high) for low, high in others)


@settings(deadline=None, max_examples=60)
@given(_one_mouth(), st.integers(1, 40))
def test_a_later_beginning_moves_the_gaps_and_changes_nothing_else(
    spoken: tuple[Spoken, list[int]], seconds: int
) -> None:
    transcript = _with_fillers(_transcript(*spoken[0]), *spoken[1])
    later = dataclasses.replace(
        transcript,
        words=tuple(
            dataclasses.replace(w, start_s=w.start_s + seconds, end_s=w.end_s + seconds)
            for w in transcript.words
        ),
    )

    moved = [
        dataclasses.replace(gap, start_s=gap.start_s - seconds, end_s=gap.end_s - seconds)
        for gap in gaps_of(later, min_pause_s=0.25)
    ]
    assert moved == list(gaps_of(transcript, min_pause_s=0.25))

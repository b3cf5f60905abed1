"""Times are sound, repaired or gone; nothing else comes out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.times import MAX_WORD_S, with_sound_times
from cogspeech.types import Transcript, Word

DURATION_S = 60.0


def spoken(*spans, speaker="participant"):
    return Transcript(
        recording_id="r1",
        words=tuple(
            Word(text=f"w{i}", start_s=span and span[0], end_s=span and span[1], speaker=speaker)
            for i, span in enumerate(spans)
        ),
    )


def sound(transcript):
    return with_sound_times(transcript, DURATION_S, place="recordings.csv:2").words


def steady(count=30):
    return [(float(i), i + 0.5) for i in range(count)]


def test_sound_words_are_left_as_they_are():
    transcript = spoken(*steady())

    assert with_sound_times(transcript, DURATION_S, place="") == transcript


def test_a_word_over_the_end_is_clipped_and_marked():
    words = sound(spoken(*steady(), (59.8, 60.4)))

    assert (words[-1].start_s, words[-1].end_s, words[-1].repair) == (59.8, 60.0, "clipped")
    assert words[-1].is_heard


@pytest.mark.parametrize("wrong", [(61.0, 61.5), (3.2, 3.6), (30.0, 30.5 + MAX_WORD_S)])
def test_a_word_outside_backwards_or_endless_loses_its_times_and_keeps_its_place(wrong):
    words = sound(spoken(*steady(), wrong))

    assert words[-1].text == "w30"
    assert not words[-1].is_timed
    assert all(word.repair is None for word in words[:-1])


def test_where_many_times_are_wrong_it_is_another_recording():
    with pytest.raises(TranscriptError, match=r"recordings\.csv:2: word 31 ends at 61\.500 s"):
        sound(spoken(*steady(), *[(61.0 + i, 61.5 + i) for i in range(5)]))


def test_untimed_words_between_two_timed_ones_share_the_gap_and_are_not_heard():
    words = sound(spoken((1.0, 1.5), None, None, (2.5, 3.0), None))

    assert [(w.start_s, w.end_s, w.repair) for w in words[1:3]] == [
        (1.5, 2.0, "interpolated"),
        (2.0, 2.5, "interpolated"),
    ]
    assert [w.is_heard for w in words] == [True, False, False, True, False]
    assert not words[4].is_timed


def test_nothing_is_interpolated_over_somebody_else_or_without_a_gap():
    theirs = Word(text="q", start_s=None, end_s=None, speaker="interviewer")
    own = spoken((1.0, 1.5), (2.5, 3.0)).words
    between = Transcript(recording_id="r1", words=(own[0], theirs, own[1]))

    assert sound(between)[1] == theirs
    assert not sound(spoken((1.0, 1.5), None, (1.5, 2.0)))[1].is_timed


spans = st.one_of(
    st.none(),
    st.tuples(st.floats(0, 80), st.floats(0, 30)).map(lambda found: (found[0], sum(found))),
)


@given(
    spans=st.lists(spans, min_size=1, max_size=12), speakers=st.lists(st.booleans(), min_size=12)
)
def test_whatever_comes_in_what_comes_out_is_sound(spans, speakers):
    words = tuple(
        Word(
            text="w",
            start_s=span and span[0],
            end_s=span and span[1],
            speaker="participant" if own else "interviewer",
        )
        for span, own in zip(steady(40) + spans, [True] * 40 + speakers, strict=False)
    )
    transcript = Transcript(recording_id="r1", words=words)
    try:
        found = sound(transcript)
    except TranscriptError:
        return

    assert len(found) == len(words)
    latest = {}
    for before, word in zip(words, found, strict=True):
        assert (word.text, word.speaker) == (before.text, before.speaker)
        if not word.is_timed:
            continue
        assert 0 <= word.start_s <= word.end_s <= DURATION_S + 1e-3
        assert word.start_s >= latest.get(word.speaker, 0.0)
        latest[word.speaker] = word.start_s
        if word.repair is None:
            assert (word.start_s, word.end_s) == (before.start_s, before.end_s)
    again = with_sound_times(Transcript(recording_id="r1", words=found), DURATION_S, place="").words
    assert [(w.start_s, w.end_s) for w in again] == [(w.start_s, w.end_s) for w in found]

"""Words are given to whoever speaks at their time, whatever the order and overlap of the turns."""

import random
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogspeech.config import TranscriptsSection
from cogspeech.errors import TranscriptError
from cogspeech.transcripts.speakers import with_segmentation, with_speakers
from cogspeech.types import SPEAKERS, Recording, Speaker, Transcript, Utterance, Word

P, I, O = SPEAKERS  # noqa: E741
MS = tuple[int, int]


def _turn(speaker: Speaker, start_s: float, end_s: float) -> Utterance:
    return Utterance(first_word=0, last_word=0, start_s=start_s, end_s=end_s, speaker=speaker)


def _given(spans: list[MS | None], turns: list[tuple[Speaker, MS]]) -> Transcript:
    """Words and turns in ms."""
    words = [
        Word(text="the", start_s=span and span[0] / 1000, end_s=span and span[1] / 1000)
        for span in spans
    ]
    return with_speakers(
        Transcript(recording_id="r1", words=tuple(words)),
        [_turn(who, at[0] / 1000, at[1] / 1000) for who, at in turns],
        place="t.csv",
    )


def _who(transcript: Transcript) -> list[str]:
    return [word.speaker for word in transcript.words]


def _spans(longest: int) -> st.SearchStrategy[MS]:
    return st.tuples(st.integers(0, 60), st.integers(0, longest)).map(lambda p: (p[0], sum(p)))


SPANS = _spans(12)
TURNS = st.lists(
    st.tuples(st.sampled_from(SPEAKERS), _spans(20).filter(lambda s: s[1] > s[0])),
    min_size=1,
    max_size=6,
)


def _overlap(span: MS, who: Speaker, turns: list[tuple[Speaker, MS]]) -> int:
    """Counted ms by ms."""
    return sum(
        any(start <= ms < end for speaker, (start, end) in turns if speaker == who)
        for ms in range(*span)
    )


def _gap(span: MS, who: Speaker, turns: list[tuple[Speaker, MS]]) -> float:
    gaps = [max(0, at[0] - span[1], span[0] - at[1]) for speaker, at in turns if speaker == who]
    return min(gaps, default=float("inf"))


@settings(max_examples=300)
@given(spans=st.lists(SPANS, min_size=1, max_size=5), turns=TURNS)
def test_a_word_belongs_to_the_speaker_who_has_most_of_its_time(
    spans: list[MS], turns: list[tuple[Speaker, MS]]
) -> None:
    present = [who for who in SPEAKERS if any(who == speaker for speaker, _ in turns)]
    allowed, outside, shared = [], 0, 0
    for span in spans:
        rank = {who: (-_overlap(span, who, turns), _gap(span, who, turns)) for who in present}
        best = [who for who in present if rank[who] == min(rank.values())]
        allowed.append(best)
        is_outside = rank[best[0]][1] > 0
        outside += is_outside
        shared += len(best) > 1 and not is_outside

    if 2 * outside > len(spans):
        with pytest.raises(TranscriptError, match=f"{outside} of {len(spans)} words with times"):
            _given(spans, turns)
        return
    transcript = _given(spans, turns)

    assert all(who in best for who, best in zip(_who(transcript), allowed, strict=True))
    told = ((outside, "lie outside of all turns"), (shared, "are shared evenly by turns"))
    assert transcript.warnings == tuple(
        f"t.csv: {count} words {what}; they go to the nearest" for count, what in told if count
    )


@settings(max_examples=100)
@given(spans=st.lists(SPANS, min_size=1, max_size=5), turns=TURNS, seed=st.integers(0, 99))
def test_the_order_of_turns_and_how_they_are_cut_change_nothing(
    spans: list[MS], turns: list[tuple[Speaker, MS]], seed: int
) -> None:
    shuffled = [
        (who, part)
        for who, (start, end) in turns
        for middle in [(start + end) // 2]
        for part in ((start, middle), (middle, end))
        if part[0] < part[1]
    ]
    random.Random(seed).shuffle(shuffled)
    spans = [*spans, *[turns[0][1]] * len(spans)]  # at least half of all lie in a turn

    assert _given(spans, turns) == _given(spans, shuffled)


def test_a_word_that_turns_share_goes_to_the_one_whose_middle_is_nearest() -> None:
    """A short answer inside a long turn; and, where nothing tells, the first of the speakers."""
    transcript = _given(
        [(3100, 3300), (9000, 9200), (10_000, 10_200)],
        [(P, (0, 9100)), (I, (3000, 3500)), (I, (9100, 9200)), (O, (10_000, 10_200)),
         (I, (10_000, 10_200))],
    )  # fmt: skip

    assert _who(transcript) == [I, I, I]
    assert transcript.warnings == (
        "t.csv: 3 words are shared evenly by turns; they go to the nearest",
    )


def test_a_word_outside_of_all_turns_goes_to_the_nearest() -> None:
    transcript = _given(
        [(0, 900)] * 2 + [(1400, 1450), (1600, 1700)], [(P, (0, 1000)), (I, (2000, 3000))]
    )

    assert _who(transcript) == [P, P, P, I]
    assert transcript.warnings == (
        "t.csv: 2 words lie outside of all turns; they go to the nearest",
    )


def test_turns_of_another_recording_are_refused() -> None:
    with pytest.raises(
        TranscriptError,
        match=r"^t\.csv: 2 of 3 words with times lie outside of all turns; do the turns belong to",
    ):
        _given([(0, 100), (5000, 5100), (6000, 6100), None], [(P, (0, 1000))])


def test_a_word_without_times_takes_the_speaker_on_both_sides() -> None:
    turns = [(P, (0, 1000)), (I, (1000, 2000))]

    transcript = _given([None, (1100, 1200), None, (1300, 1400), None, (100, 200), None], turns)

    assert _who(transcript) == [I, I, I, I, P, P, P]
    assert transcript.warnings == (
        "t.csv: 1 words without times stand where the speaker changes; they keep their speaker",
    )
    assert [word.is_timed for word in transcript.words] == [
        *(False, True, False, True, False, True, False)
    ]


def test_words_none_of_which_has_times_keep_their_speakers() -> None:
    transcript = _given([None, None], [(I, (0, 1000))])

    assert _who(transcript) == [P, P]
    assert len(transcript.warnings) == 1


def test_everything_else_of_a_transcript_stays() -> None:
    word = Word(text="uh", start_s=0.1, end_s=0.2, speaker="other", confidence=0.5, is_filler=True)
    before = Transcript(
        recording_id="r1",
        words=(word,),
        language="en",
        source="x",
        utterances=(Utterance(first_word=0, last_word=1),),
        warnings=("odd",),
    )

    after = with_speakers(before, [_turn("participant", 0.0, 1.0)], place="t.csv")

    assert after.words[0].speaker == "participant"
    assert (after.words[0].text, after.words[0].confidence, after.words[0].is_filler) == (
        *("uh", 0.5, True),
    )
    assert (after.language, after.source, after.utterances, after.warnings) == (
        *("en", "x", before.utterances, ("odd",)),
    )


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_many_words_and_turns_are_no_harm() -> None:
    """The product of both would take minutes."""
    count = 20_000
    turns = [(SPEAKERS[n % 2], (1000 * n, 1000 * n + 900)) for n in range(count)]
    spans = [(1000 * n + 100, 1000 * n + 300) for n in range(count)]

    transcript = _given(spans, turns[::-1])

    assert _who(transcript) == [SPEAKERS[n % 2] for n in range(count)]


def test_a_recording_without_a_segmentation_stays_as_it_is() -> None:
    recording = Recording(recording_id="r1", participant_id="p1", audio_path=Path("a.wav"))
    transcript = Transcript(recording_id="r1", words=(Word(text="the"),))

    assert with_segmentation(transcript, recording, TranscriptsSection()) is transcript


def test_the_file_of_the_recording_is_read_with_the_roles_of_the_study(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("speaker,begin,end\nA,0,1000\nB,1000,2000\nB,9,3\n")
    recording = Recording(
        recording_id="r1", participant_id="p1", audio_path=Path("a.wav"), segmentation_path=path
    )
    words = tuple(Word(text="the", start_s=at, end_s=at + 0.2) for at in (0.1, 1.1))

    transcript = with_segmentation(
        Transcript(recording_id="r1", words=words),
        recording,
        TranscriptsSection(roles={"a": "interviewer", "B": "participant"}),
    )

    assert _who(transcript) == [I, P]
    assert transcript.warnings == (f"{path}:4: the turn ends before it begins; it was passed over",)


def test_fractions_of_a_millisecond_make_no_tie() -> None:
    third = float(Fraction(1, 3))
    words = (Word(text="the", start_s=third, end_s=2 * third),)

    transcript = with_speakers(
        Transcript(recording_id="r1", words=words),
        [_turn("participant", 0.0, 1.5 * third), _turn("interviewer", 1.5 * third - 1e-4, 1.0)],
        place="t",
    )

    assert _who(transcript) == ["interviewer"]
    assert transcript.warnings == ()

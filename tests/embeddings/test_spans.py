import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogspeech.embeddings.spans import (
    FrameGeometry,
    SpanPool,
    frames_of_words,
    kept_samples,
    plan_in_context,
    plan_isolated,
    plan_windows,
    pool_spans,
    tokens_of_words,
)
from cogspeech.types import Turn

geometries = st.builds(
    FrameGeometry,
    stride=st.integers(1, 50),
    kernel=st.integers(1, 90),
    centred=st.booleans(),
)


def test_wav2vec2_geometry_gives_49_frames_a_second():
    geometry = FrameGeometry(stride=320, kernel=400)

    assert geometry.num_frames(16_000) == 49
    assert geometry.num_frames(399) == 0
    assert geometry.samples_of(0, 1, 16_000) == (0, 400)


def test_whisper_geometry_centres_its_frames():
    geometry = FrameGeometry(stride=320, kernel=1040, centred=True)

    assert geometry.num_frames(16_001) == 51
    assert geometry.first_centre == 0
    assert geometry.samples_of(0, 51, 16_001) == (0, 16_001)


@given(
    num_samples=st.integers(1, 3000),
    geometry=geometries,
    window=st.integers(1, 40),
    context=st.integers(0, 20),
)
def test_windows_keep_every_frame_once_and_stand_on_the_frame_grid(
    num_samples, geometry, window, context
):
    windows = plan_windows(num_samples, geometry, window_frames=window, context_frames=context)

    kept = [w.first_frame + i for w in windows for i in range(w.num_frames)]
    assert kept == list(range(geometry.num_frames(num_samples)))
    for w in windows:
        assert 0 <= w.start_sample < w.stop_sample <= num_samples
        assert w.start_sample == (w.first_frame - w.skip_frames) * geometry.stride
        seen = geometry.num_frames(w.stop_sample - w.start_sample)
        assert seen >= w.skip_frames + w.num_frames
        assert w.skip_frames == min(context, w.first_frame)


@given(
    starts=st.lists(st.floats(0, 900), min_size=1, max_size=8),
    lengths=st.lists(st.floats(0, 300), min_size=8, max_size=8),
    geometry=geometries,
    num_frames=st.integers(1, 60),
)
def test_no_event_is_without_a_frame_and_frames_are_used_once(
    starts, lengths, geometry, num_frames
):
    start = np.array(starts)
    end = start + np.array(lengths[: len(starts)])

    first, last = frames_of_words(start, end, geometry, num_frames)

    assert (first >= 0).all()
    assert (last > first).all()
    assert (last <= num_frames).all()


@given(
    cuts=st.lists(st.integers(1, 999), min_size=1, max_size=12, unique=True), geometry=geometries
)
def test_adjacent_events_share_no_frame_and_lose_none_between_them(cuts, geometry):
    edges = np.array([0, *sorted(cuts), 1000], dtype=float)
    num_frames = geometry.num_frames(1000)
    if not num_frames:
        return

    first, last = frames_of_words(edges[:-1], edges[1:], geometry, num_frames)

    centres = geometry.first_centre + geometry.stride * np.arange(num_frames)
    for begin, end, low, high in zip(edges[:-1], edges[1:], first, last, strict=True):
        inside = np.flatnonzero((centres >= begin) & (centres < end))
        if len(inside):
            assert (low, high) == (inside[0], inside[-1] + 1)
        else:
            assert high == low + 1


@given(shift_frames=st.integers(0, 50), geometry=geometries)
def test_shifting_the_clock_by_whole_frames_shifts_nothing_else(shift_frames, geometry):
    start, end = np.array([110.0, 200.0]), np.array([150.0, 201.0])
    shift = shift_frames * geometry.stride

    first, last = frames_of_words(start, end, geometry, 10_000)
    later_first, later_last = frames_of_words(start + shift, end + shift, geometry, 10_000)

    assert (later_first == first + shift_frames).all()
    assert (later_last == last + shift_frames).all()


def test_pooling_is_the_mean_of_each_span_up_to_the_last_frame():
    frames = np.array([[1.0], [2.0], [3.0], [10.0]], dtype=np.float32)

    pooled = pool_spans(frames, np.array([0, 2, 3]), np.array([3, 4, 4]))

    np.testing.assert_array_equal(pooled, np.array([[2.0], [6.5], [10.0]], dtype=np.float32))


def test_times_are_mapped_into_the_audio_that_is_kept():
    turns = [Turn(start_s=1.0, end_s=2.0), Turn(start_s=3.5, end_s=4.0)]

    position = kept_samples(
        np.array([1.0, 1.5, 2.0, 3.0, 3.5, 3.75]), turns, np.array([100, 50]), sample_rate_hz=100
    )

    np.testing.assert_allclose(position, [0, 50, 100, 100, 100, 125])


def test_a_frame_belongs_to_the_word_its_centre_lies_in():
    geometry = FrameGeometry(stride=320, kernel=400)  # centres at 200, 520, 840, ...

    first, last = frames_of_words(
        np.array([0.0, 360.0, 521.0]), np.array([360.0, 521.0, 1_000.0]), geometry, 5
    )

    assert list(zip(first.tolist(), last.tolist(), strict=True)) == [(0, 1), (1, 2), (2, 3)]


events = st.lists(st.tuples(st.floats(0, 2990), st.floats(0, 400)), min_size=1, max_size=9).map(
    lambda found: np.array([(a, min(a + b, 3000)) for a, b in sorted(found)])
)


@pytest.mark.slow
@given(spans=events, geometry=geometries, window=st.integers(1, 40), context=st.integers(0, 20))
def test_pooled_window_by_window_it_is_the_mean_over_the_whole(spans, geometry, window, context):
    plan = plan_in_context(
        spans[:, 0], spans[:, 1], geometry, 3000, window_frames=window, context_frames=context
    )
    frames = np.random.default_rng(0).standard_normal((geometry.num_frames(3000), 3))
    pool = SpanPool(plan.first, plan.last, 3)

    for w in reversed(plan.windows):
        pool.add(w.first_frame, frames[w.first_frame : w.first_frame + w.num_frames])

    whole = pool_spans(frames, plan.first, plan.last)
    np.testing.assert_allclose(pool.events, whole, atol=1e-5)
    np.testing.assert_allclose(pool.mean_frame(), frames.mean(axis=0), atol=1e-6)


@given(spans=events, geometry=geometries, window=st.integers(1, 40))
def test_isolated_events_are_cut_out_in_whole_frames_and_never_padded(spans, geometry, window):
    plan = plan_isolated(spans[:, 0], spans[:, 1], geometry, 3000, window_frames=window)

    frames = sorted(w.first_frame + i for w in plan.windows for i in range(w.num_frames))
    assert frames == list(range(plan.last[-1]))
    assert (plan.first == np.concatenate([[0], plan.last[:-1]])).all()
    starts = [w.start_sample for w in plan.windows]
    assert starts == sorted(starts)
    for w in plan.windows:
        assert 0 <= w.start_sample < w.stop_sample <= 3000
        assert geometry.num_frames(w.stop_sample - w.start_sample) >= w.num_frames > 0
        event = np.searchsorted(plan.last, w.first_frame, side="right")
        begin, end = spans[event]
        reach = max(end - begin, geometry.kernel if not geometry.centred else geometry.stride)
        assert w.stop_sample - max(w.start_sample, int(begin)) <= reach + geometry.stride
        assert w.start_sample >= min(int(begin), 3000 - reach - geometry.stride)


@given(
    word_sizes=st.lists(st.integers(1, 4), min_size=1, max_size=30),
    window=st.integers(5, 12),
    overlap=st.integers(0, 3),
)
def test_tokens_of_overlapping_windows_stand_once_in_the_whole(word_sizes, window, overlap):
    words = [word for word, size in enumerate(word_sizes) for _ in range(size)]
    starts = range(0, max(1, len(words) - overlap), window - overlap)
    windows = [[None, *words[at : at + window], None] for at in starts]

    positions, word_of = tokens_of_words(windows, overlap=overlap)

    assert word_of.tolist() == words
    for at, place in zip(starts, positions, strict=True):
        assert place.tolist() == list(range(at, min(at + window, len(words))))


@given(
    cuts=st.lists(st.floats(0.02, 0.9), min_size=2, max_size=8, unique=True),
    rate=st.integers(50, 400),
)
def test_every_time_inside_a_turn_points_at_its_own_sample(cuts, rate):
    edges = 10 * np.sort(cuts)
    pairs = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False) if b - a > 2 / rate]
    if not pairs:
        return
    turns = [Turn(start_s=float(a), end_s=float(b)) for a, b in pairs]
    counts = np.array([round((b - a) * rate) for a, b in pairs])

    for turn, count, before in zip(turns, counts, np.cumsum(counts) - counts, strict=True):
        inside = np.linspace(turn.start_s, turn.end_s, 5)
        position = kept_samples(inside, turns, counts, sample_rate_hz=rate)
        expected = np.minimum(before + (inside - turn.start_s) * rate, before + count)
        np.testing.assert_allclose(position, expected, atol=1e-6)

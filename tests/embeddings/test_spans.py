import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cogspeech.corpora.audio import keep_turns
from cogspeech.embeddings.spans import (
    FrameGeometry,
    frames_of_words,
    kept_samples,
    plan_windows,
    pool_spans,
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

    position = kept_samples(np.array([1.0, 1.5, 2.0, 3.0, 3.5, 3.75]), turns, sample_rate_hz=100)

    np.testing.assert_allclose(position, [0, 50, 100, 100, 100, 125])


def test_mapped_times_point_at_the_same_samples():
    samples = np.arange(500, dtype=np.float32)
    turns = [Turn(start_s=0.503, end_s=1.207), Turn(start_s=2.0, end_s=4.99)]

    kept = keep_turns(samples, turns, sample_rate_hz=100)

    for time_s in (0.6, 1.0, 2.0, 3.3):
        at = int(kept_samples(np.array([time_s]), turns, sample_rate_hz=100)[0])
        assert kept[at] == samples[int(time_s * 100)]


def test_a_frame_belongs_to_the_word_its_centre_lies_in():
    geometry = FrameGeometry(stride=320, kernel=400)  # centres at 200, 520, 840, ...

    first, last = frames_of_words(
        np.array([0.0, 360.0, 521.0]), np.array([360.0, 521.0, 1_000.0]), geometry, 5
    )

    assert list(zip(first.tolist(), last.tolist(), strict=True)) == [(0, 1), (1, 2), (2, 3)]

"""The geometry of frames, windows and words: pure functions of arrays.

::

    words      |--the--|   |----ladder----|        [start, end) in samples of the kept audio
    frames     0 1 2 3 4 5 6 7 8 9 ...             frame i belongs to the span its centre lies in

Frame centres come from the kernel and stride of the encoder's convolutions. A span that holds no
centre takes the one frame whose centre is nearest to its middle.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cogspeech.types import LayerStates, Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameGeometry:
    """Which samples the frames of an encoder cover.

    Args:
        stride: samples from one frame to the next.
        kernel: samples one frame sees.
        centred: False: frame i covers ``[i * stride, i * stride + kernel)`` and a frame needs all
            of its samples (wav2vec2 and its kin). True: frame i is centred on ``i * stride`` and
            the ends are padded (Whisper).
    """

    stride: int
    kernel: int
    centred: bool = False

    def num_frames(self, num_samples: int) -> int:
        """Frames of that many samples."""
        if self.centred:
            return math.ceil(num_samples / self.stride)
        return max(0, (num_samples - self.kernel) // self.stride + 1)

    def samples_of(self, first: int, last: int, num_samples: int) -> tuple[int, int]:
        """The samples ``[start, stop)`` that give frames ``[first, last)``."""
        start = first * self.stride
        stop = last * self.stride if self.centred else (last - 1) * self.stride + self.kernel
        return start, min(stop, num_samples)

    @property
    def first_centre(self) -> float:
        """The centre of frame 0, in samples."""
        return 0.0 if self.centred else self.kernel / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of audio for one encoder call, and which of its frames are kept."""

    start_sample: int
    stop_sample: int
    first_frame: int
    """Of the recording; the first frame kept from this window."""
    num_frames: int
    """How many frames are kept."""
    skip_frames: int
    """Frames of context before the first kept one."""


def plan_windows(
    num_samples: int, geometry: FrameGeometry, *, window_frames: int, context_frames: int
) -> tuple[Window, ...]:
    """Windows whose kept frames tile the recording exactly once.

    Each keeps ``window_frames`` frames (the last one fewer) and sees ``context_frames`` more on
    both sides, as far as the recording reaches. Windows start on the recording's own frame grid,
    so frame i of a window is a frame of the recording.
    """
    total = geometry.num_frames(num_samples)
    windows = []
    for first in range(0, total, window_frames):
        last = min(first + window_frames, total)
        seen_first = max(0, first - context_frames)
        seen_last = min(total, last + context_frames)
        start, stop = geometry.samples_of(seen_first, seen_last, num_samples)
        windows.append(
            Window(
                start_sample=start,
                stop_sample=stop,
                first_frame=first,
                num_frames=last - first,
                skip_frames=first - seen_first,
            )
        )
    return tuple(windows)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowPlan:
    """What an encoder is to see of a recording, and which of its frames make up each event."""

    windows: tuple[Window, ...]
    """In the order of their first samples."""
    first: Int[np.ndarray, " event"]
    last: Int[np.ndarray, " event"]
    """Event i is the mean of the frames ``[first[i], last[i])``, never empty."""


def plan_in_context(
    start: Float[np.ndarray, " event"],
    end: Float[np.ndarray, " event"],
    geometry: FrameGeometry,
    num_samples: int,
    *,
    window_frames: int,
    context_frames: int,
) -> WindowPlan:
    """Long windows over everything the participant says; words are pooled from their frames."""
    num_frames = geometry.num_frames(num_samples)
    first, last = frames_of_words(start, end, geometry, num_frames)
    windows = plan_windows(
        num_samples, geometry, window_frames=window_frames, context_frames=context_frames
    )
    return WindowPlan(windows=windows, first=first, last=last)


def plan_isolated(
    start: Float[np.ndarray, " event"],
    end: Float[np.ndarray, " event"],
    geometry: FrameGeometry,
    num_samples: int,
    *,
    window_frames: int,
) -> WindowPlan:
    """Every event cut out and encoded alone, in whole frames; a long one in several windows.

    Frames are counted event after event. The crop of an event begins with its first sample and is
    moved to the left only where the recording ends too early for a whole number of frames.
    """
    widths = [
        min(max(1, geometry.num_frames(int(stop) - int(begin))), geometry.num_frames(num_samples))
        for begin, stop in zip(start, end, strict=True)
    ]
    last = np.cumsum(widths)
    windows = []
    for begin, width, until in zip(start, widths, last, strict=True):
        _, needed = geometry.samples_of(0, width, num_samples)
        at = min(int(begin), num_samples - needed)
        for done in range(0, width, window_frames):
            num_frames = min(window_frames, width - done)
            from_sample, to_sample = geometry.samples_of(done, done + num_frames, num_samples - at)
            windows.append(
                Window(
                    start_sample=at + from_sample,
                    stop_sample=at + to_sample,
                    first_frame=int(until) - width + done,
                    num_frames=num_frames,
                    skip_frames=0,
                )
            )
    windows.sort(key=lambda window: (window.start_sample, window.first_frame))
    return WindowPlan(
        windows=tuple(windows), first=last - np.array(widths, dtype=np.int64), last=last
    )


def kept_samples(
    times_s: Float[np.ndarray, " time"],
    turns: Sequence[Turn],
    turn_samples: Int[np.ndarray, " turn"],
    *,
    sample_rate_hz: int,
) -> Float[np.ndarray, " time"]:
    """Times of the recording as sample positions in its turns, joined one after the other.

    A time between two turns falls on the join. ``turn_samples`` is how many samples each turn has.
    """
    starts_s = np.array([turn.start_s for turn in turns], dtype=np.float64)
    kept_before = np.concatenate([[0], np.cumsum(turn_samples)])
    turn = np.maximum(np.searchsorted(starts_s, times_s, side="right") - 1, 0)
    inside = np.clip((times_s - starts_s[turn]) * sample_rate_hz, 0, turn_samples[turn])
    return np.asarray(kept_before[turn] + inside, dtype=np.float64)


def frames_of_words(
    start: Float[np.ndarray, " event"],
    end: Float[np.ndarray, " event"],
    geometry: FrameGeometry,
    num_frames: int,
) -> tuple[Int[np.ndarray, " event"], Int[np.ndarray, " event"]]:
    """The frames ``[first, last)`` of each event, never empty.

    Args:
        start: first sample of each event.
        end: the sample after its last.
        geometry: of the encoder.
        num_frames: of the recording, at least 1.
    """
    first = np.ceil((start - geometry.first_centre) / geometry.stride)
    last = np.ceil((end - geometry.first_centre) / geometry.stride)
    first, last = np.clip(first, 0, num_frames), np.clip(last, 0, num_frames)
    # Not rint, which rounds halves to even: shifting all times by a frame must shift the result.
    middle = np.floor(((start + end) / 2 - geometry.first_centre) / geometry.stride + 0.5)
    nearest = np.clip(middle, 0, num_frames - 1)
    is_empty = last <= first
    first = np.where(is_empty, nearest, first)
    last = np.where(is_empty, nearest + 1, last)
    return first.astype(np.int64), last.astype(np.int64)


def pool_spans(
    frames: Float[np.ndarray, "frame d_audio"],
    first: Int[np.ndarray, " event"],
    last: Int[np.ndarray, " event"],
) -> Float[np.ndarray, "event d_audio"]:
    """The mean of the frames ``[first, last)`` of each event, summed in float64."""
    padded = np.concatenate([frames, np.zeros_like(frames[:1])]).astype(np.float64)
    edges = np.stack([first, last], axis=1).reshape(-1)
    sums = np.add.reduceat(padded, edges, axis=0)[::2]
    return np.asarray(sums / (last - first)[:, None], dtype=np.float32)


class SpanPool:
    """`pool_spans` for frames that come window by window, in any order.

    Memory is that of the events, whatever the number of frames.

    Args:
        first: of each event, as in `WindowPlan`.
        last: the frame after the last one of each event.
        dimension: of a frame.
    """

    def __init__(
        self, first: Int[np.ndarray, " event"], last: Int[np.ndarray, " event"], dimension: int
    ) -> None:
        self._first, self._last = first, last
        self.events = np.zeros((len(first), dimension), dtype=np.float32)
        """The mean of each event, once every frame has been added."""
        self._frame_sum = np.zeros(dimension, dtype=np.float64)
        self._num_frames = 0

    def add(self, first_frame: int, frames: Float[np.ndarray, "frame d_audio"]) -> None:
        """Frames ``[first_frame, first_frame + len(frames))`` of the recording."""
        self._frame_sum += frames.sum(axis=0, dtype=np.float64)
        self._num_frames += len(frames)
        end_frame = first_frame + len(frames)
        touched = np.flatnonzero((self._first < end_frame) & (self._last > first_frame))
        if len(touched):
            first = np.maximum(self._first[touched], first_frame) - first_frame
            last = np.minimum(self._last[touched], end_frame) - first_frame
            share = (last - first) / (self._last - self._first)[touched]
            self.events[touched] += pool_spans(frames, first, last) * share[:, None]

    def mean_frame(self) -> Float[np.ndarray, " d_audio"]:
        """The mean of all frames added so far."""
        return np.asarray(self._frame_sum / self._num_frames, dtype=np.float32)


def states_of_plan(plan: WindowPlan, of_windows: Sequence[Float[np.ndarray, "_ d"]]) -> LayerStates:
    """The states of a recording's windows, with the pairs that pool as `pool_spans` does.

    Args:
        plan: of the recording.
        of_windows: per window of the plan; the first positions are its frames.
    """
    lengths = np.array([len(states) for states in of_windows], dtype=np.int64)
    begins = np.cumsum(lengths) - lengths
    position_of = np.empty(sum(window.num_frames for window in plan.windows), dtype=np.int64)
    for begin, window in zip(begins, plan.windows, strict=True):
        kept = np.arange(window.num_frames)
        position_of[window.first_frame + kept] = begin + window.skip_frames + kept
    widths = plan.last - plan.first
    item = np.repeat(np.arange(len(widths)), widths)
    frame = np.arange(len(item)) - np.repeat(np.cumsum(widths) - widths - plan.first, widths)
    return LayerStates(
        states=np.concatenate(of_windows),
        window_lengths=lengths,
        item=item,
        position=position_of[frame],
        weight=1.0 / widths[item],
    )


def tokens_of_words(
    windows: Sequence[Sequence[int | None]], *, overlap: int
) -> tuple[list[Int[np.ndarray, " _"]], Int[np.ndarray, " token"]]:
    """Where the tokens of overlapping windows stand in the whole text, and the word of each.

    Args:
        windows: per window and token the word it belongs to; ``None``: a special token.
        overlap: how many tokens a window shares with the one before it.

    Returns:
        Per window the positions of its real tokens, and for every position its word.
    """
    positions: list[Int[np.ndarray, " _"]] = []
    start = 0
    word_of: dict[int, int] = {}
    for window in windows:
        words = [word for word in window if word is not None]
        start -= overlap if positions else 0
        positions.append(np.arange(start, start + len(words), dtype=np.int64))
        word_of.update(zip(range(start, start + len(words)), words, strict=True))
        start += len(words)
    return positions, np.array([word_of[at] for at in sorted(word_of)], dtype=np.int64)

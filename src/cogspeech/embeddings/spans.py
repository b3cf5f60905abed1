"""The geometry of frames, windows and words: pure functions of arrays.

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

from cogspeech.types import Turn


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


def kept_samples(
    times_s: Float[np.ndarray, " time"], turns: Sequence[Turn], *, sample_rate_hz: int
) -> Float[np.ndarray, " time"]:
    """Times of the recording as sample positions in the audio that `keep_turns` keeps.

    A time between two turns falls on the join.
    """
    starts = np.array([round(turn.start_s * sample_rate_hz) for turn in turns], dtype=np.float64)
    stops = np.array([round(turn.end_s * sample_rate_hz) for turn in turns], dtype=np.float64)
    kept_before = np.concatenate([[0.0], np.cumsum(stops - starts)])
    position = times_s * sample_rate_hz
    turn = np.maximum(np.searchsorted(starts, position, side="right") - 1, 0)
    inside = np.clip(position, starts[turn], stops[turn]) - starts[turn]
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

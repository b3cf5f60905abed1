"""What an encoder hears of a recording: the participant's turns, joined, a window at a time."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from cogspeech.corpora.audio import stream_turns
from cogspeech.embeddings.base import Level
from cogspeech.embeddings.spans import Window
from cogspeech.errors import AudioError, SilentAudioError
from cogspeech.types import Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What has to be known of all samples before the first window can be encoded."""

    sha256: str
    """Of the samples that are kept."""
    turn_samples: Int[np.ndarray, " turn"]
    level: Level

    @property
    def num_samples(self) -> int:
        """Samples of the participant."""
        return int(self.turn_samples.sum())


def measure(path: Path, turns: Sequence[Turn], *, sample_rate_hz: int) -> Measured:
    """Decodes a recording once, keeping nothing.

    Raises:
        AudioError: unreadable, broken off, not finite, or without any signal in the turns.
    """
    digest = hashlib.sha256()
    turn_samples = np.zeros(len(turns), dtype=np.int64)
    total, total_of_squares, is_silent = 0.0, 0.0, True
    for turn, samples in stream_turns(path, turns, sample_rate_hz=sample_rate_hz):
        digest.update(samples.tobytes())
        turn_samples[turn] += len(samples)
        total += float(samples.sum(dtype=np.float64))
        total_of_squares += float(np.square(samples, dtype=np.float64).sum())
        is_silent = is_silent and not np.any(samples)
    if is_silent:
        raise SilentAudioError(
            f"audio file '{path}' is digital silence wherever the participant speaks; "
            "leave the recording out"
        )
    mean = total / turn_samples.sum()
    variance = max(0.0, total_of_squares / turn_samples.sum() - mean**2)
    return Measured(
        sha256=digest.hexdigest(),
        turn_samples=turn_samples,
        level=Level(mean=float(mean), variance=float(variance)),
    )


def hear(
    path: Path, turns: Sequence[Turn], windows: Iterable[Window], *, sample_rate_hz: int
) -> Iterator[tuple[Window, Float[np.ndarray, " sample"]]]:
    """The samples of each window, in the order of the windows; one window is held at a time.

    Args:
        path: the recording.
        turns: the participant's.
        windows: in the order of their first samples.
        sample_rate_hz: of the encoder.
    """
    pieces = stream_turns(path, turns, sample_rate_hz=sample_rate_hz)
    held = np.zeros(0, dtype=np.float32)
    held_from = 0
    for window in windows:
        while True:
            over = min(len(held), window.start_sample - held_from)
            held, held_from = held[over:], held_from + over
            if held_from + len(held) >= window.stop_sample:
                break
            _, piece = next(pieces, (0, None))
            if piece is None:
                raise AudioError(f"audio file '{path}' changed while it was read; start again")
            held = np.concatenate([held, piece])
        yield window, held[: window.stop_sample - held_from].copy()
    for _ in pieces:  # to the end: a file that breaks off is an error
        pass

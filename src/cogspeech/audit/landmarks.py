"""Acoustic fingerprints: which recordings hold the same sound, whatever was done to it.

Landmarks are the strongest peaks of the spectrogram, a fixed number a second (after Wang, "An
industrial-strength audio search algorithm", ISMIR 2003). Gain does not move them; resampling,
lossy coding and noise move few. Three neighbouring peaks make a key; recordings that share several
keys at one distance in time are candidates, found by sorting all keys once. A candidate is decided
by the share of peaks that the two have in common at that distance.

The same words spoken again by the same voice give other peaks: people do not repeat themselves to
16 ms and 16 Hz. What each limit lets through is measured by ``benchmarks/planted_leaks.py``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.ndimage import maximum_filter

from cogspeech.audit.spectrogram import BIN_HZ, HOP, RATE_HZ

FRAME_S = HOP / RATE_HZ
LOWEST_BIN = round(250 / BIN_HZ)
HIGHEST_BIN = round(3_400 / BIN_HZ)
NEIGHBOURHOOD = (9, 9)
"""Frames and bins in which a landmark is the loudest point."""
PER_BLOCK = 32
"""Landmarks in a `BLOCK`; the loudest ones."""
BLOCK = 125
"""Frames: 2 s."""
DEEPEST_DB = 50.0
"""A landmark lies no deeper below the loudest point of its recording."""
REACH = 62
"""Frames from the first landmark of a key to the last: 1 s."""
FAN_OUT = 4
"""Landmarks after the first of which two complete a key."""
NEIGHBOURS = 4
"""A key is compared with that many others of the same value; this keeps the search linear."""
MIN_KEYS = 4
"""Keys that two recordings share at one distance before they are compared."""
MIN_LANDMARKS = 24
"""A recording with fewer has nothing to tell it by."""
SAME = 0.2
"""Share of the landmarks of the shorter recording that the other one must have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmarks:
    """The peaks of one recording, in the order of time, then frequency."""

    frames: Int[np.ndarray, " peak"]
    bins: Int[np.ndarray, " peak"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Two recordings that hold the same sound."""

    first: int
    second: int
    """Positions; ``first < second``."""
    shared: float
    """Share of the landmarks of the one with fewer that both have."""
    shift_s: float
    """How much later the sound begins in the second one."""


def find_landmarks(levels: Float[np.ndarray, "frame bin"]) -> Landmarks:
    """The peaks of a `log_spectrogram`; steady tones are none."""
    band = levels[:, LOWEST_BIN:HIGHEST_BIN]
    relief = band - np.median(band, axis=0)
    is_peak = (relief == maximum_filter(relief, size=NEIGHBOURHOOD)) & (band > -DEEPEST_DB)
    is_peak &= relief > 0
    frames, bins = np.nonzero(is_peak)
    loudness = band[frames, bins]
    order = np.lexsort((-loudness, frames // BLOCK))
    block = (frames // BLOCK)[order]
    rank = np.arange(len(order)) - np.searchsorted(block, block)
    kept = np.sort(order[rank < PER_BLOCK])
    return Landmarks(frames=frames[kept].astype(np.int32), bins=bins[kept].astype(np.int16))


def find_matches(recordings: Sequence[Landmarks]) -> tuple[Match, ...]:
    """All pairs that hold the same sound; the work grows with the number of recordings."""
    if len(recordings) < 2:
        return ()
    matches = []
    for first, second, shift in _candidates(recordings):
        shared = shared_landmarks(recordings[first], recordings[second], shift)
        if shared >= SAME:
            matches.append(
                Match(first=first, second=second, shared=shared, shift_s=shift * FRAME_S)
            )
    best: dict[tuple[int, int], Match] = {}
    for match in sorted(matches, key=lambda m: m.shared):
        best[match.first, match.second] = match
    return tuple(best[pair] for pair in sorted(best))


def shared_landmarks(first: Landmarks, second: Landmarks, shift: int) -> float:
    """Share of the landmarks of the one with fewer that lie within a frame and a bin of others.

    Args:
        first: of one recording.
        second: of the other.
        shift: frames by which the sound begins later in ``second``.
    """
    fewest = min(len(first.frames), len(second.frames))
    if fewest < MIN_LANDMARKS:
        return 0.0
    width = HIGHEST_BIN - LOWEST_BIN + 2
    at = (first.frames.astype(np.int64) + shift) * width + first.bins
    there = np.sort(second.frames.astype(np.int64) * width + second.bins)
    is_shared = np.zeros(len(at), dtype=np.bool_)
    for frames in (-1, 0, 1):
        low = np.searchsorted(there, at + frames * width - 1)
        high = np.searchsorted(there, at + frames * width + 1, side="right")
        is_shared |= high > low
    return float(np.count_nonzero(is_shared)) / fewest


def _candidates(recordings: Sequence[Landmarks]) -> Iterator[tuple[int, int, int]]:
    """Positions of two recordings and a shift in frames, where several keys agree on it."""
    keys, owners, frames = _all_keys(recordings)
    order = np.lexsort((owners, keys))
    keys, owners, frames = keys[order], owners[order], frames[order]
    pairs, shifts = [], []
    for step in range(1, NEIGHBOURS + 1):
        same = (keys[step:] == keys[:-step]) & (owners[step:] != owners[:-step])
        at = np.flatnonzero(same)
        pairs.append(owners[at] * len(recordings) + owners[at + step])
        shifts.append(frames[at + step] - frames[at])
    pair, shift = np.concatenate(pairs), np.concatenate(shifts)
    order = np.lexsort((shift, pair))
    pair, shift = pair[order], shift[order]
    # A run of keys of one pair within two frames: its last lies MIN_KEYS - 1 places further on.
    last = MIN_KEYS - 1
    close = (pair[last:] == pair[:-last]) & (shift[last:] - shift[:-last] <= 2)
    middle = np.flatnonzero(close) + last // 2
    found = {(int(pair[at]), int(shift[at])) for at in middle}
    for code, distance in sorted(found):
        yield code // len(recordings), code % len(recordings), distance


def _all_keys(
    recordings: Sequence[Landmarks],
) -> tuple[Int[np.ndarray, " key"], Int[np.ndarray, " key"], Int[np.ndarray, " key"]]:
    """Every key with the position of its recording and its time in frames."""
    keys, owners, frames = [], [], []
    for position, landmarks in enumerate(recordings):
        own_keys, own_frames = _keys(landmarks)
        keys.append(own_keys)
        frames.append(own_frames)
        owners.append(np.full(len(own_keys), position, dtype=np.int64))
    return np.concatenate(keys), np.concatenate(owners), np.concatenate(frames)


def _keys(landmarks: Landmarks) -> tuple[Int[np.ndarray, " key"], Int[np.ndarray, " key"]]:
    """Keys of three landmarks: their frequencies and the two distances in time, in steps of two."""
    frames = landmarks.frames.astype(np.int64)
    bins = landmarks.bins.astype(np.int64) // 2
    count = len(frames)
    keys, starts = [], []
    # Landmarks of the same frames as the first say little about time: those after it are counted.
    after = np.searchsorted(frames, frames + 2, side="left")
    for near in range(FAN_OUT - 1):
        for far in range(near + 1, FAN_OUT):
            second, third = after + near, after + far
            first = np.flatnonzero(third < count)
            second, third = second[first], third[first]
            near_by = frames[third] - frames[first] <= REACH
            first, second, third = first[near_by], second[near_by], third[near_by]
            distances = [(frames[other] - frames[first]) // 2 for other in (second, third)]
            key = bins[first]
            for part, size in ((bins[second], 128), (bins[third], 128),
                               (distances[0], 32), (distances[1], 32)):  # fmt: skip
                key = key * size + part
            keys.append(key)
            starts.append(frames[first])
    return np.concatenate(keys), np.concatenate(starts)

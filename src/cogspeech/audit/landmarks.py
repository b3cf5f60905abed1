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
FAN_OUT = 5
"""Landmarks after the first of which two complete a key."""
NEIGHBOURS = 4
"""A key is compared with that many others of the same value; this keeps the search linear."""
MIN_KEYS = 8
"""Keys that two recordings share at one distance before they are compared."""
PARTNERS = 16
"""Recordings with which each one is compared: those that share most keys."""
MIN_LANDMARKS = 24
"""A recording with fewer has nothing to tell it by."""
MIN_OVERLAP = 0.4
"""Share of the landmarks of the shorter recording that must lie inside the other one."""
SAME = 0.25
"""Share of the landmarks of the overlap from which two recordings hold the same sound. Copies of
60 % at -15 dB share 0.34 and more, other recordings of one real voice 0.12 and less."""

_SHIFT_BITS = 24
_NO_SHIFT = 1 << _SHIFT_BITS - 1
"""Frames: 37 hours, more than any recording lasts."""


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
    """Share of the landmarks of the overlap that both have."""
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
    return tuple(
        Match(first=first, second=second, shared=shared, shift_s=shift * FRAME_S)
        for first, second, shift in _candidates(recordings)
        if (shared := shared_landmarks(recordings[first], recordings[second], shift)) >= SAME
    )


def shared_landmarks(first: Landmarks, second: Landmarks, shift: int) -> float:
    """Share of the landmarks, where the two overlap, that both have: within a frame and a bin.

    Args:
        first: of one recording.
        second: of the other.
        shift: frames by which the sound begins later in ``second``.

    Returns:
        Of the one that has fewer there; 0 where they overlap too little to tell.
    """
    if min(len(first.frames), len(second.frames)) < MIN_LANDMARKS:
        return 0.0
    moved = first.frames.astype(np.int64) + shift
    theirs = second.frames.astype(np.int64)
    begin, end = max(0, shift), min(moved[-1], theirs[-1])
    inside = (moved >= begin) & (moved <= end)
    fewest = int(min(inside.sum(), ((theirs >= begin) & (theirs <= end)).sum()))
    if fewest < max(MIN_LANDMARKS, MIN_OVERLAP * min(len(moved), len(theirs))):
        return 0.0
    width = HIGHEST_BIN - LOWEST_BIN + 2
    at = moved[inside] * width + first.bins[inside]
    there = np.sort(theirs * width + second.bins)
    is_shared = np.zeros(len(at), dtype=np.bool_)
    for frames in (-1, 0, 1):
        low = np.searchsorted(there, at + frames * width - 1)
        high = np.searchsorted(there, at + frames * width + 1, side="right")
        is_shared |= high > low
    return min(1.0, float(np.count_nonzero(is_shared)) / fewest)


def _candidates(recordings: Sequence[Landmarks]) -> Iterator[tuple[int, int, int]]:
    """Positions of two recordings and a shift in frames, where several keys agree on it."""
    keys, owners, frames = _all_keys(recordings)
    # Sorted by key, then by owner: one number each, for plain sorting is several times faster.
    order = np.sort(keys << 32 | np.arange(len(keys))) & 0xFFFF_FFFF
    keys, owners, frames = keys[order], owners[order], frames[order]
    codes = []
    for step in range(1, NEIGHBOURS + 1):
        at = np.flatnonzero((keys[step:] == keys[:-step]) & (owners[step:] != owners[:-step]))
        pair = owners[at] * len(recordings) + owners[at + step]
        codes.append(pair << _SHIFT_BITS | frames[at + step] - frames[at] + _NO_SHIFT)
    code = np.sort(np.concatenate(codes))
    # Keys of a pair agree where they lie within two frames: so does the last of MIN_KEYS.
    last = MIN_KEYS - 1
    at = np.flatnonzero(code[last:] - code[: len(code) - last] <= 2)
    agreeing = np.searchsorted(code, code[at] + 2, side="right") - at
    pair, shift = code[at] >> _SHIFT_BITS, (code[at] & (2 * _NO_SHIFT - 1)) - _NO_SHIFT
    order = np.lexsort((agreeing, pair))
    best = order[np.append(np.diff(pair[order]) > 0, True)[: len(order)]]
    first, second = pair[best] // len(recordings), pair[best] % len(recordings)
    for likely in _likeliest(first, second, agreeing[best]):
        yield int(first[likely]), int(second[likely]), int(shift[best[likely]]) + 1


def _likeliest(
    first: Int[np.ndarray, " pair"],
    second: Int[np.ndarray, " pair"],
    agreeing: Int[np.ndarray, " pair"],
) -> Int[np.ndarray, " some"]:
    """Positions of the pairs that are among the `PARTNERS` best of one of their recordings."""
    owner = np.concatenate([first, second])
    order = np.lexsort((-np.tile(agreeing, 2), owner))
    rank = np.arange(len(order)) - np.searchsorted(owner[order], owner[order])
    return np.unique(order[rank < PARTNERS] % max(1, len(first)))


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

"""Where speech is heard at all: frame energies, and words cut back to them.

A frame is 10 ms. Its power is that of 80 to 7600 Hz, so neither an offset nor mains hum counts.
The level of the noise and the level of the speech are those of the recording: its frames are
divided into quiet and loud ones where the variance between the two is largest (Otsu, 1979). A
stretch of speech rises to `ONSET` of the way from noise to speech, and lasts as long as it stays
above the noise and its usual fluctuation. Where the two levels lie less than `MIN_RANGE_DB` apart
nothing can be told from nothing, and all is taken for speech.
"""

import bisect
import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float, Int

from cogspeech.types import Phone, Word

SAMPLE_RATE_HZ = 16_000
FRAME_S = 0.01
CLOSURE_S = 0.15
"""A shorter silence may be the closure of a consonant, as in "eight two"; it divides nothing."""
MIN_WORD_S = 0.05
MARKED_S = 0.05
"""A word that lost more than this is marked as trimmed; less is the error of any measurement."""
MIN_RANGE_DB = 8.0
MAX_RANGE_DB = 60.0
"""What lies deeper below the loudest frames is silence, digital or not."""
ONSET = 0.3
MIN_SPEECH_S = 0.03
"""Shorter sounds with silence around them are clicks."""

CLAIM_S = 0.3
"""At most this much speech beside a word is taken for a part of it."""

Timed = TypeVar("Timed", Word, Phone)

_FRAME = round(FRAME_S * SAMPLE_RATE_HZ)
_WINDOW = 400
"""25 ms, with the frame in the middle."""
_BAND_HZ = (80, 7_600)
_BLOCK = 8_192
_TINY = 1e-6
"""Frames; hides the rounding of seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechEnergy:
    """What `find_speech` found."""

    power: Float[np.ndarray, " frame"]
    """Mean square of the frame's samples in the band of speech; the loudest sample is 1."""
    is_speech: Bool[np.ndarray, " frame"]

    @property
    def duration_s(self) -> float:
        """The length of the recording, up to one frame."""
        return len(self.power) * FRAME_S

    def frames(self, start_s: float, end_s: float) -> slice:
        """The frames that a span touches."""
        first = min(max(math.floor(start_s / FRAME_S + _TINY), 0), len(self.power))
        last = min(math.ceil(end_s / FRAME_S - _TINY), len(self.power))
        return slice(first, max(first, last))

    def speech_s(self, start_s: float, end_s: float) -> float:
        """Seconds of speech inside a span."""
        return int(np.count_nonzero(self.is_speech[self.frames(start_s, end_s)])) * FRAME_S

    def runs(
        self, start_s: float, end_s: float, *, gap_s: float = CLOSURE_S
    ) -> list[tuple[float, float]]:
        """The stretches of speech inside a span; silences shorter than ``gap_s`` divide nothing."""
        frames = self.frames(start_s, end_s)
        return [
            (
                max((frames.start + first) * FRAME_S, start_s),
                min((frames.start + last) * FRAME_S, end_s),
            )
            for first, last in _runs(self.is_speech[frames], round(gap_s / FRAME_S))
        ]


def find_speech(samples: Float[np.ndarray, " sample"]) -> SpeechEnergy:
    """The speech of a whole recording at `SAMPLE_RATE_HZ`; levels are those of this recording."""
    power = _frame_power(samples)
    if not power.any():
        return SpeechEnergy(power=power, is_speech=np.zeros(len(power), dtype=np.bool_))
    floor = power.max() * 10.0 ** (-MAX_RANGE_DB / 10.0)
    level_db = 10.0 * np.log10(np.maximum(power, floor))
    threshold = _between_quiet_and_loud(level_db)
    quiet, loud = level_db[level_db < threshold], level_db[level_db >= threshold]
    noise_db, speech_db = float(np.median(quiet)) if len(quiet) else 0.0, float(np.median(loud))
    if not len(quiet) or speech_db - noise_db < MIN_RANGE_DB:
        return SpeechEnergy(power=power, is_speech=np.ones(len(power), dtype=np.bool_))
    fluctuation_db = 1.4826 * float(np.median(np.abs(quiet - noise_db)))  # robust deviation
    span_db = speech_db - noise_db
    is_loud = level_db > noise_db + ONSET * span_db
    is_above = level_db > noise_db + min(max(3.0, 3.0 * fluctuation_db), ONSET * span_db)
    return SpeechEnergy(power=power, is_speech=_with_hysteresis(is_above, is_loud))


def fit_words(words: Iterable[Word], speech: SpeechEnergy) -> tuple[Word, ...]:
    """What an aligner found, fitted to the speech: cut back, then widened, phones inside words.

    Times are whole microseconds, so that files show 0.34 and not 0.33999999999999997.
    """
    fitted = widen_words(trim_words(words, speech), speech)
    return tuple(_with_fitting_phones(_rounded(word)) for word in fitted)


def trim_words(words: Iterable[Word], speech: SpeechEnergy) -> tuple[Word, ...]:
    """The words, cut back to where speech is heard.

    Silence at either end goes. Where a silence of at least `CLOSURE_S` divides a word, the part
    with the most energy stays. No boundary moves outward, and no word becomes shorter than
    `MIN_WORD_S`. Words in silence, without times, or with times that were never measured, stay as
    they are. A word that lost more than `MARKED_S` has ``repair == "trimmed"``.
    """
    return tuple(_trimmed(word, speech) for word in words)


def _trimmed(word: Word, speech: SpeechEnergy) -> Word:
    if word.start_s is None or word.end_s is None or word.spread or word.repair == "interpolated":
        return word
    start_s, end_s = trim_span(word.start_s, word.end_s, speech)
    cut_s = (word.end_s - word.start_s) - (end_s - start_s)
    repair = "trimmed" if cut_s > MARKED_S else word.repair
    return dataclasses.replace(word, start_s=start_s, end_s=end_s, repair=repair)


def trim_span(start_s: float, end_s: float, speech: SpeechEnergy) -> tuple[float, float]:
    """A span cut back as `trim_words` does it."""
    runs = speech.runs(start_s, end_s)
    if not runs or end_s - start_s <= MIN_WORD_S + _TINY:
        return start_s, end_s
    first, last = max(runs, key=lambda run: float(speech.power[speech.frames(*run)].sum()))
    if last - first < MIN_WORD_S:
        first = min(max((first + last - MIN_WORD_S) / 2, start_s), end_s - MIN_WORD_S)
        last = first + MIN_WORD_S
    return first, min(last, end_s)


def widen_words(words: Iterable[Word], speech: SpeechEnergy) -> tuple[Word, ...]:
    """The words, where the first and the last of a stretch of speech reach its ends.

    For words whose boundaries were set by an aligner: it takes soft consonants beside a silence for
    a part of the silence. At most `CLAIM_S` is added, and never what another word holds.
    """
    widened = list(words)
    timed = [index for index, word in enumerate(widened) if word.is_timed]
    timed.sort(key=lambda index: widened[index].start_s or 0.0)
    runs = speech.runs(0.0, speech.duration_s)
    if not runs:
        return tuple(widened)
    starts = [start_s for start_s, _ in runs]
    taken_s = 0.0
    for index, following in zip(timed, [*timed[1:], None], strict=True):
        word = widened[index]
        start_s, end_s = word.start_s or 0.0, word.end_s or 0.0
        free_s = speech.duration_s if following is None else widened[following].start_s or 0.0
        first_s, until_s = runs[max(bisect.bisect_right(starts, start_s + _TINY) - 1, 0)]
        _, last_s = runs[max(bisect.bisect_left(starts, end_s - _TINY) - 1, 0)]
        if taken_s <= first_s < start_s <= min(first_s + CLAIM_S, until_s):
            start_s = first_s
        if end_s < last_s <= min(free_s, end_s + CLAIM_S):
            end_s = last_s
        widened[index] = dataclasses.replace(word, start_s=start_s, end_s=end_s)
        taken_s = max(taken_s, end_s)
    return tuple(widened)


def _rounded(item: Timed) -> Timed:
    if item.start_s is None or item.end_s is None:
        return item
    return dataclasses.replace(item, start_s=round(item.start_s, 6), end_s=round(item.end_s, 6))


def _with_fitting_phones(word: Word) -> Word:
    """Phones that begin and end with their word; those of which nothing is left are dropped."""
    if word.start_s is None or word.end_s is None:
        return word
    least_s = FRAME_S / 2
    inside = [
        phone
        for phone in word.phones
        if min(phone.end_s, word.end_s) - max(phone.start_s, word.start_s) > least_s
    ]
    kept = [_rounded(phone) for phone in inside]
    last = len(kept) - 1
    phones = tuple(
        dataclasses.replace(
            phone,
            start_s=word.start_s if n == 0 else phone.start_s,
            end_s=word.end_s if n == last else phone.end_s,
        )
        for n, phone in enumerate(kept)
    )
    return dataclasses.replace(word, phones=phones)


def stretches(
    speech: SpeechEnergy, start_s: float, end_s: float, *, longest_s: float
) -> list[tuple[float, float]]:
    """A span in pieces with at most ``longest_s`` of speech, divided in the middle of silences.

    Where speech goes on for longer without a silence it is divided where it is quietest, in the
    last quarter of what is allowed.
    """
    pieces = []
    while True:
        until_s = _piece_end(speech, start_s, end_s, longest_s)
        pieces.append((start_s, until_s))
        if until_s >= end_s:
            return pieces
        start_s = until_s


def _piece_end(speech: SpeechEnergy, start_s: float, end_s: float, longest_s: float) -> float:
    frames = speech.frames(start_s, end_s)
    heard = np.cumsum(speech.is_speech[frames])
    if not len(heard) or heard[-1] * FRAME_S <= longest_s:
        return end_s
    limit = int(np.searchsorted(heard, round(longest_s / FRAME_S), side="right"))
    earliest = int(np.searchsorted(heard, round(0.75 * longest_s / FRAME_S), side="left"))
    silences = _runs(~speech.is_speech[frames][earliest:limit], 0)
    if silences:
        first, last = max(silences, key=lambda silence: silence[1] - silence[0])
        cut = earliest + (first + last) // 2
    else:
        cut = earliest + int(np.argmin(speech.power[frames][earliest:limit]))
    return int(frames.start + max(cut, 1)) * FRAME_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """A span of a recording without its long silences, and the way back to its times."""

    samples: Float[np.ndarray, " sample"]
    starts_s: Float[np.ndarray, " piece"]
    """Where each piece begins in the recording; it holds at least one, which may be empty."""
    offsets_s: Float[np.ndarray, " piece"]
    """Where each piece begins in the excerpt."""

    def recording_s(self, at_s: float, *, is_end: bool = False) -> float:
        """A time of the excerpt as a time of the recording.

        Where two pieces meet, an end belongs to the first and a start to the second.
        """
        nudge_s = _TINY * FRAME_S
        if is_end:
            position = np.searchsorted(self.offsets_s, at_s - nudge_s, side="left")
        else:
            position = np.searchsorted(self.offsets_s, at_s + nudge_s, side="right")
        piece = max(int(position) - 1, 0)
        return float(self.starts_s[piece] + at_s - self.offsets_s[piece])

    def pcm16(self) -> bytes:
        """For a decoder: 16 bits, speech at an even level, never quite silent.

        Digital silence makes the log energies of a recogniser run away: 12 of 12 recordings with
        it could not be aligned by pocketsphinx, and all could with noise 48 dB below the speech.
        """
        if not len(self.samples):
            return b""
        loud = np.abs(self.samples.astype(np.float64))
        level = math.sqrt(float(np.mean(loud**2))) or 1.0
        gain = min(0.08 / level, 0.9 / float(loud.max() or 1.0))
        noise = np.random.default_rng(0).standard_normal(len(self.samples)) * 3e-4
        heard = np.clip(self.samples * gain + noise, -1.0, 1.0)
        return (heard * 32_767.0).astype("<i2").tobytes()


def excerpt(
    samples: Float[np.ndarray, " sample"],
    speech: SpeechEnergy,
    start_s: float,
    end_s: float,
    *,
    margin_s: float = 0.1,
) -> Excerpt:
    """A span in which every silence is cut down to ``margin_s`` after and before speech."""
    kept: list[list[float]] = []
    for first, last in speech.runs(start_s, end_s, gap_s=2 * margin_s):
        from_s, until_s = max(first - margin_s, start_s), min(last + margin_s, end_s)
        kept.append([from_s, until_s])
    edges = [(round(a * SAMPLE_RATE_HZ), round(b * SAMPLE_RATE_HZ)) for a, b in kept] or [(0, 0)]
    pieces = [samples[first:last] for first, last in edges]
    lengths = np.array([len(piece) for piece in pieces])
    return Excerpt(
        samples=np.concatenate(pieces),
        starts_s=np.array([first for first, _ in edges]) / SAMPLE_RATE_HZ,
        offsets_s=(np.cumsum(lengths) - lengths) / SAMPLE_RATE_HZ,
    )


def _frame_power(samples: Float[np.ndarray, " sample"]) -> Float[np.ndarray, " frame"]:
    count = -(-len(samples) // _FRAME)
    window = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    first, last = (round(edge * _WINDOW / SAMPLE_RATE_HZ) for edge in _BAND_HZ)
    before = (_WINDOW - _FRAME) // 2
    power = np.zeros(count)
    peak = float(np.abs(samples).max()) if count else 0.0
    if not peak:
        return power
    for block in range(0, count, _BLOCK):  # memory does not grow with the recording
        frames = min(_BLOCK, count - block)
        start = block * _FRAME - before
        stop = start + (frames - 1) * _FRAME + _WINDOW
        piece = (samples[max(start, 0) : stop] / peak).astype(np.float32)
        piece = np.pad(piece, (max(-start, 0), stop - max(start, 0) - len(piece)))
        windows = np.lib.stride_tricks.sliding_window_view(piece, _WINDOW)[::_FRAME]
        spectrum = np.fft.rfft(windows * window, axis=1)[:, first : last + 1]
        power[block : block + frames] = 2.0 * np.sum(np.abs(spectrum) ** 2, axis=1)
    return power / (_WINDOW * float(np.sum(window**2)))


def _between_quiet_and_loud(level_db: Float[np.ndarray, " frame"]) -> float:
    """The level with the largest variance between the frames below and those above (Otsu)."""
    lowest, highest = math.floor(level_db.min()), math.ceil(level_db.max())
    counts, edges = np.histogram(level_db, bins=np.arange(lowest, max(highest, lowest + 1) + 1.0))
    below = np.cumsum(counts)[:-1]
    above = len(level_db) - below
    sums = np.cumsum(counts * (edges[:-1] + 0.5))
    if not len(below):
        return float(lowest)
    is_both = (below > 0) & (above > 0)
    means = np.where(
        is_both,
        (sums[-1] - sums[:-1]) / np.maximum(above, 1) - sums[:-1] / np.maximum(below, 1),
        0.0,
    )
    return float(edges[1 + int(np.argmax(below * above * means**2))])


def _with_hysteresis(
    is_above: Bool[np.ndarray, " frame"], is_loud: Bool[np.ndarray, " frame"]
) -> Bool[np.ndarray, " frame"]:
    """Runs above the noise that become loud somewhere, without lone clicks."""
    is_speech = np.zeros(len(is_above), dtype=np.bool_)
    for first, last in _runs(is_above, 0):
        is_speech[first:last] = is_loud[first:last].any()
    for first, last in _runs(is_speech, round(CLOSURE_S / FRAME_S)):
        if np.count_nonzero(is_speech[first:last]) * FRAME_S < MIN_SPEECH_S - _TINY:
            is_speech[first:last] = False
    return is_speech


def _runs(flags: Bool[np.ndarray, " frame"], gap: int) -> list[tuple[int, int]]:
    """Where ``flags`` are set, ``[first, last)``; gaps of fewer than ``gap`` frames are ignored."""
    padded = np.concatenate([[0], flags.astype(np.int8), [0]])
    edges: Int[np.ndarray, " edge"] = np.flatnonzero(np.diff(padded))
    starts, ends = edges[::2], edges[1::2]
    if not len(starts):
        return []
    is_apart = starts[1:] - ends[:-1] >= max(gap, 1)
    firsts, lasts = starts[np.append(True, is_apart)], ends[np.append(is_apart, True)]
    return [(int(first), int(last)) for first, last in zip(firsts, lasts, strict=True)]

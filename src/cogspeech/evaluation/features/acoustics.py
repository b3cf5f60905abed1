"""What the participant's voice sounds like inside words: pitch, energy, tilt and cepstrum.

Frames of 40 ms every 20 ms, whose middle lies in a word of the participant whose time was measured:
pauses, other speakers and most of the room stay outside. The level of a recording is no feature: it
tells the microphone.
"""

import functools
import math

import numpy as np
import scipy.fft
from jaxtyping import Bool, Float, Int

from cogspeech.corpora.audio import read_audio
from cogspeech.types import Case, Transcript

SAMPLE_RATE_HZ = 16_000
STRIDE, KERNEL, FFT = 320, 640, 1024
TAPER = np.hanning(KERNEL + 1)[:-1].astype(np.float32)
LOWEST_PITCH_HZ, HIGHEST_PITCH_HZ = 70, 400
OVERSAMPLING = 2
VOICED_FROM = 0.45
"""Of the normalised autocorrelation; the voicing threshold of Praat (Boersma, 1993)."""
MIN_FRAMES = 10
"""A fifth of a second of words; from less, nothing is told."""
MEL_BANDS, CEPSTRA = 26, 12
FLOOR = np.float32(1e-8)
_OF_FRAMES = (
    "energy_db",
    "slope_0_500_db_per_khz",
    "slope_500_1500_db_per_khz",
    "alpha_ratio_db",
    "hammarberg_index_db",
    *(f"mfcc_{number}" for number in range(1, CEPSTRA + 1)),
)
_OF_VOICE = ("pitch_semitones", "harmonics_to_noise_db")
ACOUSTICS = (
    *(f"{name}_{part}" for name in _OF_FRAMES for part in ("mean", "sd") if name != "energy_db"),
    "energy_db_sd",
    "energy_db_range",
    "voiced_share",
    *(f"{name}_{part}" for name in _OF_VOICE for part in ("mean", "sd")),
    "pitch_semitones_range",
)
"""``range``: from the 20th to the 80th percentile."""

Frames = Float[np.ndarray, "frame sample"]
Spectra = Float[np.ndarray, "frame bin"]
Track = Float[np.ndarray, " frame"]


def acoustic_features(case: Case) -> dict[str, float]:
    """Functionals over the participant's words; see `features_of_samples`.

    Empty where less than `MIN_FRAMES` frames lie in words whose times were measured.

    Raises:
        AudioError: the audio cannot be decoded.
    """
    if not any(_spans(case.transcript)):
        return {}
    samples = read_audio(case.recording.audio_path, sample_rate_hz=SAMPLE_RATE_HZ)
    num_frames = max(0, (len(samples) - KERNEL) // STRIDE + 1)
    return features_of_samples(samples, in_words(case.transcript, num_frames))


def in_words(transcript: Transcript, num_frames: int) -> Bool[np.ndarray, " frame"]:
    """Whether the middle of a frame lies in a word of the participant, and in nobody else's."""
    middle_s = (np.arange(num_frames) * STRIDE + KERNEL / 2) / SAMPLE_RATE_HZ
    inside = np.zeros(num_frames, dtype=np.bool_)
    for start_s, end_s in _spans(transcript):
        inside[slice(*np.searchsorted(middle_s, (start_s, end_s)))] = True
    for word in transcript.words:
        if word.speaker != "participant" and word.start_s is not None and word.end_s is not None:
            inside[slice(*np.searchsorted(middle_s, (word.start_s, word.end_s)))] = False
    return inside


def features_of_samples(
    samples: Float[np.ndarray, " sample"], chosen: Bool[np.ndarray, " frame"]
) -> dict[str, float]:
    """Means, deviations and ranges over the chosen frames; pitch over the voiced ones of them.

    Slopes of the spectrum, alpha ratio and Hammarberg index are defined as in the Geneva set (Eyben
    et al., 2016), mel cepstra as in HTK, pitch and harmonicity as by Boersma (1993) without the
    search for a path.

    Args:
        samples: at 16 kHz.
        chosen: of frames of 40 ms every 20 ms.
    """
    if len(samples) < KERNEL:
        return {}
    frames = np.lib.stride_tricks.sliding_window_view(samples, KERNEL)[::STRIDE][chosen]
    frames = frames - frames.mean(axis=1, keepdims=True)
    energy = np.square(frames).mean(axis=1, dtype=np.float64)
    frames = frames[energy > 0]  # digital silence has no spectrum
    if len(frames) < MIN_FRAMES:
        return {}
    frames /= np.float32(np.sqrt(energy.mean()))
    power = np.square(np.abs(scipy.fft.rfft(frames * TAPER, FFT)))
    tracks = _tracks(power)
    found = {"energy_db_range": _range(tracks["energy_db"])}
    for name, track in tracks.items():
        found |= {f"{name}_mean": _mean(track), f"{name}_sd": _sd(track)}
    del found["energy_db_mean"]
    pitch_hz, strength = pitch_track(power)
    voiced = strength > VOICED_FROM
    found["voiced_share"] = _mean(voiced)
    if voiced.sum() >= MIN_FRAMES:
        semitones = 12 * np.log2(pitch_hz[voiced] / 27.5)
        of_voice = np.minimum(strength[voiced], 0.9999)
        harmonics_db = 10 * np.log10(of_voice / (1 - of_voice))
        found["pitch_semitones_range"] = _range(semitones)
        for name, track in zip(_OF_VOICE, (semitones, harmonics_db), strict=True):
            found |= {f"{name}_mean": _mean(track), f"{name}_sd": _sd(track)}
    return found


def pitch_track(power: Spectra) -> tuple[Track, Track]:
    """The strongest period of each frame as a frequency in Hz, and its normalised autocorrelation.

    Boersma (1993): the autocorrelation of the tapered frame over that of the taper. Peaks lie
    between samples, so it is computed at `OVERSAMPLING` times the rate, with a parabola through
    each peak. A period twice as long must be stronger by his octave cost, 0.01.
    """
    rate_hz = OVERSAMPLING * SAMPLE_RATE_HZ
    shortest, longest = rate_hz // HIGHEST_PITCH_HZ, rate_hz // LOWEST_PITCH_HZ
    of_taper = np.square(np.abs(scipy.fft.rfft(TAPER, FFT)))
    lags = np.arange(shortest - 1, longest + 2)
    normalised, of_lags = (_autocorrelation(each, lags) for each in (power, of_taper[None]))
    normalised /= of_lags
    before, at, after = normalised[:, :-2], normalised[:, 1:-1], normalised[:, 2:]
    cost = np.float32(0.01) * np.log2(lags[1:-1]).astype(np.float32)
    is_peak = (at >= before) & (at >= after)
    best = np.argmax(np.where(is_peak, at - cost, -np.inf), axis=1)
    row = np.arange(len(power))
    low, top, high = (each[row, best] for each in (before, at, after))
    curve = low - 2 * top + high
    shift = np.where(curve < 0, 0.5 * (low - high) / np.where(curve < 0, curve, 1.0), 0.0)
    strength = np.where(is_peak.any(axis=1), top - 0.25 * (low - high) * shift, 0.0)
    return rate_hz / (lags[1:-1][best] + shift), np.clip(strength, 0.0, 1.0)


def _autocorrelation(
    power: Spectra, lags: Int[np.ndarray, " lag"]
) -> Float[np.ndarray, "frame lag"]:
    """Relative to lag 0, at lags counted in oversampled samples."""
    found = scipy.fft.irfft(power, OVERSAMPLING * FFT)
    return np.asarray(found[:, lags] / (found[:, :1] + FLOOR))


def _spans(transcript: Transcript) -> list[tuple[float, float]]:
    return [
        (word.start_s, word.end_s)
        for word in transcript.participant_words
        if word.is_heard and not word.spread and word.start_s is not None and word.end_s is not None
    ]


def _tracks(power: Spectra) -> dict[str, Track]:
    level_db = 10 * np.log10(power + FLOOR)
    mel = np.log(power @ _mel_filters() + FLOOR)
    cepstra = scipy.fft.dct(mel, type=2, norm="ortho", axis=1)[:, 1 : CEPSTRA + 1]
    return {
        "energy_db": 10 * np.log10(power.sum(axis=1) + FLOOR),
        "slope_0_500_db_per_khz": _slope(level_db, 0.0, 500.0),
        "slope_500_1500_db_per_khz": _slope(level_db, 500.0, 1500.0),
        "alpha_ratio_db": _sum_db(power, 50.0, 1000.0) - _sum_db(power, 1000.0, 5000.0),
        "hammarberg_index_db": _peak_db(level_db, 0.0, 2000.0) - _peak_db(level_db, 2000.0, 5000.0),
    } | {f"mfcc_{number}": track for number, track in enumerate(cepstra.T, start=1)}


def _bins(low_hz: float, high_hz: float) -> Bool[np.ndarray, " bin"]:
    hz = _bin_hz()
    return (hz >= low_hz) & (hz < high_hz)


def _bin_hz() -> Float[np.ndarray, " bin"]:
    return np.asarray(scipy.fft.rfftfreq(FFT, 1 / SAMPLE_RATE_HZ), dtype=np.float32)


def _slope(level_db: Spectra, low_hz: float, high_hz: float) -> Track:
    inside = _bins(low_hz, high_hz)
    khz = _bin_hz()[inside] / 1000
    khz = khz - khz.mean()
    return np.asarray(level_db[:, inside] @ khz / np.square(khz).sum())


def _sum_db(power: Spectra, low_hz: float, high_hz: float) -> Track:
    return np.asarray(10 * np.log10(power[:, _bins(low_hz, high_hz)].sum(axis=1) + FLOOR))


def _peak_db(level_db: Spectra, low_hz: float, high_hz: float) -> Track:
    return np.asarray(level_db[:, _bins(low_hz, high_hz)].max(axis=1))


def _mean(track: Track | Bool[np.ndarray, " frame"]) -> float:
    return float(track.mean(dtype=np.float64))


def _sd(track: Track) -> float:
    return float(track.std(dtype=np.float64))


def _range(track: Track) -> float:
    low, high = np.quantile(track, (0.2, 0.8))
    return float(high - low)


@functools.cache
def _mel_filters() -> Float[np.ndarray, "bin band"]:
    """Triangles of equal width on the mel scale 2595 log10(1 + f / 700), from 20 Hz to 8 kHz."""
    lowest, highest = (2595 * math.log10(1 + hz / 700) for hz in (20.0, 8000.0))
    mel_edges = np.linspace(lowest, highest, MEL_BANDS + 2)
    edges = 700 * (10 ** (mel_edges / 2595) - 1)
    hz = _bin_hz()[:, None]
    rising = (hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hz) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)), dtype=np.float32)

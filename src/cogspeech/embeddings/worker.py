"""The work itself: a few recordings in, their entries in the cache out.

    decode once  ->  windows  ->  batches of equal length, across recordings  ->  pool  ->  cache

A worker is the same object on every engine: in this process, in a pool, on another machine.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cogspeech.cache import ContentCache
from cogspeech.embeddings.base import AudioEncoder
from cogspeech.embeddings.entries import Encoders, Entries, Job
from cogspeech.embeddings.hearing import Measured, hear
from cogspeech.embeddings.spans import (
    SpanPool,
    Window,
    WindowPlan,
    kept_samples,
    plan_in_context,
    plan_isolated,
    states_of_plan,
)
from cogspeech.errors import AudioError, TranscriptError


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one recording."""

    recording_id: str
    audio_s: float = 0.0
    num_events: int = 0
    problem: str | None = None
    """Why there is no entry; if there is none, neither length nor number of events is told."""

    @classmethod
    def of(cls, job: Job, problem: str | None = None) -> "Outcome":
        """Of a recording that has its entries, or the given problem."""
        name = job.recording.recording_id
        if problem:
            return cls(recording_id=name, problem=problem)
        return cls(recording_id=name, audio_s=job.duration_s, num_events=len(job.events))


OnWindow = Callable[[int, int], None]


def _tell_nobody(done: int, total: int) -> None: ...


class Worker:
    """Embeds recordings into a cache; loads each encoder's weights at most once.

    Args:
        encoders: with their weights not loaded yet, if the worker is to travel.
        cache: on a cluster, in a folder that all machines share.
    """

    def __init__(self, encoders: Encoders, cache: ContentCache) -> None:
        self._audio_encoder, self._text_encoder = encoders
        self._entries = Entries(cache, encoders)

    @property
    def group_s(self) -> float:
        """Seconds of audio to take at a time: enough to fill batches, few enough to lose."""
        return 4 * self._audio_encoder.batch_s

    def __call__(
        self, jobs: Sequence[Job], *, on_window: OnWindow = _tell_nobody
    ) -> tuple[Outcome, ...]:
        """Makes what is missing; doing it twice gives the same entries.

        Args:
            jobs: what is to be embedded.
            on_window: is told how many windows of audio are encoded, of how many so far.

        Raises:
            EncoderError: the weights cannot be loaded.
            CacheError: the cache cannot be written.
        """
        problems: dict[str, str] = {}
        in_work: list[_InWork] = []
        batches = _EqualLengthBatches(self._audio_encoder, on_window)
        for job in jobs:
            try:
                self._embed_text(job)
                work = self._begin_audio(job)
                if work:
                    in_work.append(work)
                    batches.total += work.num_windows
                    for window, samples in work.windows(self._audio_encoder):
                        batches.add(work, window, samples)
                self._keep_states(job)
            except (AudioError, TranscriptError) as error:
                problems[job.recording.recording_id] = f"{job.recording.where}: {error}"
        batches.flush()
        for work in in_work:
            if work.job.recording.recording_id not in problems:
                problem = self._finish_audio(work)
                if problem:
                    problems[work.job.recording.recording_id] = problem
        return tuple(Outcome.of(job, problems.get(job.recording.recording_id)) for job in jobs)

    def _embed_text(self, job: Job) -> None:
        if not self._entries.has_text(job):
            tokens = self._text_encoder.encode(job.words)
            self._entries.write_text(job, tokens.vectors, tokens.word_index)

    def _begin_audio(self, job: Job) -> "_InWork | None":
        measured = self._entries.measure(job)
        if self._entries.has_audio(job, measured):
            return None
        plan = _plan(job, measured, self._audio_encoder)
        return _InWork(job, measured, plan, self._audio_encoder)

    def _keep_states(self, job: Job) -> None:
        """What enters the layers that are trained, where there are any."""
        measured = self._entries.measure(job)
        for name in self._entries.missing_states(job, measured):
            if name == "token_states":
                states = self._text_encoder.states(job.words)
            else:
                plan = _plan(job, measured, self._audio_encoder)
                work = _InWork(job, measured, plan, self._audio_encoder)
                heard = work.windows(self._audio_encoder)
                encode = self._audio_encoder.states
                of_windows = [encode(samples[None])[0] for _, samples in heard]
                states = states_of_plan(plan, of_windows)
            self._entries.write_states(job, measured, name, states)

    def _finish_audio(self, work: "_InWork") -> str | None:
        events = work.pool.events
        if self._audio_encoder.subtracts_mean:
            events = events - work.pool.mean_frame()
        stored = self._audio_encoder.options.storage
        with np.errstate(over="ignore"):
            fits = np.isfinite(events.astype(stored)).all()
        if not fits:
            return (
                f"{work.job.recording.where}: the audio encoder gives values that {stored} cannot "
                "hold; set its dtype and storage to float32"
            )
        self._entries.write_audio(work.job, work.measured, events)
        return None


class _InWork:
    """A recording some of whose windows have been encoded."""

    def __init__(
        self, job: Job, measured: Measured, plan: WindowPlan, encoder: AudioEncoder
    ) -> None:
        self.job = job
        self.measured = measured
        self.pool = SpanPool(plan.first, plan.last, encoder.dimension)
        self._windows = plan.windows

    @property
    def num_windows(self) -> int:
        """Encoder calls that it takes, if none is shared."""
        return len(self._windows)

    def windows(
        self, encoder: AudioEncoder
    ) -> Iterator[tuple[Window, Float[np.ndarray, " sample"]]]:
        """Every window with its prepared samples."""
        heard = hear(
            self.job.recording.audio_path,
            self.job.turns,
            self._windows,
            sample_rate_hz=encoder.sample_rate_hz,
        )
        for window, samples in heard:
            yield window, encoder.prepare(samples, self.measured.level)


class _EqualLengthBatches:
    """Collects windows, of any recordings, until one length is worth an encoder call.

    Only windows of exactly equal length share a call: padding changes every frame of an encoder
    with group normalisation, even with a mask.
    """

    def __init__(self, encoder: AudioEncoder, on_window: OnWindow) -> None:
        self._encoder = encoder
        self._on_window = on_window
        self._done, self.total = 0, 0
        self._waiting: dict[int, list[tuple[_InWork, Window, np.ndarray]]] = {}

    def add(self, work: _InWork, window: Window, samples: Float[np.ndarray, " sample"]) -> None:
        """Takes a window; it is encoded now or later."""
        group = self._waiting.setdefault(len(samples), [])
        group.append((work, window, samples))
        if (len(group) + 1) * len(samples) > self._encoder.batch_s * self._encoder.sample_rate_hz:
            self._encode(len(samples))

    def flush(self) -> None:
        """Encodes all windows that still wait."""
        for length in sorted(self._waiting):
            self._encode(length)

    def _encode(self, length: int) -> None:
        group = self._waiting.pop(length)
        frames = self._encoder.encode(np.stack([samples for _, _, samples in group]))
        for (work, window, _), encoded in zip(group, frames, strict=True):
            kept = encoded[window.skip_frames : window.skip_frames + window.num_frames]
            work.pool.add(window.first_frame, kept)
        self._done += len(group)
        self._on_window(self._done, self.total)


def _plan(job: Job, measured: Measured, encoder: AudioEncoder) -> WindowPlan:
    """The windows of a recording.

    Raises:
        AudioError: the participant's audio is shorter than one frame.
    """
    geometry, rate, options = encoder.geometry, encoder.sample_rate_hz, encoder.options
    if not geometry.num_frames(measured.num_samples):
        raise AudioError(
            f"audio file '{job.recording.audio_path}' holds "
            f"{measured.num_samples / rate * 1000:.1f} ms of the participant, less than one frame "
            f"of the audio encoder ({geometry.kernel / rate * 1000:.1f} ms); "
            "leave the recording out"
        )
    times_s = np.array([(event.start_s, event.end_s) for event in job.events], dtype=np.float64)
    start, end = (
        kept_samples(times_s[:, side], job.turns, measured.turn_samples, sample_rate_hz=rate)
        for side in (0, 1)
    )
    frames_per_s = rate / geometry.stride
    if options.pooling == "isolated_words":
        longest = max(1, int(encoder.max_window_s * frames_per_s) - 1)
        return plan_isolated(start, end, geometry, measured.num_samples, window_frames=longest)
    window_s = min(options.window_s, encoder.max_window_s - 2 * options.context_s)
    return plan_in_context(
        start,
        end,
        geometry,
        measured.num_samples,
        window_frames=max(1, int(window_s * frames_per_s)),
        context_frames=int(options.context_s * frames_per_s),
    )

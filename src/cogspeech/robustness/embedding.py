"""Perturbed recordings, embedded like any other.

What is changed becomes a file in a private temporary folder, because everything after it (decoding,
turns, windows, cache) works from files; the folder goes when its recordings are embedded, and after
any error. The file holds the samples as they are, at the rate of the original, so a recording that
was not changed decodes to the same samples and finds the same entries in the cache.
"""

import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.io import wavfile

from cogspeech.cache import ContentCache
from cogspeech.corpora.audio import mono_blocks, probe_audio
from cogspeech.embeddings.entries import Encoders, Entries, Job
from cogspeech.embeddings.extract import fill_cache
from cogspeech.engines.base import Engine
from cogspeech.errors import AudioError
from cogspeech.robustness.base import Heard
from cogspeech.types import Case

HELD_AUDIO_S = 3600.0
"""Of which temporary files may lie around at a time: 0.6 GB at 44.1 kHz."""
Change = Callable[[Case, Heard], Heard | None]


@dataclass(frozen=True, kw_only=True)
class Embedder:
    """Turns recordings into perturbed cases."""

    encoders: Encoders
    cache: ContentCache
    """Keyed by content, so a study that runs again encodes nothing anew."""
    engine: Engine
    min_pause_s: float

    def embed(self, cases: Sequence[Case], change: Change) -> list[Case | None]:
        """Every case changed and embedded; ``None`` where nothing is left that can be embedded."""
        made: list[Case | None] = []
        for part in _parts(cases):
            with tempfile.TemporaryDirectory(prefix="cogspeech-robustness-") as folder:
                made += self._embed_part(part, change, Path(folder))
        return made

    def _embed_part(self, cases: Sequence[Case], change: Change, folder: Path) -> list[Case | None]:
        jobs = [self._job(case, change, folder / f"{i}.wav") for i, case in enumerate(cases)]
        left = [job for job in jobs if job]
        outcomes = fill_cache(left, self.encoders, cache=self.cache, engine=self.engine)
        failed = {outcome.recording_id for outcome in outcomes if outcome.problem}
        entries = Entries(self.cache, self.encoders)
        made: list[Case | None] = []
        for case, job in zip(cases, jobs, strict=True):
            is_left = job is not None and job.recording.recording_id not in failed
            embedded = entries.read(job) if job and is_left else None
            made.append(
                dataclasses.replace(case, transcript=job.transcript, embedded=embedded)
                if job and embedded
                else None
            )
        return made

    def _job(self, case: Case, change: Change, path: Path) -> Job | None:
        try:
            changed = change(case, heard_of(case))
        except AudioError:  # silent words have no signal-to-noise ratio
            return None
        if changed is None or not changed.transcript.participant_words:
            return None
        wavfile.write(path, changed.sample_rate_hz, changed.samples)
        recording = dataclasses.replace(case.recording, audio_path=path)
        return Job(recording=recording, transcript=changed.transcript, min_pause_s=self.min_pause_s)


def heard_of(case: Case) -> Heard:
    """A recording as it sounds: the mean of its channels, at its own rate."""
    path = case.recording.audio_path
    return Heard(
        samples=np.concatenate(list(mono_blocks(path))),
        sample_rate_hz=probe_audio(path).sample_rate_hz,
        transcript=case.transcript,
    )


def _parts(cases: Sequence[Case]) -> Iterator[list[Case]]:
    part: list[Case] = []
    held_s = 0.0
    for case in cases:
        part.append(case)
        held_s += probe_audio(case.recording.audio_path).duration_s
        if held_s >= HELD_AUDIO_S:
            yield part
            part, held_s = [], 0.0
    if part:
        yield part

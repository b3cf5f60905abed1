"""Stage 3: a recording and its transcript become audio events and text tokens.

Each recording is decoded once, reduced to the participant's turns, encoded in long windows with
context on both sides, and the frames are pooled into words and pauses. Results are cached by
content, so nothing is ever encoded twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cogspeech.cache import ContentCache, content_key, file_digest
from cogspeech.config import TranscriptsSection
from cogspeech.corpora.audio import keep_turns, probe_audio, read_audio
from cogspeech.embeddings.base import AudioEncoder, TextEncoder, TokenEmbeddings
from cogspeech.embeddings.spans import (
    Window,
    frames_of_words,
    kept_samples,
    plan_windows,
    pool_spans,
)
from cogspeech.errors import AudioError
from cogspeech.transcripts.pauses import participant_turns, pauses_of
from cogspeech.types import (
    EmbeddedRecording,
    Progress,
    Recording,
    Transcript,
    Turn,
    no_progress,
)

SCHEMA_VERSION = 1
WINDOW_S, CONTEXT_S = 20.0, 2.0
MAX_BATCH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A timed word or a pause on the audio side."""

    word_index: int
    start_s: float
    end_s: float
    is_pause: bool


def events_of(transcript: Transcript, *, min_pause_s: float) -> tuple[Event, ...]:
    """The participant's timed words, each after the pause that delays it."""
    pauses = {p.before_word: p for p in pauses_of(transcript, min_pause_s=min_pause_s)}
    events = []
    for index, word in enumerate(transcript.participant_words):
        pause = pauses.get(index)
        if pause:
            events.append(
                Event(word_index=index, start_s=pause.start_s, end_s=pause.end_s, is_pause=True)
            )
        if word.start_s is not None and word.end_s is not None:
            events.append(
                Event(word_index=index, start_s=word.start_s, end_s=word.end_s, is_pause=False)
            )
    return tuple(events)


def embed_recordings(
    recordings: Sequence[Recording],
    transcripts: Sequence[Transcript],
    encoders: tuple[AudioEncoder, TextEncoder],
    section: TranscriptsSection,
    *,
    cache: ContentCache,
    progress: Progress = no_progress,
) -> tuple[EmbeddedRecording, ...]:
    """Every recording embedded, in the same order, through the cache.

    Raises:
        AudioError: a recording cannot be decoded or is shorter than one frame.
        EncoderError: an encoder cannot be loaded.
    """
    embedded = []
    for done, (recording, transcript) in enumerate(
        zip(recordings, transcripts, strict=True), start=1
    ):
        embedded.append(
            embed_recording(
                recording, transcript, encoders, min_pause_s=section.min_pause_s, cache=cache
            )
        )
        progress("embed", done, len(recordings))
    return tuple(embedded)


def embed_recording(
    recording: Recording,
    transcript: Transcript,
    encoders: tuple[AudioEncoder, TextEncoder],
    *,
    min_pause_s: float,
    cache: ContentCache,
) -> EmbeddedRecording:
    """One recording embedded; alone or among others it gives the same numbers."""
    audio_encoder, text_encoder = encoders
    events = events_of(transcript, min_pause_s=min_pause_s)
    tokens = _tokens(transcript, text_encoder, cache)
    start_s = np.array([event.start_s for event in events])
    end_s = np.array([event.end_s for event in events])
    return EmbeddedRecording(
        recording_id=recording.recording_id,
        event_vectors=_event_vectors(recording, transcript, events, audio_encoder, cache),
        event_word=np.array([event.word_index for event in events], dtype=np.int64),
        event_is_pause=np.array([event.is_pause for event in events], dtype=np.bool_),
        event_start_s=start_s,
        event_duration_s=end_s - start_s,
        token_vectors=tokens.vectors,
        token_word=tokens.word_index,
    )


def _tokens(transcript: Transcript, encoder: TextEncoder, cache: ContentCache) -> TokenEmbeddings:
    words = tuple(word.text for word in transcript.participant_words)
    key = content_key(
        kind="text", schema=SCHEMA_VERSION, words=words, encoder=encoder.fingerprint()
    )
    entry = cache.read(key)
    if entry is None:
        tokens = encoder.encode(words)
        entry = {"vectors": tokens.vectors, "word_index": tokens.word_index}
        cache.write(key, entry)
    return TokenEmbeddings(vectors=entry["vectors"], word_index=entry["word_index"])


def _event_vectors(
    recording: Recording,
    transcript: Transcript,
    events: Sequence[Event],
    encoder: AudioEncoder,
    cache: ContentCache,
) -> Float[np.ndarray, "event d_audio"]:
    duration_s = probe_audio(recording.audio_path).duration_s
    turns = participant_turns(transcript, duration_s=duration_s)
    spans = [(event.start_s, event.end_s) for event in events]
    key = content_key(
        kind="audio",
        schema=SCHEMA_VERSION,
        audio=file_digest(recording.audio_path),
        turns=[(turn.start_s, turn.end_s) for turn in turns],
        spans=spans,
        windows=(WINDOW_S, CONTEXT_S),
        encoder=encoder.fingerprint(),
    )
    entry = cache.read(key)
    if entry is None:
        try:
            samples = read_audio(recording.audio_path, sample_rate_hz=encoder.sample_rate_hz)
            entry = {
                "events": _pool_events(samples, turns, spans, encoder, path=recording.audio_path)
            }
        except AudioError as error:
            raise AudioError(f"{recording.where}: {error}") from error
        cache.write(key, entry)
    return entry["events"]


def _pool_events(
    samples: Float[np.ndarray, " sample"],
    turns: Sequence[Turn],
    spans: Sequence[tuple[float, float]],
    encoder: AudioEncoder,
    *,
    path: Path,
) -> Float[np.ndarray, "event d_audio"]:
    rate = encoder.sample_rate_hz
    kept = keep_turns(samples, turns, sample_rate_hz=rate)
    if not encoder.geometry.num_frames(len(kept)):
        raise AudioError(
            f"audio file '{path}' holds {len(kept) / rate * 1000:.1f} ms of the participant, less "
            f"than one frame of the audio encoder {encoder.geometry.kernel / rate * 1000:.1f} ms); "
            "leave the recording out"
        )
    frames = encode_frames(encoder.prepare(kept), encoder)
    times_s = np.array(spans, dtype=np.float64)
    start = kept_samples(times_s[:, 0], turns, sample_rate_hz=rate)
    end = kept_samples(times_s[:, 1], turns, sample_rate_hz=rate)
    first, last = frames_of_words(start, end, encoder.geometry, len(frames))
    pooled = pool_spans(frames, first, last)
    if encoder.subtracts_mean:
        pooled -= frames.mean(axis=0, dtype=np.float64).astype(np.float32)
    return pooled


def encode_frames(
    samples: Float[np.ndarray, " sample"], encoder: AudioEncoder
) -> Float[np.ndarray, "frame d_audio"]:
    """All frames of prepared samples, window by window.

    Only windows of exactly equal length share a batch: padding changes every frame of an encoder
    with group normalisation, even with a mask.
    """
    geometry = encoder.geometry
    window_s = min(WINDOW_S, encoder.max_window_s - 2 * CONTEXT_S)
    per_second = encoder.sample_rate_hz / geometry.stride
    windows = plan_windows(
        len(samples),
        geometry,
        window_frames=max(1, int(window_s * per_second)),
        context_frames=int(CONTEXT_S * per_second),
    )
    by_length: dict[int, list[Window]] = {}
    for window in windows:
        by_length.setdefault(window.stop_sample - window.start_sample, []).append(window)
    frames = np.empty((geometry.num_frames(len(samples)), encoder.dimension), dtype=np.float32)
    for group in by_length.values():
        for at in range(0, len(group), MAX_BATCH):
            batch = group[at : at + MAX_BATCH]
            stacked = np.stack([samples[w.start_sample : w.stop_sample] for w in batch])
            for window, encoded in zip(batch, encoder.encode(stacked), strict=True):
                kept = encoded[window.skip_frames : window.skip_frames + window.num_frames]
                frames[window.first_frame : window.first_frame + window.num_frames] = kept
    return frames

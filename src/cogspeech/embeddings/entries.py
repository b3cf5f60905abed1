"""What the cache holds of a recording, and under which keys.

- "samples": what `measure` found, a short cut so that unchanged audio is not decoded again
- "audio": the vectors of the events, keyed by the decoded samples of the participant
- "text": the tokens, keyed by the words
- "states": what enters the encoder layers that are trained, keyed like the vectors
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np

from cogspeech.cache import ContentCache, content_key, file_digest
from cogspeech.corpora.audio import decoder_identity, probe_audio
from cogspeech.embeddings.base import AudioEncoder, Level, TextEncoder
from cogspeech.embeddings.hearing import Measured, measure
from cogspeech.transcripts.pauses import participant_turns, pauses_of
from cogspeech.types import EmbeddedRecording, LayerStates, Recording, Transcript, Turn

Encoders = tuple[AudioEncoder, TextEncoder]
Arrays = dict[str, np.ndarray]


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
        if word.is_heard and word.start_s is not None and word.end_s is not None:
            events.append(
                Event(word_index=index, start_s=word.start_s, end_s=word.end_s, is_pause=False)
            )
    return tuple(events)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One recording that is to be embedded, with its words."""

    recording: Recording
    transcript: Transcript
    min_pause_s: float

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """The audio side: words and pauses."""
        return events_of(self.transcript, min_pause_s=self.min_pause_s)

    @cached_property
    def duration_s(self) -> float:
        """Of the whole recording."""
        return probe_audio(self.recording.audio_path).duration_s

    @cached_property
    def turns(self) -> tuple[Turn, ...]:
        """When only the participant speaks."""
        return participant_turns(self.transcript, duration_s=self.duration_s)

    @property
    def words(self) -> tuple[str, ...]:
        """The text side."""
        return tuple(word.text for word in self.transcript.participant_words)


class Entries:
    """The cache, asked for one recording's entries at a time.

    Args:
        cache: where they lie.
        encoders: that make them.
    """

    def __init__(self, cache: ContentCache, encoders: Encoders) -> None:
        self._cache = cache
        self._audio_encoder, self._text_encoder = encoders

    def read(self, job: Job) -> EmbeddedRecording | None:
        """The recording as a fusion sees it, or ``None`` where an entry is missing or damaged."""
        measured = self.measured(job)
        audio = self._cache.read(self._audio_key(job, measured), maps=True) if measured else None
        text = self._cache.read(self._text_key(job), maps=True)
        if audio is None or text is None or measured is None:
            return None
        keys = [self._samples_key(job), self._audio_key(job, measured), self._text_key(job)]
        states: dict[str, LayerStates] = {}
        for name, key in self._states_keys(job, measured).items():
            found = self._cache.read(key, maps=True)
            if found is None:
                return None
            states[name] = LayerStates(**found)
            keys.append(key)
        for key in keys:
            self._cache.link(key, job.recording.participant_id)  # it may have come from another
        start_s = np.array([event.start_s for event in job.events])
        end_s = np.array([event.end_s for event in job.events])
        return EmbeddedRecording(
            recording_id=job.recording.recording_id,
            event_vectors=audio["events"],
            event_word=np.array([event.word_index for event in job.events], dtype=np.int64),
            event_is_pause=np.array([event.is_pause for event in job.events], dtype=np.bool_),
            event_start_s=start_s,
            event_duration_s=end_s - start_s,
            token_vectors=text["vectors"],
            token_word=text["word_index"],
            audio_layers=self._audio_encoder.num_layers,
            text_layers=self._text_encoder.num_layers,
            event_states=states.get("event_states"),
            token_states=states.get("token_states"),
        )

    def measured(self, job: Job) -> Measured | None:
        """What is known of the participant's samples, if this audio has been decoded before."""
        found = self._cache.read(self._samples_key(job))
        if found is None:
            return None
        mean, variance = found["level"].tolist()
        return Measured(
            sha256=found["sha256"].tobytes().hex(),
            turn_samples=found["turn_samples"],
            level=Level(mean=mean, variance=variance),
        )

    def measure(self, job: Job) -> Measured:
        """`measured`, decoding the audio where it has to be.

        Raises:
            AudioError: the recording cannot be decoded.
        """
        known = self.measured(job)
        if known:
            return known
        made = measure(
            job.recording.audio_path, job.turns, sample_rate_hz=self._audio_encoder.sample_rate_hz
        )
        arrays = {
            "sha256": np.frombuffer(bytes.fromhex(made.sha256), dtype=np.uint8),
            "turn_samples": made.turn_samples,
            "level": np.array([made.level.mean, made.level.variance]),
        }
        maker = decoder_identity(job.recording.audio_path)
        self._write(job, self._samples_key(job), arrays, kind="samples", maker=maker)
        return made

    def has_audio(self, job: Job, measured: Measured) -> bool:
        """Whether the events are there and whole."""
        return self._cache.read(self._audio_key(job, measured)) is not None

    def has_text(self, job: Job) -> bool:
        """Whether the tokens are there and whole."""
        return self._cache.read(self._text_key(job)) is not None

    def write_audio(self, job: Job, measured: Measured, events: np.ndarray) -> None:
        """Keeps the vectors of the events."""
        arrays = {"events": _stored(events, self._audio_encoder.options.storage)}
        maker = str(self._audio_encoder.fingerprint()["name"])
        self._write(job, self._audio_key(job, measured), arrays, kind="audio", maker=maker)

    def write_text(self, job: Job, vectors: np.ndarray, word_index: np.ndarray) -> None:
        """Keeps the tokens."""
        stored = _stored(vectors, self._text_encoder.options.storage)
        arrays = {"vectors": stored, "word_index": word_index}
        maker = str(self._text_encoder.fingerprint()["name"])
        self._write(job, self._text_key(job), arrays, kind="text", maker=maker)

    def missing_states(self, job: Job, measured: Measured) -> tuple[str, ...]:
        """Which of ``event_states`` and ``token_states`` are trained from and not there."""
        keys = self._states_keys(job, measured)
        return tuple(name for name, key in keys.items() if self._cache.read(key) is None)

    def write_states(self, job: Job, measured: Measured, name: str, states: LayerStates) -> None:
        """Keeps the states of one side; ``name`` as `missing_states` gives it."""
        encoder = self._audio_encoder if name == "event_states" else self._text_encoder
        maker = str(encoder.fingerprint()["name"])
        key = self._states_keys(job, measured)[name]
        self._write(job, key, asdict(states), kind="states", maker=maker)

    def _states_keys(self, job: Job, measured: Measured) -> dict[str, str]:
        sides = {
            "event_states": (self._audio_encoder, self._audio_key(job, measured)),
            "token_states": (self._text_encoder, self._text_key(job)),
        }
        return {
            name: content_key(kind="states", vectors=key, num_trained=encoder.num_trained)
            for name, (encoder, key) in sides.items()
            if encoder.num_trained
        }

    def _write(self, job: Job, key: str, arrays: Arrays, *, kind: str, maker: str) -> None:
        person = job.recording.participant_id
        self._cache.write(key, arrays, kind=kind, maker=maker, participant_id=person)

    def _samples_key(self, job: Job) -> str:
        return content_key(
            kind="samples",
            file=file_digest(job.recording.audio_path),
            turns=[(turn.start_s, turn.end_s) for turn in job.turns],
            sample_rate_hz=self._audio_encoder.sample_rate_hz,
            decoder=decoder_identity(job.recording.audio_path),
        )

    def _audio_key(self, job: Job, measured: Measured) -> str:
        options = self._audio_encoder.options
        return content_key(
            kind="audio",
            samples=measured.sha256,
            turns=[(turn.start_s, turn.end_s) for turn in job.turns],
            spans=[(event.start_s, event.end_s) for event in job.events],
            encoder=self._audio_encoder.fingerprint(),
            pooling=options.pooling,
            windows=(options.window_s, options.context_s),
            storage=options.storage,
        )

    def _text_key(self, job: Job) -> str:
        return content_key(
            kind="text",
            words=job.words,
            encoder=self._text_encoder.fingerprint(),
            storage=self._text_encoder.options.storage,
        )


def _stored(vectors: np.ndarray, storage: str) -> np.ndarray:
    return vectors.astype(storage)


def jobs_of(
    recordings: Sequence[Recording], transcripts: Sequence[Transcript], *, min_pause_s: float
) -> tuple[Job, ...]:
    """One job per recording, in the same order."""
    return tuple(
        Job(recording=recording, transcript=transcript, min_pause_s=min_pause_s)
        for recording, transcript in zip(recordings, transcripts, strict=True)
    )

"""The nouns every stage speaks. Frozen, checked when made, numpy only.

Times are seconds from the start of the recording, half-open ``[start_s, end_s)``. A missing time
is ``None``; it is never 0, -1 or NaN.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

Speaker = Literal["participant", "interviewer", "other"]
SPEAKERS: tuple[Speaker, ...] = ("participant", "interviewer", "other")
Stream = Literal["audio", "text"]
"""A side of a recording."""
Repair = Literal["interpolated", "trimmed", "clipped"]
"""What was done to a word's times: invented between its neighbours, cut back to the energy of the
speech, or cut back to the recording."""

RESEARCH_STATEMENT = (
    "Research only. This software is no medical device, has not been evaluated or cleared by any "
    "regulator, and must not be used to diagnose, screen, triage, treat or monitor any person. "
    "Its output is an experimental score on recordings like those it was trained on; elsewhere it "
    "may be wrong in unknown ways. If you are worried about memory or thinking, speak to a "
    "clinician."
)


@runtime_checkable
class Progress(Protocol):
    """Is told how far a stage has come; the command line draws a bar from it."""

    def __call__(self, stage: str, done: int, total: int, *, audio_s: float = 0.0) -> None:
        """``done`` of ``total`` steps of ``stage`` are finished.

        ``audio_s``: seconds of audio that the last step has worked through.
        """


def no_progress(stage: str, done: int, total: int, *, audio_s: float = 0.0) -> None:
    """The `Progress` that tells nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One audio file of one participant, with its label and metadata."""

    recording_id: str
    participant_id: str
    audio_path: Path
    label: str | None = None
    transcript_path: Path | None = None
    segmentation_path: Path | None = None
    """Turns that tell who speaks each word."""
    where: str = ""
    """The file and row it comes from, for messages."""
    visit: str | None = None
    task: str | None = None
    language: str | None = None
    official_split: str | None = None
    mmse: float | None = None
    age_years: float | None = None
    sex: str | None = None
    education_years: float | None = None
    site: str | None = None
    score: float | None = None
    """The number that the target of a study asks for, such as MMSE points."""
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.recording_id or not self.participant_id:
            raise ValueError("a recording needs a recording_id and a participant_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedOver:
    """Something of a corpus that did not become a recording."""

    where: str
    """The file, and the row if there is one."""
    reason: str
    is_asked: bool = False
    """True: an option of the importer leaves it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """The recordings of a study and what every surface must say about them."""

    recordings: tuple[Recording, ...]
    notice: str | None = None
    """A sentence that must stand on every surface, such as that the voices are synthetic."""
    passed_over: tuple[PassedOver, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """One sound of a word."""

    label: str
    """In ARPABET, without stress."""
    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        if not self.label.strip():
            raise ValueError("a phone needs a label")
        if not 0.0 <= self.start_s < self.end_s < math.inf:
            raise ValueError("a phone must start at or after 0 and end after it starts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One spoken word. Times are both given or both ``None``."""

    text: str
    start_s: float | None = None
    end_s: float | None = None
    speaker: Speaker = "participant"
    confidence: float | None = None
    spread: bool = False
    """True: the times were not measured but placed evenly."""
    repair: Repair | None = None
    is_filler: bool = False
    """True: a filled pause such as "uh"."""
    phones: tuple[Phone, ...] = ()
    """In order, inside the word; of words whose aligner finds phones."""
    is_pronunciation_guessed: bool = False
    """True: no dictionary has the word, so its phones are those of a rule."""

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ValueError("a word needs a text")
        if any("\ud800" <= character <= "\udfff" for character in self.text):
            raise ValueError("a word's text must not hold half of a surrogate pair")
        if (self.start_s is None) != (self.end_s is None):
            raise ValueError("a word has a start and an end, or neither")
        if self.start_s is not None and self.end_s is not None:
            if not (math.isfinite(self.start_s) and math.isfinite(self.end_s)):
                raise ValueError("a word's times must be finite")
            if not 0.0 <= self.start_s <= self.end_s:
                raise ValueError("a word must start at or after 0 and not end before it starts")

    @property
    def is_timed(self) -> bool:
        """Whether the word has times."""
        return self.start_s is not None

    @property
    def is_heard(self) -> bool:
        """Whether audio can be pooled over the word: it has times that nobody interpolated."""
        return self.is_timed and self.repair != "interpolated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A stretch in which only the participant speaks."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A silence of the participant inside a turn, before the word it delays."""

    start_s: float
    end_s: float
    before_word: int
    """Position, among the participant's words, of the word that follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """A stretch of words of one speaker; its time may be known where that of its words is not."""

    first_word: int
    last_word: int
    """The words ``[first_word, last_word)`` of the transcript."""
    start_s: float | None = None
    end_s: float | None = None
    speaker: Speaker | None = None
    """Who speaks, where a format says it of the utterance and not of its words."""

    def __post_init__(self) -> None:
        if not 0 <= self.first_word <= self.last_word:
            raise ValueError("an utterance must not end before it begins")
        if (self.start_s is None) != (self.end_s is None):
            raise ValueError("an utterance has a start and an end, or neither")
        if self.start_s is not None and self.end_s is not None:
            if not (math.isfinite(self.start_s) and math.isfinite(self.end_s)):
                raise ValueError("an utterance's times must be finite")
            if not 0.0 <= self.start_s <= self.end_s:
                raise ValueError("an utterance must start at or after 0 and not end before it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """The words of one recording, in order, all speakers."""

    recording_id: str
    words: tuple[Word, ...]
    language: str | None = None
    source: str = "manual"
    utterances: tuple[Utterance, ...] = ()
    """In order, without overlap; where a format has them."""
    warnings: tuple[str, ...] = ()
    """What a reader passed over, each with file and line, without a word that was spoken."""

    @property
    def participant_words(self) -> tuple[Word, ...]:
        """The participant's words, in order."""
        return tuple(word for word in self.words if word.speaker == "participant")


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerStates:
    """What enters the encoder layers that are trained, and which of their outputs make an item.

    The encoder reads a recording in windows; their positions lie one after the other. Item i of the
    stream (an event or a token) is the sum of ``weight * output[position]`` over its pairs.
    """

    states: Float[np.ndarray, "position d"]
    window_lengths: Int[np.ndarray, " window"]
    """Positions of each window."""
    item: Int[np.ndarray, " pair"]
    """Rising."""
    position: Int[np.ndarray, " pair"]
    weight: Float[np.ndarray, " pair"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedRecording:
    """What a fusion model sees of a recording: audio events and text tokens.

    An event is a timed word or a pause, in the order of time; a pause stands before the word it
    delays and carries that word's position. Axes: ``event``, ``token``, ``d_audio``, ``d_text``.
    """

    recording_id: str
    event_vectors: Float[np.ndarray, "event d_audio"]
    event_word: Int[np.ndarray, " event"]
    event_is_pause: Bool[np.ndarray, " event"]
    event_start_s: Float[np.ndarray, " event"]
    event_duration_s: Float[np.ndarray, " event"]
    token_vectors: Float[np.ndarray, "token d_text"]
    token_word: Int[np.ndarray, " token"]
    audio_layers: int = 1
    """Encoder layers that lie one after the other in ``d_audio``."""
    text_layers: int = 1
    """Encoder layers that lie one after the other in ``d_text``."""
    missing: tuple[Stream, ...] = ()
    """What a model must not look at; at most one of the two."""
    event_states: LayerStates | None = None
    """Where the last layers of the audio encoder are trained."""
    token_states: LayerStates | None = None
    """Where the last layers of the text encoder are trained."""

    def __post_init__(self) -> None:
        if len(set(self.missing)) > 1:
            raise ValueError("an embedded recording needs its audio or its text")
        if not len(self.event_vectors) or not len(self.token_vectors):
            raise ValueError("an embedded recording has at least one event and one token")
        if not (np.isfinite(self.event_vectors).all() and np.isfinite(self.token_vectors).all()):
            raise ValueError("embeddings must be finite")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One recording with everything that has been made of it."""

    recording: Recording
    transcript: Transcript
    embedded: EmbeddedRecording


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a model says about recordings: the class, a score, or both."""

    probabilities: Float[np.ndarray, "recording class"] | None = None
    """Rows that sum to 1, in the order of the classes."""
    scores: Float[np.ndarray, " recording"] | None = None
    """In the unit of the score, such as MMSE points."""

    @property
    def positive(self) -> Float[np.ndarray, " recording"]:
        """The probability of any class but the first; of two classes, of the second."""
        if self.probabilities is None:
            raise ValueError("a score has no probability")
        # The sum of rounded probabilities may pass 1 by one bit.
        positive: np.ndarray = np.minimum(self.probabilities[:, 1:].sum(axis=1), 1.0)
        return positive


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What one fit says about one recording that it never saw."""

    system: str
    repeat: int
    fold: int
    seed: int
    participant_id: str
    recording_id: str
    label: int
    """The position in the study's classes, the negative one first."""
    probability: float
    """Of any class but the first; of two classes, of the second."""
    probabilities: tuple[float, ...] = ()
    """Of every class, where there are more than two."""
    score: float | None = None
    """As measured; where the target has a score."""
    predicted_score: float | None = None
    probability_raw: float | None = None
    """Before calibration; where there was one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePrediction:
    """What one fit says about one recording that it never saw, of a target without classes."""

    system: str
    repeat: int
    fold: int
    seed: int
    participant_id: str
    recording_id: str
    score: float
    """As measured."""
    predicted_score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with its 95 % interval and the number of participants behind it."""

    estimate: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """What a word, and the pause before it, did to the evidence (of two classes, the logit).

    ``None``: it is not told, or there is no such thing in what the model reads of the recording.
    """

    word_index: int
    """Among the participant's words."""
    word: Word
    value: float | None = None
    """Of the word itself: its sound and its tokens."""
    audio: float | None = None
    """Of its sound alone."""
    text: float | None = None
    """Of its tokens alone."""
    tokens: tuple[float, ...] = ()
    """Of each of its tokens, in order."""
    pause_s: float = 0.0
    """How long the pause before it is; 0 where there is none."""
    pause_start_s: float | None = None
    pause: float | None = None
    """Of the pause before it."""

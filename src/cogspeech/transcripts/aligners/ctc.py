"""The ``ctc`` aligner: a word is where a model writes its letters.

audio -> log probabilities of letters per frame -> best path -> words with times -> their ends
fitted to the energy of the speech
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from cogspeech.corpora.audio import read_audio
from cogspeech.errors import TranscriptError
from cogspeech.settings import Settings
from cogspeech.transcripts.base import ALIGNERS, Aligner
from cogspeech.transcripts.ctc_model import UNKNOWN, CtcModel, Frames
from cogspeech.transcripts.speech_energy import SAMPLE_RATE_HZ, find_speech, fit_words
from cogspeech.transcripts.viterbi import align_labels
from cogspeech.types import Recording, Transcript, Utterance, Word

REACH_S = 0.1
"""A letter is written in a few frames somewhere in its sound, so a word reaches so far beyond its
first and last letter, at most to the middle between two words; its ends are those of the speech
there (`fit_words`)."""
BLANK, BEST, FIRST_LETTER = 0, 1, 2
"""Columns of `CtcModel.scores`."""


@ALIGNERS.register("ctc")
class CtcAligner(Aligner):
    """Places words with any wav2vec2-like model that writes letters.

    A letter that the model does not know (a digit, a foreign script) may sound like anything.
    """

    class Options(Settings):
        """``{name: ctc, model: facebook/wav2vec2-base-960h}``."""

        model: str
        """A hub name or a local folder."""
        wildcard: bool = True
        """False: an unknown letter is left out, and a word with no other letter has no times."""

    def __init__(self, options: Options) -> None:
        self._wildcard = options.wildcard
        self._model = CtcModel(options.model)

    def fingerprint(self) -> dict[str, Any]:
        """sha256 of the checkpoint's files, wherever they lie, and the options."""
        files = self._model.digests
        return {"name": "ctc", "version": 2, "files": files, "wildcard": self._wildcard}

    def align(self, transcript: Transcript, recording: Recording) -> Transcript:
        """The words with the times at which the model writes them.

        A word's confidence is the geometric mean of the probabilities of the path in its frames;
        one of unknown letters has none. Words for which there are no letters, or no room, have no
        times; the warnings count them.

        Raises:
            AudioError: the audio cannot be decoded.
            EncoderError: the checkpoint cannot be used.
            TranscriptError: no word could be placed.
        """
        place = f"{recording.where}: recording '{recording.recording_id}'".removeprefix(": ")
        model, alphabet = self._model, self._model.alphabet
        spelled = [alphabet.spell(word.text, wildcard=self._wildcard) for word in transcript.words]
        if not any(spelled):
            raise TranscriptError(
                f"{place}: the aligner's model knows no letter of its {len(spelled)} words; choose "
                "a model of their language"
            )
        samples = read_audio(recording.audio_path, sample_rate_hz=model.sample_rate_hz)
        text = _Text.of(spelled, alphabet.delimiter)
        scores = model.scores(samples, text.labels)
        if not np.isfinite(scores).all():
            raise TranscriptError(
                f"{place}: the aligner's model gives scores that are not finite; leave the "
                "recording out, or choose another model"
            )
        found: dict[int, _Place] = {}
        for stretch in _stretches(transcript, len(samples) / model.sample_rate_hz):
            found |= _places(stretch, text, scores, model.frames)
        if not found:
            raise TranscriptError(
                f"{place}: its audio is too short for its words; is it the right audio?"
            )
        words = [_timed(word, found.get(n)) for n, word in enumerate(transcript.words)]
        if model.sample_rate_hz != SAMPLE_RATE_HZ:
            samples = read_audio(recording.audio_path, sample_rate_hz=SAMPLE_RATE_HZ)
        return dataclasses.replace(
            transcript,
            words=fit_words(words, find_speech(samples)),
            warnings=(*transcript.warnings, *_losses(spelled, found)),
        )


@dataclass(frozen=True, slots=True)
class _Place:
    start_s: float | None = None
    end_s: float | None = None
    confidence: float | None = None


def _timed(word: Word, place: _Place | None) -> Word:
    found = dataclasses.asdict(place or _Place())
    return dataclasses.replace(word, **found, spread=False, repair=None)


def _losses(spelled: Sequence[Sequence[int]], found: Mapping[int, _Place]) -> Iterator[str]:
    """Without the name of the recording: what was found is kept for any with the same audio."""
    unknown = sum(not letters for letters in spelled)
    crowded = len(spelled) - unknown - len(found)
    if unknown:
        yield f"ctc: {unknown} words have no times: the model knows none of their letters"
    if crowded:
        yield f"ctc: {crowded} words have no times: their stretch of audio is too short for them"


def _stretches(transcript: Transcript, duration_s: float) -> Iterator[Utterance]:
    """The timed utterances, and the words between them with the audio that is left for them."""
    word, at_s = 0, 0.0
    for utterance in transcript.utterances:
        if utterance.start_s is None or utterance.end_s is None:
            continue
        start_s, end_s = min(utterance.start_s, duration_s), min(utterance.end_s, duration_s)
        if word < utterance.first_word and at_s < start_s:
            yield Utterance(
                first_word=word, last_word=utterance.first_word, start_s=at_s, end_s=start_s
            )
        yield dataclasses.replace(utterance, start_s=start_s, end_s=end_s)
        word, at_s = utterance.last_word, end_s
    if word < len(transcript.words) and at_s < duration_s:
        yield Utterance(
            first_word=word, last_word=len(transcript.words), start_s=at_s, end_s=duration_s
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """The words of a recording as columns of the scores."""

    labels: Sequence[int]
    """The labels that the columns from `FIRST_LETTER` on have to hold."""
    words: Sequence[Sequence[int]]
    """The columns of each word's letters; `BEST` for an unknown one."""
    delimiter: int | None

    @classmethod
    def of(cls, spelled: Sequence[Sequence[int]], delimiter: int | None) -> "_Text":
        """From the labels of the letters."""
        used = {label for word in spelled for label in word} - {UNKNOWN}
        labels = sorted(used if delimiter is None else used | {delimiter})
        column = {UNKNOWN: BEST} | {label: FIRST_LETTER + n for n, label in enumerate(labels)}
        return cls(
            labels=labels,
            words=[[column[label] for label in word] for word in spelled],
            delimiter=None if delimiter is None else column[delimiter],
        )

    def joined(
        self, words: Sequence[int]
    ) -> tuple[Int[np.ndarray, " item"], Int[np.ndarray, "word 2"]]:
        """The letters of some words with delimiters between, and each word's first and last."""
        items: list[int] = []
        edges = []
        for word in words:
            if items and self.delimiter is not None:
                items.append(self.delimiter)
            edges.append((len(items), len(items) + len(self.words[word]) - 1))
            items += self.words[word]
        return np.array(items, dtype=np.int64), np.array(edges, dtype=np.int64)


def _places(
    stretch: Utterance, text: _Text, scores: Float[np.ndarray, "frame column"], frames: Frames
) -> dict[int, _Place]:
    """The words of a stretch, if it has room for them."""
    words = [n for n in range(stretch.first_word, stretch.last_word) if text.words[n]]
    if not words:
        return {}
    from_s, until_s = stretch.start_s or 0.0, stretch.end_s or 0.0
    first = frames.first_from(from_s)
    scores = scores[first : frames.first_from(until_s)]
    items, edges = text.joined(words)
    try:
        spans = align_labels(scores, items, blank=BLANK, wildcard=BEST)
    except ValueError:  # fewer frames than letters
        return {}
    path = np.full(len(scores), BLANK)
    for column, (begin, end) in zip(items, spans, strict=True):
        path[begin:end] = column
    summed = np.concatenate([[0.0], np.cumsum(scores[np.arange(len(path)), path], dtype=float)])
    begins, ends = spans[edges[:, 0], 0], spans[edges[:, 1], 1]
    confidence = np.exp((summed[ends] - summed[begins]) / (ends - begins))
    starts_s, ends_s = _reaching(
        frames.edges_s(begins + first), frames.edges_s(ends + first), from_s, until_s
    )
    return {
        word: _Place(
            float(starts_s[n]),
            float(ends_s[n]),
            float(confidence[n]) if max(text.words[word]) > BEST else None,
        )
        for n, word in enumerate(words)
    }


def _reaching(
    starts_s: Float[np.ndarray, " word"],
    ends_s: Float[np.ndarray, " word"],
    from_s: float,
    until_s: float,
) -> tuple[Float[np.ndarray, " word"], Float[np.ndarray, " word"]]:
    """Words that reach `REACH_S` beyond their letters, but not over each other nor the ends."""
    middles_s = (ends_s[:-1] + starts_s[1:]) / 2
    return (
        np.maximum(starts_s - REACH_S, np.concatenate([[from_s], middles_s])),
        np.minimum(ends_s + REACH_S, np.concatenate([middles_s, [until_s]])),
    )

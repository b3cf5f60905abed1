"""Embedded recordings with something exchanged: the words of a person, their order, their audio.

Nothing is encoded anew. Vectors that were made in context keep what they know of it, so what these
changes destroy is destroyed a little less thoroughly than in new recordings.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cogspeech.types import EmbeddedRecording


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenWord:
    """One word of a recording: its tokens, its event and the pause that delays it."""

    of: EmbeddedRecording
    events: Int[np.ndarray, " event"]
    tokens: Int[np.ndarray, " token"]


def spoken_words(recording: EmbeddedRecording) -> tuple[SpokenWord, ...]:
    """The words of a recording, in order."""
    positions = np.arange(num_words(recording) + 1)
    events, tokens = (
        np.argsort(words, kind="stable") for words in (recording.event_word, recording.token_word)
    )
    event_ends = np.searchsorted(recording.event_word[events], positions)
    token_ends = np.searchsorted(recording.token_word[tokens], positions)
    return tuple(
        SpokenWord(
            of=recording,
            events=events[event_ends[word] : event_ends[word + 1]],
            tokens=tokens[token_ends[word] : token_ends[word + 1]],
        )
        for word in range(len(positions) - 1)
    )


def num_words(recording: EmbeddedRecording) -> int:
    """Words of a recording; every word has a token."""
    return int(max(recording.token_word.max(), recording.event_word.max())) + 1


def with_words(
    recording: EmbeddedRecording, words: Sequence[SpokenWord]
) -> EmbeddedRecording | None:
    """The recording made of other words, one after the other.

    ``None`` where these hold no event or no token.
    """
    event_word = np.repeat(np.arange(len(words)), [len(word.events) for word in words])
    token_word = np.repeat(np.arange(len(words)), [len(word.tokens) for word in words])
    if not len(event_word) or not len(token_word):
        return None
    duration_s = np.concatenate([word.of.event_duration_s[word.events] for word in words])
    return dataclasses.replace(
        recording,
        event_vectors=np.concatenate([word.of.event_vectors[word.events] for word in words]),
        event_word=event_word,
        event_is_pause=np.concatenate([word.of.event_is_pause[word.events] for word in words]),
        event_start_s=np.cumsum(duration_s) - duration_s,
        event_duration_s=duration_s,
        token_vectors=np.concatenate([word.of.token_vectors[word.tokens] for word in words]),
        token_word=token_word,
    )


def with_audio_of(text: EmbeddedRecording, audio: EmbeddedRecording) -> EmbeddedRecording:
    """The tokens of one recording with the events of another, stretched over its words."""
    place = (audio.event_word + 0.5) / num_words(audio)
    return dataclasses.replace(
        text,
        event_vectors=audio.event_vectors,
        event_word=(place * num_words(text)).astype(audio.event_word.dtype),
        event_is_pause=audio.event_is_pause,
        event_start_s=audio.event_start_s,
        event_duration_s=audio.event_duration_s,
    )


def with_shifted_audio(recording: EmbeddedRecording, shift_s: float) -> EmbeddedRecording:
    """Every event belongs to the word that was said ``shift_s`` earlier.

    A word's time reaches from the end of the word before it to its own end, so it holds the pause
    that delays it. An event moves as soon as its middle lies in the time of another word.
    """
    is_word = ~recording.event_is_pause
    if not is_word.any():
        return recording
    words = recording.event_word[is_word]
    ends = recording.event_start_s[is_word] + recording.event_duration_s[is_word]
    order = np.argsort(words, kind="stable")
    words, ends_s = words[order], np.maximum.accumulate(ends[order])
    middle_s = recording.event_start_s + recording.event_duration_s / 2 - shift_s
    own = _word_at(middle_s, words, ends_s)
    before = _word_at(middle_s + shift_s, words, ends_s)
    moved = np.where(own == before, recording.event_word, own)
    return dataclasses.replace(recording, event_word=moved)


def _word_at(
    time_s: Float[np.ndarray, " event"],
    words: Int[np.ndarray, " word"],
    ends_s: Float[np.ndarray, " word"],
) -> Int[np.ndarray, " event"]:
    found = np.searchsorted(ends_s, time_s, side="right").clip(max=len(words) - 1)
    return np.asarray(words[found])

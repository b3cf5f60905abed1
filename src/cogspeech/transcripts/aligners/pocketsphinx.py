"""The ``pocketsphinx`` aligner: forced alignment with the model that the library brings along.

Plain forced alignment hangs words over pauses, and digital silence breaks it. What is done here:

1. Long silences are cut out before the decoder hears anything (`speech_energy.excerpt`), so that
   no word can spread over one; the times are mapped back.
2. What the decoder found is cut back to the energy of the speech (`speech_energy.trim_words`).
3. Where silence follows or precedes, the outermost word of a stretch of speech takes all of it:
   soft consonants, which the decoder counts as silence, belong to the word.
4. Words whose acoustic score is that of another text keep no times.

More than `LONGEST_S` of speech without the times of utterances is heard in windows. Each begins at
the word where the one before it was cut, at a silence in its second half, and may end at any word;
so memory stays bounded. Where the text is not what is said, the window moves on in small steps
until it is again.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cogspeech.corpora.audio import read_audio
from cogspeech.errors import TranscriptError, require
from cogspeech.settings import Settings
from cogspeech.transcripts.base import ALIGNERS, Aligner
from cogspeech.transcripts.pronunciation import can_pronounce
from cogspeech.transcripts.speech_energy import (
    FRAME_S,
    MIN_WORD_S,
    SAMPLE_RATE_HZ,
    find_speech,
    fit_words,
    stretches,
)
from cogspeech.transcripts.sphinx import (
    Heard,
    Lexicon,
    Listener,
    is_likely,
    start_decoder,
    versions,
)
from cogspeech.types import Recording, Transcript, Word

VERSION = 1
"""Raised whenever the same audio and text give other times."""
LONGEST_S = 30.0
WINDOW_S, STEP_S = 20.0, 4.0
"""Of speech, silence aside."""
MARGIN_S = 0.2
"""Audio heard before and after an utterance: its times are often a little late or early."""
SURE_WORDS = 6
"""A run of so many words that is likely what was said cannot be found by chance."""
FASTEST = 7.0
"""Words per second of speech."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """Words of the transcript that are looked for in one span of the listener."""

    words: range
    start_s: float
    end_s: float


@ALIGNERS.register("pocketsphinx")
class PocketsphinxAligner(Aligner):
    """Finds English words in audio, offline, at many times real time on one core.

    Raises:
        MissingExtra: pocketsphinx is not installed.
    """

    class Options(Settings):
        """None."""

    def __init__(self, options: Options) -> None:  # noqa: ARG002
        require("pocketsphinx", extra="align")

    def fingerprint(self) -> dict[str, Any]:
        """The versions of this aligner, of pocketsphinx, and of espeak-ng where it is installed."""
        return {"name": "pocketsphinx", "version": VERSION, **versions()}

    def align(self, transcript: Transcript, recording: Recording) -> Transcript:
        """The words and their phones with times from the audio, fitted to its energy.

        Raises:
            AudioError: the audio cannot be decoded.
            TranscriptError: no English, or no word is heard in the listener.
        """
        place = f"{recording.where}: recording '{recording.recording_id}'".removeprefix(": ")
        language = (transcript.language or recording.language or "en").lower()
        if not language.startswith("en"):
            raise TranscriptError(
                f"{place}: its language is '{language}' but pocketsphinx brings only an English "
                "model; use another aligner"
            )
        samples = read_audio(recording.audio_path, sample_rate_hz=SAMPLE_RATE_HZ)
        listener = Listener(self._decoder, samples, find_speech(samples))
        names = [self._lexicon.names(word.text) for word in transcript.words]
        parts: dict[int, list[Heard]] = {}
        for section in _sections(transcript, listener.speech.duration_s):
            parts |= _align_section(listener, section, names)
        if not parts:
            raise TranscriptError(
                f"{place}: none of its {len(transcript.words)} words is heard in the audio; "
                "is it the right transcript, and does the participant speak English?"
            )
        words = [
            dataclasses.replace(
                _timed(word, parts.get(index, ())),
                is_pronunciation_guessed=any(map(self._lexicon.is_guessed, names[index])),
            )
            for index, word in enumerate(transcript.words)
        ]
        found = _in_order(words)
        return dataclasses.replace(
            transcript,
            words=fit_words(found, listener.speech),
            warnings=(*transcript.warnings, *_losses(names, found)),
        )

    @cached_property
    def _decoder(self) -> Any:
        return start_decoder()

    @cached_property
    def _lexicon(self) -> Lexicon:
        return Lexicon(self._decoder)


def _timed(word: Word, parts: Sequence[Heard]) -> Word:
    return dataclasses.replace(
        word,
        start_s=parts[0].start_s if parts else None,
        end_s=parts[-1].end_s if parts else None,
        phones=tuple(phone for part in parts for phone in part.phones),
        spread=False,
        repair=None,
    )


def _losses(names: Sequence[Sequence[str]], words: Sequence[Word]) -> Iterator[str]:
    """Without the name of the recording: what was found is kept for any with the same listener."""
    unknown = sum(not each for each in names)
    unheard = sum(bool(each) and not word.is_timed for each, word in zip(names, words, strict=True))
    if unknown:
        remedy = "" if can_pronounce() else "; to pronounce more, run: pip install espeakng-loader"
        yield f"pocketsphinx: {unknown} words have no times: they cannot be pronounced{remedy}"
    if unheard:
        yield f"pocketsphinx: {unheard} words have no times: they are not heard in the audio"


def _sections(transcript: Transcript, duration_s: float) -> Iterator[_Section]:
    """Each utterance with times, and what lies between two of them."""
    timed = [u for u in transcript.utterances if u.start_s is not None and u.end_s is not None]
    next_word, next_s = 0, 0.0
    for utterance in timed:
        start_s, end_s = float(utterance.start_s or 0.0), float(utterance.end_s or 0.0)
        if utterance.first_word > next_word:
            yield _Section(
                words=range(next_word, utterance.first_word),
                start_s=min(next_s, duration_s),
                end_s=min(start_s, duration_s),
            )
        yield _Section(
            words=range(utterance.first_word, min(utterance.last_word, len(transcript.words))),
            start_s=min(max(start_s - MARGIN_S, 0.0), duration_s),
            end_s=min(end_s + MARGIN_S, duration_s),
        )
        next_word, next_s = utterance.last_word, max(next_s, end_s)
    if next_word < len(transcript.words):
        words = range(next_word, len(transcript.words))
        yield _Section(words=words, start_s=min(next_s, duration_s), end_s=duration_s)


def _align_section(
    listener: Listener, section: _Section, names: Sequence[Sequence[str]]
) -> dict[int, list[Heard]]:
    """The parts of the words that were heard, by their positions in the transcript."""
    owners = [index for index in section.words for _ in names[index]]
    due = [name for index in section.words for name in names[index]]
    if listener.speech.speech_s(section.start_s, section.end_s) <= LONGEST_S:
        heard = _hear_all(listener, due, section.start_s, section.end_s)
    else:
        heard = _hear_in_windows(listener, due, section.start_s, section.end_s)
    parts: dict[int, list[Heard]] = {}
    for position, part in sorted(heard.items()):
        parts.setdefault(owners[position], []).append(part)
    return parts


def _hear_all(
    listener: Listener, names: Sequence[str], start_s: float, end_s: float
) -> dict[int, Heard]:
    found = listener.hear(names, start_s, end_s)
    return dict(enumerate(found[1])) if found and is_likely(found[1]) else {}


def _hear_in_windows(
    listener: Listener, names: Sequence[str], start_s: float, end_s: float
) -> dict[int, Heard]:
    """The words of a long span, window after window; words that were passed over are missing."""
    heard: dict[int, Heard] = {}
    at_s, due, passed_s = start_s, 0, 0.0
    while due < len(names) and end_s - at_s > MIN_WORD_S:
        until_s = stretches(listener.speech, at_s, end_s, longest_s=WINDOW_S)[0][1]
        first, words = _hear_window(
            listener, names[due:], (at_s, until_s), passed_s, until_s >= end_s
        )
        if not words:  # this is not the text: a little later it may be
            step_s = stretches(listener.speech, at_s, until_s, longest_s=STEP_S)[0][1]
            passed_s += listener.speech.speech_s(at_s, step_s)
            at_s = step_s
            continue
        heard |= {due + first + position: word for position, word in enumerate(words)}
        due, passed_s = due + first + len(words), 0.0
        at_s = max(words[-1].end_s, at_s + MIN_WORD_S)
    return heard


def _hear_window(
    listener: Listener,
    names: Sequence[str],
    span: tuple[float, float],
    passed_s: float,
    is_last: bool,
) -> tuple[int, list[Heard]]:
    """The first words of ``names`` in a window that may end before they do.

    Args:
        listener: to the recording.
        names: all that are still due.
        span: start and end of the window, in seconds.
        passed_s: speech that was passed over, in which words may have been said.
        is_last: nothing follows the window.

    Returns:
        The position of the first word, and the words that are certain; none: not this text.
    """
    most = math.ceil(listener.speech.speech_s(*span) * FASTEST) + 10
    if is_last and len(names) <= most:
        found = listener.hear(names, *span)
        if found and is_likely(found[1]):
            return found
    jump = math.ceil(passed_s * FASTEST) + 10
    for latest_first in (0, min(jump, len(names) - 1)):
        found = listener.hear(
            names[: most + latest_first], *span, latest_first=latest_first, may_stop=True
        )
        if found is None:
            continue
        first, words = found
        good = words[: _num_likely(words)]
        if len(good) >= min(SURE_WORDS, len(names)):
            is_whole = is_last or first + len(words) == len(names)
            kept = good if is_whole and len(good) == len(words) else good[: _cut(good)]
            return first, _with_phones(listener, names[first : first + len(kept)], kept)
    return 0, []


def _with_phones(listener: Listener, names: Sequence[str], words: list[Heard]) -> list[Heard]:
    """Words of a window, heard once more in their own audio and nothing beside it."""
    found = listener.hear(names, words[0].start_s, words[-1].end_s)
    return found[1] if found and is_likely(found[1]) else words


def _num_likely(words: Sequence[Heard]) -> int:
    """How many words stand before the first few that are likely another text."""
    for first in range(max(len(words) - SURE_WORDS, 0) + 1):
        if not is_likely(words[first : first + SURE_WORDS]):
            return first
    return len(words)


def _cut(words: Sequence[Heard]) -> int:
    """How many words to keep: up to the longest silence in the second half."""
    gaps = [(after.start_s - before.end_s) for before, after in itertools.pairwise(words)]
    half = len(words) // 2
    return max(range(half, len(gaps)), key=lambda i: gaps[i], default=0) + 1


def _in_order(words: Sequence[Word]) -> list[Word]:
    """The words, without the overlaps that the margins of utterances make.

    A word that begins before the end of the same speaker's last one begins there; where nothing
    of it would be left, it has no times.
    """
    said_until_s: dict[str, float] = {}
    ordered = []
    for word in words:
        start_s, end_s = word.start_s, word.end_s
        if start_s is not None and end_s is not None:
            start_s = max(start_s, said_until_s.get(word.speaker, 0.0))
            if end_s - start_s >= FRAME_S:
                said_until_s[word.speaker] = end_s
                ordered.append(dataclasses.replace(word, start_s=start_s))
                continue
        ordered.append(dataclasses.replace(word, start_s=None, end_s=None, phones=()))
    return ordered

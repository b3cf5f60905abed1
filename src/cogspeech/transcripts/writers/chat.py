"""CHAT files: speaker lines with time marks, and the times of words on ``%wor`` tiers.

Conventions: the CHAT manual, https://talkbank.org/manuals/CHAT.html.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from cogspeech.errors import TranscriptError
from cogspeech.transcripts.base import WRITERS, TranscriptWriter
from cogspeech.transcripts.chat_lexer import (
    LANGUAGES,
    MAX_TIME_DIGITS,
    UNKNOWN_LANGUAGE,
    spelled,
    spoken_line,
)
from cogspeech.types import Speaker, Transcript, Utterance, Word

MAX_GAP_S = 1.0
"""Where a transcript has no utterances, a longer silence ends one."""
CODES: dict[Speaker, tuple[str, str]] = {
    "participant": ("PAR", "Participant"),
    "interviewer": ("INV", "Investigator"),
    "other": ("OTH", "Other"),
}
"""Speaker code and role name."""

_LANGUAGE = re.compile("[a-z]{2,3}")
_PLAIN = "!$&'()*,./:;?@^_`{|}~\"#<>"


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Words of one speaker that make a line, and when they are heard."""

    words: tuple[Word, ...]
    start_s: float | None = None
    end_s: float | None = None


@WRITERS.register("chat")
class ChatWriter(TranscriptWriter):
    """One line per utterance; without utterances, lines end at speaker changes and silences.

    Times that were interpolated or spread are left out, since CHAT cannot say that nobody measured
    them. A word that CHAT cannot spell stands on its line as near as can be, and exactly on a
    ``%xword`` tier that this project's reader takes it from. Utterances without words are left
    out.
    """

    def render(self, transcript: Transcript, *, duration_s: float | None) -> str:  # noqa: ARG002
        """The content of the file; needs at least one word."""
        if not transcript.words:
            raise TranscriptError(
                f"recording '{transcript.recording_id}' has no words; a CHAT file needs a speaker"
            )
        language = _chat_language(transcript.language)
        present = {word.speaker for word in transcript.words}
        names = [CODES[speaker] for speaker in CODES if speaker in present]
        lines = [
            "@UTF8",
            "@Begin",
            f"@Languages:\t{language}",
            f"@Participants:\t{', '.join(' '.join(name) for name in names)}",
            *(f"@ID:\t{language}|corpus_name|{code}|||||{role}|||" for code, role in names),
        ]
        for stretch in _stretches(transcript):
            lines.extend(_utterance_lines(stretch, transcript.recording_id))
        return "\n".join([*lines, "@End", ""])


def _chat_language(language: str | None) -> str:
    """ISO 639-3 where it is known: "en" and "en-GB" give "eng"."""
    code = (language or "").lower().replace("_", "-").partition("-")[0]
    for three, two in LANGUAGES.items():
        if code == two:
            return three
    return code if _LANGUAGE.fullmatch(code) else UNKNOWN_LANGUAGE


def _stretches(transcript: Transcript) -> Iterator[_Stretch]:
    done = 0
    for utterance in transcript.utterances:
        first = max(done, utterance.first_word)
        yield from _split(transcript.words[done:first])
        words = transcript.words[first : utterance.last_word]
        yield from _within(utterance, words)
        done = max(first, utterance.last_word)
    yield from _split(transcript.words[done:])


def _within(utterance: Utterance, words: tuple[Word, ...]) -> Iterator[_Stretch]:
    """The utterance, or its parts where it has several speakers."""
    if len({word.speaker for word in words}) > 1:
        yield from _split(words)
    elif words and utterance.start_s is not None:
        yield _Stretch(words, utterance.start_s, utterance.end_s)
    elif words:
        yield _bounded(words)


def _split(words: Sequence[Word]) -> Iterator[_Stretch]:
    """Runs of words of one speaker without a long silence."""
    run: list[Word] = []
    for word in words:
        if run and (word.speaker != run[-1].speaker or _gap_s(run[-1], word) > MAX_GAP_S):
            yield _bounded(run)
            run = []
        run.append(word)
    if run:
        yield _bounded(run)


def _gap_s(before: Word, after: Word) -> float:
    if before.end_s is None or after.start_s is None:
        return 0.0
    return after.start_s - before.end_s


def _bounded(words: Sequence[Word]) -> _Stretch:
    """The words, with the time from the first to the last where both are known.

    Were one of them not, the line's time mark would claim that no word lies outside it.
    """
    if not (_is_measured(words[0]) and _is_measured(words[-1])):
        return _Stretch(tuple(words))
    ends = [word.end_s for word in words if word.end_s is not None and _is_measured(word)]
    return _Stretch(tuple(words), words[0].start_s, max(ends))


def _is_measured(word: Word) -> bool:
    return word.is_heard and not word.spread


def _utterance_lines(stretch: _Stretch, recording_id: str) -> Iterator[str]:
    words = stretch.words
    code, _ = CODES[words[0].speaker]
    spellings = [spelled(word.text) for word in words]
    tokens = [
        f"&-{spelling}" if word.is_filler else spelling
        for word, spelling in zip(words, spellings, strict=True)
    ]
    mark = _time_mark(stretch.start_s, stretch.end_s, recording_id)
    yield f"*{code}:\t{' '.join(tokens)} .{mark}"
    if any(_is_measured(word) for word in words):
        timed = [
            spelling + _time_mark(word.start_s, word.end_s, recording_id)
            if _is_measured(word)
            else spelling
            for word, spelling in zip(words, spellings, strict=True)
        ]
        yield f"%wor:\t{' '.join(timed)} ."
    exact = [
        f"{position}={quote(word.text, safe=_PLAIN)}"
        for position, (word, spelling) in enumerate(zip(words, spellings, strict=True), start=1)
        if spoken_line(spelling).words[0].said != word.text
    ]
    if exact:
        yield f"%xword:\t{' '.join(exact)}"


def _time_mark(start_s: float | None, end_s: float | None, recording_id: str) -> str:
    """`` •100_2000•``, with the control sign that CHAT has for the dot; empty without times."""
    if start_s is None or end_s is None:
        return ""
    if end_s * 1000 >= 10**MAX_TIME_DIGITS - 1:
        raise TranscriptError(
            f"recording '{recording_id}' has times beyond {MAX_TIME_DIGITS} digits of ms; are they "
            "in seconds?"
        )
    return f" \x15{round(start_s * 1000)}_{round(end_s * 1000)}\x15"

"""The project's own words file (docs/words-file.md), one word per line."""

import dataclasses
import json
import math
from typing import Any

from cogspeech.transcripts.base import WRITERS, TranscriptWriter
from cogspeech.types import Transcript, Word


@WRITERS.register("words_json")
class WordsJsonWriter(TranscriptWriter):
    """Holds every word, but only times that were measured.

    Times that were spread or interpolated become null, for nobody could tell them from measured
    ones. A study that reads the file makes them anew.
    """

    def render(self, transcript: Transcript, *, duration_s: float | None) -> str:  # noqa: ARG002
        """The file, as the words_json reader accepts it."""
        lines = [f"    {_json(_plain(word))}" for word in transcript.words]
        words = "\n" + ",\n".join(lines) + "\n  " if lines else ""
        return (
            "{\n"
            f'  "language": {_json(transcript.language)},\n'
            f'  "source": {_json(transcript.source)},\n'
            f'  "words": [{words}]\n'
            "}\n"
        )


def _plain(word: Word) -> dict[str, Any]:
    is_measured = word.is_heard and not word.spread
    plain: dict[str, Any] = {
        "text": word.text,
        "start_s": word.start_s if is_measured else None,
        "end_s": word.end_s if is_measured else None,
        "speaker": word.speaker,
    }
    if word.confidence is not None and math.isfinite(word.confidence):
        plain["confidence"] = word.confidence
    if is_measured and word.phones:
        plain["phones"] = [dataclasses.asdict(phone) for phone in word.phones]
    if word.is_pronunciation_guessed:
        plain["is_pronunciation_guessed"] = True
    return plain


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)

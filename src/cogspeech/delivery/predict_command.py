"""``cogspeech predict``: what a bundle says about recordings."""

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import ValidationError

from cogspeech.cache import ContentCache, cache_folder
from cogspeech.delivery.output_file import write_output
from cogspeech.delivery.terminal import DONE_IN_PART, progress_bars
from cogspeech.delivery.word_finder import words_beside
from cogspeech.errors import (
    AudioError,
    CogspeechError,
    ConfigError,
    EmbeddingError,
    MissingExtra,
    TranscriptError,
)
from cogspeech.settings import Component
from cogspeech.transcripts.reading import visible
from cogspeech.types import Progress

OF_ONE_RECORDING = (AudioError, EmbeddingError, MissingExtra, TranscriptError)
"""The others go on; any other error would meet them all."""


def predict(options: argparse.Namespace) -> int:
    """One json object per recording; recordings that cannot be read do not stop the others.

    Raises:
        CogspeechError: wrong options, an unusable bundle, or no recording at all could be read.
    """
    _refuse_contradictions(options)
    answers: list[dict[str, Any]] = []
    problems: list[CogspeechError] = []
    with progress_bars(quiet=options.quiet) as progress:
        for found in _answers(options, progress):
            if isinstance(found, CogspeechError):
                problems.append(found)
                continue
            answers.append(found)
            _say(_json_line(found) if options.json is None else readable(found))
    if options.json is not None and answers:
        lines = [json.dumps(answer, ensure_ascii=False, allow_nan=False) for answer in answers]
        write_output(options.json, "\n".join(lines))
    if not problems:
        return 0
    if not answers:
        more = f" (+{len(problems) - 1} more recordings)" if len(problems) > 1 else ""
        raise type(problems[0])(f"{problems[0]}{more}")
    sys.stderr.write(f"{len(problems)} of {len(options.audio)} recordings failed:\n")
    sys.stderr.writelines(f"  {' '.join(str(problem).split())}\n" for problem in problems)
    return DONE_IN_PART


def readable(answer: dict[str, Any]) -> str:
    """An answer in one line for people."""
    parts = [str(answer["recording_id"]), str(answer["decision"] or "no decision")]
    if answer["probability"] is not None:
        others = " or ".join(answer["bundle"]["classes"][1:])
        parts.append(f"{others} {answer['probability']:.2f}")
    if answer.get("predicted_score") is not None:
        parts.append(f"{answer['bundle']['score']} {answer['predicted_score']:.1f}")
    return visible("  ".join([*parts, "; ".join(answer["reasons"])]).rstrip())


def _refuse_contradictions(options: argparse.Namespace) -> None:
    for flag in ("transcript", "segmentation"):
        if getattr(options, flag) and len(options.audio) > 1:
            raise CogspeechError(f"--{flag} belongs to one audio file; give one, or leave it out")
    beside = [words_beside(audio) for audio in options.audio]
    read = [*options.audio, *beside, options.transcript, options.segmentation]
    if options.json and options.json.resolve() in {path.resolve() for path in read if path}:
        raise CogspeechError(
            f"--json {options.json}: is one of the files that are read; name the file that the "
            "answers go to after --json"
        )
    if options.transcript and options.recogniser:
        raise CogspeechError(
            "--transcript gives the words and --recogniser would find them; leave one out"
        )


def _answers(
    options: argparse.Namespace, progress: Progress
) -> Iterator[dict[str, Any] | CogspeechError]:
    from cogspeech.delivery.hub import bundle_at
    from cogspeech.delivery.predictor import Predictor  # it knows torch, which takes seconds

    predictor = Predictor(
        bundle_at(options.bundle, onnx=options.onnx),
        recogniser=_recogniser(options.recogniser) if options.recogniser else None,
        explainer=options.explainer,
        cache=ContentCache(cache_folder()),
    )
    for done, audio in enumerate(options.audio, start=1):
        try:
            yield predictor.predict(
                audio,
                options.transcript,
                segmentation_path=options.segmentation,
                untimed_words=options.untimed_words,
                without=options.without,
            )
        except OF_ONE_RECORDING as error:
            yield error
        if len(options.audio) > 1:
            progress("predict", done, len(options.audio))


def _recogniser(text: str) -> str | Component:
    """A name, or a name with options as a study file has them."""
    if not text.startswith("{"):
        return text
    try:
        return Component.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError) as error:
        raise ConfigError(
            f"--recogniser {text}: expected a name, or its options as in a study file, such as "
            "'{name: faster_whisper, model: FOLDER}'"
        ) from error


def _json_line(content: object) -> str:
    """Readable letters where the output can show them, escaped ones where it cannot."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(content, allow_nan=False)
    return text


def _say(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(f"{text.encode(encoding, 'backslashreplace').decode(encoding)}\n")

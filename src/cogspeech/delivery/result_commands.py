"""``cogspeech predict``, ``report`` and ``tensorboard``."""

import argparse
import json
import sys

from cogspeech.errors import CogspeechError
from cogspeech.reporting.paper import write_paper
from cogspeech.reporting.report import write_report
from cogspeech.reporting.tensorboard import write_tensorboard


def predict(options: argparse.Namespace) -> None:
    """``cogspeech predict``: one json object per recording."""
    from cogspeech.delivery.hub import bundle_at
    from cogspeech.delivery.predictor import Predictor  # it knows torch, which takes seconds

    if options.transcript and len(options.audio) > 1:
        raise CogspeechError("--transcript belongs to one audio file; give one, or leave it out")
    predictor = Predictor(bundle_at(options.bundle, onnx=options.onnx))
    for audio in options.audio:
        answer = predictor.predict(
            audio,
            options.transcript,
            untimed_words=options.untimed_words,
            without=options.without,
        )
        _say(_json_line(answer))


def report(options: argparse.Namespace) -> None:
    """``cogspeech report``: everything in a run folder that is made from its other files."""
    if (options.run / "corpus.json").exists():  # older versions wrote none
        write_paper(options.run)
    _say(str(write_report(options.run)))


def tensorboard(options: argparse.Namespace) -> None:
    """``cogspeech tensorboard``."""
    _say(f"tensorboard --logdir {write_tensorboard(options.run)}")


def _json_line(content: object) -> str:
    """Readable letters where the output can show them, escaped ones where it cannot."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(content, allow_nan=False)
    return text


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")

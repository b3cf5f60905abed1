"""``silero``: a small neural detector of voices, 500 times faster than real time on one core.

Only its weights are taken from the package ``silero-vad``: to import that package loads torch and
sets torch to one thread for the whole process. The model is run by onnxruntime.
"""

from functools import cached_property
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from cogspeech.cache import remembered_digest
from cogspeech.errors import MissingExtra, require
from cogspeech.settings import Settings
from cogspeech.transcripts.voice_activity import (
    DETECTORS,
    SAMPLE_RATE_HZ,
    Spans,
    SpeechDetector,
)

MODEL = "silero_vad/data/silero_vad_16k_sequence.onnx"
FRAME, CONTEXT = 512, 64
"""Samples: a frame is judged together with the last ones of the frame before it."""
FRAME_S = FRAME / SAMPLE_RATE_HZ
STATE_SIZE = 128
BLOCK_FRAMES = 512
"""Of one call; memory does not grow with the recording."""
SPEECH, SILENCE = 0.5, 0.35
"""Speech begins above the one and ends below the other, as in the library."""
MIN_SILENCE_S = 0.1
MIN_SPEECH_S = 0.1
"""The library's 0.25 s would drop every twelfth of the spoken digits, said alone."""


@DETECTORS.register("silero")
class SileroDetector(SpeechDetector):
    """Hears voices, whoever they belong to."""

    class Options(Settings):
        """``silero``: there is nothing to choose."""

    def __init__(self, options: Options) -> None:  # noqa: ARG002
        self._runtime: Any = require("onnxruntime", extra="vad")
        try:
            package = distribution("silero-vad")
        except PackageNotFoundError as error:
            message = "silero-vad is not installed; run: pip install 'cogspeech[vad]'"
            raise MissingExtra(message) from error
        self._path = Path(str(package.locate_file(MODEL)))
        if not self._path.is_file():
            raise MissingExtra(
                f"silero-vad {package.version} has no {self._path.name}; run: "
                "pip install --upgrade 'cogspeech[vad]'"
            )

    def fingerprint(self) -> dict[str, Any]:
        """The digest of the weights, and what runs them."""
        return {
            "name": "silero",
            "version": 1,
            "runtime": self._runtime.__version__,
            "model": remembered_digest(self._path),
        }

    def detect(self, samples: Float[np.ndarray, " sample"]) -> Spans:
        """The stretches of speech, to a frame of 32 ms, not padded."""
        return speech_spans(self._probabilities(samples), len(samples) / SAMPLE_RATE_HZ)

    def _probabilities(self, samples: Float[np.ndarray, " sample"]) -> Float[np.ndarray, " frame"]:
        hidden = cell = np.zeros((1, 1, STATE_SIZE), dtype=np.float32)
        before = np.zeros(CONTEXT, dtype=np.float32)
        found = []
        for first in range(0, len(samples), BLOCK_FRAMES * FRAME):
            block = samples[first : first + BLOCK_FRAMES * FRAME].astype(np.float32)
            frames = np.pad(block, (0, -len(block) % FRAME)).reshape(-1, FRAME)
            context = np.vstack([before, frames[:-1, -CONTEXT:]])
            judged, hidden, cell = self._session.run(
                ["speech_probs", "hn", "cn"],
                {"input": np.hstack([context, frames]), "h": hidden, "c": cell},
            )
            before = frames[-1, -CONTEXT:]
            found.append(judged)
        return np.concatenate(found)

    @cached_property
    def _session(self) -> Any:
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return self._runtime.InferenceSession(
            str(self._path), sess_options=options, providers=["CPUExecutionProvider"]
        )


def speech_spans(probabilities: Float[np.ndarray, " frame"], duration_s: float) -> Spans:
    """Frames as stretches of speech.

    A stretch begins with a frame of at least `SPEECH` and ends before the first one below
    `SILENCE` from which on `MIN_SILENCE_S` go by without a frame of at least `SPEECH`.
    """
    spans: list[tuple[float, float]] = []
    start: int | None = None
    end: int | None = None
    for frame, probability in enumerate(probabilities.tolist()):
        if probability >= SPEECH:
            start, end = (frame if start is None else start), None
        elif start is not None and probability < SILENCE:
            end = frame if end is None else end
            if (frame - end) * FRAME_S >= MIN_SILENCE_S:
                spans.append((start * FRAME_S, end * FRAME_S))
                start = end = None
    if start is not None:
        spans.append((start * FRAME_S, duration_s))
    long_enough = [span for span in spans if span[1] - span[0] > MIN_SPEECH_S]
    return np.array(long_enough).reshape(-1, 2)

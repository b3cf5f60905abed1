"""The other process: it holds the model, decodes recordings, and may be killed at any time.

One line of json per request on standard input; lines of a word and json on standard output:
``ready FACTS``, ``failed SENTENCE``, then for each request any number of ``progress``, and one
``answer`` or ``refused``. It ends when its input does.
"""

import json
import os
import queue
import resource
import shutil
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cogspeech.corpora.audio import mono_blocks, probe_audio
from cogspeech.delivery.service.limits import Limits
from cogspeech.errors import AudioError, CogspeechError, MissingExtra, TranscriptError

if TYPE_CHECKING:
    from cogspeech.delivery.predictor import Predictor

AUDIO_CODES = {
    "breaks off": "audio_truncated",
    "not finite": "audio_not_finite",
    "digital silence": "audio_silent",
    "sample rate of": "audio_sample_rate",
    "channels": "audio_channels",
    "times its size": "audio_expands",
    "no samples": "audio_empty",
    "lasts": "audio_too_long",
    "less than one frame": "audio_too_short",
    "not readable": "audio_unreadable",
}
"""What a message says, and what programs are told."""
WORDS_MISSING = (
    "this model finds no words in a recording; send the recording with words=later, and then its "
    "words file"
)
KEPT = "files"
"""Of the cache: digests of the model's own checkpoints, nothing of a recording."""


class _Refused(Exception):
    """Why a recording has no answer."""

    def __init__(self, *, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def main() -> None:
    """Loads the bundle named on the command line, then answers until the input ends."""
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints is no part of the conversation
    os.umask(0o077)
    limits, bundle, cache = Limits(), Path(sys.argv[1]), Path(os.environ["COGSPEECH_CACHE"])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (2 * limits.worker_bytes, 2 * limits.worker_bytes))
    requests = _requests()

    def say(word: str, content: Any) -> None:
        text = json.dumps(content, allow_nan=False)
        out.write(f"{word} {text}\n".encode())

    try:
        from cogspeech.delivery.predictor import Predictor  # it knows torch, which takes seconds

        predictor = Predictor.from_folder(bundle)
        say("ready", _facts(bundle))
    except (CogspeechError, OSError) as error:
        say("failed", str(error))
        return
    while True:
        request = json.loads(requests.get())
        try:
            outcome: tuple[str, Any] = ("answer", _answer(predictor, request, limits, say))
        except _Refused as refused:
            outcome = ("refused", {"code": refused.code, "message": str(refused)})
        except Exception:  # noqa: BLE001  # a defect, or no memory: begin anew, whatever it was
            _tell_where()
            os._exit(1)
        _forget(cache)
        say(*outcome)  # who hears it may rely on nothing being left


def _requests() -> "queue.SimpleQueue[bytes]":
    """The lines of the input; the process ends with it, whatever it is doing."""
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin.buffer:
            lines.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return lines


def _facts(bundle: Path) -> dict[str, Any]:
    """What a client may know of the model."""
    from cogspeech.training.bundle import load_bundle

    loaded = load_bundle(bundle)
    facts = loaded.facts
    return {
        "study": facts.study,
        "classes": list(facts.target.classes),
        "fusion": facts.fusion.name,
        "weights_sha256": loaded.digest,
        "sample_rates_hz": list(facts.sample_rates_hz),
        "notice": facts.notice,
        "shortcuts": [name for name, verdict in facts.probes.items() if verdict == "shortcut"],
        "finds_words": any(s.name != "files" for s in facts.transcripts.sources),
    }


def _answer(
    predictor: "Predictor", request: dict[str, Any], limits: Limits, say: Callable[[str, Any], None]
) -> dict[str, Any]:
    def progress(stage: str, done: int, total: int, *, audio_s: float = 0.0) -> None:  # noqa: ARG001
        say("progress", {"stage": stage, "done": done, "total": total})

    audio = Path(request["audio"])
    words = Path(request["words"]) if request["words"] else None
    try:
        _check(audio, limits)
        return predictor.predict(
            audio,
            words,
            untimed_words=request["untimed_words"],
            without=request["without"],
            progress=progress,
        )
    except AudioError as error:
        code = next((c for text, c in AUDIO_CODES.items() if text in str(error)), "audio_unusable")
        raise _refused(code, error, audio, words) from None
    except TranscriptError as error:
        if words is None:
            raise _Refused(code="words_missing", message=WORDS_MISSING) from None
        raise _refused("words_unusable", error, audio, words) from None
    except MissingExtra as error:
        raise _refused("extra_missing", error, audio, words) from None
    except CogspeechError as error:
        raise _refused("no_answer", error, audio, words) from None


def _check(audio: Path, limits: Limits) -> None:
    """What the service takes, which is less than what a study may."""
    info = probe_audio(audio)
    if info.duration_s < limits.shortest_s:
        raise _Refused(
            code="audio_too_short",
            message=f"the recording lasts {info.duration_s:.2f} s; at least "
            f"{limits.shortest_s:g} s are needed",
        )
    if info.duration_s > limits.longest_s:
        raise _Refused(
            code="audio_too_long",
            message=f"the recording lasts {info.duration_s:.0f} s; at most "
            f"{limits.longest_s:g} s are taken",
        )
    lowest, highest = limits.min_sample_rate_hz, limits.max_sample_rate_hz
    if not lowest <= info.sample_rate_hz <= highest:
        raise _Refused(
            code="audio_sample_rate",
            message=f"the recording has {info.sample_rate_hz} Hz; {lowest} to {highest} are taken",
        )
    for _ in mono_blocks(audio):  # to its end: a broken one is told from one without an answer
        pass


def _refused(code: str, error: Exception, audio: Path, words: Path | None) -> _Refused:
    """Without the paths and names that only this machine knows."""
    text = str(error).replace(f"audio file '{audio}'", "the recording")
    if words:
        text = text.replace(f"{words}", "words")
    for known in (str(audio), str(audio.parent)):
        text = text.replace(known, "the recording")
    text = text.replace(f"recording '{audio.stem}'", "the recording")
    return _Refused(code=code, message=text)


def _forget(cache: Path) -> None:
    """What was kept of the recording."""
    for entry in cache.iterdir():
        if entry.name != KEPT:
            shutil.rmtree(entry, ignore_errors=True)


def _tell_where() -> None:
    """The kind of a defect and its place; its message could be about the recording."""
    kind, _, trace = sys.exc_info()
    place = traceback.extract_tb(trace)[-1]
    name = kind.__name__ if kind else "?"
    sys.stderr.write(f"defect: {name} in {Path(place.filename).name}:{place.lineno}\n")


if __name__ == "__main__":
    main()

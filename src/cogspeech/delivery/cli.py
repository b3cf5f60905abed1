"""The command line: parses arguments, calls one function, prints what it gives.

Exit codes: 0 done; 2 wrong usage, configuration or input, with one line on stderr; 3 done in
part, with a table of what failed; 130 interrupted, 143 terminated. Heavy imports happen inside the
commands, so ``--help`` answers at once.
"""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from cogspeech.errors import CogspeechError

USAGE_ERROR, INTERRUPTED, TERMINATED = 2, 130, 143
MAX_WORKERS = 1024
Command = Callable[[argparse.Namespace], int | None]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise CogspeechError(f"{message}; see '{self.prog} --help'")


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version

        sys.stdout.write(f"cogspeech {version('cogspeech')}\n")
        parser.exit()


class _Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a command as Ctrl-C does."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        options = make_parser().parse_args(arguments)
        if options.offline:
            os.environ.update(COGSPEECH_OFFLINE="1", HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
        command: Command = options.command
        with _sigterm_raises():
            return command(options) or 0
    except CogspeechError as error:
        return _fail(str(error))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _fail(f"{place}{error.strerror or error}")
    except KeyboardInterrupt as error:
        is_run = "run" in (arguments or sys.argv[1:])[:1]
        remedy = "; every step up to the last checkpoint is kept, go on with --resume"
        what = "terminated" if isinstance(error, _Terminated) else "interrupted"
        sys.stderr.write(f"{what}{remedy if is_run else ''}\n")
        return TERMINATED if isinstance(error, _Terminated) else INTERRUPTED


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    def terminate(*_: object) -> None:
        raise _Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _fail(message: str) -> int:
    sys.stderr.write(f"error: {' '.join(message.split())}\n")
    return USAGE_ERROR


def make_parser() -> argparse.ArgumentParser:
    """The whole command line; every command's function stands in its default ``command``."""
    shared = _Parser(add_help=False)
    shared.add_argument("--quiet", action="store_true", help="print results and errors only")
    shared.add_argument("--offline", action="store_true", help="forbid every network access")
    parser = _Parser(
        prog="cogspeech",
        description="Signs of cognitive impairment in speech, and how far the answer can be "
        "trusted. Research software, not a medical device.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, dest="name")

    add = _Adder(commands, shared)
    _add_study_commands(add)
    _add_transcript_commands(add)
    _add_result_commands(add)
    text = "look after the cache of embeddings and transcripts"
    cache = commands.add_parser("cache", help=text, description=text)
    _add_cache_commands(_Adder(cache.add_subparsers(metavar="COMMAND", required=True), shared))
    return parser


class _Adder:
    """Adds a command to a parser."""

    def __init__(self, commands: Any, shared: argparse.ArgumentParser) -> None:
        self._commands = commands
        self._shared = shared

    def __call__(self, name: str, command: Command, text: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = self._commands.add_parser(
            name, parents=[self._shared], help=text, description=text
        )
        added.set_defaults(command=command)
        return added


def _add_study_commands(add: _Adder) -> None:
    demo = add(
        "demo",
        _found_in("study_commands", "demo"),
        "make a synthetic spoken corpus and run the whole study on it",
    )
    demo.add_argument("--out", type=Path, default=Path("cogspeech-demo"), help="folder to write")
    demo.add_argument(
        "--effect",
        type=float,
        default=1.0,
        help="scales how far the impaired group differs; 0: not at all (default 1)",
    )
    text = "read a corpus as it is distributed into a recordings table"
    corpus = add("import", _found_in("import_command", "import_table"), text)
    corpus.add_argument("corpus", metavar="CORPUS", help="its importer, such as adresso2021")
    corpus.add_argument("root", type=Path, metavar="ROOT", help="folder of the corpus")
    corpus.add_argument("--out", type=Path, required=True, help="recordings table to write")
    corpus.add_argument("--target", metavar="COLUMN", help="column of the labels (diagnosis)")
    corpus.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of the importer, its value as yaml; may be repeated",
    )
    check = add(
        "check",
        _found_in("check_command", "check"),
        "audit recordings: may anything be concluded from them?",
    )
    check.add_argument("corpus", type=Path, help="recordings table (csv) or study file (yaml)")
    check.add_argument("--json", type=Path, metavar="FILE", help="write the findings there, too")
    check.add_argument(
        "--workers", type=int, default=0, help="processes that listen (default: all processors)"
    )
    embed = add(
        "embed",
        _found_in("study_commands", "embed"),
        "encode every recording of a study into the cache",
    )
    embed.add_argument("study", type=Path, help="study file (yaml)")
    _add_engine_options(embed)
    run = add(
        "run", _found_in("study_commands", "run"), "run a whole study and write its run folder"
    )
    run.add_argument("study", type=Path, help="study file (yaml)")
    run.add_argument("--out", type=Path, required=True, help="run folder to write")
    run.add_argument("--resume", action="store_true", help="go on with the run in --out")
    _add_engine_options(run, workers=_workers)


def _add_engine_options(
    command: argparse.ArgumentParser, *, workers: Callable[[str], int] = int
) -> None:
    command.add_argument(
        "--engine", default="local", help="local: this machine; ray: actors, here or on a cluster"
    )
    command.add_argument(
        "--workers", type=workers, default=1, help="processes (default 1: no further process)"
    )
    command.add_argument("--cluster", metavar="HOST:PORT", help="the Ray cluster to send work to")


def _add_workers(command: argparse.ArgumentParser, what: str) -> None:
    command.add_argument(
        "--workers", type=_workers, default=1, help=f"{what} (default 1: no further process)"
    )


def _workers(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_WORKERS:
        raise argparse.ArgumentTypeError(f"expected 1 to {MAX_WORKERS}, found '{text}'")
    return int(text)


def _add_transcript_commands(add: _Adder) -> None:
    transcribe = add(
        "transcribe",
        _found_in("transcript_commands", "transcribe_study"),
        "find the words of every recording of a study",
    )
    transcribe.add_argument("study", type=Path, help="study file (yaml)")
    _add_workers(transcribe, "processes that find words")
    transcribe.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="write words files, gaps.csv and quality.csv there, too",
    )
    transcript = add(
        "transcript",
        _found_in("transcript_commands", "convert"),
        "convert one transcript, to standard output",
    )
    transcript.add_argument("file", type=Path, help="transcript of any known format")
    transcript.add_argument("--to", required=True, help="json (the words file), textgrid or chat")
    transcript.add_argument(
        "--role",
        action="append",
        default=[],
        metavar="CODE=ROLE",
        help="who a speaker code is: participant, interviewer or other; may be repeated",
    )
    transcript.add_argument("--clean", action="store_true", help="no fillers, no retracings")
    transcript.add_argument("--strict", action="store_true", help="warnings are errors")


def _add_result_commands(add: _Adder) -> None:
    predict = add(
        "predict",
        _found_in("predict_command", "predict"),
        "score recordings; one json object per line",
    )
    text = "bundle folder, such as RUN/model, or hf://OWNER/NAME@REVISION"
    predict.add_argument("bundle", type=Path, help=text)
    predict.add_argument("audio", type=Path, nargs="+", help="audio files")
    text = (
        "words of the one audio file (without this and --recogniser: NAME.words.json beside each)"
    )
    predict.add_argument("--transcript", type=Path, metavar="FILE", help=text)
    text = "turns of the one audio file, which tell who speaks each word"
    predict.add_argument("--segmentation", type=Path, metavar="FILE", help=text)
    text = "what finds the words: pocketsphinx, or '{name: faster_whisper, model: FOLDER}'"
    predict.add_argument("--recogniser", metavar="NAME", help=text)
    text = "write the json objects there, and print one readable line per recording"
    predict.add_argument("--json", type=Path, metavar="FILE", help=text)
    predict.add_argument(
        "--untimed-words",
        choices=["leave", "spread"],
        help="where no word has times: refuse, or place them evenly (default: as in training)",
    )
    predict.add_argument(
        "--without",
        choices=["audio", "text"],
        help="answer without one of the two; the fusion must be trained with stream_dropout",
    )
    text = "what tells which words moved the answer (default: as in the study)"
    predict.add_argument("--explainer", metavar="NAME", help=text)
    text = "run this exported graph of the bundle in place of its model"
    predict.add_argument("--onnx", type=Path, metavar="FILE", help=text)
    export = add("export", _found_in("export_command", "export"), "a bundle for other programs")
    export.add_argument("bundle", type=Path, help="bundle folder, such as RUN/model")
    export.add_argument("--format", choices=["onnx"], default="onnx", help="of the file")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="file to write")
    _add_serve(add)
    _add_evaluate(add)
    text = "build report, tables, checklists and cards of a run folder anew"
    report = add("report", _found_in("result_commands", "report"), text)
    report.add_argument("run", type=Path, help="run folder")
    page = report.add_mutually_exclusive_group()
    page.add_argument(
        "--share",
        action="store_true",
        help="make report-share.html: no words, sound, dates, names or counts of a few people",
    )
    page.add_argument(
        "--recordings",
        nargs="+",
        default=["none"],
        metavar="ID",
        help="what can be heard: all, shown, none (default), or ids; puts voices into the page",
    )
    text = "write the histories of a run's fits for TensorBoard"
    tensorboard = add("tensorboard", _found_in("result_commands", "tensorboard"), text)
    tensorboard.add_argument("run", type=Path, help="run folder")


def _add_serve(add: _Adder) -> None:
    text = "answer over HTTP, and show a page to try recordings on"
    serve = add("serve", _found_in("serve_command", "serve"), text)
    serve.add_argument("bundle", type=Path, help="bundle folder, such as RUN/model")
    serve.add_argument("--host", default="127.0.0.1", help="address (default: this machine only)")
    serve.add_argument("--port", type=int, default=8000, help="0: any free one (default 8000)")
    text = "one token per line (or set COGSPEECH_TOKEN); needed for any other address"
    serve.add_argument("--token-file", type=Path, metavar="FILE", help=text)


def _add_evaluate(add: _Adder) -> None:
    text = "estimates, intervals and paired tests of anybody's predictions"
    evaluate = add("evaluate", _found_in("evaluate_command", "evaluate"), text)
    evaluate.add_argument("predictions", type=Path, help="csv: participant_id,label,probability")
    evaluate.add_argument(
        "--classes",
        nargs=2,
        metavar=("NEGATIVE", "POSITIVE"),
        help="how the labels are written (default: 0 1)",
    )
    text = "csv with a column participant_id; anybody else is refused"
    evaluate.add_argument("--participants", type=Path, metavar="FILE", help=text)
    text = "splits.json of a run; whoever was trained on is refused"
    evaluate.add_argument("--splits", type=Path, metavar="FILE", help=text)
    evaluate.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there, too")
    evaluate.add_argument("--out", type=Path, metavar="DIR", help="folder for metrics.json")
    compare = add(
        "compare", _found_in("evaluate_command", "compare"), "paired comparison of two run folders"
    )
    compare.add_argument("run_a", type=Path, metavar="RUN_A", help="run folder")
    compare.add_argument("run_b", type=Path, metavar="RUN_B", help="run folder")


def _add_cache_commands(add: _Adder) -> None:
    add("list", _found_in("cache_commands", "list_entries"), "what is kept, by kind and encoder")
    add(
        "verify",
        _found_in("cache_commands", "verify"),
        "read every entry; damaged ones are removed (exit code 3)",
    )
    prune = add(
        "prune",
        _found_in("cache_commands", "prune"),
        "remove entries of older versions and what killed runs left",
    )
    prune.add_argument("--older-than", type=float, metavar="DAYS", help="and entries made before")
    text = "remove everything made from one person's recordings"
    forget = add("forget", _found_in("cache_commands", "forget"), text)
    forget.add_argument("participant", metavar="PARTICIPANT", help="participant_id of the table")


def _found_in(module: str, name: str) -> Command:
    """A command of a module of this package, which is imported when the command is called."""

    def run(options: argparse.Namespace) -> int | None:
        command: Command = getattr(import_module(f"cogspeech.delivery.{module}"), name)
        return command(options)

    return run

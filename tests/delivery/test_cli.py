"""The command line: what it offers, how it answers, and how it ends."""

import ast
import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

import cogspeech
from cogspeech.delivery import cli
from cogspeech.delivery.cli import main
from cogspeech.errors import CogspeechError

STUDY_COMMANDS = "cogspeech.delivery.study_commands"
COMMANDS = ("demo", "import", "embed", "run", "predict", "report")
HEAVY = ("torch", "numpy", "pydantic", "transformers", "scipy", "sklearn", "rich", "yaml")
ANSWER_KEYS = {
    "recording_id",
    "probability",
    "decision",
    "reasons",
    "words",
    "quality",
    "explainer",
    "language",
    "score",
    "streams",
    "bundle",
    "use",
}
RATE_HZ = 16_000


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "100"},
    )


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of eight recordings of one second, fitted for one epoch."""
    folder = tmp_path_factory.mktemp("study")
    generator = np.random.default_rng(0)
    rows = ["recording_id,participant_id,audio_path,transcript_path,diagnosis"]
    for number in range(8):
        name, label = f"p{number}", ("control", "dementia")[number % 2]
        soundfile.write(folder / f"{name}.wav", generator.normal(0, 0.1, RATE_HZ), RATE_HZ)
        words = [
            {"text": text, "start_s": 0.1 + 0.3 * n, "end_s": 0.3 + 0.3 * n}
            for n, text in enumerate(("the", "lädder", "fell"))
        ]
        (folder / f"{name}.words.json").write_text(json.dumps({"words": words}))
        rows.append(f"{name},{name},{name}.wav,{name}.words.json,{label}")
    (folder / "recordings.csv").write_text("\n".join([*rows, ""]))
    settings = {
        "name": "tiny",
        "corpus": {"path": "recordings.csv"},
        "compare": ["majority"],
        "probes": [],
        "training": {"max_epochs": 1},
        "evaluation": {"outer_folds": 2, "repeats": 1, "seeds": 1},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(settings))
    return folder


@pytest.fixture(scope="module")
def run(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its run folder."""
    out = tmp_path_factory.mktemp("out") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COGSPEECH_CACHE", str(tmp_path_factory.mktemp("cache-of-run")))
        assert main(["run", str(study / "study.yaml"), "--out", str(out), "--quiet"]) == 0
    return out


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    shown = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(f"\n    {command} " in shown for command in COMMANDS)
    assert "not a medical device" in " ".join(shown.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])

    shown = capsys.readouterr().out
    assert ended.value.code == 0
    assert shown.startswith(f"usage: cogspeech {command} ")
    assert "--quiet" in shown
    assert "--offline" in shown


def test_the_module_is_the_same_program() -> None:
    as_module = _python("-m", "cogspeech", "--help")
    as_script = _python("-c", "from cogspeech.delivery.cli import main; main(['--help'])")

    assert as_module.returncode == 0
    assert as_module.stdout == as_script.stdout
    assert as_module.stdout.startswith("usage: cogspeech ")
    assert _python("-m", "cogspeech", "rum").returncode == 2


@pytest.mark.parametrize("arguments", [("--help",), ("run", "--help")])
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    ended = _python("-X", "importtime", "-m", "cogspeech", *arguments)

    imported = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    assert ended.returncode == 0
    assert "cogspeech.delivery.cli" in imported
    assert {name.partition(".")[0] for name in imported} & set(HEAVY) == set()


def test_the_package_imports_nothing_heavy() -> None:
    ended = _python("-X", "importtime", "-c", "import cogspeech")

    imported = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    assert "cogspeech" in imported
    assert {name.partition(".")[0] for name in imported} & set(HEAVY) == set()


def test_every_public_name_is_importable_and_documented() -> None:
    typed = {
        alias.asname
        for node in ast.walk(ast.parse(Path(cogspeech.__file__).read_text()))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }

    assert cogspeech.__all__ == sorted(cogspeech.__all__)
    assert set(cogspeech.__all__) == typed
    for name in cogspeech.__all__:
        entry = getattr(cogspeech, name)
        assert entry.__name__ == name
        assert entry.__doc__
        assert getattr(importlib.import_module(entry.__module__), name) is entry


def test_a_star_import_gives_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from cogspeech import *", names)

    assert set(names) - {"__builtins__"} == set(cogspeech.__all__)


def test_a_name_that_is_not_public_does_not_exist() -> None:
    with pytest.raises(AttributeError, match="module 'cogspeech' has no attribute 'nothing'"):
        cogspeech.nothing  # noqa: B018


def _raising(error: BaseException):
    def fail(*_arguments, **_options):
        raise error

    return fail


def test_an_interruption_ends_with_130_and_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(STUDY_COMMANDS + ".load_study", _raising(KeyboardInterrupt()))

    code = main(["run", "study.yaml", "--out", "out"])

    shown = capsys.readouterr()
    assert code == 130
    assert shown.out == ""
    assert shown.err == (
        "interrupted; every step up to the last checkpoint is kept, go on with --resume\n"
    )


def test_sigterm_ends_with_143_and_handlers_are_as_before(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(
        STUDY_COMMANDS + ".load_study",
        lambda *_: signal.raise_signal(signal.SIGTERM),
    )

    assert main(["run", "study.yaml", "--out", "out"]) == 143
    assert capsys.readouterr().err.startswith("terminated; every step")
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (CogspeechError("one\ntwo\r\n  three\u2028four"), "error: one two three four\n"),
        (OSError(28, "No space left on device", "/a/b"), "error: /a/b: No space left on device\n"),
        (OSError(5, "Input/output error"), "error: Input/output error\n"),
        (OSError("odd"), "error: odd\n"),
    ],
    ids=range(4),
)
def test_an_error_is_one_line_and_ends_with_2(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    line: str,
) -> None:
    monkeypatch.setattr(STUDY_COMMANDS + ".load_study", _raising(error))

    code = main(["run", "study.yaml", "--out", "out"])

    assert (code, capsys.readouterr().err) == (2, line)


def test_a_defect_of_the_program_is_not_dressed_up_as_the_users(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(STUDY_COMMANDS + ".load_study", _raising(ZeroDivisionError()))

    with pytest.raises(ZeroDivisionError):
        main(["run", "study.yaml", "--out", "out"])


def test_offline_is_passed_on_to_every_library(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = ("COGSPEECH_OFFLINE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    for name in (*names, "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "")
    monkeypatch.delenv("HF_HUB_DISABLE_TELEMETRY")

    main(["report", str(tmp_path), "--offline"])

    assert [os.environ[name] for name in names] == ["1", "1", "1"]
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"


def test_embed_says_what_lies_in_the_cache(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["embed", str(study / "study.yaml"), "--quiet"])

    shown = capsys.readouterr()
    assert code == 0
    assert shown.err == ""
    # 8 recordings of 3 words; the gaps of 0.1 s are too short to be pauses
    assert shown.out == "8 recordings, 8.0 s of audio, 24 words and pauses, in the cache\n"


def test_run_prints_the_systems_and_where_the_report_lies(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["run", str(study / "study.yaml"), "--out", str(tmp_path / "run")])

    shown = capsys.readouterr().out
    assert code == 0
    assert "tiny: 8 participants, 8 recordings" in shown
    assert "aligned_cross_attention" in shown
    assert "majority" in shown
    assert "report.html" in "".join(shown.split())
    assert (tmp_path / "run" / "report.html").is_file()


def test_resuming_a_finished_run_gives_the_same_again(
    study: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (run / "predictions.csv").read_bytes()

    code = main(["run", str(study / "study.yaml"), "--out", str(run), "--resume", "--quiet"])

    assert code == 0
    assert (run / "predictions.csv").read_bytes() == before


def test_predict_prints_one_json_object_per_recording(
    study: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["predict", str(run / "model"), str(study / "p0.wav"), str(study / "p1.wav")])

    shown = capsys.readouterr()
    answers = [json.loads(line) for line in shown.out.splitlines()]
    assert (code, shown.err) == (0, "")
    assert [answer["recording_id"] for answer in answers] == ["p0", "p1"]
    assert "lädder" in shown.out
    for answer in answers:
        assert set(answer) == ANSWER_KEYS
        assert 0.0 <= answer["probability"] <= 1.0
        assert answer["decision"] in {"control", "dementia"}
        assert [word["text"] for word in answer["words"]] == ["the", "lädder", "fell"]
        assert answer["quality"]["words"] == 3
        assert "Research only" in answer["use"]


def test_predict_takes_the_words_from_where_it_is_told(
    study: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.words.json").write_text(json.dumps({"words": [{"text": "the"}] * 3}))

    code = main(
        [
            "predict",
            str(run / "model"),
            str(study / "p0.wav"),
            "--transcript",
            str(tmp_path / "mine.words.json"),
            "--untimed-words",
            "spread",
        ]
    )

    answer = json.loads(capsys.readouterr().out)
    assert code == 0
    assert [word["text"] for word in answer["words"]] == ["the", "the", "the"]
    assert answer["quality"]["words_spread_evenly"] == 3


def test_predict_abstains_where_a_recording_is_shorter_than_all_it_was_trained_on(
    study: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = {"words": [{"text": "the", "start_s": 0.1, "end_s": 0.3}]}
    (tmp_path / "mine.words.json").write_text(json.dumps(words))

    code = main(
        [
            "predict",
            str(run / "model"),
            str(study / "p0.wav"),
            "--transcript",
            str(tmp_path / "mine.words.json"),
        ]
    )

    answer = json.loads(capsys.readouterr().out)
    assert code == 0
    assert answer["decision"] == "abstain"
    assert answer["reasons"][0].startswith("too_short: ")


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")
def test_a_recording_whose_name_is_no_text_is_scored(
    study: Path, run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    audio = tmp_path / os.fsdecode(b"visit\xff.wav")
    audio.write_bytes((study / "p0.wav").read_bytes())
    transcript = str(study / "p0.words.json")

    code = main(["predict", str(run / "model"), str(audio), "--transcript", transcript])

    assert code == 0
    assert json.loads(capfd.readouterr().out)["recording_id"] == audio.stem


def test_report_is_built_anew(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = ("report.html", "tables/results.tex", "model/README.md")
    for name in made:
        (run / name).unlink()

    code = main(["report", str(run)])

    assert code == 0
    assert capsys.readouterr().out == f"{run / 'report.html'}\n"
    assert all((run / name).is_file() for name in made)


def test_the_demo_runs_the_shipped_study_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {}

    def note(study, run_dir, *, resume, workers, engine, progress):
        asked.update(study=study, run_dir=run_dir, resume=resume)
        raise CogspeechError("enough")

    monkeypatch.setattr(STUDY_COMMANDS + ".run_study", note)

    code = cli.main(["demo", "--out", str(tmp_path), "--effect", "0", "--quiet"])

    assert code == 2
    assert asked["run_dir"] == tmp_path / "run"
    assert asked["resume"] is True
    assert asked["study"].corpus.options["effect"] == 0.0
    assert (tmp_path / "demo.yaml").is_file()


def test_a_demo_with_other_settings_is_not_mixed_with_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(STUDY_COMMANDS + ".run_study", _raising(CogspeechError("enough")))
    main(["demo", "--out", str(tmp_path), "--quiet"])
    capsys.readouterr()

    code = main(["demo", "--out", str(tmp_path), "--effect", "0", "--quiet"])

    assert code == 2
    assert "a demo with other settings lies there" in capsys.readouterr().err

"""Whatever is wrong with the input: one line that says where and what to do, and nothing left."""

import csv
import hashlib
import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from cogspeech.cache import cache_folder
from cogspeech.delivery.cli import main

RATE_HZ = 16_000
PEOPLE = tuple((f"p{n}", ("control", "dementia")[n % 2]) for n in range(8))
SECRETS = ("quillback", "zanderfish", "ombrelune")
STUDY = {
    "corpus": {"path": "corpus/recordings.csv"},
    "compare": ["majority"],
    "probes": [],
    "training": {"max_epochs": 1},
    "evaluation": {"outer_folds": 2, "repeats": 1, "seeds": 1},
}


def _words(shift_s: float = 0.0) -> list[dict]:
    return [
        {"text": text, "start_s": shift_s + 0.1 + 0.3 * n, "end_s": shift_s + 0.3 + 0.3 * n}
        for n, text in enumerate(SECRETS)
    ]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study of eight recordings of one second."""
    folder = tmp_path_factory.mktemp("sound")
    generator = np.random.default_rng(0)
    (folder / "corpus").mkdir()
    rows = ["recording_id,participant_id,audio_path,transcript_path,diagnosis"]
    for name, label in PEOPLE:
        soundfile.write(
            folder / "corpus" / f"{name}.wav", generator.normal(0, 0.1, RATE_HZ), RATE_HZ
        )
        words = {"language": "en", "source": "manual", "words": _words()}
        (folder / "corpus" / f"{name}.words.json").write_text(json.dumps(words))
        rows.append(f"r-{name},{name},{name}.wav,{name}.words.json,{label}")
    (folder / "corpus" / "recordings.csv").write_text("\n".join([*rows, ""]))
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY))
    return folder


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    """A copy of the sound study, to be spoilt."""
    return Path(shutil.copytree(sound, tmp_path / "study"))


@pytest.fixture(scope="module")
def trained(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of the sound study."""
    out = tmp_path_factory.mktemp("trained") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COGSPEECH_CACHE", str(tmp_path_factory.mktemp("trained-cache")))
        assert main(["run", str(sound / "study.yaml"), "--out", str(out), "--quiet"]) == 0
    return out


@pytest.fixture
def bundle(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained bundle, to be spoilt."""
    return Path(shutil.copytree(trained / "model", tmp_path / "model"))


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that must be refused; gives the line without its start."""

    def refuse(*arguments: object) -> str:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        shown = capsys.readouterr()

        assert code == 2
        assert shown.out == ""
        assert shown.err.endswith("\n")
        assert len(shown.err.splitlines()) == 1
        assert shown.err.startswith("error: ")
        assert "Traceback" not in shown.err
        assert not any(secret in shown.err for secret in SECRETS)
        assert [path for path in cache_folder().rglob("*") if path.name.startswith(".tmp")] == []
        return shown.err.removeprefix("error: ").rstrip("\n")

    return refuse


@pytest.fixture
def run_refused(folder: Path, refused: Callable[..., str]) -> Callable[[], str]:
    """Runs the spoilt study, which must leave nothing but an empty folder."""

    def refuse() -> str:
        before = _tree(folder)
        line = refused("run", folder / "study.yaml", "--out", folder.parent / "out", "--quiet")

        assert not (folder.parent / "out").exists() or _tree(folder.parent / "out") == {}
        assert _tree(folder) == before
        return line

    return refuse


def _tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in sorted(folder.rglob("*"))
    }


def _spoil_cell(folder: Path, row: int, **cells: str) -> None:
    """Changes cells of a row of the table, counted as in an editor."""
    path = folder / "corpus" / "recordings.csv"
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    rows[row - 2].update(cells)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _spoil_study(folder: Path, text: str) -> None:
    with (folder / "study.yaml").open("a") as stream:
        stream.write(text)


def _change_study(folder: Path, **sections: object) -> None:
    (folder / "study.yaml").write_text(yaml.safe_dump({**STUDY, **sections}))


def _write_words(folder: Path, content: object) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / "corpus" / "p1.words.json").write_text(text)


def _write_audio(
    folder: Path, samples: np.ndarray, rate_hz: int = RATE_HZ, subtype: str = "PCM_16"
) -> None:
    soundfile.write(folder / "corpus" / "p1.wav", samples, rate_hz, subtype=subtype)


def _noise(num_samples: int, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 0.1, (num_samples, channels))


# The table and the words; p1 stands in row 3.


def _missing_column(folder: Path) -> None:
    path = folder / "corpus" / "recordings.csv"
    path.write_text(path.read_text().replace("participant_id", "particpant", 1))


def _too_few(folder: Path) -> None:
    path = folder / "corpus" / "recordings.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:7]) + "\n")


def _two_labels(folder: Path) -> None:
    _spoil_cell(folder, 4, participant_id="p1")


def _outside(folder: Path) -> None:
    (folder / "private.wav").write_bytes((folder / "corpus" / "p1.wav").read_bytes())


def _link_outside(folder: Path) -> None:
    _outside(folder)
    (folder / "corpus" / "p1.wav").unlink()
    (folder / "corpus" / "p1.wav").symlink_to(folder / "private.wav")


def _circle(folder: Path) -> None:
    (folder / "corpus" / "p1.wav").unlink()
    (folder / "corpus" / "p1.wav").symlink_to("p1.wav")


def _nothing(folder: Path) -> None:
    (folder / "corpus" / "p1.wav").write_bytes(b"")


def _cut(name: str) -> Callable[[Path], None]:
    def cut(folder: Path) -> None:
        path = folder / "corpus" / name
        soundfile.write(path, _noise(RATE_HZ), RATE_HZ)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        _spoil_cell(folder, 3, audio_path=name)

    return cut


def _replaced(make: Callable[[Path], object], name: str = "p1.wav") -> Callable[[Path], None]:
    def replace(folder: Path) -> None:
        (folder / "corpus" / name).unlink()
        make(folder / "corpus" / name)

    return replace


def _too_short(folder: Path) -> None:
    _write_audio(folder, _noise(100))
    _write_words(folder, {"words": [{"text": SECRETS[0], "start_s": 0.001, "end_s": 0.005}]})


ROW = "recordings.csv:3: "
CORPORA: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "missing column": (
        _missing_column,
        (
            "recordings.csv:1: ",
            "'participant_id' is missing",
            "did you mean 'particpant'?",
        ),
    ),
    "unknown diagnosis": (
        lambda folder: _spoil_cell(folder, 3, diagnosis="Dementia?"),
        (ROW, "diagnosis is 'Dementia?'", "expected one of control, dementia", "correct the row"),
    ),
    "no diagnosis": (
        lambda folder: _spoil_cell(folder, 3, diagnosis=""),
        (ROW, "diagnosis is ''", "correct the row"),
    ),
    "a recording twice": (
        lambda folder: _spoil_cell(folder, 3, recording_id="r-p0"),
        ("recordings.csv:2: ", "recording_id 'r-p0' stands 2 times", "must be unique"),
    ),
    "a participant with two labels": (
        _two_labels,
        ("recordings.csv:4: ", "participant 'p1' is 'control' here", "needs one label"),
    ),
    "a class smaller than the folds": (
        _too_few,
        ("class 'control' has 3 participants, fewer than the 4", "lower evaluation.outer_folds"),
    ),
    "nul bytes": (
        lambda folder: _spoil_cell(folder, 3, participant_id="p\0"),
        (ROW, "NUL character", "export the table again"),
    ),
    "an over-long cell": (
        lambda folder: _spoil_cell(folder, 3, participant_id="p" * 131_073),
        (ROW, "field larger than field limit", "correct the row"),
    ),
    "a path with dots": (
        lambda folder: [_outside(folder), _spoil_cell(folder, 3, audio_path="../private.wav")],
        (ROW, "audio_path '../private.wav' leaves the folder", "move the file below it"),
    ),
    "an absolute path": (
        lambda folder: [
            _outside(folder),
            _spoil_cell(folder, 3, audio_path=str(folder / "private.wav")),
        ],
        (ROW, "leaves the folder", "move the file below it"),
    ),
    "a link to elsewhere": (_link_outside, (ROW, "leaves the folder", "move the file below it")),
    "a link in a circle": (_circle, (ROW, "audio_path is not a usable path", "correct the row")),
    "missing audio": (
        lambda folder: (folder / "corpus" / "p1.wav").unlink(),
        (ROW, "p1.wav' cannot be opened", "correct the path"),
    ),
    "a folder as audio": (
        _replaced(Path.mkdir),
        (ROW, "p1.wav' is not a regular file", "give the path of a recording"),
    ),
    "a pipe as audio": (
        _replaced(os.mkfifo),
        (ROW, "p1.wav' is not a regular file", "give the path of a recording"),
    ),
    "audio of no bytes": (_nothing, (ROW, "p1.wav' is empty (0 bytes)", "export it again")),
    "audio of no samples": (
        lambda folder: _write_audio(folder, _noise(0)),
        (ROW, "p1.wav' has no samples", "export it again"),
    ),
    "audio that is a text": (
        _replaced(lambda path: path.write_text("hello " * 100)),
        (ROW, "p1.wav' is not readable as WAV", "convert it"),
    ),
    "audio without a header": (
        lambda folder: [
            (folder / "corpus" / "p1.raw").write_bytes(b"\1\2" * 1000),
            _spoil_cell(folder, 3, audio_path="p1.raw"),
        ],
        (ROW, "p1.raw' is not readable as WAV", "convert it"),
    ),
    "audio of 1 Hz": (
        lambda folder: _write_audio(folder, _noise(1), 1),
        (ROW, "p1.wav' has a sample rate of 1 Hz", "expected 4000 to", "export it again"),
    ),
    "audio of nine channels": (
        lambda folder: _write_audio(folder, _noise(RATE_HZ, 9)),
        (ROW, "p1.wav' has 9 channels", "expected at most 8", "export it again"),
    ),
    "audio shorter than a frame": (
        _too_short,
        (ROW, "p1.wav' holds 6.2 ms", "less than one frame", "leave the recording out"),
    ),
    "a wav that breaks off": (
        _cut("p1.wav"),
        (ROW, "p1.wav' breaks off at 0.50 s of 1.00 s", "copy it again"),
    ),
    "no transcript": (
        lambda folder: _spoil_cell(folder, 3, transcript_path=""),
        (ROW, "'r-p1' has no transcript_path", "fill the column"),
    ),
    "a missing transcript": (
        lambda folder: (folder / "corpus" / "p1.words.json").unlink(),
        (ROW, "p1.words.json: cannot be opened", "correct the path"),
    ),
    "a transcript of an unknown format": (
        lambda folder: [
            (folder / "corpus" / "p1.docx").write_text("x"),
            _spoil_cell(folder, 3, transcript_path="p1.docx"),
        ],
        (ROW, "p1.docx: no reader for this file name", ".words.json"),
    ),
    "a folder as transcript": (
        _replaced(Path.mkdir, "p1.words.json"),
        (ROW, "p1.words.json: is not a regular file", "give the path of a transcript"),
    ),
    "a pipe as transcript": (
        _replaced(os.mkfifo, "p1.words.json"),
        (ROW, "p1.words.json: is not a regular file", "give the path of a transcript"),
    ),
    "words outside the recording": (
        lambda folder: _write_words(folder, {"words": _words(shift_s=0.5)}),
        (ROW, "'r-p1': word 2 ends at 1.100 s, after the audio (1.000 s)", "times in seconds"),
    ),
    "an end before its start": (
        lambda folder: _write_words(
            folder, {"words": [{"text": SECRETS[0], "start_s": 0.5, "end_s": 0.4}]}
        ),
        (ROW, "p1.words.json: word 1: ", "not end before it starts", "correct it"),
    ),
    "words in a wrong order": (
        lambda folder: _write_words(folder, {"words": _words()[::-1]}),
        (ROW, "word 2 starts at 0.400 s, before the word that precedes it", "order of time"),
    ),
    "no words": (
        lambda folder: _write_words(folder, {"words": []}),
        (ROW, "'r-p1' has no words of the participant", "correct its transcript"),
    ),
    "words of the interviewer only": (
        lambda folder: _write_words(
            folder, {"words": [{**word, "speaker": "interviewer"} for word in _words()]}
        ),
        (ROW, "'r-p1' has no words of the participant", "correct its transcript"),
    ),
    "no times": (
        lambda folder: _write_words(folder, {"words": [{"text": SECRETS[0]}]}),
        (ROW, "'r-p1' has no word with times", "transcripts.untimed_words to 'spread'"),
    ),
    "a time that is NaN": (
        lambda folder: _write_words(
            folder, f'{{"words": [{{"text": "{SECRETS[0]}", "start_s": NaN, "end_s": 1}}]}}'
        ),
        (ROW, "p1.words.json: ", "NaN is not a time", "write null"),
    ),
    'a time that is "NaN"': (
        lambda folder: _write_words(
            folder, {"words": [{"text": SECRETS[0], "start_s": "NaN", "end_s": 1}]}
        ),
        (ROW, "p1.words.json: word 1: 'start_s' must be a number or null", "correct it"),
    ),
    "an unknown key": (
        lambda folder: _write_words(folder, {"words": [{"text": SECRETS[0], "start": 0.1}]}),
        (ROW, "p1.words.json: word 1: its key 2 is unknown", "did you mean 'start_s'?"),
    ),
    "a word as a key": (
        lambda folder: _write_words(folder, {"words": [{SECRETS[0]: [0.1, 0.2]}]}),
        (ROW, "p1.words.json: word 1: its key 1 is unknown", "known: text, start_s"),
    ),
    "a wrong type": (
        lambda folder: _write_words(folder, {"words": {SECRETS[0]: 1}}),
        (ROW, "p1.words.json: expected a list under 'words'"),
    ),
    "a deep nesting": (
        lambda folder: _write_words(folder, '{"words": ' + "[" * 100_000),
        (ROW, "p1.words.json: not valid json (nested too deeply)", "write it again"),
    ),
    "a huge number": (
        lambda folder: _write_words(
            folder, f'{{"words": [{{"text": "{SECRETS[0]}", "start_s": {"9" * 999}}}]}}'
        ),
        (ROW, "p1.words.json: word 1: 'start_s' is too large", "correct it"),
    ),
    "a key twice": (
        lambda folder: _write_words(folder, f'{{"words": [], "words": [{{"{SECRETS[0]}": 1}}]}}'),
        (ROW, "p1.words.json: not valid json (a key stands twice", "write it again"),
    ),
    "half a file of words": (
        lambda folder: _write_words(folder, json.dumps({"words": _words()})[:40]),
        (ROW, "p1.words.json:1: not valid json", "write it again"),
    ),
}


@pytest.mark.parametrize(("spoil", "expected"), CORPORA.values(), ids=CORPORA)
def test_a_corpus_that_cannot_be_used_is_refused_with_row_and_remedy(
    folder: Path,
    run_refused: Callable[[], str],
    spoil: Callable[[Path], object],
    expected: tuple[str, ...],
) -> None:
    spoil(folder)

    line = run_refused()

    for part in expected:
        assert part in line


def _not_a_number(folder: Path) -> None:
    samples = _noise(RATE_HZ)
    samples[800] = np.nan
    _write_audio(folder, samples, subtype="FLOAT")


DECODING: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "audio with NaN": (_not_a_number, ("p1.wav' has samples that are not finite", "export it")),
    "digital silence": (
        lambda folder: _write_audio(folder, np.zeros(RATE_HZ)),
        ("p1.wav' is digital silence from start to end", "leave the recording out"),
    ),
    "a flac that breaks off": (
        _cut("p1.flac"),
        ("p1.flac' breaks off at ", " of 1.00 s", "copy it again from its source"),
    ),
}


@pytest.mark.parametrize(("spoil", "expected"), DECODING.values(), ids=DECODING)
def test_audio_that_cannot_be_decoded_is_refused_with_the_remedy(
    folder: Path,
    run_refused: Callable[[], str],
    spoil: Callable[[Path], object],
    expected: tuple[str, ...],
) -> None:
    spoil(folder)

    line = run_refused()

    for part in expected:
        assert part in line


@pytest.mark.parametrize("spoil", [spoil for spoil, _ in DECODING.values()], ids=DECODING)
def test_audio_that_cannot_be_decoded_is_refused_with_its_row(
    folder: Path, run_refused: Callable[[], str], spoil: Callable[[Path], object]
) -> None:
    spoil(folder)

    assert ROW in run_refused()


# The study file.

STUDIES: dict[str, tuple[dict[str, object], tuple[str, ...]]] = {
    "unknown section": ({"fusoin": {}}, ("unknown key 'fusoin'", "did you mean 'fusion'?")),
    "unknown nested key": (
        {"training": {"max_epoch": 1}},
        ("unknown key 'training.max_epoch'", "did you mean 'max_epochs'?"),
    ),
    "unknown key of the target": (
        {"target": {"colum": "x"}},
        ("unknown key 'target.colum'", "did you mean 'column'?"),
    ),
    "a value of the wrong type": (
        {"training": {"max_epochs": "many"}},
        ("'training.max_epochs'", "valid integer", "found 'many'"),
    ),
    "unknown audio encoder": (
        {"audio_encoder": {"name": "acustic"}},
        ("unknown audio encoder 'acustic'", "did you mean 'acoustic'?"),
    ),
    "unknown text encoder": (
        {"text_encoder": {"name": "hashed_word"}},
        ("unknown text encoder 'hashed_word'", "did you mean 'hashed_words'?"),
    ),
    "unknown fusion": (
        {"fusion": {"name": "late_fussion"}},
        ("unknown fusion 'late_fussion'", "did you mean 'late_fusion'?"),
    ),
    "unknown importer": (
        {"corpus": {"importer": "tabel", "path": "corpus/recordings.csv"}},
        ("unknown corpus importer 'tabel'", "did you mean 'table'?"),
    ),
    "unknown probe": (
        {"probes": ["silence"]},
        ("unknown probe 'silence'", "did you mean 'silence_only'?"),
    ),
    "unknown system to compare with": (
        {"compare": ["majorty"]},
        ("compare: unknown system 'majorty'", "did you mean 'majority'?"),
    ),
    "unknown source of transcripts": (
        {"transcripts": {"source": "file"}},
        ("unknown transcript source 'file'", "did you mean 'files'?"),
    ),
    "unknown option of an encoder": (
        {"audio_encoder": {"name": "acoustic", "mel_band": 20}},
        ("audio_encoder: unknown key 'mel_band'", "did you mean 'mel_bands'?"),
    ),
    "wrong value of an option": (
        {"audio_encoder": {"name": "acoustic", "mel_bands": 0}},
        ("audio_encoder: 'mel_bands'", "greater than or equal to 4", "found 0"),
    ),
    "unknown objective": (
        {"target": {"objective": "ordnal"}},
        ("unknown objective 'ordnal'", "did you mean 'ordinal'?"),
    ),
    "unknown option of an objective": (
        {"target": {"objective": {"name": "joint", "wieght": 1}}},
        ("objective joint: unknown key 'wieght'", "did you mean 'weight'?"),
    ),
    "an objective for another number of classes": (
        {"target": {"classes": ["a", "b", "c"], "objective": "binary"}},
        ("objective binary: expected two names in target.classes, found 3",),
    ),
    "unknown option of a fusion": (
        {"fusion": {"name": "aligned_cross_attention", "drop_out": 0.1}},
        ("fusion: unknown key 'drop_out'", "did you mean 'dropout'?"),
    ),
}


@pytest.mark.parametrize(("sections", "expected"), STUDIES.values(), ids=STUDIES)
def test_a_study_that_asks_for_what_does_not_exist_suggests_the_nearest(
    folder: Path,
    run_refused: Callable[[], str],
    sections: dict[str, object],
    expected: tuple[str, ...],
) -> None:
    _change_study(folder, **sections)

    line = run_refused()

    assert line.startswith(f"{folder / 'study.yaml'}: ")
    for part in expected:
        assert part in line


def test_a_misspelt_key_of_the_corpus_suggests_the_nearest(
    folder: Path, run_refused: Callable[[], str]
) -> None:
    _change_study(folder, corpus={"importr": "table", "path": "corpus/recordings.csv"})

    line = run_refused()

    assert line.startswith(f"{folder / 'study.yaml'}: corpus: unknown key 'importr'; ")
    assert "did you mean 'importer'?" in line


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a: b: c\n", "study.yaml:"),
        ("'\n", "study.yaml:"),
        ("name: 2024-13-45\n", "study.yaml"),
        ("name: \x00\n", "study.yaml"),
        ("name: " + "[" * 1000, "study.yaml"),
    ],
    ids=range(5),
)
def test_broken_yaml_is_refused(
    folder: Path, run_refused: Callable[[], str], text: str, match: str
) -> None:
    _spoil_study(folder, text)

    line = run_refused()

    assert match in line
    assert "not valid yaml" in line


def test_a_missing_study_file_is_refused(folder: Path, run_refused: Callable[[], str]) -> None:
    (folder / "study.yaml").unlink()

    assert "study.yaml: no such study file; give the path of a yaml file" in run_refused()


def test_a_missing_table_is_refused(folder: Path, run_refused: Callable[[], str]) -> None:
    (folder / "corpus" / "recordings.csv").unlink()

    assert "recordings.csv: no such recordings table; expected a csv file" in run_refused()


def test_embed_refuses_the_same_as_run(folder: Path, refused: Callable[..., str]) -> None:
    _spoil_cell(folder, 3, diagnosis="x")

    assert ROW in refused("embed", folder / "study.yaml")


# The command line.


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ((), "the following arguments are required: COMMAND; see 'cogspeech --help'"),
        (("rum",), "invalid choice: 'rum'"),
        (("--version-of-what",), "see 'cogspeech --help'"),
        (
            ("run",),
            "the following arguments are required: study, --out; see 'cogspeech run --help'",
        ),
        (("run", "study.yaml"), "the following arguments are required: --out"),
        (
            ("run", "study.yaml", "--out", "o", "--epochs", "3"),
            "unrecognized arguments: --epochs 3",
        ),
        (("run", "study.yaml", "--out"), "argument --out: expected one argument"),
        (("demo", "--effect", "much"), "argument --effect: invalid float value: 'much'"),
        (("predict", "model"), "the following arguments are required: audio"),
        (("predict", "m", "a", "--untimed-words", "guess"), "invalid choice: 'guess'"),
    ],
    ids=range(10),
)
def test_wrong_usage_is_refused_with_the_way_to_the_help(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    refused: Callable[..., str],
    arguments: tuple[str, ...],
    match: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    line = refused(*arguments)

    assert match in line
    assert "--help'" in line
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_a_run_is_left_as_it_is(
    trained: Path, sound: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    out = Path(shutil.copytree(trained, tmp_path / "run"))
    before = _tree(out)

    line = refused("run", sound / "study.yaml", "--out", out, "--quiet")

    assert (
        line
        == f"{out}: holds a run already; add --resume to go on with it, or choose another --out"
    )
    assert _tree(out) == before


def test_resuming_another_study_is_refused_and_changes_nothing(
    trained: Path, folder: Path, refused: Callable[..., str]
) -> None:
    out = Path(shutil.copytree(trained, folder.parent / "run"))
    _change_study(folder, training={"max_epochs": 2})
    before = _tree(out)

    line = refused("run", folder / "study.yaml", "--out", out, "--resume", "--quiet")

    assert str(out) in line
    assert _tree(out) == before


def test_resuming_with_another_seed_is_refused_and_changes_nothing(
    trained: Path, folder: Path, refused: Callable[..., str]
) -> None:
    out = Path(shutil.copytree(trained, folder.parent / "run"))
    _change_study(folder, seed=8)
    before = _tree(out)

    line = refused("run", folder / "study.yaml", "--out", out, "--resume", "--quiet")

    assert str(out) in line
    assert _tree(out) == before


def test_a_file_as_run_folder_is_refused(sound: Path, tmp_path: Path, refused) -> None:
    (tmp_path / "out").write_text("mine")

    line = refused("run", sound / "study.yaml", "--out", tmp_path / "out", "--quiet")

    assert f"{tmp_path / 'out'}: cannot be made" in line
    assert (tmp_path / "out").read_text() == "mine"


def test_a_demo_with_an_effect_that_is_no_number_is_refused(tmp_path: Path, refused) -> None:
    line = refused("demo", "--out", tmp_path / "demo", "--effect", "nan", "--quiet")

    assert "effect" in line


def test_a_report_of_no_run_is_refused(tmp_path: Path, refused: Callable[..., str]) -> None:
    line = refused("report", tmp_path)

    assert str(tmp_path) in line
    assert list(tmp_path.iterdir()) == []


# Prediction.


def test_one_transcript_for_two_recordings_is_refused(bundle: Path, sound: Path, refused) -> None:
    audio = sound / "corpus" / "p0.wav"
    line = refused(
        "predict", bundle, audio, audio, "--transcript", sound / "corpus" / "p0.words.json"
    )

    assert line == "--transcript belongs to one audio file; give one, or leave it out"


def test_a_folder_that_is_no_bundle_is_refused(sound: Path, refused) -> None:
    line = refused("predict", sound, sound / "corpus" / "p0.wav")

    assert f"{sound / 'bundle.json'}: no such bundle; give the 'model' folder of a run" in line


def _describe(bundle: Path, **facts: object) -> None:
    path = bundle / "bundle.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))


def _pickle(bundle: Path) -> None:
    content = pickle.dumps({"weights": list(range(100))})
    (bundle / "model.safetensors").write_bytes(content)


def _described_pickle(bundle: Path) -> None:
    _pickle(bundle)
    content = (bundle / "model.safetensors").read_bytes()
    _describe(bundle, weights_sha256=hashlib.sha256(content).hexdigest())


BUNDLES: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "a pickle": (
        _pickle,
        ("model.safetensors: is a pickle; only .safetensors bundles are loaded",),
    ),
    "a pickle with its own digest": (
        _described_pickle,
        ("model.safetensors: is a pickle", "see docs/bundles.md"),
    ),
    "a wrong digest": (
        lambda bundle: _describe(bundle, weights_sha256="0" * 64),
        ("model.safetensors: not the weights that bundle.json describes", "copy both again"),
    ),
    "no weights": (
        lambda bundle: (bundle / "model.safetensors").unlink(),
        ("model.safetensors: cannot be opened (No such file or directory)", "copy the bundle"),
    ),
    "another format": (
        lambda bundle: _describe(bundle, format_version=99),
        ("bundle.json: has format 99, expected 5", "use the cogspeech version that made it"),
    ),
    "a description that is no json": (
        lambda bundle: (bundle / "bundle.json").write_text("{"),
        ("bundle.json:1: not valid json", "copy the bundle again"),
    ),
    "a description that is a list": (
        lambda bundle: (bundle / "bundle.json").write_text("[]"),
        ("bundle.json: expected a json object of facts, found a list",),
    ),
    "an unknown fusion": (
        lambda bundle: _describe(bundle, fusion={"name": "late_fussion"}),
        ("unknown fusion 'late_fussion'", "did you mean 'late_fusion'?"),
    ),
    "another fusion": (
        lambda bundle: _describe(bundle, fusion={"name": "text_only"}),
        ("model.safetensors: does not fit the fusion it names",),
    ),
    "another encoder": (
        lambda bundle: _describe(bundle, audio_encoder={"name": "acoustic", "mel_bands": 20}),
        ("the encoders give vectors of 22 and 65; the model was trained on 42 and 65",),
    ),
}


@pytest.mark.parametrize(("spoil", "expected"), BUNDLES.values(), ids=BUNDLES)
def test_a_bundle_that_cannot_be_used_is_refused(
    bundle: Path,
    sound: Path,
    refused: Callable[..., str],
    spoil: Callable[[Path], object],
    expected: tuple[str, ...],
) -> None:
    spoil(bundle)

    line = refused("predict", bundle, sound / "corpus" / "p0.wav")

    for part in expected:
        assert part in line


@pytest.mark.parametrize("size", [-5, 10**15, float("inf")])
def test_a_bundle_of_an_impossible_size_is_refused(
    bundle: Path, sound: Path, refused: Callable[..., str], size: float
) -> None:
    _describe(bundle, sizes={"d_audio": size, "d_text": 65})

    line = refused("predict", bundle, sound / "corpus" / "p0.wav")

    assert str(bundle) in line


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (
            lambda folder: (folder / "corpus" / "p1.wav").unlink(),
            ("p1.wav' cannot be opened", "correct the path"),
        ),
        (_nothing, ("p1.wav' is empty (0 bytes)", "export it again")),
        (_replaced(os.mkfifo), ("p1.wav' is not a regular file",)),
        (_not_a_number, ("p1.wav' has samples that are not finite numbers", "export it again")),
        (
            lambda folder: (folder / "corpus" / "p1.words.json").unlink(),
            ("p1.words.json: no such words file; give its path with --transcript",),
        ),
        (
            lambda folder: _write_words(folder, {"words": [{"text": SECRETS[0]}]}),
            ("p1.words.json: recording 'p1' has no word with times",),
        ),
        (
            lambda folder: _write_words(folder, {"words": _words(shift_s=0.5)}),
            ("p1.words.json: recording 'p1': word 2 ends at 1.100 s",),
        ),
    ],
    ids=range(7),
)
def test_a_recording_that_cannot_be_scored_is_refused(
    folder: Path,
    bundle: Path,
    refused: Callable[..., str],
    spoil: Callable[[Path], object],
    expected: tuple[str, ...],
) -> None:
    spoil(folder)

    line = refused("predict", bundle, folder / "corpus" / "p1.wav")

    for part in expected:
        assert part in line

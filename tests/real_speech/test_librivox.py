"""Five read sentences go through `embed` and `predict`; their words are placed evenly."""

import json

import numpy as np
import pytest
import yaml

from cogspeech.corpora.base import write_recordings_table
from cogspeech.delivery.cli import main
from digit_corpora import digit_corpus

pytestmark = pytest.mark.real_speech


@pytest.fixture
def sentences(tmp_path, real_speech):
    """The clips and an untimed words file for each, in a folder with a recordings table."""
    source = real_speech / "librivox"
    rows = []
    for line in (source / "transcription").read_text().splitlines():
        text, _, name = line.removeprefix("<s> ").partition(" </s> ")
        name = name.strip("()")
        (tmp_path / f"{name}.wav").write_bytes((source / f"{name}.wav").read_bytes())
        words = [{"text": word, "start_s": None, "end_s": None} for word in text.split()]
        (tmp_path / f"{name}.words.json").write_text(json.dumps({"words": words}))
        rows.append(
            {
                "recording_id": name,
                "participant_id": name,
                "audio_path": f"{name}.wav",
                "transcript_path": f"{name}.words.json",
                "diagnosis": ("control", "dementia")[len(rows) % 2],
            }
        )
    assert len(rows) == 5
    write_recordings_table(tmp_path / "recordings.csv", rows)
    return tmp_path


@pytest.fixture
def bundle(tmp_path, real_speech):
    digit_corpus(real_speech, tmp_path / "digits", "text", participants=12, words=8)
    study = {
        "corpus": {"path": "digits/recordings.csv"},
        "compare": [],
        "training": {"max_epochs": 3},
        "evaluation": {"outer_folds": 2, "repeats": 1, "seeds": 1},
        "probes": [],
    }
    (tmp_path / "digits.yaml").write_text(yaml.safe_dump(study))
    assert main(["run", str(tmp_path / "digits.yaml"), "--out", str(tmp_path / "run")]) == 0
    return tmp_path / "run" / "model"


def test_the_clips_are_embedded(sentences, capsys):
    study = {
        "corpus": {"path": "recordings.csv"},
        "transcripts": {"untimed_words": "spread"},
    }
    (sentences / "study.yaml").write_text(yaml.safe_dump(study))

    assert main(["embed", str(sentences / "study.yaml")]) == 0

    assert capsys.readouterr().out.startswith("5 recordings, 24.7 s of audio, 71 words and pauses")


def test_the_clips_are_predicted(sentences, bundle, capsys):
    clips = sorted(str(path) for path in sentences.glob("*.wav"))
    capsys.readouterr()

    assert main(["predict", str(bundle), *clips, "--untimed-words", "spread"]) == 0

    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [a["recording_id"] + ".wav" for a in answers] == [c.rpartition("/")[2] for c in clips]
    for answer in answers:
        assert 0.0 <= answer["probability"] <= 1.0
        assert answer["decision"] in {"control", "dementia", "abstain"}
        assert answer["quality"]["words_spread_evenly"] == answer["quality"]["words"] > 5
        assert answer["use"].lower().startswith("research only")
        assert np.isfinite([word["attribution"] for word in answer["words"]]).all()


def test_without_times_and_without_leave_it_says_what_to_do(sentences, bundle, capsys):
    clip = next(sentences.glob("*.wav"))
    capsys.readouterr()

    assert main(["predict", str(bundle), str(clip)]) == 2

    error = capsys.readouterr().err
    assert "has no word with times; align it" in error
    assert error.count("\n") == 1

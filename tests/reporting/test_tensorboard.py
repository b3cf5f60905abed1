import json
import sys

import pytest

from cogspeech.errors import CogspeechError, MissingExtra
from cogspeech.reporting.tensorboard import write_tensorboard

LINE = {"epoch": 0, "training_loss": 0.7, "validation_loss": 0.6, "monitored": 0.6,
        "learning_rate": 0.1, "is_best": True}  # fmt: skip


def test_a_missing_tensorboard_gives_the_pip_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)

    with pytest.raises(MissingExtra, match=r"pip install 'cogspeech\[tensorboard\]'"):
        write_tensorboard(tmp_path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_epoch_is_there_once_however_often_it_is_written(tmp_path):
    pytest.importorskip("tensorboard")
    with pytest.raises(CogspeechError, match="no history"):
        write_tensorboard(tmp_path)
    fit = tmp_path / "checkpoints" / "text_only" / "repeat0-fold0-seed7"
    fit.mkdir(parents=True)
    lines = [json.dumps({**LINE, "epoch": epoch}) for epoch in range(3)]
    (fit / "history.jsonl").write_text("\n".join([*lines, ""]))
    for _ in range(2):
        write_tensorboard(tmp_path)

    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "tensorboard" / "text_only" / fit.name))
    events.Reload()
    assert [event.step for event in events.Scalars("validation_loss")] == [1, 2, 3]

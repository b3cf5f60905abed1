"""The histories of a run for TensorBoard (extra ``tensorboard``), made from ``history.jsonl``."""

import shutil
from pathlib import Path

from pydantic import TypeAdapter

from cogspeech.errors import CogspeechError, require
from cogspeech.training.history import HISTORY, EpochRecord

_Epoch = TypeAdapter(EpochRecord)
SHOWN = ("training_loss", "validation_loss", "monitored", "learning_rate")


def write_tensorboard(run_dir: Path) -> Path:
    """Writes ``RUN/tensorboard`` anew: one TensorBoard run per fit; gives the folder.

    Event files can only be appended to, and a resumed fit would show epochs twice; so they are made
    from the histories, which never have one twice.

    Raises:
        CogspeechError: the folder has no history.
        MissingExtra: TensorBoard is not installed.
    """
    require("tensorboard", extra="tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    checkpoints, target = run_dir / "checkpoints", run_dir / "tensorboard"
    histories = sorted(checkpoints.rglob(HISTORY))
    if not histories:
        raise CogspeechError(f"{checkpoints}: no {HISTORY}; give a run folder of 'cogspeech run'")
    shutil.rmtree(target, ignore_errors=True)
    for path in histories:
        with SummaryWriter(str(target / path.parent.relative_to(checkpoints))) as writer:
            for line in path.read_text(encoding="utf-8").splitlines():
                record = _Epoch.validate_json(line)
                for name in SHOWN:
                    writer.add_scalar(name, getattr(record, name), record.epoch + 1)
    return target

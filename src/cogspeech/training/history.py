"""What every epoch of a fit did: ``history.jsonl``, one json object per line."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cogspeech.cache import write_atomically
from cogspeech.training.checkpoint import cannot_write

HISTORY = "history.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord:
    """One epoch; losses are means over recordings."""

    epoch: int
    training_loss: float
    validation_loss: float
    monitored: float
    """The metric that decides which epoch is the best."""
    learning_rate: float
    """In the last step."""
    is_best: bool
    """Whether the monitored metric improved; the weights of the last such epoch were kept."""


def write_history(folder: Path, history: Sequence[EpochRecord]) -> None:
    """Writes the whole history anew, so it never has an epoch twice or half a line.

    Raises:
        CheckpointError: it cannot be written.
    """
    path = folder / HISTORY
    content = "".join(f"{json.dumps(asdict(record))}\n" for record in history).encode()
    try:
        write_atomically(path, content)
    except OSError as error:
        raise cannot_write(path, content, error) from error

"""The study of ``cogspeech demo``: a shipped study file on a corpus that it makes itself."""

from importlib.resources import files
from pathlib import Path

import yaml

from cogspeech.cache import write_atomically
from cogspeech.config import Study
from cogspeech.errors import ConfigError
from cogspeech.study_file import load_study

STUDY_NAME = "demo.yaml"


def demo_study(folder: Path, *, effect: float) -> Study:
    """Writes the demo's study file into ``folder`` and loads it.

    Args:
        folder: made if missing; the corpus will lie below it.
        effect: scales how far the impaired group differs.

    Raises:
        ConfigError: ``effect`` is not a usable number.
    """
    text = files("cogspeech.delivery").joinpath(STUDY_NAME).read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    content["corpus"]["effect"] = effect
    path = folder / STUDY_NAME
    if path.exists() and yaml.safe_load(path.read_text(encoding="utf-8")) != content:
        raise ConfigError(
            f"{path}: a demo with other settings lies there; remove the folder or choose another "
            "--out"
        )
    write_atomically(path, yaml.safe_dump(content, sort_keys=False).encode())
    return load_study(path)

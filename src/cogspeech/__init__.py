"""Detects signs of cognitive impairment in speech, and says how far its answer can be trusted."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cogspeech.delivery.predictor import Predictor as Predictor
    from cogspeech.errors import CogspeechError as CogspeechError
    from cogspeech.study import run_study as run_study
    from cogspeech.study_file import load_study as load_study

_HOMES = {
    "CogspeechError": "cogspeech.errors",
    "Predictor": "cogspeech.delivery.predictor",
    "load_study": "cogspeech.study_file",
    "run_study": "cogspeech.study",
}
__all__ = ["CogspeechError", "Predictor", "load_study", "run_study"]


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first used, so that the command line starts at once."""
    if name not in _HOMES:
        raise AttributeError(f"module 'cogspeech' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)

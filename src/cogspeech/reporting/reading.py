"""Reads one file of a run folder, or says in one sentence what is wrong with it."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from cogspeech.errors import CogspeechError

ReadT = TypeVar("ReadT")


class Part(BaseModel):
    """Something that is read from a json file; its numbers are finite."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


def checked(path: Path, read: Callable[[str], ReadT]) -> ReadT:
    """What ``read`` makes of the text of a file.

    Raises:
        CogspeechError: the file is missing or not what `run` writes.
    """
    remedy = f"{path.parent} is not a run folder; make one with 'cogspeech run'"
    try:
        return read(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CogspeechError(f"{path}: is missing; {remedy}") from error
    except ValidationError as error:
        # Never the value that was found: it may be a participant's word.
        first = error.errors(include_input=False, include_url=False)[0]
        found = ": ".join([*map(str, first["loc"]), first["msg"]])
        cause: Exception = error
    except (OSError, ValueError, csv.Error, yaml.YAMLError) as error:
        found = str(error.strerror) if isinstance(error, OSError) else str(error)
        cause = error
    reason = " ".join(found.split())
    raise CogspeechError(f"{path}: cannot be read ({reason}); {remedy}") from cause

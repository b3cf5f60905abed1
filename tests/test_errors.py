"""One base, one leaf per stage, and a message that says what to do."""

import inspect
import json
import pickle
import re

import pytest

from cogspeech import errors
from cogspeech.errors import CogspeechError, MissingExtra, require

CLASSES = {
    name: entry
    for name, entry in vars(errors).items()
    if inspect.isclass(entry) and issubclass(entry, Exception)
}


def _drawn_tree() -> dict[str, str | None]:
    """The parent of every class, as the docstring of the module draws it."""
    parents: dict[str, str | None] = {}
    above: list[str] = []
    for line in errors.__doc__.splitlines():
        drawn = re.match(r"((?:│   |    )*)(?:├── |└── )(\w+)", line)
        if drawn:
            depth = len(drawn[1]) // 4 + 1
            del above[depth:]
            parents[drawn[2]] = above[-1]
            above.append(drawn[2])
        elif line.strip() == "CogspeechError":
            parents["CogspeechError"] = None
            above = ["CogspeechError"]
    return parents


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    defined = {
        name: None if entry is CogspeechError else entry.__bases__[0].__name__
        for name, entry in CLASSES.items()
    }

    assert _drawn_tree() == defined


@pytest.mark.parametrize("entry", CLASSES.values(), ids=CLASSES)
def test_every_error_is_caught_as_the_base_and_says_what_it_is(entry: type[Exception]) -> None:
    assert entry.__doc__.endswith(".")
    assert len(entry.__bases__) == 1
    with pytest.raises(CogspeechError, match="what to do"):
        raise entry("what to do")


@pytest.mark.parametrize("entry", CLASSES.values(), ids=CLASSES)
def test_an_error_travels_between_processes(entry: type[Exception]) -> None:
    arrived = pickle.loads(pickle.dumps(entry("recordings.csv:3: no")))

    assert type(arrived) is entry
    assert str(arrived) == "recordings.csv:3: no"


def test_a_module_that_is_there_is_given() -> None:
    assert require("json", extra="demo") is json


def test_a_missing_module_is_named_with_the_line_that_installs_it() -> None:
    with pytest.raises(MissingExtra, match=r"^no_such_module_here is not installed; run: pip") as e:
        require("no_such_module_here", extra="align")

    assert str(e.value).endswith("pip install 'cogspeech[align]'")

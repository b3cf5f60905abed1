"""Plug-ins are found because they lie in the right folder, and missed with a hint."""

import sys
from pathlib import Path

import pytest

from cogspeech.errors import ConfigError
from cogspeech.registry import Registry, nearest

PACKAGE = """
from cogspeech.registry import Registry
FRUITS = Registry("fruit", "{name}")
"""
PLUGIN = """
from {name} import FRUITS

@FRUITS.register("{fruit}")
class Fruit:
    pass
"""


@pytest.fixture
def fruits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A registry whose package holds one file per fruit."""
    name = f"fruits_{abs(hash(tmp_path))}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text(PACKAGE.format(name=name))
    for fruit in ("pear", "apple"):
        (folder / f"{fruit}.py").write_text(PLUGIN.format(name=name, fruit=fruit))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield __import__(name).FRUITS
    for module in [m for m in sys.modules if m.split(".")[0] == name]:
        del sys.modules[module]


def test_a_file_in_the_folder_is_found_without_any_other_edit(fruits: Registry) -> None:
    assert fruits.names() == ("apple", "pear")
    assert fruits.get("pear").__name__ == "Fruit"


def test_nothing_is_imported_before_it_is_asked_for(fruits: Registry) -> None:
    package = type(fruits).__module__
    before = {module for module in sys.modules if module.endswith(".pear")}

    fruits.names()

    assert package == "cogspeech.registry"
    assert before == set()
    assert {module for module in sys.modules if module.endswith(".pear")}


def test_an_unknown_name_suggests_the_nearest_and_lists_all(fruits: Registry) -> None:
    with pytest.raises(
        ConfigError, match=r"^unknown fruit 'aple'; did you mean 'apple'\? known: apple, pear$"
    ):
        fruits.get("aple")


def test_a_name_can_be_taken_once() -> None:
    registry: Registry[int] = Registry("fruit", "json")
    registry.register("fig")(1)

    with pytest.raises(ValueError, match="fruit 'fig' is registered twice"):
        registry.register("fig")(2)


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("traning", ("training", "target"), "did you mean 'training'? known: training, target"),
        ("zzz", ("training", "target"), "known: training, target"),
        ("zzz", (), "nothing can be named here"),
    ],
)
def test_a_hint_names_the_nearest_only_if_there_is_one(
    name: str, known: tuple[str, ...], hint: str
) -> None:
    assert nearest(name, known) == hint

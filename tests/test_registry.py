"""Plug-ins are found because they lie in the right folder, and missed with a hint."""

import sys
from pathlib import Path

import pytest

from cogspeech import registry
from cogspeech.errors import ConfigError
from cogspeech.registry import Registry, installed_plugins, nearest

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
    for module in [m for m in sys.modules if m.split(".")[0] in (name, "orchard")]:
        del sys.modules[module]
    registry._installed.cache_clear()


def install(folder: Path, package: str, module: str, *, group: str, source: str) -> None:
    """A distribution with one module and one entry point, as pip would leave it in ``folder``."""
    (folder / f"{module}.py").write_text(source)
    info = folder / f"{module}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[{group}]\nfig = {module}\n")
    registry._installed.cache_clear()


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


def test_a_file_of_another_distribution_is_found_by_its_entry_point(
    fruits: Registry, tmp_path: Path
) -> None:
    plugin = PLUGIN.format(name=fruits._package, fruit="fig")
    install(tmp_path, "my-orchard", "orchard", group=fruits._package, source=plugin)

    assert fruits.names() == ("apple", "fig", "pear")
    assert fruits.get("fig").__module__ == "orchard"


def test_the_distributions_with_plugins_are_told_for_the_provenance(fruits, tmp_path: Path) -> None:
    install(tmp_path, "my-orchard", "orchard", group="cogspeech.fusion", source="")
    install(tmp_path, "my-tools", "tools", group="console_scripts", source="")

    assert installed_plugins() == {"my-orchard": "1.2"}


def test_an_entry_point_of_another_registry_is_left_alone(fruits: Registry, tmp_path: Path) -> None:
    install(tmp_path, "x", "orchard", group="cogspeech.vegetables", source="raise SystemExit")

    assert fruits.names() == ("apple", "pear")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import not_there", "ModuleNotFoundError: No module named 'not_there'"),
        (PLUGIN.replace("{fruit}", "pear"), "ValueError: fruit 'pear' is registered twice"),
    ],
)
def test_an_installed_plugin_that_cannot_be_used_is_one_line_that_names_its_package(
    fruits: Registry, tmp_path: Path, source: str, reason: str
) -> None:
    source = source.replace("{name}", fruits._package)
    install(tmp_path, "my-orchard", "orchard", group=fruits._package, source=source)

    with pytest.raises(ConfigError) as refusal:
        fruits.get("apple")

    assert str(refusal.value) == (
        f"the fruit 'fig' of my-orchard 1.2 cannot be imported from orchard ({reason}); "
        "repair it, or uninstall its package"
    )


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

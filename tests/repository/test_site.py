"""The documentation site builds without a warning, is complete, and loads nothing from outside."""

import argparse
import html
import importlib
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cogspeech
from cogspeech.config import Study
from cogspeech.delivery.cli import make_parser
from cogspeech.registry import Registry

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Built as ``make docs`` does it."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-n", "docs", str(folder)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def text_of(page: Path) -> str:
    """What a reader sees, in one line."""
    body = re.sub(r"<(script|style).*?</\1>", "", page.read_text(), flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", body)).split())


def registries() -> list[Registry]:
    found = {}
    for module in pkgutil.walk_packages(cogspeech.__path__, "cogspeech."):
        if not module.name.endswith("__main__"):
            for value in vars(importlib.import_module(module.name)).values():
                if isinstance(value, Registry):
                    found[id(value)] = value
    return list(found.values())


def test_every_plugin_stands_in_it_with_every_option(site):
    page = text_of(site / "reference" / "plugins.html")
    known = registries()

    assert len(known) >= 17
    for registry in known:
        assert registry.kind.capitalize() in page
        for name in registry.names():
            assert f" {name}¶" in page or f" {name} " in page, name
            options = getattr(registry.get(name), "Options", None)
            for option in options.model_fields if options else ():
                assert f" {option} " in page, (name, option)


def test_every_command_stands_in_it_with_every_argument(site):
    page = text_of(site / "reference" / "command-line.html")

    def look(parser: argparse.ArgumentParser) -> None:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for child in action.choices.values():
                    look(child)
            elif not isinstance(action, argparse._HelpAction) and parser.prog != "cogspeech":
                assert all(option in page for option in action.option_strings)
        assert parser.prog in page

    look(make_parser())


def test_every_key_of_the_study_file_stands_in_it_and_is_explained(site):
    source = (site / "reference" / "study-keys.html").read_text()
    page = text_of(site / "reference" / "study-keys.html")
    for name, field in Study.model_fields.items():
        inner = getattr(field.annotation, "model_fields", {})
        for key in [f"{name}.{each}" for each in inner if "name" not in inner] or [name]:
            assert key in page, key

    cells = re.findall(r"<td>(.*?)</td>", source, flags=re.S)
    rows = [cells[at : at + 4] for at in range(0, len(cells), 4)]
    assert len(rows) > 50
    assert [row[0] for row in rows if not re.sub(r"<[^>]+>", "", row[3]).strip()] == []


def test_no_page_loads_anything_from_outside(site):
    pages = [*site.rglob("*.html")]
    assert len(pages) > 40
    for page in pages:
        text = page.read_text()
        loaded = re.findall(r"<(?:script|img|iframe|source|video|audio|link)\b[^>]*>", text)
        for tag in loaded:
            for target in re.findall(r"(?:src|href|srcset)=\"([^\"]*)\"", tag):
                assert not re.match(r"(?:[a-z]+:)?//", target), (page.name, target)
    for style in site.rglob("*.css"):
        assert not re.search(r"(?:url\(\s*['\"]?|@import\s+['\"])(?:https?:)?//", style.read_text())


def test_signatures_tell_shapes(site):
    assert 'Float[ndarray, "event d_audio"]' in text_of(site / "reference" / "python.html").replace(
        "'", '"'
    )

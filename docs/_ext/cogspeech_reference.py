"""Directives that write the reference from the code itself when the site is built.

``cogspeech-commands``: the command line. ``cogspeech-study``: every key of the study file.
``cogspeech-plugins``: every plug-in of every registry with its options.
"""

import argparse
import importlib
import inspect
import json
import os
import pkgutil
import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from docutils import nodes
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective

import cogspeech
from cogspeech.config import Study
from cogspeech.delivery.cli import make_parser
from cogspeech.registry import Registry
from cogspeech.settings import Component

COLUMNS = "88"
KINDS = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "true or false",
    "null": "none",
}


class _Reference(SphinxDirective):
    """A directive whose content is reStructuredText made by `lines`."""

    has_content: ClassVar[bool] = False

    def run(self) -> list[nodes.Node]:
        text = "\n".join(self.lines())
        return self.parse_text_to_nodes(text, allow_section_headings=True)

    def lines(self) -> Iterator[str]:
        raise NotImplementedError


class Commands(_Reference):
    """Every command with its arguments."""

    def lines(self) -> Iterator[str]:
        """One section per command, as the parser knows it."""
        os.environ["COLUMNS"] = COLUMNS  # argparse folds its usage to the terminal
        for parser in _leaves(make_parser()):
            yield from _heading(parser.prog, "-")
            yield f"{(parser.description or '').capitalize()}."
            yield from ("", ".. code-block:: text", "")
            yield textwrap.indent(parser.format_usage().removeprefix("usage: "), "   ")
            rows = [_argument_row(action) for action in _arguments(parser)]
            yield from _table(("argument", "meaning"), rows)


def _leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The commands that do something; ``cache list`` stands below ``cache``."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from _leaves(child)
            return
    yield parser


def _arguments(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    return (each for each in parser._actions if not isinstance(each, argparse._HelpAction))


def _argument_row(action: argparse.Action) -> tuple[str, str]:
    placeholder = action.metavar or action.dest.upper()
    shown = " ".join(placeholder) if isinstance(placeholder, tuple) else placeholder
    if action.choices:
        shown = "{" + ",".join(map(str, action.choices)) + "}"
    named = ", ".join(action.option_strings)
    takes = shown if action.nargs != 0 else ""
    required = " (required)" if action.required and named else ""
    return _code(f"{named} {takes}".strip()) + required, _plain(action.help or "")


class StudyKeys(_Reference):
    """Every key of the study file."""

    def lines(self) -> Iterator[str]:
        """One table per section, the keys outside sections first."""
        alone = {n: f for n, f in Study.model_fields.items() if not _section(f.annotation)}
        yield from _heading("Outside sections", "-")
        yield from _settings_table(Study, prefix="", names=tuple(alone))
        for name, field in Study.model_fields.items():
            section = _section(field.annotation)
            if section is None:
                continue
            yield from _heading(f"``{name}``", "-")
            yield from _docstring(section)
            if field.default is None:
                yield from ("", "Left out unless it is named.", "")
            yield from _settings_table(section, prefix=f"{name}.")


def _section(annotation: Any) -> type[BaseModel] | None:
    """The section behind a key, also where it may be left out."""
    for each in (annotation, *getattr(annotation, "__args__", ())):
        if inspect.isclass(each) and issubclass(each, BaseModel) and each is not Component:
            return each
    return None


class Plugins(_Reference):
    """Every plug-in of every registry."""

    def lines(self) -> Iterator[str]:
        """One section per registry, in the order of their packages."""
        for registry in _registries():
            yield from _heading(registry.kind.capitalize(), "-")
            yield f"In ``{registry._package}``, which is also the entry-point group."
            yield ""
            for name in registry.names():
                plugin = registry.get(name)
                yield from _heading(f"``{name}``", "~")
                yield from _docstring(plugin)
                if options := getattr(plugin, "Options", None):
                    yield from _settings_table(options, prefix="")


def _registries() -> list[Registry[Any]]:
    """All there are, wherever they stand."""
    found: dict[int, Registry[Any]] = {}
    for module in pkgutil.walk_packages(cogspeech.__path__, "cogspeech."):
        if not module.name.endswith("__main__"):
            for value in vars(importlib.import_module(module.name)).values():
                if isinstance(value, Registry):
                    found[id(value)] = value
    return sorted(found.values(), key=lambda registry: (registry._package, registry.kind))


def _settings_table(
    settings: type[BaseModel], *, prefix: str, names: Iterable[str] | None = None
) -> Iterator[str]:
    """The keys of a section or of the options of a plug-in."""
    schema = settings.model_json_schema()
    known = schema.get("$defs", {})
    rows = []
    for name in names if names is not None else settings.model_fields:
        default = settings.model_fields[name].get_default(call_default_factory=True)
        rows.append(
            (
                _code(f"{prefix}{name}"),
                _shown_type(schema["properties"][name], known),
                "required" if default is PydanticUndefined else _code(_shown_value(default)),
                _attribute_docstring(settings, name),
            )
        )
    if rows:
        yield from _table(("key", "value", "default", "meaning"), rows)


def _shown_value(value: Any) -> str:
    if isinstance(value, BaseModel):
        plain = value.model_dump()
        return str(plain["name"]) if set(plain) == {"name"} else json.dumps(plain)
    if value is None or value in ({}, ()):
        return "none"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown_value, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown_type(schema: dict[str, Any], known: dict[str, Any]) -> str:
    """A json schema in words."""
    if "$ref" in schema:
        return _shown_type(known[schema["$ref"].rpartition("/")[2]], known)
    if "anyOf" in schema:
        parts = [_shown_type(each, known) for each in schema["anyOf"]]
        return ", or ".join(dict.fromkeys(part for part in parts if part))
    if "enum" in schema or "const" in schema:
        return ", ".join(_code(str(v)) for v in schema.get("enum", [schema.get("const")]))
    return _shown_kind(schema, known)


def _shown_kind(schema: dict[str, Any], known: dict[str, Any]) -> str:
    kind = schema.get("type")
    if kind == "array":
        return f"list of {_shown_type(schema.get('items', {}), known)}"
    if kind == "object":
        return _shown_mapping(schema, known)
    return KINDS[kind] + _bounds(schema) if kind in KINDS else str(kind or "")


def _shown_mapping(schema: dict[str, Any], known: dict[str, Any]) -> str:
    keys, values = schema.get("properties", {}), schema.get("additionalProperties")
    if "name" in keys:
        return "plug-in"
    if keys:
        return _code(f"{{{', '.join(keys)}}}")
    return f"mapping to {_shown_type(values, known)}" if isinstance(values, dict) else "mapping"


def _bounds(schema: dict[str, Any]) -> str:
    words = {
        "minimum": "at least {}",
        "exclusiveMinimum": "above {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "below {}",
    }
    told = [text.format(_number(schema[key])) for key, text in words.items() if key in schema]
    return f", {', '.join(told)}" if told else ""


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _attribute_docstring(owner: type, name: str) -> str:
    """What stands below an attribute in the source, of the class or of one above it."""
    for each in owner.__mro__:
        if each.__module__.startswith("cogspeech"):
            known = ModuleAnalyzer.for_module(each.__module__).find_attr_docs()
            if (each.__qualname__, name) in known:
                return " ".join(" ".join(known[each.__qualname__, name]).split())
    return ""


def _docstring(plugin: type) -> Iterator[str]:
    """That of the class, as reStructuredText."""
    text = inspect.cleandoc(plugin.__doc__ or "")
    yield from str(GoogleDocstring(text, Config(napoleon_use_rtype=False))).splitlines()
    yield ""


def _heading(text: str, line: str) -> Iterator[str]:
    yield from ("", text, line * len(text), "")


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield from ("", ".. list-table::", "   :header-rows: 1", "   :widths: auto", "")
    for row in (columns, *rows):
        for at, cell in enumerate(row):
            yield f"   {'* ' if at == 0 else '  '}- {cell}"
    yield ""


def _code(text: str) -> str:
    return f"``{text}``"


def _plain(text: str) -> str:
    """Help of argparse, in which options are told from words by their dashes."""
    escaped = re.sub(r"([*|`\\])", r"\\\1", text)
    return re.sub(r"(?<![\w-])(--[\w-]+)", r"``\1``", escaped)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    for name, directive in (("commands", Commands), ("study", StudyKeys), ("plugins", Plugins)):
        app.add_directive(f"cogspeech-{name}", directive)
    return {"parallel_read_safe": True}

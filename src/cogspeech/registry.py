"""Plug-ins: one file with one decorator, found because it lies in the right folder.

`Registry` imports every module of its package on first use, so a new file needs no other edit. A
file in a distribution of its own is found by an entry point, whose group is the package's name.
"""

import difflib
import functools
import importlib
import pkgutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from cogspeech.errors import ConfigError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")


def nearest(name: str, known: tuple[str, ...]) -> str:
    """A half-sentence that suggests the nearest known name and lists them all."""
    if not known:
        return "nothing can be named here"
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"{hint}known: {', '.join(known)}"


@functools.cache
def _installed() -> "tuple[EntryPoint, ...]":
    from importlib.metadata import entry_points

    found = entry_points()
    return tuple(point for group in found.groups for point in found.select(group=group))


def installed_plugins() -> dict[str, str]:
    """The distributions that bring plug-ins of their own, with their versions."""
    own = (point.dist for point in _installed() if point.group.startswith("cogspeech."))
    return {found.name: found.version for found in own if found}


class Registry(Generic[T]):
    """Named plug-ins of one kind.

    Args:
        kind: what one plug-in is, for messages: "fusion", "audio encoder".
        package: the package whose modules register themselves, and the entry-point group of those
            that lie elsewhere.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self._package = package
        self._entries: dict[str, T] = {}
        self._is_complete = False

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that adds a plug-in under ``name``; a name can be taken once."""

        def add(entry: T) -> T:
            if name in self._entries:
                raise ValueError(f"{self.kind} '{name}' is registered twice")
            self._entries[name] = entry
            return entry

        return add

    def get(self, name: str) -> T:
        """The plug-in called ``name``.

        Raises:
            ConfigError: nothing has that name; the message lists what exists. Or an installed
                plug-in cannot be imported.
        """
        self._discover()
        if name not in self._entries:
            raise ConfigError(f"unknown {self.kind} '{name}'; {nearest(name, self.names())}")
        return self._entries[name]

    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        self._discover()
        return tuple(sorted(self._entries))

    def _discover(self) -> None:
        if self._is_complete:
            return
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{self._package}.{module.name}")
        for point in _installed():
            if point.group == self._package:
                self._load(point)
        self._is_complete = True

    def _load(self, point: "EntryPoint") -> None:
        try:
            point.load()
        except Exception as error:  # whatever a module of somebody else raises
            owner = f" of {point.dist.name} {point.dist.version}" if point.dist else ""
            raise ConfigError(
                f"the {self.kind} '{point.name}'{owner} cannot be imported from {point.value} "
                f"({type(error).__name__}: {error}); repair it, or uninstall its package"
            ) from error

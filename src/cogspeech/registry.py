"""Plug-ins: one file with one decorator, found because it lies in the right folder.

`Registry` imports every module of its package on first use, so a new file needs no other edit.
"""

import difflib
import importlib
import pkgutil
from collections.abc import Callable
from typing import Generic, TypeVar

from cogspeech.errors import ConfigError

T = TypeVar("T")


def nearest(name: str, known: tuple[str, ...]) -> str:
    """A half-sentence that suggests the nearest known name and lists them all."""
    if not known:
        return "nothing can be named here"
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"{hint}known: {', '.join(known)}"


class Registry(Generic[T]):
    """Named plug-ins of one kind.

    Args:
        kind: what one plug-in is, for messages: "fusion", "audio encoder".
        package: the package whose modules register themselves.
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
            ConfigError: nothing has that name; the message lists what exists.
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
        self._is_complete = True

"""Faithful miniatures of corpora on disk: one module per importer, named like it.

Nothing is taken from a corpus: texts are invented, voices are tones. What is faithful is where
files lie, what they are called, and every oddity of the label files.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 8_000


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a miniature is built and what its importer must make of it."""

    build: Callable[[Path], Path]
    """Writes the corpus into a folder and gives what is imported."""
    expected: Mapping[str, Mapping[str, object]]
    """Facts of every recording, by its id; a path is relative to the folder."""
    passed_over: tuple[str, ...] = ()
    """A part of each line, as ``where: reason``, in order."""
    options: Mapping[str, object] = field(default_factory=dict)
    target: str = "diagnosis"
    spoil_label: Callable[[Path], str] | None = None
    """Writes the label "zebra" somewhere; gives the end of the place that the error must name."""
    sheets: tuple[str, ...] = ()
    """The label files; a damaged one must be refused."""
    is_listed: bool = True
    """False: nothing but its audio file says that there is a recording."""
    is_tree: bool = True
    """False: it is no corpus as it is distributed."""


def layouts_of(importer: str) -> Mapping[str, Layout]:
    """The miniatures of one importer, by name.

    Raises:
        ModuleNotFoundError: it has none.
    """
    layouts: Mapping[str, Layout] = importlib.import_module(f"layouts.{importer}").LAYOUTS
    return layouts


def tone(path: Path, *, pitch_hz: float = 220.0) -> Path:
    """A fifth of a second of sound; every path gives another one."""
    seed = sum(ord(letter) * (i + 1) for i, letter in enumerate(path.as_posix()[-40:]))
    noise = 0.01 * np.random.default_rng(seed).standard_normal(RATE_HZ // 5)
    times = np.arange(RATE_HZ // 5) / RATE_HZ
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.2 * np.sin(2 * np.pi * pitch_hz * times) + noise, RATE_HZ)
    return path


def text(path: Path, content: str, *, bom: bool = False) -> Path:
    """A file of text as it stands, with or without a byte order mark."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((b"\xef\xbb\xbf" if bom else b"") + content.encode())
    return path


def chat(path: Path, *ids: str, languages: str = "eng", media: str = "", bom: bool = False) -> Path:
    """A CHAT file of two invented lines; ``ids`` are the values of its @ID headers."""
    headers = ["@UTF8", "@Begin", f"@Languages:\t{languages}"]
    headers += ["@Participants:\tPAR Participant, INV Investigator"]
    headers += [f"@ID:\t{one}" for one in ids]
    headers += [f"@Media:\t{media or path.stem}, audio"]
    lines = ["*INV:\twhat can you see there ? \x150_80\x15"]
    lines += ["*PAR:\ta lantern on a blue boat . \x1580_190\x15", "@End"]
    return text(path, "\n".join([*headers, *lines, ""]), bom=bom)


def swap(path: Path, old: str, new: str) -> Path:
    """Replaces a text that stands in a file."""
    content = path.read_text(encoding="utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), encoding="utf-8")
    return path

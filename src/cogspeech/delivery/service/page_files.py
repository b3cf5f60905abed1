"""The files of the web page, read once: nothing that a request names is ever opened."""

import base64
import hashlib
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from importlib.resources.abc import Traversable

MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFile:
    """A file as it is sent."""

    content: bytes
    media_type: str


def page_files() -> dict[str, PageFile]:
    """By path; ``/`` is the page itself."""
    page = files("cogspeech.delivery.service").joinpath("page")
    reporting = files("cogspeech.reporting")
    found = _below("/static/", page)
    for ending in ("js", "css"):  # until the view of the report is there
        found[f"/static/listening/view.{ending}"] = found.pop(f"/static/view_stand_in.{ending}")
    found |= _below("/static/listening/", reporting.joinpath("listening"))
    found |= _below("/static/", reporting.joinpath("templates"))
    return {"/": found["/static/index.html"], **found}


def _below(prefix: str, folder: Traversable) -> dict[str, PageFile]:
    if not folder.is_dir():
        return {}
    return {
        f"{prefix}{file.name}": PageFile(content=file.read_bytes(), media_type=MEDIA_TYPES[suffix])
        for file in folder.iterdir()
        for suffix in MEDIA_TYPES
        if file.is_file() and file.name.endswith(suffix)
    }


def style_hashes() -> str:
    """What the page's policy has to name: the style that the waveform writes by itself."""
    with suppress(ModuleNotFoundError):  # then the words are shown as a table
        assets = import_module("cogspeech.reporting.listening.assets")
        digest = hashlib.sha256(assets.library_style().encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"
    return ""

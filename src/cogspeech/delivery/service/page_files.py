"""The files of the web page, read once: nothing that a request names is ever opened."""

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from cogspeech.reporting.listening.assets import library_style

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
    found |= _below("/static/listening/", reporting.joinpath("listening"))
    found |= _below("/static/", reporting.joinpath("templates"))
    return {"/": found["/static/index.html"], **found}


def _below(prefix: str, folder: Traversable) -> dict[str, PageFile]:
    return {
        f"{prefix}{file.name}": PageFile(content=file.read_bytes(), media_type=MEDIA_TYPES[suffix])
        for file in folder.iterdir()
        for suffix in MEDIA_TYPES
        if file.is_file() and file.name.endswith(suffix)
    }


def style_hashes() -> str:
    """What the page's policy has to name: the style that the waveform writes by itself."""
    digest = hashlib.sha256(library_style().encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"

"""The script and the styles of the view, as a page holds them inline."""

import functools
import json
import re
from importlib.resources import files

from pydantic import JsonValue

_IMPORT = re.compile(r"^import .+;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=function )", re.MULTILINE)
_LIBRARY_EXPORT = re.compile(r"export\{(\w+) as default\};?\s*$")
_LIBRARY_STYLE = re.compile(r"<style\$\{.*?\}>(.*?)</style>")
_LIBRARY_HEIGHT = re.compile(r"\$\{this\.getHeight\(.*?\)\}")
_HEIGHT = re.compile(r"^const HEIGHT_PX = (\d+);$", re.MULTILINE)
_ESCAPES = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&"}


def asset(name: str) -> str:
    """A file of this folder, such as ``view.js``."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


@functools.cache
def inline_script() -> str:
    """One module of the three, which asks for no file: wavesurfer, the view, the page's part."""
    library = asset("wavesurfer.esm.js")
    found = _LIBRARY_EXPORT.search(library)
    if not found:  # another version was put there
        raise ValueError("wavesurfer.esm.js: expected one default export at its end")
    own = "".join(_IMPORT.sub("", _EXPORT.sub("", asset(name))) for name in ("view.js", "page.js"))
    return f"const WaveSurfer = (() => {{{library[: found.start()]};return {found[1]};}})();\n{own}"


def inline_style() -> str:
    """The style sheet of the view."""
    return asset("view.css")


@functools.cache
def library_style() -> str:
    """What wavesurfer writes into a style element of its own; a policy has to name its hash."""
    style = _LIBRARY_STYLE.search(asset("wavesurfer.esm.js"))
    height = _HEIGHT.search(asset("view.js"))
    if not style or not height:
        raise ValueError("wavesurfer.esm.js: expected one style element, of a given height")
    return _LIBRARY_HEIGHT.sub(height[1], style[1]).replace("\\n", "\n")


def script_json(content: JsonValue) -> str:
    """Json for a script element that holds data; nothing in it can end the element."""
    # ASCII only, so U+2028 and U+2029, which end a line of a script, are escaped with the rest.
    return json.dumps(content, allow_nan=False, separators=(",", ":")).translate(_ESCAPES)

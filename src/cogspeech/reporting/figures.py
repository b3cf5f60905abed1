"""The figures of the report: inline SVG that the page's style sheet can colour.

matplotlib draws in four colours; what it writes as ``style`` attributes becomes presentation
attributes, which a strict content security policy allows and a style sheet overrules (dark mode).
The same numbers give the same bytes.
"""

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, MUTED, NEGATIVE, POSITIVE = "#1f2328", "#7a828c", "#0b61a4", "#c2570c"
LOOK: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "cogspeech",
    "text.parse_math": False,
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
}
WIDTH_IN, HEIGHT_IN = 4.6, 3.7
LONGEST_NAME = 24
GUESSING: dict[str, Any] = {"color": MUTED, "linewidth": 1, "linestyle": (0, (4, 3))}
"""How a line looks that an answer without any knowledge would reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One figure of the report."""

    name: str
    """Unique among the figures of a page."""
    title: str
    svg: Markup
    caption: str


def plain(name: str) -> str:
    """Without control characters: XML has none, and some turn the text around."""
    return "".join(letter for letter in name if letter.isprintable())


def short(name: str) -> str:
    """What of a name has room beside an axis."""
    shown = plain(name)
    return shown if len(shown) <= LONGEST_NAME else shown[: LONGEST_NAME - 1] + "…"


def draw_axes(
    name: str,
    title: str,
    caption: str,
    draw: Callable[[Axes], None],
    *,
    height_in: float = HEIGHT_IN,
) -> Drawing:
    """As `draw_page`, of a figure with a single pair of axes."""
    return draw_page(
        name, title, caption, lambda figure: draw(figure.subplots()), height_in=height_in
    )


def draw_page(
    name: str, title: str, caption: str, draw: Callable[[Figure], None], *, height_in: float
) -> Drawing:
    """A drawing that the page's style sheet can colour.

    Args:
        name: unique among the figures of a page.
        title: its heading, and its name for screen readers.
        caption: what is seen, with n.
        draw: draws into an empty figure.
        height_in: inches; all figures have the same width.
    """
    text = io.StringIO()
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        mpl.rcParams.update(LOOK)
        # A class name may be in any script; the reader's browser has the letters.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
        draw(figure)
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    svg = _for_a_page(text.getvalue(), name, title)
    return Drawing(name=name, title=title, caption=caption, svg=svg)


def _for_a_page(svg: str, name: str, label: str) -> Markup:
    """The SVG, named by its title and described by its caption.

    It has no styles, namespaces, metadata, nor an id that another figure could have.
    """
    root = ElementTree.fromstring(svg)  # noqa: S314  matplotlib has just written it
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', svg))
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith(("}metadata", "}style")):
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        found = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
        found.update(_presentation(found.pop("style", "")))
        found.pop("font-family", None)
        if found.get("id") in used:
            found["id"] = f"{name}-{found['id']}"
        else:
            found.pop("id", None)
        if "href" in found:
            found["href"] = found["href"].replace("#", f"#{name}-")
        if "clip-path" in found:
            found["clip-path"] = found["clip-path"].replace("#", f"#{name}-")
        element.attrib.clear()
        element.attrib.update(found)
    root.attrib = {
        "viewBox": root.attrib["viewBox"],
        "role": "img",
        "aria-labelledby": f"{name}-name",
        "aria-describedby": f"{name}-caption",
        "stroke-linejoin": "round",
    }
    title = ElementTree.Element("title", {"id": f"{name}-name"})
    title.text = plain(label)
    root.insert(0, title)
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # noqa: S704  escaped by its writer


def _presentation(style: str) -> dict[str, str]:
    """A ``style`` attribute as presentation attributes; ``font`` is no such, its size is."""
    found = {}
    for declaration in filter(None, style.split(";")):
        key, _, value = (part.strip() for part in declaration.partition(":"))
        if key == "font":
            size = re.search(r"([\d.]+)px", value)
            key, value = "font-size", size.group(1) if size else "9"
        found[key] = value
    return found

"""The figures of the report: inline SVG that the page's style sheet can colour.

matplotlib draws in four colours; what it writes as ``style`` attributes becomes presentation
attributes, which a strict content security policy allows and a style sheet overrules (dark mode).
The same numbers give the same bytes.
"""

import io
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
from jaxtyping import Float
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cogspeech.evaluation.metrics import THRESHOLD, Scores
from cogspeech.types import Estimate

INK, MUTED, NEGATIVE, POSITIVE = "#1f2328", "#7a828c", "#0b61a4", "#c2570c"
LOOK: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "cogspeech",
    "text.parse_math": False,
    "font.size": 9.0,
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
GRID = (np.arange(400) + 0.5) / 400
"""False-positive rates at which ROC curves are averaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One figure of the report."""

    title: str
    svg: Markup
    caption: str


def draw_figures(
    aurocs: Mapping[str, Estimate], primary: str, scores: Scores, classes: tuple[str, str]
) -> tuple[Drawing, ...]:
    """Every figure.

    Args:
        aurocs: of all systems, in the order in which they shall stand.
        primary: the system the other figures are about.
        scores: the predictions of the primary system.
        classes: the negative class first.
    """
    runs, people = scores.probability.shape
    name = plain(primary)
    about = f"{name}, n = {people} participants"
    return (
        _drawing(
            "forest",
            "AUROC of every system",
            f"Dot: AUROC. Bar: 95 % interval, n = {people} participants. "
            f"The dark diamond is {name}. Dashed line: guessing (0.5).",
            lambda axes: _forest(axes, aurocs, primary),
            height_in=max(2.2, 0.85 + 0.36 * len(aurocs)),
        ),
        _drawing(
            "roc",
            "ROC curve",
            f"{about}. Thin lines: the {runs} runs (one repeat with one seed each), folds averaged "
            "inside a run. Thick line: their mean; the area under it is the AUROC. Dashed line: "
            "guessing.",
            lambda axes: _roc(axes, scores),
        ),
        _drawing(
            "spread",
            "Every participant",
            f"{about}. One mark per participant: the mean probability over {runs} runs. Decisions "
            f"fall at the dashed line ({THRESHOLD}).",
            lambda axes: _spread(axes, scores, classes),
        ),
    )


def roc_curve(scores: Scores) -> Float[np.ndarray, "run 400"]:
    """The true-positive rate at `GRID` for every run.

    Only participants of the same test fold are compared, each fold weighted by its pairs, so the
    area under the mean is the AUROC of `cogspeech.evaluation.metrics`.
    """
    curves = np.zeros((len(scores.probability), len(GRID)))
    for run, (probability, fold) in enumerate(
        zip(scores.probability, scores.comparable, strict=True)
    ):
        pairs = 0
        for number in np.unique(fold):
            inside = fold == number
            is_positive, values = scores.labels[inside] == 1, probability[inside]
            weight = int(is_positive.sum() * (~is_positive).sum())
            if weight:
                cuts = np.append(np.unique(values)[::-1], -np.inf)
                called = values[None, :] > cuts[:, None]
                true_rate = called[:, is_positive].mean(axis=1)
                false_rate = called[:, ~is_positive].mean(axis=1)
                curves[run] += weight * np.interp(GRID, false_rate, true_rate)
                pairs += weight
        curves[run] /= max(1, pairs)
    return curves


def _forest(axes: Axes, aurocs: Mapping[str, Estimate], primary: str) -> None:
    axes.axvline(0.5, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    for place, (name, found) in enumerate(aurocs.items()):
        colour, marker, size = (INK, "D", 6) if name == primary else (MUTED, "o", 5)
        axes.plot([found.low, found.high], [place, place], color=colour, linewidth=1.8)
        axes.plot([found.estimate], [place], marker=marker, color=colour, markersize=size)
    axes.set_yticks(range(len(aurocs)), [short(name) for name in aurocs])
    axes.set_ylim(len(aurocs) - 0.4, -0.6)
    axes.set_xlim(min([0.4, *(e.low - 0.03 for e in aurocs.values())]), 1.02)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("AUROC (0.5 = guessing, 1 = perfect)")


def _roc(axes: Axes, scores: Scores) -> None:
    curves = roc_curve(scores)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    x = np.concatenate([[0.0], GRID, [1.0]])
    for curve in curves:
        axes.plot(x, [0.0, *curve, 1.0], color=MUTED, linewidth=0.7, alpha=0.55)
    axes.plot(x, [0.0, *curves.mean(axis=0), 1.0], color=INK, linewidth=2.2)
    _unit_square(axes)
    axes.set_xlabel("False-positive rate (1 - specificity)")
    axes.set_ylabel("True-positive rate (sensitivity)")


def _spread(axes: Axes, scores: Scores, classes: tuple[str, str]) -> None:
    mean = scores.probability.mean(axis=0)
    column = np.minimum((mean * 40).astype(int), 39)
    tallest = max(np.bincount(column[scores.labels == label]).max(initial=1) for label in (0, 1))
    step = min(0.11, 0.84 / tallest)
    for label, colour, marker in ((0, NEGATIVE, "o"), (1, POSITIVE, "D")):
        x, y = [], []
        for number in range(40):
            stack = np.sort(mean[(scores.labels == label) & (column == number)])
            x += list(stack)
            y += list(label + step * (np.arange(len(stack)) - (len(stack) - 1) / 2))
        axes.plot(x, y, color=colour, marker=marker, markersize=4.5, linestyle="none", alpha=0.8)
    axes.axvline(THRESHOLD, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.6, 1.6)
    names = [f"{short(name)}\nn = {np.sum(scores.labels == i)}" for i, name in enumerate(classes)]
    axes.set_yticks([0, 1], names)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"Mean probability of '{short(classes[1])}'")


def _unit_square(axes: Axes) -> None:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)


def plain(name: str) -> str:
    """Without control characters: XML has none, and some turn the text around."""
    return "".join(letter for letter in name if letter.isprintable())


def short(name: str) -> str:
    """What of a name has room beside an axis."""
    shown = plain(name)
    return shown if len(shown) <= LONGEST_NAME else shown[: LONGEST_NAME - 1] + "…"


def _drawing(
    name: str,
    title: str,
    caption: str,
    draw: Callable[[Axes], None],
    *,
    height_in: float = HEIGHT_IN,
) -> Drawing:
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
    return Drawing(title=title, caption=caption, svg=_for_a_page(text.getvalue(), name, title))


def _for_a_page(svg: str, name: str, label: str) -> Markup:
    """The SVG without styles, namespaces, metadata, or an id that another figure could have."""
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
        "aria-label": label,
        "stroke-linejoin": "round",
    }
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

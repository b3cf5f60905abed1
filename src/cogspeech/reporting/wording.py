"""Numbers and other people's text, as sentences, Markdown and LaTeX."""

import re
from collections.abc import Iterable

from cogspeech.types import Estimate

METRIC_LABELS = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "balanced_accuracy": "Balanced accuracy",
    "accuracy": "Accuracy",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "f1": "F1",
    "brier": "Brier score",
}
LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "-": "{-}",
    "[": "{[}",
    "]": "{]}",
}
"""Hyphens and brackets because of ligatures and of optional arguments."""


def metric_label(name: str) -> str:
    """What a metric is called in a table."""
    return METRIC_LABELS.get(name, name.replace("_", " "))


def digits(number: float) -> str:
    """Two digits, or three where two would hide on which side of a half the number lies."""
    return f"{number:.3f}" if 1e-9 < abs(number - 0.5) < 0.005 else f"{number:.2f}"


def interval(low: float, high: float) -> str:
    """The ends of an interval."""
    return f"{digits(low)} to {digits(high)}"


def told(estimate: Estimate) -> str:
    """A number with its 95 % interval and n."""
    ends = interval(estimate.low, estimate.high)
    return f"{digits(estimate.estimate)} ({ends}), n = {estimate.n}"


def signed(number: float) -> str:
    """A difference, with its sign."""
    text = f"{number:+.3f}"
    return "0.000" if float(text) == 0 else text


def p_text(p_value: float) -> str:
    """A p-value; never rounded over 0.05."""
    if p_value < 0.001:
        return "< 0.001"
    return f"{p_value:.5f}" if 0 < abs(p_value - 0.05) < 0.0005 else f"{p_value:.3f}"


def one_line(text: str) -> str:
    """Other people's text without line breaks and without letters that nobody sees."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def markdown(text: str) -> str:
    """Other people's text, so that Markdown shows it as it is."""
    escaped = re.sub(r"([\\`*_\[\]<>|~&$])", r"\\\1", one_line(text))
    return re.sub(r"^(?=[#+-])", r"\\", re.sub(r"^(\d+)([.)])(?!\S)", r"\1\\\2", escaped))


def latex(text: str) -> str:
    """Other people's text, so that LaTeX shows it as it is."""
    return "".join(LATEX.get(letter, letter) for letter in one_line(text))


def quoted(notes: Iterable[str]) -> str:
    """Other people's text as block quotes."""
    return "".join(f"> {markdown(note)}\n\n" for note in notes)


def markdown_table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Cells that are Markdown already, as a table."""
    names = list(header)
    lines = [names, ["---"] * len(names), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)

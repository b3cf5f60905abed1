"""``tables/results.tex`` and ``tables/results.md``: what a paper prints of a run.

Every estimate stands with its 95 % interval and n, every comparison with its adjusted p. Nothing
in bold, nothing ordered by anything but name and role: a table that ranks is a claim.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cogspeech.reporting import answers
from cogspeech.reporting.run_facts import MetricFacts, RunFacts, told_target
from cogspeech.reporting.wording import (
    digits,
    interval,
    latex,
    markdown,
    markdown_table,
    metric_label,
    p_text,
    quoted,
    signed,
    told,
)
from cogspeech.types import Estimate

MOST_METRICS = 4
"""Columns of a LaTeX table; more metrics make another one."""
CORRECTED = (
    "Paired on the same participants; p adjusted by Holm over all comparisons of the study. Where "
    "the adjusted p is above 0.05, no difference was shown."
)


def results_md(facts: RunFacts) -> str:
    """All tables in Markdown."""
    metrics = facts.metrics
    names = metric_names(metrics)
    rows = (
        [row.shown(markdown), *(_markdown_cell(row.estimates.get(name)) for name in names)]
        for row in _rows(metrics)
    )
    parts = [
        f"# Results: {markdown(facts.study.name)}\n",
        f"{quoted(_notes(metrics))}## Systems\n\n{markdown(_caption(metrics))}\n",
        markdown_table(["System", *map(metric_label, names)], rows),
    ]
    if metrics.comparisons:
        parts += [f"## Comparisons\n\n{CORRECTED}\n", _markdown_comparisons(metrics)]
    if metrics.probes:
        parts += [f"## Probes for shortcuts\n\n{_rules(metrics)}\n", _markdown_probes(metrics)]
    return "\n".join(parts)


def _rules(metrics: MetricFacts) -> str:
    """Each rule once, with the probes that it decides."""
    names: dict[str, list[str]] = {}
    for name, probe in metrics.probes.items():
        names.setdefault(probe.rule, []).append(name)
    return "\n".join(
        f"- {markdown(', '.join(own))}: {markdown(rule)}" for rule, own in names.items()
    )


def results_tex(facts: RunFacts) -> str:
    r"""All tables in LaTeX, for ``\input``; needs the package booktabs and nothing else."""
    metrics = facts.metrics
    tables = [
        _latex_table(
            f"systems-{number}",
            f"{_caption(metrics)} In brackets: the interval; n.",
            ["System", *(latex(metric_label(name)) for name in names)],
            [
                [row.shown(latex), *(_latex_cell(row.estimates.get(name)) for name in names)]
                for row in _rows(metrics)
            ],
            notes=_notes(metrics),
        )
        for number, names in enumerate(_batched(metric_names(metrics)), start=1)
    ]
    if metrics.comparisons:
        tables.append(_latex_comparisons(metrics))
    if metrics.probes:
        tables.append(_latex_probes(metrics))
    head = "% Put \\usepackage{booktabs} into the preamble and \\input this file.\n"
    return "\n".join([head, *tables])


def metric_names(metrics: MetricFacts) -> list[str]:
    """Every metric that a system has, in the order of the file."""
    return list(dict.fromkeys(name for found in metrics.systems.values() for name in found))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    system: str
    note: str
    estimates: dict[str, Estimate]

    def shown(self, escape: Callable[[str], str]) -> str:
        return escape(f"{self.system}{self.note}")


def _rows(metrics: MetricFacts) -> list[_Row]:
    """The primary system, its ensemble, then the others by name."""
    rows = []
    for name in sorted(metrics.systems, key=lambda name: (name != metrics.primary, name)):
        note = " (primary)" if name == metrics.primary else ""
        rows.append(_Row(system=name, note=note, estimates=metrics.systems[name]))
        found = metrics.spread.get(name)
        if name == metrics.primary and found and found.ensemble:
            note = f" (ensemble of {found.n_seeds} seeds)"
            rows.append(_Row(system=name, note=note, estimates=found.ensemble))
    return rows


def _caption(metrics: MetricFacts) -> str:
    return (
        f"{metrics.n_participants} participants ({metrics.n_recordings} recordings), "
        f"{told_target(metrics)}. Means over all runs, never the best, with 95 % intervals over "
        "participants; n counts participants."
    )


def _notes(metrics: MetricFacts) -> list[str]:
    """What must stand beside the numbers."""
    return [
        *answers.notes(metrics),
        *(
            f"SHORTCUT: the probe {name} alone reaches AUROC {told(probe.auroc)}; part of every "
            "number may come from it."
            for name, probe in metrics.shortcuts.items()
            if probe.auroc
        ),
    ]


def _markdown_cell(estimate: Estimate | None) -> str:
    return told(estimate) if estimate else "none"


def _latex_cell(estimate: Estimate | None) -> str:
    if estimate is None:
        return "none"
    ends = f"{digits(estimate.low)}--{digits(estimate.high)}"
    return f"{digits(estimate.estimate)} ({ends}; {estimate.n})"


def _markdown_comparisons(metrics: MetricFacts) -> str:
    return markdown_table(
        ["Comparison", "Metric", "Difference (95 % interval)", "n", "p", "Adjusted p"],
        (
            [
                f"{markdown(c.a)} minus {markdown(c.b)}",
                metric_label(c.metric),
                f"{signed(c.difference)} ({signed(c.low)} to {signed(c.high)})",
                str(metrics.n_participants),
                markdown(p_text(c.p_value)),
                markdown(p_text(c.p_adjusted)),
            ]
            for c in metrics.comparisons
        ),
    )


def _markdown_probes(metrics: MetricFacts) -> str:
    return markdown_table(
        ["Probe", "AUROC (95 % interval)", "n", "p", "Verdict"],
        (
            [
                markdown(name),
                f"{digits(e.estimate)} ({interval(e.low, e.high)})"
                if (e := probe.auroc)
                else "none",
                str(e.n) if (e := probe.auroc) else "none",
                "none" if probe.p_value is None else markdown(p_text(probe.p_value)),
                probe.verdict.replace("_", " "),
            ]
            for name, probe in metrics.probes.items()
        ),
    )


def _latex_comparisons(metrics: MetricFacts) -> str:
    rows = [
        [
            f"{latex(c.a)} minus {latex(c.b)}",
            latex(metric_label(c.metric)),
            f"${signed(c.difference)}$ (${signed(c.low)}$ to ${signed(c.high)}$)",
            str(metrics.n_participants),
            f"${p_text(c.p_value)}$",
            f"${p_text(c.p_adjusted)}$",
        ]
        for c in metrics.comparisons
    ]
    header = ["Comparison", "Metric", r"Difference (95\,\% interval)", "$n$", "$p$"]
    header.append(r"$p_\mathrm{adjusted}$")
    caption = f"Comparisons with the primary system. {CORRECTED}"
    return _latex_table("comparisons", caption, header, rows, notes=[metrics.use])


def _latex_probes(metrics: MetricFacts) -> str:
    rows = []
    for name, probe in metrics.probes.items():
        found = probe.auroc
        rows.append(
            [
                latex(name),
                f"{digits(found.estimate)} ({digits(found.low)}--{digits(found.high)})"
                if found
                else "none",
                str(found.n) if found else "none",
                "none" if probe.p_value is None else f"${p_text(probe.p_value)}$",
                latex(probe.verdict.replace("_", " ")),
            ]
        )
    caption = "Probes for shortcuts; each must fail. Their rules stand in metrics.json."
    header = ["Probe", r"AUROC (95\,\% interval)", "$n$", "$p$", "Verdict"]
    return _latex_table("probes", caption, header, rows, notes=[metrics.use])


def _latex_table(
    name: str,
    caption: str,
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    notes: Iterable[str],
) -> str:
    """A table of cells that are LaTeX already; caption and notes are plain text."""
    lines = [
        r"\begin{table*}",
        r"\centering\footnotesize",
        rf"\caption{{{latex(caption)}}}",
        rf"\label{{tab:cogspeech-{name}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}",
        r"\toprule",
        " & ".join(header) + r" \\",
        r"\midrule",
        *(" & ".join(row) + r" \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
        *(rf"\par\smallskip\raggedright\scriptsize {latex(note)}" for note in notes),
        r"\end{table*}",
        "",
    ]
    return "\n".join(lines)


def _batched(names: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(names[at : at + MOST_METRICS]) for at in range(0, len(names), MOST_METRICS)]

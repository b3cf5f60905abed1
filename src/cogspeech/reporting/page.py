"""The html of the report.

Everything that is shown is escaped: words, names and identifiers are other people's text. The page
asks nobody for anything, and runs no script but one whose digest its own policy names.
"""

import base64
import functools
import hashlib
from dataclasses import dataclass

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from cogspeech.evaluation.comparison import SIGNIFICANT, Comparison, winner
from cogspeech.evaluation.detectable import sentence
from cogspeech.evaluation.estimates import by_metric, primary_metric
from cogspeech.evaluation.intervals import BOOTSTRAP_DRAWS
from cogspeech.evaluation.ledger import looks_sentence
from cogspeech.evaluation.metrics import THRESHOLD
from cogspeech.evaluation.score_metrics import METRICS_OF_SCORES, Scored
from cogspeech.reporting.calibration import draw_calibration
from cogspeech.reporting.figures import Drawing, draw_figures
from cogspeech.reporting.flow import draw_flow
from cogspeech.reporting.outcomes import (
    draw_scores,
    groups_of,
    shown_metrics,
    tint_of_share,
    two_names,
)
from cogspeech.reporting.read_run import WholeRun
from cogspeech.reporting.robustness_curves import draw_robustness
from cogspeech.reporting.shown_words import SHOWN_PAUSE_S, TINTS, shown_recordings, signed, tint
from cogspeech.reporting.training_curves import draw_training
from cogspeech.reporting.transcript_table import transcript_table

MOST_NAMES = 12
"""Recordings that are named beside a finding; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """What the page needs for recordings that can be listened to: a section, scripts and styles.

    The section itself is ``sections/listening.html.j2``, which finds this as ``listening``; what
    it shows more than this is a subclass's.
    """

    scripts: tuple[Markup, ...]
    """Modules, inline at the end of the page, in this order."""
    styles: tuple[Markup, ...]
    """Inline in the head."""
    further_styles: tuple[str, ...] = ()
    """What scripts put into the page as styles: only named in the policy."""


@functools.cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("cogspeech.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"csp": _csp_hash, "signed": signed, "sentence": _sentence}
    environment.filters["looks"] = looks_sentence
    return environment.get_template("report.html.j2")


def page_of(run: WholeRun, listening: Listening | None = None) -> str:
    """The whole page.

    Args:
        run: what it tells.
        listening: recordings to hear; without, the page has no script.
    """
    metrics = run.metrics
    own: list[Scored] = [p for p in run.predictions or run.scored if p.system == metrics.primary]
    groups, names = groups_of(own, metrics.classes), two_names(metrics.classes, metrics.score)
    ranked = by_metric(metrics.systems, primary_metric(metrics.classes))
    return _template().render(
        run=run,
        listening=listening,
        metrics=metrics,
        primary_estimates=metrics.systems[metrics.primary],
        names=names,
        primary_metric=primary_metric(metrics.classes),
        systems=ranked,
        metric_names=shown_metrics(ranked, metrics.classes),
        score_metrics=tuple(METRICS_OF_SCORES),
        tint_of_share=tint_of_share,
        comparisons=[(c, *_order(c)) for c in metrics.comparisons],
        drawings=_drawings(run, names),
        recordings=shown_recordings(run.attributions, own, metrics.classes),
        calibration_drawings=_calibration_drawings(run, names),
        detectable=sentence(metrics.detectable) if metrics.detectable else None,
        robustness_drawings=draw_robustness(metrics.robustness, names),
        flow_drawing=draw_flow(run.flow) if run.flow else None,
        transcripts=transcript_table(run.quality, own) if run.quality else None,
        groups=groups,
        people=[group.people for group in groups],
        folds=len({p.fold for p in own}),
        repeats=len({p.repeat for p in own}),
        seeds=len({p.seed for p in own}),
        significant=SIGNIFICANT,
        draws=BOOTSTRAP_DRAWS,
        threshold=THRESHOLD,
        pause_s=SHOWN_PAUSE_S,
        most_names=MOST_NAMES,
        tints=[tint(step, 1.0) for step in np.linspace(-1, 1, 2 * TINTS + 1)],
    )


def _drawings(run: WholeRun, names: tuple[str, str]) -> tuple[Drawing, ...]:
    metrics = run.metrics
    of_classes: tuple[Drawing, ...] = ()
    if run.scores:
        aurocs = {
            name: found["auroc"] for name, found in by_metric(metrics.systems, "auroc").items()
        }
        of_classes = draw_figures(aurocs, metrics.primary, run.scores, names)
    return (
        *of_classes,
        *draw_scores(run.scored, metrics.primary, metrics.score),
        *draw_training(run.histories, metrics.primary),
    )


def _calibration_drawings(run: WholeRun, names: tuple[str, str]) -> tuple[Drawing, ...]:
    if run.scores is None or len(run.metrics.classes) != 2:
        return ()
    own = [p for p in run.predictions if p.system == run.metrics.primary]
    return draw_calibration(own, run.scores, run.metrics.decision_curve, names)


def _order(comparison: Comparison) -> tuple[str, str] | tuple[None, None]:
    """Who won and who lost, where the corrected test says that anybody did."""
    won = winner(comparison)
    if won is None:
        return None, None
    return won, comparison.b if won == comparison.a else comparison.a


def _sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _csp_hash(style: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

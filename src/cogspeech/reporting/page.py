"""The html of the report.

Everything that is shown is escaped: words, names and identifiers are other people's text. The page
asks nobody for anything, and runs no script but one whose digest its own policy names.
"""

import base64
import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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
from cogspeech.reporting import answers
from cogspeech.reporting.bundle_card import INTENDED_USE
from cogspeech.reporting.calibration import draw_calibration
from cogspeech.reporting.cards import CHARACTERISTICS
from cogspeech.reporting.checklists import checklists_of
from cogspeech.reporting.discrimination import draw_discrimination, draw_forest
from cogspeech.reporting.figures import Drawing
from cogspeech.reporting.flow import draw_flow
from cogspeech.reporting.outcomes import (
    groups_of,
    shown_metrics,
    tint_of_share,
    two_names,
)
from cogspeech.reporting.read_run import WholeRun
from cogspeech.reporting.robustness_curves import draw_robustness
from cogspeech.reporting.run_facts import RunFacts
from cogspeech.reporting.run_spread import draw_spread
from cogspeech.reporting.score_figures import draw_scores
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
    environment.filters |= {"looks": looks_sentence, "breakable": _breakable}
    return environment.get_template("report.html.j2")


def page_of(run: WholeRun, listening: Listening | None = None, *, fewest: int = 1) -> str:
    """The whole page.

    Args:
        run: what it tells.
        listening: recordings to hear; without, the page has no script.
        fewest: people that a count or a mark must be about; above 1 for a page that is shared,
            whose ``run`` is that of `cogspeech.reporting.sharing`.
    """
    metrics = run.metrics
    own: list[Scored] = [p for p in run.predictions or run.scored if p.system == metrics.primary]
    groups, names = groups_of(own, metrics.classes), two_names(metrics.classes, metrics.score)
    ranked = by_metric(metrics.systems, primary_metric(metrics.classes))
    drawings = _drawings(run, names, fewest)
    return _template().render(
        run=run,
        metrics=metrics,
        listening=listening,
        fewest=fewest,
        is_shared=fewest > 1,
        primary_estimates=metrics.systems[metrics.primary],
        names=names,
        primary_metric=primary_metric(metrics.classes),
        systems=ranked,
        metric_names=shown_metrics(ranked, metrics.classes),
        score_metrics=tuple(METRICS_OF_SCORES),
        tint_of_share=tint_of_share,
        comparisons=[(c, *_order(c)) for c in metrics.comparisons],
        drawings={drawing.name: drawing for drawing in drawings},
        recordings=shown_recordings(run.attributions, own, metrics.classes),
        detectable=sentence(metrics.detectable) if metrics.detectable else None,
        robustness_drawings=draw_robustness(metrics.robustness, names),
        flow_drawing=draw_flow(run.flow, fewest) if run.flow else None,
        transcripts=transcript_table(run.quality, own, fewest) if run.quality else None,
        groups=groups,
        people=[group.people for group in groups],
        folds=len({p.fold for p in own}),
        repeats=len({p.repeat for p in own}),
        seeds=len({p.seed for p in own}),
        **_from_facts(run.facts),
        **_CONSTANTS,
    )


_CONSTANTS = {
    "significant": SIGNIFICANT,
    "draws": BOOTSTRAP_DRAWS,
    "threshold": THRESHOLD,
    "pause_s": SHOWN_PAUSE_S,
    "most_names": MOST_NAMES,
    "tints": [tint(step, 1.0) for step in np.linspace(-1, 1, 2 * TINTS + 1)],
    "characteristics_columns": CHARACTERISTICS,
    "intended_use": INTENDED_USE.strip(),
    "smallest_cell": answers.SMALLEST_CELL,
}


def _from_facts(facts: RunFacts | None) -> dict[str, Any]:
    """What cards and checklists say; empty in a run folder without a ``corpus.json``."""
    if facts is None:
        return {"checklists": (), "characteristics": (), "limits": (), "model_card": {}}
    return {
        "checklists": checklists_of(facts),
        "characteristics": answers.characteristics(facts),
        "limits": answers.limits(facts),
        "model_card": {
            "What it is": answers.model(facts),
            "What it is given": answers.predictors(facts),
            "What it was trained on": answers.partition(facts),
            "What it answers": answers.output(facts),
            "Where it is": answers.full_model(facts),
        },
    }


def _drawings(run: WholeRun, names: tuple[str, str], fewest: int) -> Iterator[Drawing]:
    metrics = run.metrics
    if run.scores:
        yield draw_forest(
            {name: own["auroc"] for name, own in by_metric(metrics.systems, "auroc").items()},
            metrics.primary,
        )
        yield from draw_discrimination(run.scores, metrics.primary, names, fewest=fewest)
    if run.scores and len(metrics.classes) == 2:
        own = [p for p in run.predictions if p.system == metrics.primary]
        yield from draw_calibration(own, run.scores, metrics.decision_curve, names, fewest=fewest)
        systems = list(by_metric(metrics.systems, "auroc"))
        yield from draw_spread(run.predictions, systems, metrics.primary, fewest=fewest)
    yield from draw_scores(run.scored, metrics.primary, metrics.score, fewest=fewest)
    yield from draw_training(run.histories, metrics.primary)


def _order(comparison: Comparison) -> tuple[str, str] | tuple[None, None]:
    """Who won and who lost, where the corrected test says that anybody did."""
    won = winner(comparison)
    if won is None:
        return None, None
    return won, comparison.b if won == comparison.a else comparison.a


def _sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _breakable(name: str) -> Markup:
    """A name that may go on in the next line after an underscore."""
    return Markup("_<wbr>").join(name.split("_"))


def _csp_hash(style: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

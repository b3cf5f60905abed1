"""The json of an answer, part by part; docs/predicting.md has every key."""

from typing import Any

from cogspeech.config import TargetSection
from cogspeech.decision import DecisionRule
from cogspeech.delivery.heard import Heard
from cogspeech.evaluation.metrics import THRESHOLD
from cogspeech.training.bundle import Bundle
from cogspeech.training.bundle_facts import BundleFacts
from cogspeech.training.training_ranges import MEASURES, Measure
from cogspeech.types import Answers, EmbeddedRecording

NO_ANSWER: dict[str, Any] = {"probability": None, "score": None, "decision": "abstain"}
"""Where the model was not asked."""


def said_json(
    answers: Answers, target: TargetSection, rule: DecisionRule | None, reasons: list[str]
) -> dict[str, Any]:
    """The contract's keys for two classes, and more of them for more classes and a score.

    Args:
        answers: about one recording.
        target: of the study.
        rule: of the bundle; for two classes.
        reasons: to abstain whatever the model says.
    """
    said: dict[str, Any] = {"probability": None, "score": None, "decision": None}
    if answers.probabilities is not None:
        each = answers.probabilities[0]
        said["probability"] = said["score"] = float(answers.positive[0])
        chosen: int | None = int(each.argmax())
        if len(each) == 2:
            chosen = int(said["probability"] >= THRESHOLD)
        else:
            said["probabilities"] = dict(zip(target.classes, each.tolist(), strict=True))
        if rule:
            said["probability"] = float(rule.calibrated(answers.positive)[0])
            chosen, reason = rule.decide(said["probability"])
            reasons = [*reasons, reason] if reason else reasons
        said["decision"] = None if chosen is None else target.classes[chosen]
    if answers.scores is not None:
        said["predicted_score"] = float(answers.scores[0])
    if reasons:
        said["decision"] = "abstain"
    return {**said, "reasons": reasons}


def quality_json(
    heard: Heard, embedded: EmbeddedRecording | None, facts: BundleFacts, *, hears: bool
) -> dict[str, Any]:
    """Counts, and every measure beside its range in the training.

    Args:
        heard: of the recording.
        embedded: ``None``: there was nothing to embed.
        facts: of the bundle.
        hears: whether the model depends on the sound.
    """
    words = heard.transcript.participant_words if heard.transcript else ()
    pauses_s = embedded.event_duration_s[embedded.event_is_pause].tolist() if embedded else []
    return {
        "duration_s": heard.info.duration_s,
        "sample_rate_hz": heard.info.sample_rate_hz,
        "channels": heard.info.num_channels,
        "noise_dbfs": heard.sound.noise_dbfs if heard.sound else None,
        "words": len(words),
        "words_with_times": sum(word.is_heard and not word.spread for word in words),
        "words_spread_evenly": sum(word.spread for word in words),
        "words_from": heard.transcript.source if heard.transcript else None,
        "trained_on_words_from": list(facts.training.words_from),
        "pauses": len(pauses_s),
        "pause_s": sum(pauses_s),
        "measures": [_measure_json(heard, facts, measure, hears=hears) for measure in MEASURES],
    }


def _measure_json(
    heard: Heard, facts: BundleFacts, measure: Measure, *, hears: bool
) -> dict[str, Any]:
    value, known = heard.measured[measure.name], facts.ranges.get(measure.name)
    is_inside = None
    if value is not None and known and (hears or not measure.is_heard):
        is_inside = known.side(value, measure) == 0
    return {
        "name": measure.name,
        "shown": measure.shown,
        "unit": measure.unit,
        "value": value,
        "training_low": known.low if known else None,
        "training_high": known.high if known else None,
        "is_inside": is_inside,
    }


def bundle_json(bundle: Bundle) -> dict[str, Any]:
    """Which model it was, and what everyone who uses it has to know."""
    facts = bundle.facts
    return {
        "study": facts.study,
        "fusion": facts.fusion.name,
        "classes": list(facts.target.classes),
        "score": bundle.objective.score_column,
        "weights_sha256": bundle.digest,
        "notice": facts.notice,
        "shortcuts": [n for n, verdict in facts.probes.items() if verdict == "shortcut"],
    }

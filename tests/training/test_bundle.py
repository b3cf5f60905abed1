"""What a bundle brings back, for every objective."""

import numpy as np
import pytest

from cogspeech.config import TargetSection, TranscriptsSection
from cogspeech.decision import ConformalSets, DecisionRule, FittedOn, participants_digest
from cogspeech.delivery.predictor import _answer_json
from cogspeech.errors import BundleError
from cogspeech.learning_sections import TrainingSection
from cogspeech.settings import Component
from cogspeech.training.bundle import load_bundle, make_bundle, save_bundle
from cogspeech.training.bundle_facts import BundleFacts
from cogspeech.training.labelled import LabelledPart
from cogspeech.training.objectives.base import complete_target
from cogspeech.training.prediction import predict_answers
from cogspeech.training.trainer import Trainer
from cogspeech.types import Answers
from conftest import make_embedded

TARGETS = {
    "binary": TargetSection(),
    "ordinal": TargetSection(classes=("a", "b", "c"), objective=Component(name="ordinal")),
    "regression": TargetSection(column="mmse", objective=Component(name="regression")),
    "joint": TargetSection(classes=("a", "b", "c"), objective=Component(name="joint")),
}


TARGETS = {name: complete_target(target) for name, target in TARGETS.items()}


def part(target):
    classes = max(1, len(target.classes))
    return LabelledPart(
        recordings=tuple(make_embedded(f"r{n}", seed=n) for n in range(6)),
        labels=tuple(n % classes for n in range(6)),
        scores=tuple(float(n) for n in range(6)),
    )


def trained(target):
    trainer = Trainer(
        Component(name="audio_only", d_model=8),
        TrainingSection(max_epochs=2),
        target=target,
        seed=1,
    )
    return trainer.fit(part(target), part(target))


def facts(fit, target, **more):
    return BundleFacts(
        study="s",
        target=target,
        fusion=Component(name="audio_only", d_model=8),
        audio_encoder=Component(name="acoustic"),
        text_encoder=Component(name="hashed_words"),
        transcripts=TranscriptsSection(),
        sizes=fit.model.sizes,
        score_scale=fit.objective.score_scale,
        fewest_words=1,
        sample_rates_hz=(16_000,),
        training={},
        notice=None,
        **more,
    )


@pytest.mark.parametrize("name", TARGETS)
def test_a_loaded_bundle_answers_with_the_same_bits(name, tmp_path):
    target = TARGETS[name]
    fit = trained(target)
    save_bundle(make_bundle(fit.model, facts(fit, target)), tmp_path)

    bundle = load_bundle(tmp_path)

    assert bundle.facts == facts(fit, target)
    recordings = part(target).recordings
    before = predict_answers(fit.model, fit.objective, recordings)
    after = predict_answers(bundle.model, bundle.objective, recordings)
    for side in ("probabilities", "scores"):
        np.testing.assert_array_equal(getattr(before, side), getattr(after, side))


def test_a_bundle_whose_target_needs_other_outputs_is_refused(tmp_path):
    fit = trained(TARGETS["joint"])
    save_bundle(make_bundle(fit.model, facts(fit, TARGETS["joint"])), tmp_path)
    path = tmp_path / "bundle.json"
    path.write_text(path.read_text().replace('"name": "joint"', '"name": "ordinal"'))

    with pytest.raises(BundleError, match=r"needs 2 outputs and no score_scale; found 4 and one"):
        load_bundle(tmp_path)


@pytest.mark.parametrize("name", TARGETS)
def test_an_answer_holds_what_the_target_tells(name):
    target = TARGETS[name]
    fit = trained(target)
    answers = predict_answers(fit.model, fit.objective, part(target).recordings[:1])

    said = _answer_json(answers, target, None, [])

    assert ("probabilities" in said) == (name in ("ordinal", "joint"))
    assert ("predicted_score" in said) == (name in ("regression", "joint"))
    assert (said["probability"] is None) == (name == "regression")
    if "probabilities" in said:
        assert said["decision"] == max(said["probabilities"], key=said["probabilities"].get)
        assert said["probability"] == pytest.approx(1 - said["probabilities"]["a"])
    assert _answer_json(answers, target, None, ["short"]) == {
        **said,
        "decision": "abstain",
        "reasons": ["short"],
    }


RULE = DecisionRule(
    method="platt",
    slope=0.7,
    intercept=-0.3,
    sets=ConformalSets(kind="class_conditional", coverage=0.9, largest=(0.4, 0.6)),
    fitted_on=FittedOn(participants=18, participants_sha256=participants_digest(["a", "b"])),
)


def test_a_decision_rule_travels_to_the_last_bit(tmp_path):
    fit = trained(TARGETS["binary"])
    save_bundle(make_bundle(fit.model, facts(fit, TARGETS["binary"], decision=RULE)), tmp_path)

    assert load_bundle(tmp_path).facts.decision == RULE


@pytest.mark.parametrize("raw", [0.02, 0.5, 0.55, 0.6, 0.98])
def test_what_is_served_is_what_the_rule_says(raw):
    answers = Answers(probabilities=np.array([[1 - raw, raw]]))
    target = TARGETS["binary"]

    said = _answer_json(answers, target, RULE, [])

    probability = float(RULE.calibrated(np.array([raw]))[0])
    chosen, reason = RULE.decide(probability)
    assert said == {
        "probability": probability,
        "decision": "abstain" if chosen is None else target.classes[chosen],
        "reasons": [reason] if reason else [],
    }


def test_a_reason_of_the_recording_stands_before_that_of_the_sets():
    answers = Answers(probabilities=np.array([[0.45, 0.55]]))
    wide = RULE.sets.model_copy(update={"largest": (1.0, 1.0)})

    said = _answer_json(
        answers, TARGETS["binary"], RULE.model_copy(update={"sets": wide}), ["short"]
    )

    assert said["decision"] == "abstain"
    assert said["reasons"] == ["short", "both classes are plausible at 90 % coverage"]

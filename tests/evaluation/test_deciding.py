"""A rule per fit, from its validation part and from nothing else."""

import dataclasses

import numpy as np
import pytest

from answered import answered
from cogspeech.config import EvaluationSection, Study
from cogspeech.errors import SplitError
from cogspeech.evaluation.abstention import measure_abstention
from cogspeech.evaluation.base import two_classes
from cogspeech.evaluation.deciding import HeldBack, decide, fit_rule, refuse_tested
from cogspeech.evaluation.decision_measures import measure_decisions
from cogspeech.evaluation.metrics import METRICS, scores_of
from cogspeech.evaluation.protocol import OutOfFold

SECTION = EvaluationSection()
CLASSES = ("control", "dementia")


def section(**more):
    return EvaluationSection(**more)


def study(**more):
    return Study.model_validate({"corpus": {"path": "x"}, **more})


def changed(predictions, **more):
    return tuple(dataclasses.replace(p, **more) for p in predictions)


def measured(found, **more):
    return measure_decisions(
        decide(found, section(**more)), study(evaluation=section(**more)), systems=["fused"]
    )


def test_planted_overconfidence_is_undone_inside_every_fit():
    found = measured(answered(participants=240, temperature=1 / 3))["calibration"]

    assert found["systems"]["fused"]["fits"] == 5
    assert found["systems"]["fused"]["stretch"]["largest"] < 0.6
    before, after = (found["systems"]["fused"][key] for key in ("before", "after"))
    assert before["slope"]["high"] < 0.6
    assert after["slope"]["low"] < 1.0 < after["slope"]["high"]
    assert after["brier"]["estimate"] < before["brier"]["estimate"]
    assert before["calibration_error"]["p_value"] < 0.01 < after["calibration_error"]["p_value"]


@pytest.mark.parametrize("method", ["temperature", "platt"])
def test_labels_of_the_test_side_change_nothing(method):
    found = answered(temperature=0.5, repeats=2)
    labels = np.random.default_rng(1).permutation([p.label for p in found.test])
    shuffled = OutOfFold(
        test=tuple(
            dataclasses.replace(p, label=int(label))
            for p, label in zip(found.test, labels, strict=True)
        ),
        validation=found.validation,
    )

    one, other = (decide(each, section(calibration=method)) for each in (found, shuffled))

    assert one.rules == other.rules
    for a, b in zip(one.answered.test, other.answered.test, strict=True):
        assert a.probability == b.probability


def test_what_others_say_about_the_test_side_changes_no_rule():
    found = answered(temperature=0.5)

    assert (
        decide(found, SECTION).rules
        == decide(
            dataclasses.replace(found, test=changed(found.test, probability=0.9)), SECTION
        ).rules
    )


@pytest.mark.parametrize("method", ["temperature", "platt"])
def test_the_order_of_people_and_so_the_auroc_stay(method):
    found = answered(temperature=0.4, shift=0.5, repeats=2)

    after = decide(found, section(calibration=method)).answered

    raw, own = (scores_of(each.test, "fused") for each in (found, after))
    assert METRICS["auroc"](own) == METRICS["auroc"](raw)
    assert METRICS["brier"](own) != METRICS["brier"](raw)


def test_both_parts_are_calibrated_and_the_raw_probability_is_kept():
    found = answered(temperature=0.5)

    after = decide(found, SECTION)

    for raw, own in (
        (found.test, after.answered.test),
        (found.validation, after.answered.validation),
    ):
        for a, b in zip(raw, own, strict=True):
            rule = after.rules[a.system, a.repeat, a.fold, a.seed]
            assert b.probability_raw == a.probability
            assert b.probability == float(rule.calibrated(np.array([a.probability]))[0])
            assert dataclasses.replace(b, probability=a.probability, probability_raw=None) == a


def test_without_calibration_predictions_stay_as_they_are():
    found = answered()

    assert decide(found, section(calibration="none")).answered == found


def test_a_system_that_holds_nobody_back_is_left_as_it_is():
    fused, other = answered(temperature=0.5), answered(system="majority")
    both = OutOfFold(test=fused.test + other.test, validation=fused.validation)

    after = decide(both, SECTION)

    assert {fit[0] for fit in after.rules} == {"fused"}
    assert [p.probability for p in after.answered.test if p.system == "majority"] == [
        p.probability for p in other.test
    ]
    told = measure_decisions(after, study(), systems=["fused", "majority"])["calibration"]
    assert told["systems"]["majority"]["before"] is None


def test_more_than_two_classes_are_passed_through():
    found = answered()
    three = OutOfFold(
        test=changed(found.test, probabilities=(0.2, 0.3, 0.5)),
        validation=changed(found.validation, probabilities=(0.2, 0.3, 0.5)),
    )

    after = decide(three, SECTION)

    assert after.answered == three
    assert (
        measure_decisions(after, study(target={"classes": ("a", "b", "c")}), systems=["fused"])
        == {}
    )


def test_a_validation_part_of_one_class_teaches_no_calibration():
    found = answered()
    one_class = tuple(p for p in found.validation if p.label == 1)

    after = decide(dataclasses.replace(found, validation=one_class), SECTION)

    assert {rule.method for rule in after.rules.values()} == {"none"}
    assert after.answered.test == found.test


def test_too_few_people_have_no_sets_and_a_reason_instead():
    found = answered(participants=40, validation_fraction=0.2)

    told = measured(found)["abstention"]["systems"]["fused"]

    assert told == {
        "kind": None,
        "reason": "no conformal sets: a validation part has 6 participants, and 90 % coverage "
        "takes at least 9; decisions fall at the threshold",
    }


@pytest.mark.parametrize(("participants", "kind"), [(80, "marginal"), (200, "class_conditional")])
def test_sets_are_class_by_class_where_there_are_people_for_it(participants, kind):
    found = answered(participants=participants, repeats=2)

    told = measured(found)["abstention"]["systems"]["fused"]

    assert told["kind"] == kind
    assert told["coverage"]["n"] == participants
    assert set(told["coverage_of_classes"]) == set(CLASSES)
    assert told["coverage"]["low"] <= 0.9 <= told["coverage"]["high"]


def test_figures_of_abstention_are_those_of_each_decision():
    found = answered(participants=120, repeats=2)
    after = decide(found, SECTION)
    rules = {fit[1:]: rule for fit, rule in after.rules.items()}

    told = measure_abstention(scores_of(after.answered.test, "fused"), rules, [(0, 7), (1, 7)])

    said = [
        (rules[p.repeat, p.fold, p.seed].decide(p.probability), p.label)
        for p in after.answered.test
    ]
    decided = [(chosen, label) for (chosen, _), label in said if chosen is not None]
    neither = [reason for (_, reason), _ in said if reason and reason.startswith("neither")]
    assert told.abstained.estimate == pytest.approx(1 - len(decided) / len(said))
    assert told.neither.estimate == pytest.approx(len(neither) / len(said))
    assert told.error_among_decided.estimate == pytest.approx(np.mean([c != y for c, y in decided]))
    missed = len(neither) + sum(chosen != label for chosen, label in decided)
    assert told.coverage.estimate == pytest.approx(1 - missed / len(said))
    halves = [e.estimate for e in told.coverage_of_classes]
    assert np.mean(halves) == pytest.approx(told.coverage.estimate)


def test_where_nobody_is_decided_on_there_is_no_error():
    found = answered(participants=100)
    alike = OutOfFold(
        test=changed(found.test, probability=0.5),
        validation=changed(found.validation, probability=0.5),
    )

    told = measured(alike)

    assert told["abstention"]["systems"]["fused"]["abstained"]["estimate"] == 1.0
    assert told["abstention"]["systems"]["fused"]["error_among_decided"] is None
    assert told["calibration"]["systems"]["fused"]["after"]["slope"] is None


def test_sets_under_a_temperature_are_those_without():
    found = answered(participants=120, temperature=0.5)

    one, other = (
        measured(found, calibration=method)["abstention"] for method in ("temperature", "none")
    )

    assert one == other


def test_a_rule_fitted_on_tested_participants_is_refused():
    refuse_tested(["a", "b"], ["c"])
    with pytest.raises(SplitError, match="fitted on 1 of the 2 tested participants"):
        refuse_tested(["a", "b", "b"], ["b", "c"])


def test_a_fit_that_tests_whom_it_held_back_is_refused():
    found = answered()
    leaked = dataclasses.replace(found.test[0], probability=0.1)

    with pytest.raises(SplitError, match="fitted on 1 of the 20 tested participants"):
        decide(dataclasses.replace(found, validation=(*found.validation, leaked)), SECTION)


def test_a_person_with_many_recordings_counts_once():
    generator = np.random.default_rng(0)
    labels = np.arange(20) % 2
    probability = np.clip(
        0.5 + 0.3 * (labels - 0.5) + 0.2 * generator.standard_normal(20), 0.05, 0.95
    )
    names = tuple(f"p{i}" for i in range(20))
    once = HeldBack(participants=names, labels=labels, probability=probability)
    often = HeldBack(
        participants=(*names, *names[:1] * 9),
        labels=np.append(labels, [labels[0]] * 9),
        probability=np.append(probability, [probability[0]] * 9),
    )

    one, other = (fit_rule(part, SECTION, kind="marginal") for part in (once, often))

    assert other.slope == pytest.approx(one.slope, rel=1e-4)
    assert other.sets.largest == pytest.approx(one.sets.largest, rel=1e-4)
    assert other.fitted_on == one.fitted_on
    assert often.counts == (10, 10)


def test_a_kept_fit_that_is_asked_again_answers_as_in_the_study():
    found = answered(temperature=0.5, repeats=2, seeds=(7, 8))
    after = decide(found, SECTION)

    class Kept:
        name = "fused"

        def answer(self, fold, cases):
            rows = [p for p in found.test if (p.repeat, p.fold, p.seed) == (0, fold, 7)]
            return two_classes(np.array([p.probability for p in rows]))

    again = after.asked_again(Kept(), seed=7)

    assert again.name == "fused"
    for fold in range(5):
        rows = [p for p in after.answered.test if (p.repeat, p.fold, p.seed) == (0, fold, 7)]
        np.testing.assert_array_equal(
            again.answer(fold, ()).positive, [p.probability for p in rows]
        )

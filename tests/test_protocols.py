"""Who is tested under each protocol, from the study file to the run folder."""

import csv
import json
import shutil

import numpy as np
import pytest
import yaml

from cogspeech.corpora.splits import People, plan_each_alone
from cogspeech.delivery.cli import main
from cogspeech.errors import ConfigError, SplitError
from cogspeech.evaluation.ledger import ledger_path
from cogspeech.evaluation.metrics import METRICS, scores_of
from cogspeech.study import run_study
from cogspeech.study_file import load_study
from cogspeech.types import Prediction
from tone_corpora import tone_corpus

SETTINGS = {
    "corpus": {"path": "one/recordings.csv"},
    "fusion": {"name": "text_only"},
    "compare": ["majority"],
    "probes": ["length_only"],
    "training": {"max_epochs": 1},
}
CROSS = {
    "evaluation": {"protocol": "cross_corpus", "seeds": 1},
    "test_corpus": {"path": "two/recordings.csv"},
}


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Two corpora, of eight and six people."""
    folder = tmp_path_factory.mktemp("corpora")
    tone_corpus(folder / "one", participants=8, words=4)
    tone_corpus(folder / "two", participants=6, words=4, prefix="q")
    return folder


def study_file(folder, name="study.yaml", **sections):
    (folder / name).write_text(yaml.safe_dump({**SETTINGS, **sections}))
    return folder / name


def test_one_corpus_is_trained_on_and_the_other_tested(corpora, tmp_path, capsys):
    path, run = study_file(corpora, **CROSS), tmp_path / "run"

    assert main(["run", str(path), "--out", str(run), "--quiet"]) == 0

    (fold,) = json.loads((run / "splits.json").read_text())["folds"]
    assert {name[0] for name in fold["train"] + fold["validation"]} == {"p"}
    assert fold["test"] == [f"q{n:03d}" for n in range(6)]
    with (run / "predictions.csv").open() as stream:
        assert {row["participant_id"][0] for row in csv.DictReader(stream)} == {"q"}
    assert json.loads((run / "model" / "bundle.json").read_text())["training"]["participants"] == 8
    assert json.loads((run / "audit.json").read_text())["n_recordings"] == 14
    metrics = json.loads((run / "metrics.json").read_text())
    assert (metrics["n_participants"], metrics["test_set_looks"]) == (6, 1)
    assert "first look at this test set" in capsys.readouterr().out
    assert "first look at this test set" in (run / "report.html").read_text()
    again = load_study(run / "study.yaml")
    assert again.test_corpus.path.resolve() == (corpora / "two" / "recordings.csv").resolve()


@pytest.mark.slow
def test_looks_are_counted_over_runs_but_not_over_resumes(corpora, tmp_path, capsys):
    path = study_file(corpora, **CROSS)
    looks = []
    for name, more in (("a", []), ("b", []), ("a", ["--resume"]), ("b", ["--resume"])):
        assert main(["run", str(path), "--out", str(tmp_path / name), "--quiet", *more]) == 0
        metrics = json.loads((tmp_path / name / "metrics.json").read_text())
        looks.append(metrics["test_set_looks"])

    assert looks == [1, 2, 1, 2]
    assert "looked at 2 times by studies on this machine" in capsys.readouterr().out.replace(
        "\n", " "
    )
    assert len(ledger_path().read_text().splitlines()) == 2


@pytest.mark.slow
def test_folds_that_the_study_draws_itself_are_no_test_set(corpora, tmp_path):
    evaluation = {"outer_folds": 2, "repeats": 1, "seeds": 1}
    run_study(load_study(study_file(corpora, evaluation=evaluation)), tmp_path / "run")

    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["test_set_looks"] is None
    assert not ledger_path().exists()


def test_the_audit_looks_over_both_corpora(corpora, tmp_path, capsys):
    folder = tmp_path / "corpora"
    shutil.copytree(corpora, folder)
    shutil.copy(folder / "one" / "audio" / "p001-v1.wav", folder / "two" / "audio" / "q003-v1.wav")
    path = study_file(folder, **CROSS)

    assert main(["check", str(path), "--json", str(tmp_path / "audit.json"), "--quiet"]) == 2
    assert main(["run", str(path), "--out", str(tmp_path / "run"), "--quiet"]) == 2

    findings = json.loads((tmp_path / "audit.json").read_text())["findings"]
    (copies,) = [f for f in findings if f["severity"] == "error"]
    assert set(copies["recordings"]) == {"p001-v1", "q003-v1"}
    assert "same_audio" in capsys.readouterr().err
    assert not ledger_path().exists() or not ledger_path().read_text()


@pytest.mark.parametrize(
    ("sections", "match"),
    [
        ({"evaluation": {"protocol": "cross_corpus"}}, "'test_corpus' go together"),
        ({"test_corpus": {"path": "x.csv"}}, "'test_corpus' go together"),
        ({**CROSS, "evaluation": {"protocol": "cross_corpus", "repeats": 2}}, "no meaning"),
        (
            {"evaluation": {"protocol": "leave_one_participant_out", "outer_folds": 3}},
            "no meaning",
        ),
        ({**CROSS, "test_corpus": {"pth": "x"}}, "test_corpus.path' is required"),
    ],
)
def test_sections_that_do_not_fit_are_refused(corpora, sections, match):
    with pytest.raises(ConfigError, match=match):
        load_study(study_file(corpora, "wrong.yaml", **sections))


def test_every_participant_is_tested_alone(corpora, tmp_path):
    evaluation = {"protocol": "leave_one_participant_out", "seeds": 1}
    study = load_study(study_file(corpora, evaluation=evaluation))

    result = run_study(study, tmp_path / "run")

    folds = result.plan.folds
    assert [fold.test for fold in folds] == [(f"p{n:03d}",) for n in range(8)]
    sizes = {(len(fold.train), len(fold.validation)) for fold in folds}
    assert sizes == {(4, 2)}
    # A constant knows nothing, and must come out as knowing nothing.
    assert result.metrics["majority"]["auroc"].estimate == 0.5
    assert (tmp_path / "run" / "report.html").is_file()


def people(negatives, positives):
    labels = {f"n{i:02d}": 0 for i in range(negatives)} | {f"p{i:02d}": 1 for i in range(positives)}
    return People(labels=labels, classes=("control", "dementia"))


@pytest.mark.parametrize(("negatives", "positives"), [(3, 3), (9, 4), (5, 12)])
def test_training_sides_that_leave_one_out_have_the_same_number_of_each_class(negatives, positives):
    everybody = people(negatives, positives)

    plan = plan_each_alone(everybody, validation_fraction=0.2, seed=3)

    assert plan.tested == everybody.labels.keys()
    for fold in plan.folds:
        for part in (fold.train, fold.validation):
            assert {everybody.labels[name] for name in part} == {0, 1}
        rest = [everybody.labels[name] for name in fold.train + fold.validation]
        assert (rest.count(0), rest.count(1)) == (negatives - 1, positives - 1)
    counts = {tuple(np.bincount([everybody.labels[n] for n in f.train])) for f in plan.folds}
    assert len(counts) == 1
    left_out = [everybody.labels.keys() - {*f.train, *f.validation, *f.test} for f in plan.folds]
    assert all(len(names) == 1 for names in left_out)
    assert len(set().union(*left_out)) > 2
    assert plan == plan_each_alone(everybody, validation_fraction=0.2, seed=3)
    assert plan != plan_each_alone(everybody, validation_fraction=0.2, seed=4)


def test_leaving_one_out_needs_three_of_each_class():
    with pytest.raises(SplitError, match=r"class 'dementia' has 2 participants; .* at least 3"):
        plan_each_alone(people(5, 2), validation_fraction=0.2, seed=3)


def predictions(folds):
    labels = (0, 0, 1, 1)
    probabilities = (0.1, 0.6, 0.4, 0.9)
    return [
        Prediction(
            system="s",
            repeat=0,
            fold=fold,
            seed=1,
            participant_id=f"p{i}",
            recording_id=f"r{i}",
            label=label,
            probability=probability,
        )
        for i, (label, probability, fold) in enumerate(
            zip(labels, probabilities, folds, strict=True)
        )
    ]


def test_participants_are_compared_across_folds_only_where_every_fold_tests_one():
    """Across folds 3 of 4 pairs are right; inside the two folds both pairs are."""
    alone = scores_of(predictions((0, 1, 2, 3)), "s")
    together = scores_of(predictions((0, 1, 0, 1)), "s")

    assert METRICS["auroc"](alone).estimate == 0.75
    assert METRICS["auroc"](together).estimate == 1.0
    assert METRICS["auprc"](alone).estimate == pytest.approx((1 + 2 / 3) / 2)

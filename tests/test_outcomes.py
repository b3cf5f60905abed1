"""The whole path for every kind of target: more than two classes, classes in an order, scores."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from sklearn import metrics as oracle

from cogspeech.audit.gather import gather_evidence
from cogspeech.cache import ContentCache
from cogspeech.config import TranscriptsSection
from cogspeech.corpora.splits import THIRDS
from cogspeech.delivery.cli import main
from cogspeech.delivery.predictor import Predictor
from cogspeech.delivery.terminal import print_summary
from cogspeech.errors import ConfigError, CorpusError, SplitError
from cogspeech.evaluation.comparison import COMPARED_METRICS
from cogspeech.reporting.report import write_report
from cogspeech.reporting.run_folder import StudyResult
from cogspeech.study import import_study, run_study, split_corpus
from cogspeech.study_file import load_study
from cogspeech.training.bundle import load_bundle

CLASSES = ["control", "mci", "dementia"]
TARGETS: dict[str, dict[str, Any]] = {
    "classes": {"classes": CLASSES},
    "order": {"classes": CLASSES, "objective": "ordinal"},
    "joint": {"classes": CLASSES, "objective": "joint"},
    "both": {"column": "impaired", "classes": ["no", "yes"], "objective": "joint"},
    "score": {"column": "moca", "objective": "regression"},
}
SETTINGS = {
    "name": "tiny",
    "corpus": {"path": "recordings.csv"},
    "fusion": {"name": "text_only"},
    "training": {"max_epochs": 1, "checkpoint_every_s": 0},
    "evaluation": {"outer_folds": 3, "repeats": 1, "seeds": 2},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve participants, two of them with a second visit, of whom one has no MMSE."""
    folder = tmp_path_factory.mktemp("outcomes")
    generator = np.random.default_rng(0)
    table = ["recording_id,participant_id,audio_path,transcript_path,diagnosis,impaired,mmse,moca"]
    for number in range(14):
        name, person = f"r{number}", number % 12
        soundfile.write(folder / f"{name}.wav", generator.normal(0, 0.1, 24_000), 16_000)
        words = [
            {"text": text, "start_s": 0.3 + 0.2 * n, "end_s": 0.45 + 0.2 * n}
            for n, text in enumerate(generator.choice(["the", "old", "boy", "fell"], 5).tolist())
        ]
        (folder / f"{name}.words.json").write_text(json.dumps({"words": words}))
        kind = person % 3
        score = 29 - 5 * kind - number // 3
        row = [name, f"p{person}", f"{name}.wav", f"{name}.words.json", CLASSES[kind]]
        row += ["yes" if kind else "no", "" if number == 13 else str(score), str(score - 2)]
        table.append(",".join(row))
    (folder / "recordings.csv").write_text("\n".join([*table, ""]))
    return folder


def study_file(folder: Path, kind: str, **changes: object) -> Path:
    compare = ["majority"] if kind == "score" else ["majority", "tfidf_svm"]
    path = folder / f"{kind}.yaml"
    sections = {**SETTINGS, "compare": compare, "target": TARGETS[kind], **changes}
    path.write_text(yaml.safe_dump(sections))
    return path


SLOW = ("order", "joint")
"""What the two around them have, they share: `classes` and `both`."""


@pytest.fixture(
    scope="module",
    params=[pytest.param(k, marks=pytest.mark.slow) if k in SLOW else k for k in TARGETS],
)
def finished(
    request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, StudyResult, Path]:
    run_dir = tmp_path_factory.mktemp(request.param) / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COGSPEECH_CACHE", str(folder / "cache"))
        result = run_study(load_study(study_file(folder, request.param)), run_dir)
    return request.param, result, run_dir


def rows_of(run_dir: Path) -> list[dict[str, str]]:
    with (run_dir / "predictions.csv").open() as stream:
        return list(csv.DictReader(stream))


def test_a_run_folder_says_what_its_target_asks_for(finished) -> None:
    kind, _, run_dir = finished
    rows = rows_of(run_dir)

    columns = ["system", "repeat", "fold", "seed", "participant_id", "recording_id"]
    columns += [] if kind == "score" else ["label", "probability"]
    columns += [f"probability_{n}" for n in CLASSES] if kind not in {"both", "score"} else []
    columns += [] if kind in {"classes", "order"} else ["score", "predicted_score"]
    columns += ["probability_raw"] if kind == "both" else []
    assert list(rows[0]) == columns
    assert len(rows) == (14 * 2 + 14 if kind == "score" else 14 * 2 + 14 + 14)
    for row in rows if kind not in {"both", "score"} else ():
        said = [float(row[f"probability_{name}"]) for name in CLASSES]
        assert sum(said) == pytest.approx(1.0)
        assert float(row["probability"]) == pytest.approx(sum(said[1:]))


def test_metrics_are_those_of_the_target(finished) -> None:
    kind, _, run_dir = finished
    found = json.loads((run_dir / "metrics.json").read_text())

    of_scores = {"mae", "rmse", "spearman", "ccc", "skill"}
    of_classes = {"macro_auroc", "macro_f1", "balanced_accuracy", "accuracy", "auroc"}
    of_classes |= {f"auroc_{name}" for name in CLASSES}
    own = set(found["systems"]["text_only"])
    expected = {
        "classes": of_classes,
        "order": of_classes | {"class_distance", "quadratic_kappa"},
        "joint": of_classes | of_scores,
        "score": of_scores,
    }
    assert own == expected[kind] if kind in expected else own >= of_scores | {"auroc", "brier"}
    assert found["primary_metric"] == {"both": "auroc", "score": "mae"}.get(kind, "macro_auroc")
    assert found["score"] == {"joint": "mmse", "both": "mmse", "score": "moca"}.get(kind)
    for estimates in found["systems"].values():
        for each in estimates.values():
            assert each["low"] <= each["estimate"] <= each["high"]
            assert each["n"] in {4, 8, 12}


def test_metrics_can_be_had_from_the_predictions_alone(finished) -> None:
    """Computed anew with scikit-learn from the file that anybody can read."""
    kind, result, run_dir = finished
    if kind == "both":
        return
    of_runs = []
    for seed in ("7", "8"):
        own = [r for r in rows_of(run_dir) if r["system"] == "text_only" and r["seed"] == seed]
        people = sorted({row["participant_id"] for row in own})
        visits = [[row for row in own if row["participant_id"] == name] for name in people]
        if kind == "score":
            misses = [
                np.mean([abs(float(r["score"]) - float(r["predicted_score"])) for r in mine])
                for mine in visits
            ]
            of_runs.append(np.mean(misses))
        else:
            said = [
                np.mean([[float(r[f"probability_{n}"]) for n in CLASSES] for r in mine], axis=0)
                for mine in visits
            ]
            truth = [int(mine[0]["label"]) for mine in visits]
            of_runs.append(oracle.f1_score(truth, np.argmax(said, axis=1), average="macro"))
    metric = "mae" if kind == "score" else "macro_f1"
    found = result.metrics["text_only"][metric].estimate
    assert found == pytest.approx(np.mean(of_runs), abs=1e-12)


def test_the_baseline_of_a_score_is_the_mean_of_the_training_side(finished) -> None:
    kind, result, run_dir = finished
    if kind not in {"score", "joint", "both"}:
        return
    skill = result.metrics["majority"]["skill"]
    assert (skill.estimate, skill.low, skill.high) == (0.0, 0.0, 0.0)
    assert result.metrics["majority"]["spearman"].estimate == 0.0
    if kind == "score":
        rows = [row for row in rows_of(run_dir) if row["system"] == "majority"]
        for fold in "012":
            (said,) = {r["predicted_score"] for r in rows if r["fold"] == fold}
            rest = [r for r in rows if r["fold"] != fold]
            means = [
                np.mean([float(r["score"]) for r in rest if r["participant_id"] == name])
                for name in {r["participant_id"] for r in rest}
            ]
            assert float(said) == pytest.approx(np.mean(means))
    else:
        assert "mae" not in result.metrics["tfidf_svm"]


def test_comparisons_and_probes_are_about_the_first_class_or_say_that_they_are_not(
    finished, capsys, monkeypatch
) -> None:
    kind, result, run_dir = finished
    monkeypatch.setenv("COLUMNS", "200")

    print_summary(result, run_dir)

    shown = capsys.readouterr().out
    if kind == "score":
        assert result.assessment.comparisons == ()
        assert {probe.verdict for probe in result.assessment.probes} == {"not_applicable"}
        assert "no comparison and no probe was made" in shown
    else:
        compared = set(COMPARED_METRICS) if kind == "both" else {"auroc"}
        assert {c.metric for c in result.assessment.comparisons} == compared
        assert any(probe.auroc for probe in result.assessment.probes)
        said = "comparisons and probes are about mci or dementia against control"
        assert (said in shown) == (kind != "both")


def test_the_report_reads_like_the_target(finished) -> None:
    kind, _, run_dir = finished
    page = (run_dir / "report.html").read_text()

    assert ('id="classes"' in page) == (kind in {"classes", "order", "joint"})
    assert ("Measured and predicted m" in page) == (kind in {"joint", "both", "score"})
    assert ("ROC curve" in page) == (kind != "score")
    assert page.count('role="img"') + page.count('<svg class="bar"') == page.count("<svg")
    assert ("it predicted lay" in page) == (kind in {"joint", "both"})
    lead = {"both": "in telling", "score": "away from the measured one"}
    assert lead.get(kind, "told 3 classes apart with a macro AUROC") in " ".join(page.split())


def test_the_report_is_made_of_files_alone(finished) -> None:
    kind, _, run_dir = finished
    page = (run_dir / "report.html").read_text()
    if kind in {"order", "score"}:
        assert write_report(run_dir).read_text() == page


def test_the_bundle_answers_what_it_was_trained_for(finished, folder, monkeypatch) -> None:
    kind, _, run_dir = finished
    monkeypatch.setenv("COGSPEECH_CACHE", str(folder / "cache"))

    said = Predictor(load_bundle(run_dir / "model")).predict(folder / "r0.wav")

    assert ("probabilities" in said) == (kind in {"classes", "order", "joint"})
    assert ("predicted_score" in said) == (kind in {"joint", "both", "score"})
    assert (said["decision"] is None) == (kind == "score")
    assert (said["bundle"]["score"] is None) == (kind in {"classes", "order"})


def test_a_class_table_counts_every_participant_once(finished) -> None:
    kind, _, run_dir = finished
    found = json.loads((run_dir / "metrics.json").read_text())["confusion"]

    if kind in {"both", "score"}:
        assert found == {}
        return
    assert set(found) == {"text_only", "majority", "tfidf_svm"}
    for rows in found.values():
        assert [row[0]["n"] for row in rows] == [4, 4, 4]
        for row in rows:
            assert sum(cell["estimate"] for cell in row) == pytest.approx(1.0)


def test_folds_of_a_score_hold_people_of_every_third(folder: Path) -> None:
    study = load_study(study_file(folder, "score"))
    corpus = import_study(study)
    means = {
        name: np.mean([r.score for r in corpus.recordings if r.participant_id == name])
        for name in {r.participant_id for r in corpus.recordings}
    }
    ranked = sorted(means, key=lambda name: (means[name], name))

    for fold in split_corpus(corpus, study).folds:
        for third in (ranked[:4], ranked[4:8], ranked[8:]):
            assert set(third) & set(fold.test)
            assert set(third) & set(fold.validation)
            assert set(third) & set(fold.train)


def test_what_goes_with_a_score_is_looked_for_in_its_thirds(folder: Path, tmp_path) -> None:
    study = load_study(study_file(folder, "score"))

    evidence = gather_evidence(
        import_study(study).recordings,
        TranscriptsSection(),
        classes=study.target.classes,
        cache=ContentCache(tmp_path),
    )

    assert evidence.classes == THIRDS
    assert {item.recording.label for item in evidence.items} == set(THIRDS)


def test_check_accepts_a_study_of_a_score(folder: Path, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("COGSPEECH_CACHE", str(tmp_path))

    assert main(["check", str(study_file(folder, "score")), "--quiet"]) == 0
    assert "label_unknown" not in capsys.readouterr().out


def test_a_baseline_that_tells_classes_only_is_refused_for_a_score(folder: Path) -> None:
    with pytest.raises(ConfigError, match="'tfidf_svm' tells classes, and the target is a score"):
        load_study(study_file(folder, "score", compare=["tfidf_svm"]))


def test_of_the_default_systems_those_that_can_tell_a_score_are_compared(folder: Path) -> None:
    path = study_file(folder, "score")
    path.write_text(
        yaml.safe_dump({"corpus": {"path": "recordings.csv"}, "target": TARGETS["score"]})
    )

    compared = load_study(path).compare

    assert "audio_only" in compared
    assert "tfidf_svm" not in compared


def test_a_score_that_is_no_number_is_refused_with_its_row(folder: Path, tmp_path) -> None:
    text = (folder / "recordings.csv").read_text().replace(",27\n", ",mild\n", 1)
    (folder / "odd.csv").write_text(text)
    study = load_study(study_file(folder, "score", corpus={"path": "odd.csv"}))

    with pytest.raises(CorpusError, match=r"odd\.csv:2: moca is 'mild'; expected a number"):
        run_study(study, tmp_path / "run")


def test_too_few_people_for_the_folds_are_refused(folder: Path) -> None:
    path = study_file(folder, "score", evaluation={"outer_folds": 6})
    study = load_study(path)

    with pytest.raises(SplitError, match="lowest third of the scores' has 4 participants"):
        split_corpus(import_study(study), study)

"""The report of more than two classes and of scores: what it says, and what it refuses."""

import csv
import json
import re
from pathlib import Path

import pytest
import yaml

from cogspeech.config import Study, as_plain
from cogspeech.errors import CogspeechError
from cogspeech.reporting.outcomes import read_predictions, read_scored, two_names
from cogspeech.reporting.report import write_report

CLASSES = ["control", "mci", "dementia"]
HOSTILE = "</q><script>alert(1)</script>\u202e{{ 7 * 7 }}"


def estimate(value: float, low: float, high: float, n: int = 12) -> dict[str, float]:
    return {"estimate": value, "low": low, "high": high, "n": n}


def of_classes(classes: list[str]) -> dict[str, object]:
    names = ["macro_auroc", "auroc", "balanced_accuracy", *(f"auroc_{name}" for name in classes)]
    share = [
        [estimate(0.8 if row == column else 0.1, 0.05, 0.9, 4) for column in range(3)]
        for row in range(3)
    ]
    return {
        "classes": classes,
        "systems": {"fused": {name: estimate(0.71, 0.55, 0.83) for name in names}},
        "confusion": {"fused": share},
    }


def of_score(column: str, **changes: dict[str, float]) -> dict[str, object]:
    found = {"mae": estimate(3.2, 2.5, 4.1), "skill": estimate(0.3, 0.1, 0.5), **changes}
    return {"classes": [], "score": column, "systems": {"fused": found}}


def run_folder(folder: Path, metrics: dict[str, object], *, name: str = "a study") -> Path:
    classes = metrics["classes"]
    columns = ["system", "repeat", "fold", "seed", "participant_id", "recording_id"]
    columns += ["label", "probability", *(f"probability_{c}" for c in classes)] if classes else []
    columns += ["score", "predicted_score"] if metrics.get("score") else []
    with (folder / "predictions.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore")
        writer.writeheader()
        for person in range(12):
            said = [0.7 if k == person % 3 else 0.15 for k in range(3)]
            row = {"system": "fused", "repeat": 0, "fold": person // 3 % 2, "seed": 7}
            row |= {"participant_id": f"P{person}", "recording_id": f"R{person}"}
            row |= {"label": person % 3, "probability": sum(said[1:])}
            row |= {f"probability_{c}": p for c, p in zip(classes, said, strict=False)}
            writer.writerow(row | {"score": 30 - person, "predicted_score": 27.5 - person / 2})
    words = [{"word_index": 0, "text": "the", "start_s": 0, "end_s": 1, "pause_s": 0}]
    shares = {f"R{n}": [words[0] | {"attribution": 0.2 - n / 30}] for n in range(12)}
    whole = {"n_participants": 12, "n_recordings": 12, "primary": "fused", "comparisons": []}
    whole |= {"probes": {}, "probe_rule": "a rule", "notice": None, "use": "Research only."}
    study = Study.model_validate({"name": name, "corpus": {"path": "../recordings.csv"}})
    files = {
        "metrics.json": json.dumps(whole | metrics),
        "attributions.json": json.dumps({"meaning": "what is lost", "recordings": shares}),
        "study.yaml": yaml.safe_dump(as_plain(study)),
        "audit.json": json.dumps({"verdict": "sound", "n_recordings": 12, "findings": []}),
        "provenance.json": "{}",
    }
    for file, text in files.items():
        (folder / file).write_text(text)
    return folder


def words_of(folder: Path, metrics: dict[str, object]) -> str:
    html = write_report(run_folder(folder, metrics)).read_text()
    return " ".join(re.sub(r"<[^>]*>", " ", html.partition("<body>")[2]).split())


def test_classes_are_shown_one_by_one(tmp_path) -> None:
    shown = words_of(tmp_path, of_classes(CLASSES))

    assert "told 3 classes apart with a macro AUROC of 0.71" in shown
    assert "control 4 80&nbsp;% right 5 to 90 10&nbsp;% 5 to 90" in shown
    assert "Comparisons and probes below are about mci or dementia against control" in shown
    assert "4 control , 4 mci , 4 dementia" in shown


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.01, 0.5, "That is more exact than always saying the mean of the training side"),
        (-0.1, 0.5, "does not show that the system tells more than the mean"),
        (-0.5, -0.1, "That is less exact than always saying the mean of the training side"),
    ],
)
def test_a_score_is_held_against_the_mean_of_the_training_side(tmp_path, low, high, said) -> None:
    metrics = of_score("mmse", skill=estimate((low + high) / 2, low, high))

    shown = words_of(tmp_path, metrics)

    assert said in shown
    assert "lay 3.20 away from the measured one on average" in shown
    assert "No probe was run." in shown


def test_figures_of_a_score_carry_n_and_the_limits_of_agreement(tmp_path) -> None:
    shown = words_of(tmp_path, of_score("mmse"))

    apart = [27.5 - n / 2 - (30 - n) for n in range(12)]
    mean = sum(apart) / 12
    spread = (sum((each - mean) ** 2 for each in apart) / 11) ** 0.5
    assert f"the mean difference, {mean:+.2f}" in shown
    assert f"{mean - 1.96 * spread:+.2f} and {mean + 1.96 * spread:+.2f}" in shown
    assert shown.count("n = 12 participants, 12 recordings") == 2
    assert "Measured mmse 30 , mean prediction 27.50 (the highest of all)" in shown


@pytest.mark.parametrize("kind", ["classes", "score"])
def test_hostile_names_stay_text(tmp_path, kind) -> None:
    odd = [f"{n}{HOSTILE}" for n in "abc"]
    metrics = of_classes(odd) if kind == "classes" else of_score(HOSTILE)

    html = write_report(run_folder(tmp_path, metrics, name=HOSTILE)).read_text()

    assert "<script" not in html
    assert "49" not in re.sub(r"<svg.*?</svg>|<style>.*?</style>", "", html, flags=re.S)
    figures = re.findall(r"<figure.*?</figure>", html, flags=re.S)
    assert figures
    assert not any("\u202e" in figure for figure in figures)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"classes": ["control"]}, "expected two classes or more"),
        ({"classes": []}, "needs an mae"),
        ({"confusion": {"fused": [[]]}}, "expected confusion matrices of all classes"),
        ({"systems": {"fused": {"auroc": estimate(0.7, 0.6, 0.8)}}}, "needs an macro_auroc"),
    ],
)
def test_metrics_that_do_not_fit_their_classes_are_refused(tmp_path, change, reason) -> None:
    folder = run_folder(tmp_path, of_classes(CLASSES))
    found = json.loads((folder / "metrics.json").read_text()) | change
    (folder / "metrics.json").write_text(json.dumps(found))

    with pytest.raises(CogspeechError, match=reason):
        write_report(folder)


HEAD = "system,repeat,fold,seed,participant_id,recording_id"


@pytest.mark.parametrize("said", ["1.2,0.1,0.1", "nan,0.5,0.5", "0.5,0.5,"])
def test_what_is_no_probability_of_a_class_is_refused(said) -> None:
    columns = f"{HEAD},label,probability,probability_control,probability_mci,probability_dementia"

    with pytest.raises(ValueError, match="probabilit"):
        read_predictions(f"{columns}\ns,0,0,1,p,r,0,0.5,{said}\n", CLASSES)


def test_a_row_without_a_score_is_left_out_and_an_endless_one_is_refused() -> None:
    columns = f"{HEAD},score,predicted_score"

    assert len(read_scored(f"{columns}\ns,0,0,1,p,r,20,21\ns,0,0,1,p,q,,21\n")) == 1
    with pytest.raises(ValueError, match="finite"):
        read_scored(f"{columns}\ns,0,0,1,p,r,20,inf\n")


def test_the_two_sides_have_names() -> None:
    assert two_names(CLASSES, None) == ("control", "mci or dementia")
    assert two_names((), "mmse") == ("a lower mmse", "a higher mmse")

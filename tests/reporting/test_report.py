import base64
import csv
import hashlib
import json
import re
from contextlib import contextmanager
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from answered import answered
from cogspeech.config import Study, TranscriptsSection, as_plain
from cogspeech.errors import CogspeechError
from cogspeech.evaluation.deciding import decide
from cogspeech.evaluation.decision_curve import decision_curves
from cogspeech.evaluation.decision_measures import measure_decisions
from cogspeech.evaluation.detectable import Detectable
from cogspeech.evaluation.metrics import METRICS, Scores, auroc_parts, scores_of
from cogspeech.evaluation.operating_points import operating_points
from cogspeech.evaluation.protocol import OutOfFold
from cogspeech.reporting.calibration import draw_calibration
from cogspeech.reporting.discrimination import (
    draw_discrimination,
    draw_forest,
    merged_bins,
    precision_curve,
    roc_curve,
)
from cogspeech.reporting.report import write_report
from cogspeech.reporting.run_folder import PREDICTION_COLUMNS
from cogspeech.reporting.run_spread import draw_spread
from cogspeech.transcripts.quality import quality_csv, quality_of
from cogspeech.types import Estimate, Prediction, Transcript, Word

LOOKS_AT = "how many words there are"
STUDY = Study.model_validate({"corpus": {"path": "x"}})
NOTICE = "These voices are synthetic."
USE = "Research only. Not a medical device."
AUDIT = {"verdict": "sound", "n_recordings": 12, "findings": []}
VOID = {"meta", "link", "img", "br", "hr", "input", "wbr"}
COLUMNS = PREDICTION_COLUMNS
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</style><script>alert(1)</script>",
    '" onmouseover="alert(1)" x=\'',
    "{{ 7 * 7 }} $\\frac{",
    "javascript:alert(1)",
    "\x00\x1b\u202e&#60;script&#62;",
)


class Page(HTMLParser):
    """Every tag with its attributes, and the text below every section and style."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[tuple[str, str]] = []
        self.text: dict[str, str] = {"": ""}
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, dict(attrs).get("id") or tag))

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag
        if tag in {"td", "th"}:
            self.handle_data(" ")

    def handle_data(self, data):
        for name in {"", *(place for _, place in self.open)}:
            self.text[name] = self.text.get(name, "") + data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.tags if found == tag]

    def words(self, place: str) -> str:
        return " ".join(self.text[place].split())


def estimate(value: float, low: float, high: float, n: int = 12) -> dict[str, float]:
    return {"estimate": value, "low": low, "high": high, "n": n}


def system(auroc: dict[str, float]) -> dict[str, dict[str, float]]:
    names = ("auprc", "balanced_accuracy", "accuracy", "f1", "brier")
    others = {name: estimate(0.61, 0.41, 0.81) for name in names}
    halves = {name: estimate(0.62, 0.42, 0.82, 6) for name in ("sensitivity", "specificity")}
    return {"auroc": auroc, **others, **halves}


def comparison(b: str, difference: float, p_adjusted: float) -> dict[str, object]:
    return {
        "a": "fused",
        "b": b,
        "metric": "auroc",
        "difference": difference,
        "low": difference - 0.2,
        "high": difference + 0.2,
        "p_value": p_adjusted / 2,
        "p_adjusted": p_adjusted,
    }


def metrics(**changes: object) -> dict[str, object]:
    return {
        "n_participants": 12,
        "n_recordings": 12,
        "classes": ["control", "dementia"],
        "primary": "fused",
        "systems": {
            "text_only": system(estimate(0.5412, 0.3, 0.75)),
            "fused": system(estimate(0.8312, 0.6123, 0.9434)),
        },
        "comparisons": [comparison("text_only", 0.29, 0.2)],
        "probes": {
            "length_only": {
                "auroc": estimate(0.55, 0.31, 0.77),
                "p_value": 0.34,
                "verdict": "clear",
                "looks_at": LOOKS_AT,
            },
            "silence_only": {
                "auroc": None,
                "p_value": None,
                "verdict": "not_applicable",
                "looks_at": LOOKS_AT,
            },
        },
        "probe_rule": "shortcut: the lower end lies above 0.5",
        "notice": NOTICE,
        "use": USE,
        **changes,
    }


def recording(*texts: str) -> list[dict[str, object]]:
    return [
        {
            "word_index": index,
            "text": text,
            "start_s": index * 1.0,
            "end_s": index + 0.9,
            "pause_s": 0.0,
            "attribution": (index - 1) * 0.3,
        }
        for index, text in enumerate(texts)
    ]


def run_folder(
    folder: Path,
    *,
    name: str = "a study",
    prefix: str = "R",
    words: tuple[str, ...] = ("the", "boy", "falls"),
    attributions: dict[str, object] | None = None,
    sources: tuple[str, str] = ("manual", "manual"),
    audit: dict[str, object] | None = None,
    drop: tuple[dict[str, str], ...] = (),
    **changes: object,
) -> Path:
    found = metrics(**changes)
    with (folder / "predictions.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for used in found["systems"]:
            for repeat in (0, 1):
                for person in range(12):
                    label, fold = person % 2, person // 2 % 3
                    probability = (person * 7 + repeat * 3) % 12 / 24 + 0.4 * label
                    who = (f"P{person}", f"{prefix}{person}", label)
                    writer.writerow([used, repeat, fold, 7, *who, probability])
    shown = {f"{prefix}{person}": recording(*words) for person in range(12)}
    study = Study.model_validate(
        {"name": name, "corpus": {"path": "../recordings.csv"}, "audit": {"drop": drop}}
    )
    (folder / "metrics.json").write_text(json.dumps(found))
    (folder / "attributions.json").write_text(
        json.dumps({"meaning": "what the logit loses", "recordings": attributions or shown})
    )
    (folder / "study.yaml").write_text(yaml.safe_dump(as_plain(study), sort_keys=False))
    texts = [f"w{i}" for i in range(4)]
    said = tuple(Word(text=w, start_s=i + 0.1, end_s=i + 0.6) for i, w in enumerate(texts))
    qualities = [
        quality_of(
            Transcript(recording_id=f"{prefix}{person}", words=said, source=sources[person % 2]),
            TranscriptsSection(),
        )
        for person in range(12)
    ]
    (folder / "quality.csv").write_text(quality_csv(qualities))
    (folder / "audit.json").write_text(json.dumps(audit or AUDIT))
    (folder / "provenance.json").write_text(
        json.dumps(
            {
                "created": "2025-01-01",
                "transcripts": {"source files": None, "aligner": {"name": "ctc"}},
                "libraries": {"numpy": "2.0"},
                "python": "3.11",
            }
        )
    )
    return folder


@contextmanager
def without_figures():
    with mock.patch("cogspeech.reporting.page._drawings", return_value=()):
        yield


def page(folder: Path, **changes: object) -> Page:
    """The page without its figures, which take most of the time."""
    with without_figures():
        return whole_page(folder, **changes)


def whole_page(folder: Path, **changes: object) -> Page:
    return Page(write_report(run_folder(folder, **changes)).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory) -> Page:
    return whole_page(tmp_path_factory.mktemp("ordinary"))


def test_report_runs_no_script_and_asks_nobody(ordinary):
    shown = ordinary
    policies = [m for m in shown.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    links = [
        value
        for _, attributes in shown.tags
        for key, value in attributes.items()
        if key in {"src", "href", "xlink:href", "action", "data", "srcset", "poster"}
    ]
    assert not shown.all("script")
    assert not shown.all("iframe")
    assert not [key for _, found in shown.tags for key in found if key.startswith(("on", "style"))]
    assert links
    assert all(link.startswith("#") or link == "data:," for link in links)
    assert len(policies) == 1
    assert policies[0]["content"].startswith("default-src 'none'; style-src 'sha256-")


def test_policy_holds_the_hash_of_the_one_style_sheet(tmp_path):
    html = write_report(run_folder(tmp_path)).read_text(encoding="utf-8")
    (style,) = re.findall(r"<style>(.*?)</style>", html, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in html
    assert "url(" not in style
    assert "@import" not in style


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_strings_stay_text(tmp_path, ordinary, text):
    others = {
        text: system(estimate(0.54, 0.3, 0.75)),
        "fused": system(estimate(0.83, 0.61, 0.94)),
    }
    red = {
        "auroc": estimate(0.71, 0.6, 0.8),
        "p_value": 0.0,
        "verdict": "shortcut",
        "looks_at": LOOKS_AT,
    }
    hostile = whole_page(
        tmp_path,
        name=text,
        prefix=text,
        words=(text, "boy", "falls"),
        notice=text,
        use=text,
        classes=[f"a{text}", f"b{text}"],
        systems=others,
        comparisons=[comparison(text, 0.1, 0.01)],
        probes={text: red},
        probe_rule=text,
        sources=("manual", text),
    )
    assert {tag for tag, _ in hostile.tags} <= {tag for tag, _ in ordinary.tags}
    assert not [key for _, found in hostile.tags for key in found if key.startswith("on")]
    known = text.replace("\x00", "\ufffd")
    for place in ("notice", "study-name", "use", "words", "transcripts"):
        assert known.strip() in hostile.text[place].replace("\x00", "\ufffd")


def test_hostile_names_cannot_turn_numbers_around(tmp_path):
    name = "a\u202eb"
    red = {
        "auroc": estimate(0.71, 0.6, 0.8),
        "p_value": 0.0,
        "verdict": "shortcut",
        "looks_at": LOOKS_AT,
    }
    shown = whole_page(tmp_path, classes=["x", name], probes={name: red})
    assert name in shown.text["bdi"]
    assert name in shown.text["q"]
    captions = [figcaption["id"] for figcaption in shown.all("figcaption") if "id" in figcaption]
    assert captions
    for place in ("svg", *captions):
        assert "\u202e" not in shown.text[place]


def test_headline_shows_the_numbers_of_metrics_json(tmp_path):
    shown = page(tmp_path)
    result = shown.words("result")
    assert "On 12 participants" in result
    assert "fused reached an AUROC of 0.83 (95 % interval 0.61 to 0.94, n = 12)" in result
    exact = {float(found["value"]) for found in shown.all("data")}
    assert {0.8312, 0.6123, 0.9434} <= exact


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.5001, 0.9, "the whole interval lies above guessing"),
        (0.4999, 0.9, "does not show that the system can tell the two apart"),
        (0.1, 0.4999, "the whole interval lies below guessing"),
    ],
)
def test_headline_says_whether_the_interval_holds_guessing(tmp_path, low, high, said):
    systems = {"fused": system(estimate((low + high) / 2, low, high))}
    shown = page(tmp_path, systems=systems, comparisons=[])
    assert said in shown.words("headline")
    assert "compared the primary system with no other" in shown.words("comparisons")


def test_a_bound_beside_a_half_keeps_the_digit_that_tells_its_side(tmp_path):
    systems = {"fused": system(estimate(0.7, 0.5031, 0.9))}
    shown = page(tmp_path, systems=systems, comparisons=[comparison("x", 0.1, 0.0501)])
    assert "0.503 to 0.90" in shown.words("result")
    assert "0.05010" in shown.words("comparisons")


def test_better_needs_a_corrected_test(tmp_path):
    shown = page(tmp_path, comparisons=[comparison("text_only", 0.29, 0.0501)])
    assert not re.search(r"better|outperform|superior|worse", shown.text[""], flags=re.IGNORECASE)
    assert "no difference was shown" in shown.words("comparisons")
    assert "Against text_only no difference was shown." in shown.words("headline")


def test_better_is_said_where_the_corrected_test_says_it(tmp_path):
    shown = page(tmp_path, comparisons=[comparison("text_only", 0.29, 0.05)])
    assert "fused is better than text_only" in shown.words("comparisons")
    assert "It was better than text_only (corrected test)." in shown.words("headline")


def test_better_names_the_other_system_where_that_won(tmp_path):
    shown = page(tmp_path, comparisons=[comparison("text_only", -0.29, 0.01)])
    assert "text_only is better than fused" in shown.words("comparisons")
    assert "text_only was better (corrected test)." in shown.words("headline")


def test_the_headline_speaks_of_the_declared_metric_only(tmp_path):
    found = {**comparison("text_only", -0.1, 0.01), "metric": "brier"}
    shown = page(tmp_path, comparisons=[comparison("text_only", 0.1, 0.2), found])
    assert "better" not in shown.words("headline")
    assert "Against text_only no difference was shown." in shown.words("headline")
    assert "its 1 comparison are" not in shown.words("comparisons")
    assert "for all 2 of the table" in shown.words("comparisons")


def test_comparisons_tell_their_test_and_who_was_discordant(tmp_path):
    found = {**comparison("text_only", 0.1, 0.2), "metric": "accuracy", "discordant": [7, 3]}
    shown = page(tmp_path, comparisons=[{**found, "test": "exact McNemar (mid-p)"}])
    assert "exact McNemar (mid-p) 7 right only by the first, 3 only by the second" in shown.words(
        "comparisons"
    )


def test_what_a_study_can_show_and_how_many_configurations_were_tried(tmp_path):
    found = asdict(
        Detectable(
            n=71, n_positive=35, n_negative=36, accuracy_point=100 / 71, sensitivity_point=100 / 35,
            specificity_point=100 / 36, power=0.8, accuracy=0.141, auroc=0.118, is_assumed=False,
        )
    )  # fmt: skip
    shown = page(tmp_path, detectable=found, configurations_tried=30).words("comparisons")
    assert "one participant = 1.4 points of accuracy" in shown
    assert (
        "below 14.1 points of accuracy or 0.12 of AUROC cannot be detected here (80 % power)"
        in (shown)
    )
    assert "were tried: 30 on each training side" in shown


def test_operating_points_say_where_their_threshold_comes_from(tmp_path):
    labels, drawn = np.arange(40) % 2, np.linspace(0, 1, 40)
    rows = [
        Prediction(
            system="fused", repeat=0, fold=0, seed=7, participant_id=f"p{i}", recording_id=f"r{i}",
            label=int(labels[i]), probability=float(drawn[i]),
        )
        for i in range(40)
    ]  # fmt: skip
    told = {
        place: page(
            tmp_path,
            operating_points=[asdict(p) for p in operating_points(rows, held_back, "fused")],
        ).words("operating-points")
        for place, held_back in (("validation", rows), ("test", ()))
    }
    assert "the validation part of each fit" in told["validation"]
    assert "a description only" not in told["validation"].partition("Prevalence")[0]
    assert "specificity 0.95 the tested participants: a description only" in told["test"]
    assert "0.95 by definition" in told["test"]
    assert "operating-points" not in page(tmp_path).text


def test_lower_is_good_for_a_comparison_of_brier_scores(tmp_path):
    found = {**comparison("text_only", -0.1, 0.01), "metric": "brier"}
    assert "fused is better than text_only" in page(tmp_path, comparisons=[found]).words(
        "comparisons"
    )


def test_transcripts_of_both_classes_stand_side_by_side(ordinary):
    shown = ordinary.words("transcripts")
    assert "Recordings 6 6 Source manual 6 manual 6" in shown
    assert "Words per second 1.14 1.14 to 1.14, n = 6" in shown
    assert "Pauses per 100 words 75.00 75.00 to 75.00, n = 6" in shown
    assert "Recordings with a phrase three times in a row 0 of 6 0 of 6" in shown
    assert "detector" not in shown.partition("A difference may be")[0]
    assert "not transcribed alike" not in shown


def test_a_source_of_one_class_only_is_a_warning(tmp_path):
    shown = page(tmp_path, sources=("manual", "pocketsphinx 5.1.1")).words("transcripts")
    assert "Only recordings of one class have transcripts from manual, pocketsphinx 5.1.1." in shown
    assert "Source manual 6 pocketsphinx 5.1.1 6" in shown


def test_a_run_folder_from_before_calibration_still_has_its_report(ordinary):
    assert "from before calibration was measured" in ordinary.words("calibration")


def test_calibration_and_abstention_stand_with_n_and_intervals(tmp_path):
    found = answered(participants=80, temperature=0.4, repeats=2)
    both = OutOfFold(
        test=found.test + answered(participants=80, system="text_only").test,
        validation=found.validation,
    )
    decided = decide(both, STUDY.evaluation)
    told = measure_decisions(decided, STUDY, systems=["fused", "text_only"])

    shown = page(tmp_path, **told)

    words = shown.words("calibration")
    slope = told["calibration"]["systems"]["fused"]["after"]["slope"]
    assert "each fit stretches its logits" in words
    assert f"{slope['estimate']:.2f} {slope['low']:.2f} to {slope['high']:.2f}" in words
    assert re.search(r"0\.\d\d perfect: 0\.\d\d, p (< 0\.001|0\.\d{3})", words)
    covered = told["abstention"]["systems"]["fused"]["coverage"]
    assert (
        f"{covered['estimate']:.2f} {covered['low']:.2f} to {covered['high']:.2f}, n = 80" in words
    )
    assert "void under any shift" in words
    assert "fused before 80" in words
    assert "text_only as given 80" in words


def test_a_study_too_small_for_sets_says_so(tmp_path):
    found = answered(participants=30)
    told = measure_decisions(decide(found, STUDY.evaluation), STUDY, systems=["fused"])

    words = page(tmp_path, **told).words("calibration")

    assert "fused: no conformal sets: a validation part has 4 participants" in words
    assert "Covered" not in words


def test_a_run_folder_without_quality_csv_still_has_its_report(tmp_path):
    folder = run_folder(tmp_path)
    (folder / "quality.csv").unlink()
    with without_figures():
        shown = Page(write_report(folder).read_text(encoding="utf-8"))
    assert "This run folder has no quality.csv." in shown.words("transcripts")


def test_notice_stands_first_and_research_statement_in_the_headline(tmp_path):
    shown = page(tmp_path)
    assert shown.words("header").startswith(f"Notice. {NOTICE}")
    assert USE in shown.words("headline")


def test_without_a_notice_there_is_no_notice_box(tmp_path):
    assert "notice" not in page(tmp_path, notice=None).text


def test_shortcut_stands_in_the_headline(tmp_path):
    red = {
        "auroc": estimate(0.71, 0.6, 0.8),
        "p_value": 0.001,
        "verdict": "shortcut",
        "looks_at": LOOKS_AT,
    }
    shown = page(tmp_path, probes={"length_only": red})
    assert "shortcut: length_only AUROC 0.71 (0.60\N{EN DASH}0.80)" in shown.words("headline")
    assert f"The probe looks at {LOOKS_AT}" in shown.words("headline")
    assert "cannot be read as signs" in shown.words("headline")
    assert "⚠ shortcut" in shown.words("probes")


def test_a_red_probe_says_what_it_means_and_by_which_rule(tmp_path):
    red = {
        "auroc": estimate(0.79, 0.7, 0.9),
        "p_value": 0.4,
        "p_adjusted": None,
        "verdict": "shortcut",
        "looks_at": LOOKS_AT,
        "rule": "shortcut: nothing is lost",
        "red_means": "Time is not used.",
    }
    shown = page(tmp_path, probes={"time_shift": red})
    assert "Time is not used." in shown.words("headline")
    assert "cannot be read as signs" not in shown.words("headline")
    assert "shortcut: nothing is lost" in shown.words("probes").replace("Shortcut", "shortcut")


def test_a_probe_that_does_not_apply_says_why(tmp_path):
    silent = {
        "auroc": None,
        "p_value": None,
        "verdict": "not_applicable",
        "looks_at": LOOKS_AT,
        "rule": "shortcut: never",
        "red_means": "Nothing.",
        "reason": "nobody has an interviewer",
    }
    shown = page(tmp_path, probes={"interviewer_only": silent})
    assert "obody has an interviewer" in shown.words("probes")


def test_clear_probe_is_no_proof_and_not_applicable_is_explained(tmp_path):
    shown = page(tmp_path)
    assert "No shortcut was found by length_only." in shown.words("headline")
    assert "untested, not excluded" in shown.words("probes")
    assert "the lower end lies above 0.5" in shown.words("probes")  # of a run from before


@pytest.mark.parametrize(
    ("probes", "said"),
    [
        ({}, "No probe was run."),
        (
            {
                "silence_only": {
                    "auroc": None,
                    "p_value": None,
                    "verdict": "not_applicable",
                    "looks_at": LOOKS_AT,
                }
            },
            "No probe could be applied.",
        ),
    ],
)
def test_untested_shortcuts_are_said_in_the_headline(tmp_path, probes, said):
    assert said in page(tmp_path, probes=probes).words("headline")


def test_systems_are_sorted_by_auroc_with_the_primary_marked(tmp_path):
    systems = page(tmp_path).words("systems")
    assert systems.index("fused primary 12 0.83") < systems.index("text_only 12 0.54")
    assert "One participant is 8.3 points of accuracy (100 / 12)." in systems


def test_words_of_six_recordings_are_tinted_from_one_end_to_the_other(tmp_path):
    shown = page(tmp_path)
    tints = [found["class"] for found in shown.all("span") if found.get("title")]
    titles = [found["title"] for found in shown.all("span") if found.get("title")]
    assert tints == ["w n4", "w z", "w p4"] * 6
    assert titles[:3] == [
        "\N{MINUS SIGN}0.300, 0.00 s to 0.90 s",
        "0.000, 1.00 s to 1.90 s",
        "+0.300, 2.00 s to 2.90 s",
    ]
    assert len(shown.all("article")) == 6
    assert "what the logit loses" in shown.words("words")


def test_pauses_and_missing_words_are_marked(tmp_path):
    words = recording("a", "b", "c", "d", "e")
    words[1] |= {"pause_s": 0.5}
    words[4] |= {"start_s": None, "end_s": None}
    shown = page(tmp_path, attributions={"R1": [words[0], words[1], words[3], words[4]]})
    assert "a (0.5 s) b … d e" in shown.words("article")
    assert len(shown.all("article")) == 1


def test_a_word_without_an_attribution_has_no_tint(tmp_path):
    words = recording("a", "b", "c")
    words[0] |= {"attribution": None, "pause_attribution": 0.2, "token_attributions": [0.1]}
    shown = page(tmp_path, attributions={"R1": words})
    first = next(span for span in shown.all("span") if span.get("title"))
    assert (first["class"], first["title"]) == ("w z", "no attribution, 0.00 s to 0.90 s")
    shown = page(tmp_path, attributions={"R1": words[:1]})
    assert "No recording has attributions." in shown.words("words")


def test_a_long_recording_is_cut_and_the_rest_counted(tmp_path):
    shown = page(tmp_path, attributions={"R1": recording(*["so"] * 603)})
    assert "… and 3 more words" in shown.words("article")


def test_a_run_without_attributions_says_so(tmp_path):
    shown = page(tmp_path, attributions={"R1": []})
    assert "No recording has attributions." in shown.words("words")


def test_people_folds_and_files_are_counted(tmp_path):
    protocol = page(tmp_path).words("protocol")
    assert "control (negative) 6 6" in protocol
    assert "total 12 12" in protocol
    assert "3 outer folds" in protocol
    assert "6 fits of fused and 2 runs" in protocol


def test_provenance_and_study_file_are_shown(tmp_path):
    provenance = page(tmp_path).words("provenance")
    assert "Libraries numpy 2.0" in provenance
    assert "Words source files, aligner {'name': 'ctc'}" in provenance
    assert "corpus: importer: table path: ../recordings.csv" in provenance


def test_same_folder_gives_the_same_bytes(tmp_path):
    first = write_report(run_folder(tmp_path)).read_bytes()
    assert write_report(tmp_path).read_bytes() == first


def test_identifiers_are_unique_and_every_local_link_has_its_end(ordinary):
    tags = ordinary.tags
    identifiers = [found["id"] for _, found in tags if "id" in found]
    ends = {found["href"][1:] for _, found in tags if found.get("href", "").startswith("#")}
    assert len(identifiers) == len(set(identifiers))
    assert ends <= set(identifiers)


@pytest.mark.parametrize(
    "name",
    ["metrics.json", "predictions.csv", "attributions.json", "study.yaml", "provenance.json"],
)
def test_missing_file_is_named_with_a_remedy(tmp_path, name):
    (run_folder(tmp_path) / name).unlink()
    with pytest.raises(CogspeechError, match=rf"{name}: is missing; .* 'cogspeech run'$"):
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("metrics.json", b"{", "Invalid JSON"),
        ("metrics.json", b"{}", "n_participants: Field required"),
        ("metrics.json", b"\xff", "invalid start byte"),
        ("predictions.csv", b"system,repeat\nfused,0\n", "Field required"),
        ("predictions.csv", b"", "participants of both classes for system 'fused'"),
        ("attributions.json", b'{"meaning": "", "recordings": {"R1": [3]}}', "recordings: R1"),
        ("study.yaml", b"a: [", "expected the node content"),
        ("study.yaml", b"{}", "corpus: Field required"),
        ("quality.csv", b"recording_id,words\nr1,3\n", "Field required"),
        ("provenance.json", b"[]", "should be an object"),
    ],
)
def test_damaged_file_gives_one_line(tmp_path, name, content, said):
    (run_folder(tmp_path) / name).write_bytes(content)
    with pytest.raises(CogspeechError, match=rf"{name}: cannot be read \(.*{said}") as caught:
        write_report(tmp_path)
    assert "\n" not in str(caught.value)


def test_probability_that_is_none_is_refused(tmp_path):
    path = run_folder(tmp_path) / "predictions.csv"
    path.write_text(path.read_text() + "fused,0,0,7,P0,R0,0,nan\n")
    with pytest.raises(CogspeechError, match="expected probabilities between 0 and 1"):
        write_report(tmp_path)


def test_run_that_lacks_a_participant_is_refused(tmp_path):
    path = run_folder(tmp_path) / "predictions.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(CogspeechError, match="a run lacks predictions for some participants"):
        write_report(tmp_path)


def test_system_without_auroc_is_refused(tmp_path):
    run_folder(tmp_path, systems={"fused": {"brier": estimate(0.2, 0.1, 0.3)}}, comparisons=[])
    with pytest.raises(CogspeechError, match=r"metrics.json: .* needs an auroc"):
        write_report(tmp_path)


def test_words_never_stand_in_a_message(tmp_path):
    secret = recording("confidential")
    secret[0]["text"] = ["confidential"]
    run_folder(tmp_path, attributions={"R1": secret})
    with pytest.raises(CogspeechError) as caught:
        write_report(tmp_path)
    assert "confidential" not in str(caught.value)


def some_scores(participants: int = 30, runs: int = 3) -> Scores:
    generator = np.random.default_rng(5)
    labels = np.arange(participants) % 2
    return Scores(
        participants=tuple(f"P{i}" for i in range(participants)),
        labels=labels,
        probability=np.round(generator.random((runs, participants)) * 0.7 + 0.3 * labels, 1),
        fold=np.stack([generator.permutation(participants) % 4 for _ in range(runs)]),
    )


def test_area_under_the_mean_roc_curve_is_the_auroc():
    scores = some_scores()
    assert roc_curve(scores).mean() == pytest.approx(auroc_parts(scores)[0], abs=1e-3)


def test_figures_have_labels_captions_and_no_style():
    classes = ("control", "痴呆症" * 20)
    found = decide(answered(participants=30, temperature=0.5), STUDY.evaluation).answered.test
    scores = scores_of(found, "fused")
    drawings = (
        draw_forest({"fused": Estimate(estimate=0.8, low=0.6, high=0.9, n=30)}, "fused"),
        *draw_discrimination(scores, "fused", classes),
        *draw_calibration(found, scores, decision_curves(scores, prior=0.5), classes),
        *draw_spread(found, ["fused"], "fused"),
    )
    assert len({drawing.name for drawing in drawings}) == len(drawings) == 8
    for drawing in drawings:
        named = f'aria-labelledby="{drawing.name}-name" aria-describedby="{drawing.name}-caption"'
        assert f'role="img" {named}' in drawing.svg
        assert f'<title id="{drawing.name}-name">{drawing.title}</title>' in drawing.svg
        assert "30 participants" in drawing.caption or drawing.name == "folds"
        assert "style" not in drawing.svg
        assert "http" not in drawing.svg


def test_area_under_the_mean_precision_curve_is_the_auprc():
    scores = some_scores()
    expected = METRICS["auprc"](scores).estimate
    assert precision_curve(scores).mean() == pytest.approx(expected, abs=3e-3)


@given(
    values=st.lists(st.floats(0, 1), min_size=10, max_size=200),
    fewest=st.integers(min_value=1, max_value=10),
)
def test_no_bar_of_a_shared_histogram_is_about_fewer_people(values, fewest):
    edges, counts = merged_bins(np.array(values), fewest)
    inside = np.histogram(values, bins=edges)[0].tolist()
    assert counts == inside
    assert min(counts) >= fewest
    assert (edges[0], edges[-1]) == (0.0, 1.0)


def finding(code="same_audio", severity="warning", accepted=None, recordings=("R1", "R2")):
    return {
        "code": code,
        "severity": severity,
        "recordings": list(recordings),
        "message": f"the message of {code}",
        "details": {},
        "accepted": accepted,
    }


def audited(tmp_path, verdict, *findings, **changes):
    found = {"verdict": verdict, "n_recordings": 12, "findings": list(findings)}
    return page(tmp_path, audit=found, **changes)


def test_a_sound_corpus_is_called_sound(ordinary):
    assert "Nothing was found that could make a result wrong." in ordinary.words("audit")
    assert "No recording was left out." in ordinary.words("audit")
    assert "audit of the recordings" not in ordinary.words("headline")


def test_findings_stand_in_their_section_and_warnings_in_the_headline(tmp_path):
    names = [f"R{n}" for n in range(15)]
    shown = audited(tmp_path, "warnings", finding(recordings=names), finding("few", "info"))

    assert "1 warning: same_audio" in shown.words("headline")
    assert "The message of same_audio. R0, R1" in shown.words("audit")
    assert "R11 and 3 more" in shown.words("audit")
    assert "R12" not in shown.words("audit")
    assert "The message of few." in shown.words("audit")


def test_an_accepted_error_stands_in_the_headline_with_its_reason(tmp_path):
    shown = audited(tmp_path, "sound", finding(severity="error", accepted="they are twins"))

    assert "accepted although unsound: same_audio" in shown.words("headline")
    assert "Reason given: they are twins" in shown.words("headline")
    assert "Accepted, an error: they are twins" in shown.words("audit")


def test_who_was_left_out_stands_there_with_the_reason(tmp_path):
    shown = page(tmp_path, drop=({"recording_id": "R99", "reason": "a door slams"},))

    assert "R99 a door slams" in shown.words("audit")
    assert "No recording was left out" not in shown.words("audit")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_findings_stay_text(tmp_path, ordinary, text):
    own = finding(text, "error", text, (text,)) | {"message": text}
    shown = audited(tmp_path, "unsound", own, finding(text, recordings=(text,)))

    assert not shown.all("script")
    assert not [key for _, found in shown.tags for key in found if key.startswith("on")]


def subgroup(name, metrics):
    return {
        "column": "sex", "name": name, "num_negative": 12, "num_positive": 11, "metrics": metrics
    }  # fmt: skip


def subgroups(low, high, p_adjusted):
    gap = {"difference": (low + high) / 2, "low": low, "high": high, "n": 40,
           "p_value": p_adjusted / 3, "p_adjusted": p_adjusted}  # fmt: skip
    return {
        "fewest_per_class": 10,
        "small_gap": 0.1,
        "groups": [
            subgroup("f", system(estimate(0.7111, 0.6, 0.8))),
            subgroup("m", system(estimate(0.6222, 0.5, 0.7))),
            subgroup("not known", None),
        ],
        "gaps": [{"column": "sex", "a": "f", "b": "m", "metric": "auroc", "gap": gap}],
        "unknown_columns": ["site", "language"],
    }


@pytest.mark.parametrize(
    ("low", "high", "p_adjusted", "said"),
    [
        (-0.3, 0.4, 0.9, "cannot tell: gaps from \u22120.300 to +0.400 fit these data"),
        (-0.05, 0.09, 0.9, "a gap, if any, is below 0.1"),
        (0.01, 0.4, 0.05, "the groups differ"),
        (0.01, 0.4, 0.0501, "cannot tell"),
    ],
)
def test_groups_differ_only_where_the_corrected_test_says_so(tmp_path, low, high, p_adjusted, said):
    shown = page(tmp_path, subgroups=subgroups(low, high, p_adjusted))

    assert said in shown.words("subgroups")
    assert ("No gap was shown" in shown.words("subgroups")) == (p_adjusted > 0.05)


def test_small_groups_and_unknown_columns_are_named_but_not_shown(tmp_path):
    shown = page(tmp_path, subgroups=subgroups(-0.3, 0.4, 0.9)).words("subgroups")

    assert "Sex: not known fewer than 10 of a class: not shown" in shown
    assert "Sex: f 12 and 11 0.71 0.60 to 0.80" in shown
    assert "Of no participant is known: site, language." in shown

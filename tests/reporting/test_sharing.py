"""What may be passed on: planted names, words, dates and places are nowhere in its bytes."""

import base64
import html
import json
import re
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from cogspeech.delivery.cli import main
from cogspeech.errors import CogspeechError
from cogspeech.evaluation.metrics import scores_of
from cogspeech.evaluation.subgroups import evaluate_subgroups
from cogspeech.reporting.report import write_report
from cogspeech.types import Recording
from evaluation_cost import predicted
from report_cost import write_run

PEOPLE = 48
SECRETS = ("canary", "2019-04-17", "17.04.2019")
WHO = "canaryperson"
PLACE = "/srv/canaryfolder/2019-04-17"


def recordings(rows):
    """A site of each half, and one of two people."""
    return [
        Recording(
            recording_id=p.recording_id,
            participant_id=p.participant_id,
            audio_path=Path(PLACE) / p.recording_id,
            label=("control", "dementia")[p.label],
            sex="f" if index % 4 < 2 else "m",
            site="canaryclinic" if index < PEOPLE // 2 else "canaryward",
            language="en" if index > 1 else "canaryish",
        )
        for index, p in enumerate(rows)
    ]


def finding(code, severity, accepted=None):
    return {
        "code": code,
        "severity": severity,
        "recordings": [f"{WHO}-rec-1", f"{WHO}-rec-2"],
        "message": f"{WHO}1 and {WHO}2 are one, see {PLACE}",
        "accepted": accepted,
    }


def group(label):
    return {
        "side": "all",
        "label": label,
        "participants": PEOPLE // 2,
        "recordings": PEOPLE // 2,
        "duration_s": {"mean": 60.0, "sd": 3.0, "n": PEOPLE // 2},
        "numbers": {"age_years": {"mean": 71.0, "sd": 4.0, "n": PEOPLE // 2 - 3}},
        "categories": {
            "sex": {"f": 19, "m": 5},
            "site": {"canaryclinic": 12, "canaryward": 12},
            "language": {"en": 24},
        },
    }


def part(low, high):
    return {"participants": [[low, high], [low, high]], "recordings": [2 * low, 2 * high]}


FLOW = {
    "classes": ["control", "dementia"], "found": PEOPLE + 3, "passed_over": 4,
    "left_out_by_option": 2, "dropped": 3, "audited": PEOPLE, "participants": [24, 24],
    "folds": 5, "repeats": 5,
    "parts": {"train": part(15, 16), "validation": part(3, 4), "test": part(4, 5)},
}  # fmt: skip


def plant(folder, rows):
    """Secrets wherever a run folder may have some."""
    own = [p for p in rows if (p.system, p.repeat, p.seed) == ("system 0", 0, 0)]
    for name in ("predictions.csv", "quality.csv", "attributions.json"):
        text = (folder / name).read_text()
        text = re.sub(r"\bp(\d{4})\b", rf"{WHO}-\1", text)
        text = re.sub(r"\br(\d{4})\b", rf"{WHO}-rec-\1-2019-04-17", text)
        text = re.sub(r"\bword(\d+)\b", r"canaryword\1", text)
        (folder / name).write_text(text.replace(",manual,", ",canarytranscriber,"))
    metrics = json.loads((folder / "metrics.json").read_text())
    found = evaluate_subgroups(scores_of(rows, "system 0"), recordings(own))
    auroc = metrics["systems"]["system 0"]["auroc"]
    probe = {"p_value": 0.5, "p_adjusted": None, "verdict": "clear", "looks_at": "length",
             "rule": "a rule",
             "red_means": "it is wrong", "reason": f"of {WHO}3 alone"}  # fmt: skip
    metrics |= {
        "subgroups": asdict(found),
        "not_applicable": {"majority": f"nothing of {WHO}4"},
        "notice": f"A notice. The corpus was imported in part (2 times, first {PLACE}).",
        "probes": {
            "length_only": probe | {"auroc": auroc},
            "silence_only": probe | {"auroc": auroc | {"n": 7, "estimate": 0.777}},
            "channel": probe | {"auroc": None, "verdict": "not_applicable"},
        },
    }
    metrics["comparisons"][0]["discordant"] = [7, 3]
    (folder / "metrics.json").write_text(json.dumps(metrics))
    study = yaml.safe_load((folder / "study.yaml").read_text())
    study["corpus"]["path"] = PLACE
    study["audit"] = {
        "accept": [{"code": "same_voice", "reason": f"{WHO}1 came twice"}],
        "drop": [{"recording_id": f"{WHO}-rec-9", "reason": f"{WHO} asked on 17.04.2019"}],
    }
    study["transcripts"]["roles"] = {"canaryspeaker": "participant"}
    study["text_encoder"] = {"name": "huggingface", "model": f"{PLACE}/model"}
    study["fusion"] |= {"note": "canarynote"}
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    others = {
        "audit.json": {
            "verdict": "warnings",
            "n_recordings": PEOPLE,
            "findings": [
                finding("same_voice", "error", f"{WHO}1 came twice"),
                finding("canary_code", "warning"),
            ],
        },
        "provenance.json": {
            "created": "2019-04-17T10:00:00+00:00",
            "data_sha256": "0" * 64,
            "transcripts": {"source files": PLACE},
            "libraries": {"numpy": "2.4"},
            "machine": "canaryhost",
        },
        "corpus.json": {"flow": FLOW, "groups": [group("control"), group("dementia")]},
        "model/bundle.json": {"sizes": {"d_audio": 8, "d_text": 8}},
    }
    (folder / "model").mkdir()
    for name, content in others.items():
        (folder / name).write_text(json.dumps(content))


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory, made_up_run):
    folder = tmp_path_factory.mktemp("canary") / "folder"
    made_up, rows = made_up_run
    shutil.copytree(made_up, folder)
    plant(folder, rows)
    return folder


@pytest.fixture(scope="module")
def full(run_dir):
    return write_report(run_dir).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(run_dir):
    assert main(["report", str(run_dir), "--share"]) == 0
    return (run_dir / "report-share.html").read_text(encoding="utf-8")


def everything_in(page):
    """The bytes, what entities stand for, and what lies in base64, lower case."""
    texts = [page, html.unescape(page)]
    for payload in re.findall(r"[A-Za-z0-9+/]{24,}={0,2}", page):
        padded = payload + "=" * (-len(payload) % 4)
        texts.append(base64.b64decode(padded).decode("latin-1"))
    return " ".join(texts).lower()


def shown(page):
    """The text of the page, one space between words."""
    body = re.sub(r"<(style|title)[^>]*>.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


def test_nothing_that_was_planted_is_in_the_shared_page(page):
    text = everything_in(page)
    found = {
        secret: re.findall(f".{{0,60}}{re.escape(secret)}.{{0,30}}", text) for secret in SECRETS
    }
    assert found == {secret: [] for secret in SECRETS}


def test_the_full_report_has_what_the_shared_one_leaves_out(full):
    text = everything_in(full)
    for secret in ("canaryword", "canaryperson-rec", "canaryperson1 came twice", "canaryclinic",
                   "canarytranscriber", "canaryspeaker", "canaryhost", "canarynote",
                   "17.04.2019", PLACE):  # fmt: skip
        assert secret in text


def test_no_number_of_the_shared_page_is_about_a_few_people(page):
    counts = [int(found) for found in re.findall(r"\bn = (\d+)", shown(page))]
    assert counts
    assert min(counts) >= 10
    assert "0.777" not in shown(page)
    assert "7 right only by the first" not in page
    for told in (
        "dropped by name",
        "4 passed over",
        "4 entries",
        "3 to 4",
        "4 to 5",
        "m 5",
        "canaryish",
    ):
        assert told not in shown(page).lower()


def test_nobody_has_a_mark_of_their_own_in_the_shared_page(page, full):
    def marks(text, name):
        figure = re.search(rf'<figure id="figure-{name}">.*?</figure>', text, flags=re.DOTALL)
        return len(re.findall("<use ", figure.group()))

    assert marks(full, "participants") - marks(page, "participants") == PEOPLE
    assert marks(full, "reliability") - marks(page, "reliability") == PEOPLE
    assert "figure-folds" in full
    assert "figure-folds" not in page


def test_a_small_group_takes_its_column_along(page):
    """Two people speak another language: those of the rest would tell who they are."""
    told = shown(page)
    assert "Sex: f" in told
    assert "Site: site 1" in told
    assert "Language:" not in told


def test_numbers_and_checklists_stay(page):
    told = shown(page)
    for said in ("AUROC", "TRIPOD+AI", "STARD-AI", "Research only.", "imported in part.",
                 "24 control", "71.0 (SD 4.0)", "numpy"):  # fmt: skip
        assert said in told


def test_a_shared_page_has_no_script(page):
    assert "<script" not in page
    assert "script-src" not in page
    assert "default-src 'none'" in page


def test_a_class_of_few_people_is_not_shared_at_all(tmp_path):
    rows = [p for p in predicted(18, 1) if p.repeat == p.seed == 0]
    write_run(tmp_path, rows, ["system 0"], words=3)
    with pytest.raises(CogspeechError, match=r"10 participants of each class .* 'control' has 9"):
        write_report(tmp_path, is_shared=True)
    assert not (tmp_path / "report-share.html").exists()

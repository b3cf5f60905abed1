"""Tables, checklists and cards of a real run: complete, escaped, and about nobody in particular."""

import dataclasses
import json
import re
import string

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cogspeech.errors import CogspeechError
from cogspeech.evaluation.metrics import METRICS
from cogspeech.reporting.cards import data_card, model_card
from cogspeech.reporting.checklists import NOT_REPORTED, STARD_AI, TRIPOD_AI, stard_ai, tripod_ai
from cogspeech.reporting.paper import FILES, write_paper
from cogspeech.reporting.run_facts import encoder_name, read_facts
from cogspeech.reporting.tables import results_md, results_tex
from cogspeech.reporting.wording import LATEX, latex, markdown
from cogspeech.settings import Component
from cogspeech.study import run_study
from cogspeech.study_file import load_study
from cogspeech.types import RESEARCH_STATEMENT, Estimate
from tone_corpora import tone_corpus

NAME = "50 % of {us} & them_2 | `x` <b>"
CLASSES = ("control", "MCI & AD_50%")


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """A study with a test corpus, in a folder and with ids that would tell whose it is."""
    folder = tmp_path_factory.mktemp("dr-jane-doe")
    tone_corpus(folder / "one", participants=8, words=4, classes=CLASSES)
    tone_corpus(folder / "two", participants=6, words=4, classes=CLASSES, prefix="q")
    table = folder / "one" / "recordings.csv"
    first, *rows = table.read_text().splitlines()
    ages = [f"{row},{60 + number},site-{number}" for number, row in enumerate(rows)]
    table.write_text("\n".join([f"{first},age_years,site", *ages, ""]))
    study = {
        "name": NAME,
        "corpus": {"path": "one/recordings.csv"},
        "test_corpus": {"path": "two/recordings.csv"},
        "target": {"classes": list(CLASSES)},
        "fusion": {"name": "text_only"},
        "compare": ["majority"],
        "training": {"max_epochs": 1},
        "evaluation": {"protocol": "cross_corpus", "seeds": 2},
        "audit": {"drop": [{"recording_id": "p007-v1", "reason": "Mrs Roe asked us to"}]},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    run_study(load_study(folder / "study.yaml"), folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def facts(run_dir):
    return read_facts(run_dir)


def with_metrics(facts, **changes):
    return dataclasses.replace(facts, metrics=facts.metrics.model_copy(update=changes))


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_there_and_says_what_the_use_is(run_dir, name):
    text = (run_dir / name).read_text()

    assert RESEARCH_STATEMENT in re.sub(r"\\(.)", r"\1", text)
    assert "test set" in text
    assert "None" not in text
    assert not re.search(r"\bnan\b", text.lower())


@pytest.mark.parametrize("name", [*FILES, "corpus.json", "metrics.json"])
def test_no_file_names_a_participant_a_word_or_a_place(run_dir, name):
    text = (run_dir / name).read_text()

    for secret in (r"[pq]00\d", r"word\d", "jane-doe", "Roe", r"\.wav", "recordings.csv"):
        assert not re.search(secret, text), secret


def test_it_is_made_from_the_files_of_the_run_folder_and_gives_the_same_again(run_dir):
    before = {name: (run_dir / name).read_bytes() for name in FILES}
    for name in FILES:
        (run_dir / name).unlink()

    write_paper(run_dir)

    assert {name: (run_dir / name).read_bytes() for name in FILES} == before


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(CogspeechError, match=r"metrics\.json: is missing"):
        write_paper(tmp_path)


def rows_of(tabular):
    body = tabular.partition(r"\midrule")[2].partition(r"\bottomrule")[0]
    return [line for line in body.splitlines() if line]


def cells(row):
    return re.split(r"(?<!\\)&", row.removesuffix(r" \\"))


def test_the_latex_has_the_shape_that_latex_takes(facts):
    text = results_tex(facts)

    assert re.findall(r"\\begin\{(.*?)\}", text) == ["table*", "tabular"] * 4
    for kind in ("table*", "tabular"):
        assert text.count(rf"\begin{{{kind}}}") == text.count(rf"\end{{{kind}}}")
    for tabular in re.findall(r"\\begin\{tabular\}.*?\\end\{tabular\}", text, flags=re.S):
        columns = len(re.search(r"\{tabular\}\{(\w+)\}", tabular)[1])
        for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
            assert tabular.count(rule) == 1
        for row in rows_of(tabular):
            assert row.endswith(r" \\")
            assert len(cells(row)) == columns
    assert is_balanced(text)
    plain = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert not re.search(r"(?<!\\)[#%~^]", plain)


def is_balanced(text):
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0


@given(st.text())
def test_latex_shows_any_text_as_it_is(text):
    shown = latex(text)

    back = {written: letter for letter, written in LATEX.items()}
    pattern = "|".join(re.escape(written) for written in sorted(back, key=len, reverse=True))
    again = re.sub(pattern, lambda found: back[found[0]], shown)
    assert again == "".join(c for c in " ".join(text.split()) if c.isprintable())
    assert not set(re.sub(pattern, "", shown)) & set("\\&%$#_{}~^<>|")


@given(st.text(alphabet=string.printable))
def test_markdown_shows_any_text_as_it_is_and_in_one_cell(text):
    shown = markdown(text)

    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", shown) == " ".join(text.split())
    assert "\n" not in shown
    assert not re.search(r"(?<!\\)(\\\\)*[|<`]", shown)


def test_the_tables_have_every_system_metric_comparison_and_probe(facts):
    text = results_md(facts)

    (header,) = re.findall(r"^\| System \|.*$", text, flags=re.M)
    assert header.count("|") == len(METRICS) + 2
    for row in (r"text\\_only (primary)", r"text\\_only (ensemble of 2 seeds)", "majority"):
        assert len(re.findall(rf"^\| {row.replace('(', '[(]').replace(')', '[)]')} \|", text, re.M))
    assert text.count("), n = 6 |") + text.count("), n = 3 |") == 3 * len(METRICS)
    assert "text\\_only minus majority" in text
    assert "silence\\_only" in text


def test_a_shortcut_stands_beside_the_numbers_everywhere(facts):
    red = facts.metrics.probes["length_only"].model_copy(
        update={"verdict": "shortcut", "auroc": Estimate(estimate=0.9, low=0.7, high=1.0, n=6)}
    )
    probes = {**facts.metrics.probes, "length_only": red}
    changed = with_metrics(facts, probes=probes)

    for made in (results_md, results_tex):
        assert r"SHORTCUT: the probe length\_only alone reaches AUROC 0.90 (0.70 to 1.00)" in made(
            changed
        )
        assert "SHORTCUT" not in made(facts)
    for made in (model_card, data_card):
        assert r"- length\_only: RED, SHORTCUT; AUROC 0.90" in made(changed)
    _, _, below_the_header = model_card(changed).partition("\n---\n")
    assert made_lines(below_the_header).index("## Probes for shortcuts") < 8
    assert "Shortcut probes that succeeded" in tripod_ai(changed)


def made_lines(text):
    return [line for line in text.splitlines() if line]


def test_no_probe_is_no_clean_bill(facts):
    assert "No probe was run" in model_card(with_metrics(facts, probes={}))


def test_a_notice_stands_on_every_file(facts):
    changed = with_metrics(facts, notice="These voices are synthetic.")

    for made in FILES.values():
        assert "These voices are synthetic." in made(changed)


def test_the_checklists_have_every_item_once_in_order():
    tripod = [item.number for item in TRIPOD_AI]
    stard = [item.number for item in STARD_AI]

    assert len(tripod) == len(set(tripod)) == 52
    assert {int(re.match(r"\d+", number)[0]) for number in tripod} == set(range(1, 28))
    assert len(stard) == len(set(stard)) == 48
    assert {int(re.match(r"\d+", number)[0]) for number in stard} == set(range(1, 41))
    for numbers in (tripod, stard):
        assert numbers == sorted(numbers, key=lambda n: (int(re.match(r"\d+", n)[0]), n))


HUMAN = {
    tripod_ai: ["3a", "3b", "3c", "6a", "6c", "8b", "8c", "9c", "17", "18a", "18b", "18c", "18d",
                "19", "25", "27c"],
    stard_ai: ["5", "6", "8", "9", "10", "15d", "16a", "17b", "27", "32", "36", "37", "38", "39"],
}  # fmt: skip


@pytest.mark.parametrize("made", HUMAN)
def test_what_software_cannot_know_is_not_reported(facts, made):
    lines = {line.split(" | ")[0].strip("| "): line for line in made(facts).splitlines()}

    for number in HUMAN[made]:
        assert f"| {NOT_REPORTED} | **{NOT_REPORTED}** |" in lines[number], number


def test_what_is_known_is_filled_with_what_the_run_says(facts, run_dir):
    text = tripod_ai(facts)

    metrics = json.loads((run_dir / "metrics.json").read_text())
    found = metrics["systems"]["text_only"]["auroc"]
    assert f"AUROC {found['estimate']:.2f}" in text
    assert "Audited: 13 recordings of 13 participants (7 control, 6 MCI \\& AD\\_50%)." in text
    assert "Found: 14 recordings." in text
    assert "1 recordings dropped by name" in text
    assert facts.provenance["weights_sha256"] in text
    assert facts.provenance["study_sha256"] in text
    assert "Trained on one corpus, tested on another" in text


def test_small_groups_are_not_told(facts):
    card = data_card(facts)

    assert "site-1 fewer than 5" in card
    assert "site-1 1" not in card
    assert "fewer than 5 known" in card


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        ("facebook/wav2vec2-base-960h", "huggingface, facebook/wav2vec2-base-960h"),
        ("/home/jane/encoder", "huggingface, a checkpoint from a local folder"),
        ("../jane", "huggingface, a checkpoint from a local folder"),
        ("./jane/x", "huggingface, a checkpoint from a local folder"),
        ("~/jane", "huggingface, a checkpoint from a local folder"),
    ],
)
def test_an_encoder_from_a_folder_is_named_without_the_folder(model, shown):
    assert encoder_name(Component(name="huggingface", model=model)) == shown

"""What a person sees: bars while it lasts, a table at the end."""

import dataclasses
import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from cogspeech.audit.audit import Audit
from cogspeech.config import Study, TargetSection, TranscriptsSection
from cogspeech.corpora.splits import Fold, SplitPlan
from cogspeech.delivery import terminal
from cogspeech.delivery.terminal import print_summary, progress_bars
from cogspeech.evaluation.assessment import Assessment
from cogspeech.evaluation.detectable import Detectable
from cogspeech.evaluation.probing import ProbeResult
from cogspeech.fusion.base import ModelSizes, build_fusion
from cogspeech.reporting.run_folder import StudyResult
from cogspeech.settings import Component
from cogspeech.training.bundle import make_bundle
from cogspeech.training.bundle_facts import BundleFacts
from cogspeech.types import RESEARCH_STATEMENT, Corpus, Estimate, Recording, no_progress

NOTICE = "These voices are synthetic."


def _estimates(auroc: float) -> dict[str, Estimate]:
    names = ("auroc", "balanced_accuracy", "sensitivity", "specificity")
    return {
        name: Estimate(estimate=auroc, low=auroc - 0.1, high=auroc + 0.1, n=3) for name in names
    }


def _probe(name: str, auroc: float | None, verdict: str) -> ProbeResult:
    estimate = None if auroc is None else Estimate(estimate=auroc, low=auroc, high=auroc, n=3)
    return ProbeResult(
        name=name,
        looks_at="silence",
        rule="rule",
        red_means=f"What {name} means.",
        auroc=estimate,
        p_value=auroc and 0.1,
        p_adjusted=auroc and 0.1,
        verdict=verdict,
    )


def _result(*probes: ProbeResult, notice: str | None = None) -> StudyResult:
    study = Study.model_validate(
        {"name": "mine", "corpus": {"path": "x.csv"}, "fusion": {"name": "text_only"},
         "compare": ["majority"]}
    )  # fmt: skip
    recordings = tuple(
        Recording(recording_id=f"r{n}", participant_id=f"p{n // 2}", audio_path=Path("a.wav"))
        for n in range(5)
    )
    facts = BundleFacts(
        study="mine",
        target=TargetSection(),
        fusion=study.fusion,
        audio_encoder=study.audio_encoder,
        text_encoder=study.text_encoder,
        transcripts=TranscriptsSection(),
        sizes=ModelSizes(d_audio=4, d_text=3),
        fewest_words=1,
        sample_rates_hz=(16_000,),
        training={},
        notice=notice,
    )
    return StudyResult(
        study=study,
        corpus=Corpus(recordings=recordings, notice=notice),
        audit=Audit(verdict="sound", findings=(), num_recordings=len(recordings)),
        predictions=(),
        assessment=Assessment(
            metrics={"text_only": _estimates(0.6), "majority": _estimates(0.7)},
            comparisons=(),
            probes=probes,
            decisions={},
        ),
        attributions={},
        qualities=(),
        bundle=make_bundle(
            build_fusion(Component(name="text_only"), ModelSizes(d_audio=4, d_text=3)), facts
        ),
        data_hash="d",
        plan=SplitPlan(
            folds=(Fold(repeat=0, fold=0, train=(), validation=(), test=("p0", "p1", "p2")),)
        ),
    )


def test_the_summary_names_systems_that_do_not_apply_and_terms_of_use(wide, capsys) -> None:
    told = dataclasses.replace(
        _result(), not_applicable={"b": "nobody has [red]"}, terms={"c": "for research only"}
    )

    print_summary(told, Path("out"))

    shown = capsys.readouterr().out
    assert "b is not applicable: nobody has [red]" in shown
    assert "c: for research only" in shown


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def test_the_summary_counts_people_and_recordings(wide, capsys) -> None:
    print_summary(_result(), Path("out"))

    assert "mine: 3 participants, 5 recordings" in capsys.readouterr().out


def test_the_summary_orders_the_systems_by_auroc_with_intervals(wide, capsys) -> None:
    print_summary(_result(), Path("out"))

    shown = capsys.readouterr().out
    assert shown.index("majority") < shown.index("text_only")
    assert "0.60 (0.50-0.70)" in shown
    assert "95 % interval over participants" in shown


def test_the_summary_says_where_the_report_lies_and_what_the_use_is(wide, capsys) -> None:
    print_summary(_result(), Path("some") / "[red]out")

    shown = " ".join(capsys.readouterr().out.split())
    assert "report: some/[red]out/report.html" in shown
    assert RESEARCH_STATEMENT in shown


def test_the_summary_says_what_the_study_can_show(wide, capsys) -> None:
    found = Detectable(
        n=71, n_positive=35, n_negative=36, accuracy_point=100 / 71, sensitivity_point=100 / 35,
        specificity_point=100 / 36, power=0.8, accuracy=0.1413, auroc=None, is_assumed=False,
    )  # fmt: skip

    told = _result()
    assessment = replace(told.assessment, detectable=found)
    print_summary(replace(told, assessment=assessment), Path("out"))

    assert (
        "one participant = 1.4 points of accuracy; differences below 14.1 points of accuracy "
        "cannot be detected here (80 % power)"
    ) in " ".join(capsys.readouterr().out.split())


def test_a_probe_that_succeeds_is_shouted_and_others_are_not(wide, capsys) -> None:
    print_summary(
        _result(
            _probe("silence_only", 0.9, "shortcut"),
            _probe("length_only", 0.5, "clear"),
            _probe("other", None, "not_applicable"),
        ),
        Path("out"),
    )

    shown = capsys.readouterr().out
    assert shown.count("SHORTCUT") == 1
    assert "SHORTCUT: the probe silence_only is red at AUROC 0.90 (0.90-0.90)." in shown
    assert "What silence_only means." in shown


def test_what_must_stand_on_every_surface_stands_here(wide, capsys) -> None:
    print_summary(_result(notice=NOTICE), Path("out"))
    with_notice = capsys.readouterr().out
    print_summary(_result(), Path("out"))

    assert NOTICE in with_notice
    assert NOTICE not in capsys.readouterr().out


def test_there_are_no_bars_where_they_are_not_wanted_or_not_seen(capsys) -> None:
    with progress_bars(quiet=True) as quiet, progress_bars(quiet=False) as no_terminal:
        quiet("embed", 1, 2)
        no_terminal("embed", 1, 2)

    assert quiet is no_progress
    assert no_terminal is no_progress
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_a_bar_per_stage(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(
        terminal, "Console", lambda **_: Console(file=screen, force_terminal=True, width=100)
    )

    with progress_bars(quiet=False) as progress:
        progress("embed", 1, 2)
        progress("embed", 2, 2)
        progress("evaluate", 1, 3)

    shown = screen.getvalue()
    assert "embed" in shown
    assert "2/2" in shown
    assert "evaluate" in shown
    assert "1/3" in shown
    assert capsys.readouterr().out == ""

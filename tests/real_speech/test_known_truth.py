"""The whole program on real voices with a known truth, through its own command line."""

import pytest

from known_truth import metrics_of

pytestmark = [pytest.mark.real_speech, pytest.mark.timeout(1200)]


def auroc(metrics, system):
    return metrics["systems"][system]["auroc"]


def covers_chance(estimate):
    return estimate["low"] <= 0.5 <= estimate["high"]


@pytest.mark.slow
def test_a_text_model_finds_a_truth_in_the_text(tmp_path, real_speech):
    metrics = metrics_of("text", tmp_path, real_speech, participants=60, compare=("text_only",))

    assert auroc(metrics, "text_only")["estimate"] >= 0.9


@pytest.mark.slow
def test_only_an_aligned_model_finds_which_word_a_pause_belongs_to(tmp_path, real_speech):
    metrics = metrics_of(
        "alignment",
        tmp_path,
        real_speech,
        participants=160,
        compare=("pooled_cross_attention",),
    )

    assert auroc(metrics, "aligned_cross_attention")["estimate"] >= 0.9
    assert covers_chance(auroc(metrics, "pooled_cross_attention"))


@pytest.mark.slow
def test_nobody_finds_anything_where_there_is_nothing(tmp_path, real_speech):
    systems = ("text_only", "audio_only", "tfidf_svm")
    metrics = metrics_of("none", tmp_path, real_speech, participants=60, compare=systems)

    found = {name: auroc(metrics, name) for name in metrics["systems"]}
    assert len(found) == 4
    assert {name: e for name, e in found.items() if not covers_chance(e)} == {}
    assert metrics["probes"]["length_only"]["verdict"] == "clear"


@pytest.mark.slow
def test_a_probe_turns_red_on_a_channel_that_differs(tmp_path, real_speech):
    metrics = metrics_of(
        "channel",
        tmp_path,
        real_speech,
        participants=40,
        compare=(),
        probes=("silence_only",),
        max_epochs=2,
    )

    assert metrics["probes"]["silence_only"]["verdict"] == "shortcut"

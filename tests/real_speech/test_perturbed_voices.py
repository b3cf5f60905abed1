"""Perturbations of real voices with a known truth: what must hurt does, the rest does not."""

import pytest
import yaml

from cogspeech.study import run_study
from cogspeech.study_file import load_study
from digit_corpora import digit_corpus

pytestmark = [pytest.mark.real_speech, pytest.mark.timeout(1200)]
SETTINGS = {
    "corpus": {"path": "corpus/recordings.csv"},
    "compare": [],
    "probes": [],
    "training": {"max_epochs": 15, "checkpoint_every_s": 60},
    "robustness": ["pause_removal", "word_substitution"],
    "evaluation": {"outer_folds": 3, "repeats": 1, "seeds": 1},
}


def curves_of(truth, fusion, folder, speech):
    digit_corpus(speech, folder / "corpus", truth, participants=36, words=24)
    (folder / "study.yaml").write_text(yaml.safe_dump({**SETTINGS, "fusion": {"name": fusion}}))
    result = run_study(load_study(folder / "study.yaml"), folder / "run")
    assert result.robustness.is_reproduced
    return {curve.name: curve for curve in result.robustness.curves}


@pytest.mark.slow
def test_a_truth_in_the_pauses_goes_with_the_pauses_and_with_nothing_else(tmp_path, real_speech):
    curves = curves_of("pauses", "pause_only", tmp_path, real_speech)

    clean, equal, none = (p.metrics["auroc"] for p in curves["pause_removal"].points)
    assert clean.estimate > 0.8
    assert clean.low > 0.5
    assert max(equal.low, none.low) < 0.5
    assert all(p.mean_shift.estimate == 0 for p in curves["word_substitution"].points)


@pytest.mark.slow
def test_a_truth_in_the_words_goes_with_the_words_and_with_nothing_else(tmp_path, real_speech):
    curves = curves_of("text", "text_only", tmp_path, real_speech)

    shifts = [p.mean_shift.estimate for p in curves["word_substitution"].points]
    assert shifts[0] == 0 < shifts[1] < shifts[-1]
    assert curves["word_substitution"].points[-1].auroc_change.estimate < 0
    assert all(p.mean_shift.estimate == 0 for p in curves["pause_removal"].points)

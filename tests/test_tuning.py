"""The search for hyper-parameters; what Optuna itself does is asked only where it is installed."""

import json
from pathlib import Path

import pytest

from cases import make_case
from cogspeech import tuning
from cogspeech.config import Study
from cogspeech.errors import CheckpointError, ConfigError, MissingExtra, SplitError, TrainingError
from cogspeech.settings import Component
from cogspeech.systems import FusionSystem
from cogspeech.tuning import TRIALS, Trial, check_space, configured, search, suggest

SPACE = {
    "fusion.d_model": [4, 8],
    "training.learning_rate": {"low": 1e-4, "high": 0.1, "log": True},
}


def study(**changes):
    return Study.model_validate(
        {
            "corpus": {"path": "nowhere"},
            "fusion": {"name": "text_only"},
            "compare": [],
            "training": {"max_epochs": 2},
            "tune": {"trials": 3, "folds": 2, "space": SPACE, **changes},
        }
    )


def some_cases(count=16):
    return [make_case(n, ("control", "dementia")[n % 2]) for n in range(count)]


def in_turn(study, tune, trials):
    """In place of Optuna: three fixed configurations."""
    values = [(4, 1e-3), (8, 1e-2), (8, 1e-4)]
    return dict(zip(tune.space, values[len(trials) % 3], strict=True))


@pytest.fixture
def fixed(monkeypatch):
    monkeypatch.setattr(tuning, "suggest", in_turn)


def test_values_go_where_their_key_says():
    found = configured(study(), {"fusion.d_model": 8, "training.learning_rate": 0.5})

    assert found.fusion == Component(name="text_only", d_model=8)
    assert found.training.learning_rate == 0.5
    assert found.training.max_epochs == 2


@pytest.mark.parametrize(
    ("space", "match"),
    [
        (
            {"fusion.dmodel": [1]},
            "fusion: unknown key 'dmodel'; did you mean 'd_model'",
        ),
        ({"training.learning_rate": [0.1, 2.0]}, "tune.space: training: 'learning_rate'"),
        ({"seed": [1]}, "'seed' is no key of fusion or training"),
        ({"fusion.name": ["audio_only"]}, "'fusion.name' is no key"),
    ],
)
def test_a_space_that_does_not_fit_is_refused_before_anything_runs(space, match):
    with pytest.raises(ConfigError, match=match):
        check_space(study(space=space))


def test_the_best_configuration_is_chosen_by_the_inner_folds(tmp_path, fixed, monkeypatch):
    scores = {1e-3: 0.5, 1e-2: 0.2, 1e-4: 0.9}
    monkeypatch.setattr(tuning, "_score", lambda s, c, cases: scores[c.training.learning_rate])

    assert search(study(), some_cases(), tmp_path).training.learning_rate == 1e-2
    auroc = study().model_copy(
        update={"training": study().training.model_copy(update={"monitor": "auroc"})}
    )
    assert search(auroc, some_cases(), tmp_path).training.learning_rate == 1e-4


def test_too_many_inner_folds_are_called_by_their_own_key(tmp_path, fixed):
    with pytest.raises(SplitError, match=r"on a training side, class .* lower tune\.folds or add"):
        search(study(folds=9), some_cases(), tmp_path)


def test_a_search_goes_on_where_it_was_cut_off(tmp_path, fixed, monkeypatch):
    whole = search(study(), some_cases(), tmp_path / "whole")
    score, tried = tuning._score, []

    def cut(*arguments):
        if len(tried) == 2:
            raise KeyboardInterrupt
        tried.append(1)
        return score(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(tuning, "_score", cut)
        with pytest.raises(KeyboardInterrupt):
            search(study(), some_cases(), tmp_path / "cut")
    monkeypatch.setattr(tuning, "_score", lambda *a: tried.append(2) or score(*a))

    assert search(study(), some_cases(), tmp_path / "cut") == whole
    assert tried == [1, 1, 2]
    first, again = ((tmp_path / name / TRIALS).read_bytes() for name in ("whole", "cut"))
    assert first == again


def test_a_search_of_other_people_is_refused(tmp_path, fixed):
    search(study(trials=1), some_cases(), tmp_path)

    with pytest.raises(CheckpointError, match="belongs to another search: cases differs"):
        search(study(trials=1), some_cases(12), tmp_path)
    (tmp_path / TRIALS).write_text("{")
    with pytest.raises(CheckpointError, match="cannot be read; remove it"):
        search(study(trials=1), some_cases(), tmp_path)


def test_a_configuration_that_cannot_be_fitted_is_passed_over(tmp_path, fixed, monkeypatch):
    monkeypatch.setattr(tuning, "_score", lambda s, c, cases: None)

    with pytest.raises(TrainingError, match="no configuration of"):
        search(study(), some_cases(), tmp_path)
    assert len((tmp_path / TRIALS).read_text().splitlines()) == 4


def test_nobody_who_is_tested_has_a_part_in_a_search(tmp_path, fixed, monkeypatch):
    seen = []
    monkeypatch.setattr(
        tuning, "_score", lambda s, c, cases: seen.append({x.recording.recording_id for x in cases})
    )
    monkeypatch.setattr(tuning, "_read", lambda *a: [Trial(values={}, score=1.0)] * 2)
    system = FusionSystem(study().fusion, study(), tmp_path, data="d")

    system.configured_for(some_cases(8), "repeat0-fold0")

    assert seen == [{f"r{n:03d}" for n in range(8)}]


def test_a_system_that_is_compared_with_keeps_its_defaults(tmp_path):
    system = FusionSystem(Component(name="audio_only"), study(), tmp_path, data="d")

    assert system.configured_for(some_cases(), "x").training == study().training
    assert list(Path(tmp_path).iterdir()) == []


def test_a_missing_optuna_gives_the_pip_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)

    with pytest.raises(MissingExtra, match=r"pip install 'cogspeech\[tune\]'"):
        suggest(study(), study().tune, [])


def test_the_next_configuration_follows_from_the_trials_and_the_seed():
    pytest.importorskip("optuna")
    tune, trials = study().tune, []
    for number in range(14):  # beyond the first ten, which are random
        values, again = (suggest(study(), tune, trials) for _ in range(2))
        assert values == again
        assert values["fusion.d_model"] in (4, 8)
        assert 1e-4 <= values["training.learning_rate"] <= 0.1
        json.dumps(values)
        trials.append(Trial(values=values, score=None if number == 3 else float(number)))
    assert len({trial.values["training.learning_rate"] for trial in trials}) == 14

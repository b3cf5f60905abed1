import json
import math
from dataclasses import asdict

import numpy as np
import pytest
import torch
from safetensors import safe_open

from cogspeech.errors import CheckpointError, TrainingError
from cogspeech.learning_sections import TrainingSection
from cogspeech.settings import Component
from cogspeech.training import trainer as module
from cogspeech.training.labelled import LabelledPart
from cogspeech.training.objectives.base import OBJECTIVES
from cogspeech.training.prediction import predict_answers, predict_outputs
from cogspeech.training.trainer import Trainer
from conftest import make_embedded

TARGET = {
    "column": "diagnosis",
    "classes": ["control", "dementia"],
    "objective": {"name": "binary"},
}
FUSION = Component(name="aligned_cross_attention", d_model=8, num_heads=2, dropout=0.3)


def part(n, first=0):
    """Recordings whose label is in the audio."""
    recordings, labels = [], []
    for index in range(first, first + n):
        label = index % 2
        recording = make_embedded(f"r{index}", seed=index)
        recording.event_vectors[:, 0] += 2.0 * label
        recordings.append(recording)
        labels.append(label)
    return LabelledPart(recordings=tuple(recordings), labels=tuple(labels))


def trainer(folder=None, *, seed=1, component=FUSION, identity=None, **changes):
    section = {"max_epochs": 6, "patience": 6, "batch_size": 4, "checkpoint_every_s": 0, **changes}
    return Trainer(
        component, TrainingSection(**section), seed=seed, folder=folder, identity=identity
    )


def weights(fitted):
    return torch.cat([p.detach().flatten() for p in fitted.model.state_dict().values()])


def test_it_learns_and_keeps_the_epoch_with_the_lowest_validation_loss():
    fitted = trainer(max_epochs=30, learning_rate=0.01).fit(part(24), part(10, 100))

    losses = [record.validation_loss for record in fitted.history]
    assert fitted.best_epoch == int(np.argmin(losses))
    assert min(losses) < 0.4
    test = part(20, 200)
    decided = predict_answers(fitted.model, fitted.objective, test.recordings).positive >= 0.5
    assert np.mean(decided == np.array(test.labels)) >= 0.9


def test_it_stops_when_patience_is_over():
    fitted = trainer(max_epochs=50, patience=2, learning_rate=1e-12).fit(part(8), part(4, 50))

    assert len(fitted.history) == fitted.best_epoch + 3 < 50


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    first, again, other = (
        weights(trainer(seed=seed).fit(part(8), part(4, 50))) for seed in (1, 1, 2)
    )

    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_what_ran_before_does_not_matter():
    first = weights(trainer().fit(part(8), part(4, 50)))
    torch.rand(1000)

    assert torch.equal(weights(trainer().fit(part(8), part(4, 50))), first)


def test_the_learning_rate_warms_up_and_then_falls_to_nothing():
    history = (
        trainer(max_epochs=20, patience=20, warmup_fraction=0.2).fit(part(4), part(2, 50)).history
    )

    rates = [record.learning_rate for record in history]
    assert rates[0] < rates[2] < rates[3]
    assert max(rates) == pytest.approx(2e-3, rel=0.05)
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert rates[-1] < 2e-3 / 50


def test_a_finished_fit_keeps_its_best_weights_and_its_history(tmp_path):
    fitted = trainer(tmp_path).fit(part(8), part(4, 50))

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "history.jsonl",
        "lock",
        "step-00000012.safetensors",
    ]
    lines = (tmp_path / "history.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [asdict(record) for record in fitted.history]
    with safe_open(tmp_path / "step-00000012.safetensors", framework="pt") as stored:
        kept = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    assert kept.keys() == {f"best_weights/{name}" for name in fitted.model.state_dict()}
    for name, tensor in fitted.model.state_dict().items():
        assert torch.equal(kept[f"best_weights/{name}"], tensor)


@pytest.mark.parametrize(
    "cut_after", [2, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 3, 9))]
)
def test_a_fit_that_was_cut_off_goes_on_to_the_same_bits(tmp_path, cut_after, monkeypatch):
    whole = trainer(tmp_path / "whole").fit(part(8), part(4, 50))
    take_step, seen = module._Fit._take_step, []

    def cut(self, *args):
        if len(seen) == cut_after:
            raise KeyboardInterrupt
        seen.append(1)
        return take_step(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(module._Fit, "_take_step", cut)
        with pytest.raises(KeyboardInterrupt):
            trainer(tmp_path / "cut").fit(part(8), part(4, 50))
    torch.rand(7)

    resumed = trainer(tmp_path / "cut").fit(part(8), part(4, 50), resume=True)

    assert resumed.history == whole.history
    assert resumed.best_epoch == whole.best_epoch
    assert torch.equal(weights(resumed), weights(whole))


def test_a_finished_fit_is_not_done_again(tmp_path, monkeypatch):
    first = trainer(tmp_path).fit(part(8), part(4, 50))
    monkeypatch.setattr(module._Fit, "_take_step", lambda *a: pytest.fail("trained again"))

    again = trainer(tmp_path).fit(part(8), part(4, 50), resume=True)

    assert torch.equal(weights(first), weights(again))
    assert again.history == first.history


def test_resume_without_a_checkpoint_starts_at_the_beginning(tmp_path):
    fresh = trainer().fit(part(8), part(4, 50), resume=True)
    resumed = trainer(tmp_path).fit(part(8), part(4, 50), resume=True)

    assert torch.equal(weights(fresh), weights(resumed))


def test_a_checkpoint_of_another_fit_is_refused_by_the_field_that_differs(tmp_path):
    trainer(tmp_path, identity={"place": "fold0"}).fit(part(8), part(4, 50))

    with pytest.raises(CheckpointError, match="place is 'fold0' there and 'fold1' here"):
        trainer(tmp_path, identity={"place": "fold1"}).fit(part(8), part(4, 50), resume=True)


def test_a_class_that_is_absent_is_refused():
    one_class = LabelledPart(recordings=part(4).recordings, labels=(0, 0, 0, 0))

    with pytest.raises(TrainingError, match="4 of 'control', 0 of 'dementia'; every class"):
        trainer().fit(one_class, part(4, 50))


def test_a_loss_that_is_no_number_stops_at_once_and_names_the_batch(monkeypatch):
    binary = OBJECTIVES.get("binary")
    monkeypatch.setattr(binary, "loss", lambda self, outputs, targets: outputs.sum() * math.nan)

    with pytest.raises(TrainingError, match=r"epoch 1; lower .* recordings of the batch: r\d"):
        trainer().fit(part(8), part(4, 50))


def test_a_validation_loss_that_is_no_number_stops(monkeypatch):
    monkeypatch.setattr(
        "cogspeech.training.trainer.predict_outputs",
        lambda model, recordings: torch.full((len(recordings), 1), math.nan),
    )

    with pytest.raises(TrainingError, match="validation loss is not a number"):
        trainer().fit(part(8), part(4, 50))


def test_a_part_needs_as_many_labels_as_recordings():
    with pytest.raises(ValueError, match="as many labels as recordings"):
        LabelledPart(recordings=part(2).recordings, labels=(0,))


def test_predicting_leaves_the_model_as_it_was():
    model = trainer().fit(part(8), part(4, 50)).model.train()

    first, second = (predict_outputs(model, part(70).recordings) for _ in range(2))

    assert torch.equal(first, second)
    assert len(first) == 70
    assert model.training


def test_the_number_of_cores_does_not_matter():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        first = weights(trainer().fit(part(8), part(4, 50)))
        torch.set_num_threads(2)
        again = weights(trainer().fit(part(8), part(4, 50)))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)

    assert torch.equal(first, again)


def test_the_weights_are_those_of_the_best_epoch_and_not_of_the_last():
    training, right = part(8), part(4, 50)
    wrong = LabelledPart(recordings=right.recordings, labels=tuple(1 - y for y in right.labels))

    fitted = trainer(max_epochs=8, patience=8, learning_rate=0.02).fit(training, wrong)

    assert fitted.best_epoch < len(fitted.history) - 1
    outputs = predict_outputs(fitted.model, wrong.recordings)
    loss = fitted.objective.loss(outputs, wrong.targets)
    best = fitted.history[fitted.best_epoch].validation_loss
    assert float(loss) == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("learning_rate", 5e-3),
        ("weight_decay", 0.5),
        ("gradient_clip", 1e-7),
        ("warmup_fraction", 0.5),
        ("batch_size", 3),
    ],
)
def test_every_option_of_the_training_does_something(option, value):
    plain, changed = (trainer(**o).fit(part(8), part(4, 50)) for o in ({}, {option: value}))

    assert not torch.allclose(weights(plain), weights(changed), atol=1e-5)


def test_the_scaling_comes_from_the_training_part_alone():
    training, validation = part(8), part(4, 50)
    for recording in validation.recordings:
        recording.token_vectors[:] += 100.0

    fitted = trainer(component=Component(name="text_only"), max_epochs=1).fit(training, validation)

    tokens = np.concatenate([r.token_vectors for r in training.recordings])
    np.testing.assert_allclose(fitted.model.text.stream.standardise.mean, tokens.mean(0), atol=1e-5)


def test_the_learning_rate_warms_up_in_equal_steps():
    fitted = trainer(max_epochs=20, patience=20, warmup_fraction=0.2).fit(part(4), part(2, 50))

    rates = [record.learning_rate for record in fitted.history]
    assert rates[:4] == pytest.approx([5e-4, 10e-4, 15e-4, 20e-4])

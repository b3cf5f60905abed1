import pytest
import torch

from cogspeech.training.objectives import BinaryDiagnosis


def test_each_class_carries_half_of_the_weight():
    objective = BinaryDiagnosis([0, 0, 0, 1])
    logits = torch.zeros(4)

    of_three = objective.loss(logits[:3], torch.tensor([0.0, 0.0, 0.0])) * 3
    of_one = objective.loss(logits[:1], torch.tensor([1.0]))

    assert float(of_three) == pytest.approx(float(of_one))
    assert float(objective.loss(logits, torch.tensor([0.0, 0.0, 0.0, 1.0]))) == pytest.approx(
        0.6931, abs=1e-4
    )

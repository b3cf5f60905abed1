import torch
from torch import nn

from cogspeech.training.averaging import MovingAverage


def test_it_is_the_recurrence_with_a_softer_beginning():
    model = nn.Linear(2, 1, bias=False)
    model.weight.data.fill_(0.0)
    average = MovingAverage(model, decay=0.9)
    expected = torch.zeros(1, 2)
    for step in range(1, 120):
        model.weight.data.fill_(float(step))
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
        average.update(model)

    assert torch.allclose(average.weights["weight"], expected, rtol=1e-5)


def test_whole_numbers_are_taken_over_and_the_model_is_left_alone():
    model = nn.BatchNorm1d(2)
    average = MovingAverage(model, decay=0.5)
    model.num_batches_tracked.fill_(7)
    model.weight.data.fill_(3.0)

    average.update(model)

    assert int(average.weights["num_batches_tracked"]) == 7
    assert float(model.weight[0].detach()) == 3.0
    assert 1.0 < float(average.weights["weight"][0]) < 3.0

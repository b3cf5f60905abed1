import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cogspeech.errors import ConfigError
from cogspeech.learning_sections import TrainingSection
from cogspeech.settings import Component
from cogspeech.training.schedules.base import SCHEDULES, build_schedule, learning_rate


def section(**changes):
    return TrainingSection(**{"max_epochs": 20, "learning_rate": 0.1, **changes})


@pytest.mark.parametrize("name", SCHEDULES.names())
@given(done=st.floats(0, 20))
def test_the_rate_is_never_above_the_highest_nor_negative(name, done):
    assert 0 <= learning_rate(build_schedule(Component(name=name)), section(), done) <= 0.1


@pytest.mark.parametrize("name", SCHEDULES.names())
def test_every_schedule_warms_up_in_equal_steps(name):
    rates = [
        learning_rate(
            build_schedule(Component(name=name)), section(warmup_fraction=0.2), float(epoch)
        )
        for epoch in range(4)
    ]
    assert rates == pytest.approx([0.025, 0.05, 0.075, 0.1])


def test_cosine_and_linear_are_those_of_torch():
    for name, make in {
        "cosine": lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=20),
        "linear": lambda o: torch.optim.lr_scheduler.LinearLR(
            o, start_factor=1.0, end_factor=0.0, total_iters=20
        ),
    }.items():
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
        theirs = make(optimizer)
        for epoch in range(20):
            ours = learning_rate(
                build_schedule(Component(name=name)), section(warmup_fraction=0.0), float(epoch)
            )
            assert ours == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-9)
            optimizer.step()
            theirs.step()


def test_constant_is_constant():
    rates = {
        learning_rate(build_schedule(Component(name="constant")), section(), e) for e in (5.0, 19.0)
    }
    assert rates == {0.1}


def test_a_plateau_falls_after_some_epochs_and_begins_to_count_anew():
    schedule = build_schedule(Component(name="plateau", factor=0.1, epochs=2))
    shares = []
    for has_improved in (True, False, False, False, True, False, False):
        schedule.observe(has_improved=has_improved)
        shares.append(schedule.share(0.5))

    assert shares == pytest.approx([1, 1, 0.1, 0.1, 0.1, 0.1, 0.01])
    again = build_schedule(Component(name="plateau", factor=0.1, epochs=2))
    again.restore(schedule.state())
    assert again.state() == schedule.state()
    assert math.isclose(again.share(0.0), 0.01)


def test_a_schedule_can_be_named_with_or_without_options():
    assert section(schedule="linear").schedule == Component(name="linear")
    assert section(schedule={"name": "plateau", "epochs": 2}).schedule.options == {"epochs": 2}
    with pytest.raises(ConfigError, match="unknown schedule 'cosin'; did you mean 'cosine'"):
        build_schedule(Component(name="cosin"))
    with pytest.raises(ConfigError, match="schedule plateau: unknown key 'patience'"):
        build_schedule(Component(name="plateau", patience=2))

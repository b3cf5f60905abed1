import re

from cogspeech.reporting.training_curves import MOST_PANELS, draw_training
from cogspeech.training.history import EpochRecord


def history(losses, best):
    return tuple(
        EpochRecord(
            epoch=epoch,
            training_loss=loss - 0.1,
            validation_loss=loss,
            monitored=loss,
            learning_rate=0.1,
            is_best=epoch <= best,
        )
        for epoch, loss in enumerate(losses)
    )


def test_there_is_a_panel_for_every_fold_and_a_dot_for_every_fit():
    fits = [history([0.7, 0.6, 0.65], 1), history([0.7, 0.8], 0)]

    (drawing,) = draw_training({0: fits, 1: fits, 4: fits}, "text_only")

    assert [f"fold {n}" in drawing.svg for n in (1, 2, 3, 5)] == [True, True, False, True]
    assert drawing.svg.count("#c2570c") >= 6
    assert "first repeat" in drawing.caption


def test_the_same_histories_give_the_same_bytes():
    histories = {0: [history([0.7, 0.6], 1)]}

    assert draw_training(histories, "a") == draw_training(histories, "a")


def test_what_does_not_fit_is_counted_and_without_histories_there_is_no_figure():
    many = {fold: [history([0.7], 0)] for fold in range(MOST_PANELS + 3)}

    (drawing,) = draw_training(many, "text_only")

    assert "3 more folds are not shown" in drawing.caption
    assert len(re.findall(r">fold \d+<", drawing.svg)) == MOST_PANELS
    assert draw_training({}, "text_only") == ()

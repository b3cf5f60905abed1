import pytest

from cogspeech.reporting.run_folder import predictions_csv
from cogspeech.types import Prediction


def prediction(**more):
    return Prediction(
        system="s",
        repeat=0,
        fold=1,
        seed=7,
        participant_id="p",
        recording_id="r",
        label=1,
        probability=0.75,
        **more,
    )


CONTRACT = "system,repeat,fold,seed,participant_id,recording_id,label,probability"


@pytest.mark.parametrize(
    ("classes", "more", "columns", "cells"),
    [
        (("a", "b"), {}, "", ""),
        (
            ("a", "b", "c"),
            {"probabilities": (0.25, 0.5, 0.25)},
            ",probability_a,probability_b,probability_c",
            ",0.25,0.5,0.25",
        ),
        (
            ("a", "b"),
            {"score": 24.0, "predicted_score": 25.5},
            ",score,predicted_score",
            ",24.0,25.5",
        ),
    ],
)
def test_predictions_keep_their_columns_and_grow_with_the_target(classes, more, columns, cells):
    text = predictions_csv([prediction(**more)], classes)

    assert text == f"{CONTRACT}{columns}\ns,0,1,7,p,r,1,0.75{cells}\n"

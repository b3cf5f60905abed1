"""A run folder of made-up answers, as the benchmark of the report measures it, but smaller."""

import pytest

import evaluation_cost
import report_cost


@pytest.fixture(scope="session")
def made_up_run(tmp_path_factory):
    """48 participants, two systems, four runs; reports may be written into it, nothing else."""
    folder = tmp_path_factory.mktemp("made-up")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation_cost, "REPEATS", 2)
        patch.setattr(evaluation_cost, "SEEDS", 2)
        patch.setattr(report_cost, "PERTURBATIONS", 1)
        rows = evaluation_cost.predicted(48, 2)
        report_cost.write_run(folder, rows, ["system 0", "system 1"], words=12)
    return folder, rows

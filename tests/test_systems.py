"""Fits side by side: the same bytes as one after the other."""

import os
import signal

import pytest

from cases import make_case
from cogspeech.config import Study
from cogspeech.corpora.splits import Fold, SplitPlan
from cogspeech.engines.base import EngineOptions, build_engine
from cogspeech.errors import CheckpointError, TrainingError
from cogspeech.evaluation.base import BASELINES
from cogspeech.systems import FitWorker, applicable, fit_ahead

pytestmark = [
    pytest.mark.timeout(600),
    # Ray leaves sockets open.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
STUDY = Study.model_validate(
    {
        "corpus": {"path": "nowhere"},
        "fusion": {"name": "text_only", "d_model": 8},
        "compare": ["audio_only", "majority"],
        "training": {"max_epochs": 2, "batch_size": 4},
        "evaluation": {"outer_folds": 2, "repeats": 1, "seeds": 1},
    }
)


def some_cases(count=12):
    return tuple(make_case(n, ("control", "dementia")[n % 2]) for n in range(count))


def a_plan(count=12):
    people = [f"p{n:03d}" for n in range(count)]
    halves = (people[:6], people[6:])
    folds = tuple(
        Fold(
            repeat=0, fold=n, train=tuple(train[:4]), validation=tuple(train[4:]), test=tuple(test)
        )
        for n, (test, train) in enumerate((halves, halves[::-1]))
    )
    return SplitPlan(folds=folds)


def a_worker(folder, **changes):
    given = {"study": STUDY, "cases": some_cases(), "checkpoints": folder, "data": "d", **changes}
    return FitWorker(**given)


class Killer(FitWorker):
    """Dies of the fits of one system, as often as there are files to take away."""

    def __call__(self, job):
        tokens = sorted(self.checkpoints.parent.glob("token*"))
        if job.component.name == "audio_only" and tokens:
            tokens[0].unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        super().__call__(job)


class Stumbler(FitWorker):
    def __call__(self, job):
        raise CheckpointError("no room")


def files(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


@pytest.fixture(scope="module")
def one_by_one(tmp_path_factory):
    """The files of all fits, made here."""
    folder = tmp_path_factory.mktemp("one") / "checkpoints"
    told = []
    engine = build_engine("local", EngineOptions())
    fit_ahead(a_worker(folder), a_plan(), engine, seeds=(7,), progress=lambda *s: told.append(s))
    assert told == [("fit", done, 4) for done in range(5)]
    return files(folder)


@pytest.mark.slow
def test_ray_leaves_the_same_bytes(tmp_path, one_by_one):
    engine = build_engine("ray", EngineOptions(workers=2))

    fit_ahead(a_worker(tmp_path / "checkpoints"), a_plan(), engine, seeds=(7,))

    assert files(tmp_path / "checkpoints") == one_by_one
    assert len([name for name in one_by_one if name.endswith(".safetensors")]) == 4


def test_the_evaluation_finds_every_fit_finished(tmp_path, one_by_one, monkeypatch):
    for name, content in one_by_one.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(
        "cogspeech.training.trainer._Fit._take_step", lambda *a: pytest.fail("fitted again")
    )

    worker = a_worker(tmp_path)
    fit_ahead(worker, a_plan(), build_engine("local", EngineOptions()), seeds=(7,))

    assert files(tmp_path) == one_by_one


@pytest.mark.slow
def test_local_workers_leave_the_same_bytes_and_one_that_dies_is_started_again(
    tmp_path, one_by_one
):
    (tmp_path / "token").touch()
    killer = Killer(study=STUDY, cases=some_cases(), checkpoints=tmp_path / "c", data="d")

    fit_ahead(killer, a_plan(), build_engine("local", EngineOptions(workers=2)), seeds=(7,))

    assert files(tmp_path / "c") == one_by_one


@pytest.mark.slow
def test_one_that_dies_twice_of_a_fit_ends_the_run_and_names_it(tmp_path):
    for number in range(9):
        (tmp_path / f"token{number}").touch()
    killer = Killer(study=STUDY, cases=some_cases(), checkpoints=tmp_path / "c", data="d")
    engine = build_engine("local", EngineOptions(workers=2))

    with pytest.raises(TrainingError, match=r"audio_only, repeat 0, .* failed twice .*--resume"):
        fit_ahead(killer, a_plan(), engine, seeds=(7,))


def test_what_went_wrong_in_a_fit_is_told_as_it_is(tmp_path):
    stumbler = Stumbler(study=STUDY, cases=some_cases(), checkpoints=tmp_path, data="d")

    with pytest.raises(CheckpointError, match="no room"):
        fit_ahead(stumbler, a_plan(), build_engine("local", EngineOptions()), seeds=(7,))


def test_a_system_that_does_not_apply_is_left_out_with_its_reason():
    systems = [BASELINES.get(name)() for name in ("majority", "demographics_only", "length_only")]
    told = []

    found, reasons = applicable(systems, some_cases(), progress=lambda *step: told.append(step))

    assert [system.name for system in found] == ["majority", "length_only"]
    assert reasons == {"demographics_only": "no recording has an age, a sex or years of education"}
    assert told[-1] == ("measure", 3, 3)

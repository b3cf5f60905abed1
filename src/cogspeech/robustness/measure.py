"""The perturbations of a study: test recordings made harder, asked of the fits that are kept.

Nothing is trained. Every severity of every perturbation is embedded anew, but for those that change
embedded events only, so a perturbation costs as many encoder passes over the test recordings as it
has severities.
"""

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cogspeech.cache import ContentCache, cache_folder
from cogspeech.config import Study
from cogspeech.corpora.splits import SplitPlan
from cogspeech.embeddings.base import build_encoders
from cogspeech.engines.base import EngineOptions, build_engine
from cogspeech.errors import ConfigError
from cogspeech.evaluation.base import KeptFits
from cogspeech.robustness.base import (
    CLEAN,
    PERTURBATIONS,
    AnyPerturbation,
    EventPerturbation,
    Heard,
    Severity,
    Surroundings,
)
from cogspeech.robustness.curves import Curve, can_be_told, point_of, with_gaps
from cogspeech.robustness.embedding import Embedder
from cogspeech.types import Case, Prediction, Progress, no_progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Robustness:
    """What the perturbations of a study did."""

    is_reproduced: bool
    """Whether the clean recordings, through the path of the perturbed ones, gave the study's own
    answers to the last bit."""
    curves: tuple[Curve, ...]


def perturbation_names(study: Study) -> tuple[str, ...]:
    """The perturbations of a study."""
    if study.robustness == "none":
        return ()
    return PERTURBATIONS.names() if study.robustness == "all" else study.robustness


def require_known_perturbations(study: Study) -> None:
    """Looks up every perturbation of a study.

    Raises:
        ConfigError: one has no such name, or the target has no classes.
    """
    if perturbation_names(study) and not study.target.classes:
        raise ConfigError(
            "'robustness' measures how decisions hold, and a target without classes has none; "
            "leave 'robustness' out, or give 'target.classes' (objective 'joint')"
        )
    for name in perturbation_names(study):
        PERTURBATIONS.get(name)


def measure_robustness(
    study: Study,
    cases: Sequence[Case],
    plan: SplitPlan,
    fits: KeptFits,
    *,
    workers: int = 1,
    progress: Progress = no_progress,
) -> Robustness | None:
    """Every perturbation of a study at every severity; ``None`` where it asks for none.

    Args:
        study: whose encoders, seed, classes and ``robustness`` are taken.
        cases: all recordings.
        plan: whose first repeat says which fit tests whom.
        fits: of the primary system.
        workers: processes that encode.
        progress: is told about every severity.
    """
    plugins = [PERTURBATIONS.get(name)() for name in perturbation_names(study)]
    if not plugins:
        return None
    tested = _Tested(study, cases, plan, fits)
    embedder = Embedder(
        encoders=build_encoders(study.audio_encoder, study.text_encoder, study.finetune),
        cache=ContentCache(cache_folder()),
        engine=build_engine("local", EngineOptions(workers=workers)),
        min_pause_s=study.transcripts.min_pause_s,
    )
    own = tested.answers(tested.cases)
    clean = tested.answers(embedder.embed(tested.cases, lambda _, heard: heard))
    done, steps = 1, 1 + sum(len(plugin.severities) for plugin in plugins)
    progress("robustness", done, steps)
    curves = []
    for plugin in plugins:
        points = [point_of(CLEAN, own, clean)]
        for severity in plugin.severities:
            answered = tested.answers(_perturbed(plugin, severity, tested, embedder))
            if can_be_told(answered):
                points.append(point_of(_shown(severity), own, answered))
            done += 1
            progress("robustness", done, steps)
        curves.append((plugin.name, plugin.does, plugin.unit, tuple(points)))
    return Robustness(is_reproduced=clean == own, curves=with_gaps(curves))


class _Tested:
    """The tested recordings, in the order of their folds, and who answers about them."""

    def __init__(
        self, study: Study, cases: Sequence[Case], plan: SplitPlan, fits: KeptFits
    ) -> None:
        self.study, self.all = study, cases
        self._fits = fits
        self._fold = {name: f.fold for f in plan.folds if f.repeat == 0 for name in f.test}
        self.cases = [
            case
            for fold in dict.fromkeys(self._fold.values())
            for case in cases
            if self._fold.get(case.recording.participant_id) == fold
        ]

    def answers(self, cases: Sequence[Case | None]) -> list[Prediction]:
        """What the fit that has not seen them says about the cases that are left."""
        answered = []
        for fold in dict.fromkeys(self._fold.values()):
            left = [c for c in cases if c and self._fold[c.recording.participant_id] == fold]
            if left:
                positive = self._fits.answer(fold, left).positive
                answered += [
                    self._prediction(case, fold, float(probability))
                    for case, probability in zip(left, positive, strict=True)
                ]
        return answered

    def _prediction(self, case: Case, fold: int, probability: float) -> Prediction:
        return Prediction(
            system=self._fits.name,
            repeat=0,
            fold=fold,
            seed=self.study.seed,
            participant_id=case.recording.participant_id,
            recording_id=case.recording.recording_id,
            label=self.study.target.classes.index(case.recording.label or ""),
            probability=probability,
        )


def _perturbed(
    plugin: AnyPerturbation, severity: Severity, tested: _Tested, embedder: Embedder
) -> Sequence[Case | None]:
    """Every tested recording at one severity."""
    if isinstance(plugin, EventPerturbation):
        return [
            dataclasses.replace(case, embedded=plugin.change(case.embedded, severity))
            for case in tested.cases
        ]

    def change(case: Case, heard: Heard) -> Heard | None:
        around = surroundings_of(case, tested.all, name=plugin.name, seed=tested.study.seed)
        return plugin.perturb(heard, severity, around)

    return embedder.embed(tested.cases, change)


def surroundings_of(case: Case, everybody: Sequence[Case], *, name: str, seed: int) -> Surroundings:
    """What a perturbation may draw from for a recording; the same for all of a participant."""
    person = case.recording.participant_id
    digest = hashlib.sha256(f"{seed} {name} {person}".encode(errors="surrogatepass")).digest()
    return Surroundings(
        generator=np.random.default_rng(int.from_bytes(digest[:8], "big")),
        others=[other for other in everybody if other.recording.participant_id != person],
    )


def _shown(severity: Severity) -> str:
    return severity if isinstance(severity, str) else f"{severity:g}"

"""The whole path on one page: START READING HERE.

    recordings -> transcripts -> embeddings -> fusion -> training -> evaluation -> explanation
                                                                             -> run folder

`run_study` calls one function per stage; each lives in the package of that name.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from cogspeech.audit.audit import audit_study
from cogspeech.cache import ContentCache, cache_folder
from cogspeech.config import Study, study_hash
from cogspeech.corpora.base import import_corpus
from cogspeech.corpora.splits import (
    People,
    SplitPlan,
    participant_groups,
    plan_each_alone,
    plan_given_folds,
    plan_splits,
)
from cogspeech.embeddings.corpus import embed_corpus
from cogspeech.engines.base import Engine
from cogspeech.errors import ConfigError
from cogspeech.evaluation.assessment import assess
from cogspeech.evaluation.base import ProbeTask
from cogspeech.evaluation.ledger import count_look, require_ledger, set_digest
from cogspeech.explanation.base import EXPLAINERS
from cogspeech.final_fit import fit_bundle
from cogspeech.reporting.paper import write_paper
from cogspeech.reporting.report import write_report
from cogspeech.reporting.run_folder import (
    StudyResult,
    begin_run,
    claim_run_folder,
    write_run_folder,
)
from cogspeech.robustness.measure import measure_robustness
from cogspeech.settings import Component
from cogspeech.study_file import refuse_impossible
from cogspeech.systems import (
    FusionSystem,
    answer_all,
)
from cogspeech.training.bundle import with_verdicts
from cogspeech.training.lock import locked
from cogspeech.training.objectives.base import build_objective, with_scores
from cogspeech.training.processes import Processes
from cogspeech.transcripts.quality import measure_quality
from cogspeech.types import Attribution, Case, Corpus, Progress, no_progress


def run_study(
    study: Study,
    run_dir: Path,
    *,
    resume: bool = False,
    workers: int = 1,
    engine: Engine | None = None,
    progress: Progress = no_progress,
) -> StudyResult:
    """Runs a study and writes its run folder.

    Under ``torchrun`` every process comes here; each step of a fit is shared by all of them, and
    the first one alone writes.

    Args:
        study: from `load_study`.
        run_dir: made if missing; ``resume`` goes on with the fits it holds.
        resume: keep finished fits, continue the one that was cut off.
        workers: processes that find words and that encode.
        engine: where fits are done side by side; without it one after the other, here.
        progress: is told how far each stage has come.

    Raises:
        CogspeechError: what was expected, what was found, where, and what to do.
    """
    refuse_impossible(study)
    processes = Processes()
    if engine and processes.count > 1:
        raise ConfigError("--workers and --engine do not go together with torchrun; leave one out")
    if processes.is_main:
        claim_run_folder(run_dir, study, resume=resume)
        if study.evaluation.has_test_set:
            require_ledger()
    with processes.main_first():
        corpus = import_study(study, progress=progress)
        audit = audit_study(study, corpus, cache=ContentCache(cache_folder()), progress=progress)
        plan = split_corpus(corpus, study)
        cases = embed_corpus(corpus, study, workers=workers, progress=progress)
    checkpoints = run_dir / "checkpoints"
    with locked(checkpoints) if processes.is_main else nullcontext():
        if processes.is_main:
            begin_run(run_dir, study)
        answered = answer_all(study, cases, plan, checkpoints, engine=engine, progress=progress)
        bundle = fit_bundle(study, corpus, cases, plan, answered)
    primary = answered.primary
    fits = answered.decided.asked_again(primary, study.seed)
    assessment = assess(
        study,
        answered.decided,
        [system.name for system in answered.systems],
        ProbeTask(
            cases=cases,
            plan=plan,
            classes=study.target.classes,
            seed=study.seed,
            # Layers that are trained take their own states, which cannot be rearranged.
            primary=None if study.finetune else fits,
        ),
        is_ordered=build_objective(study.target).is_ordered,
        progress=progress,
    )
    result = StudyResult(
        study=study,
        corpus=corpus,
        audit=audit,
        plan=plan,
        data_hash=primary.data,
        predictions=answered.predictions,
        assessment=assessment,
        not_applicable=answered.why_not,
        terms={system.name: system.terms for system in answered.systems if system.terms},
        attributions=explain_unseen(primary, cases, plan, study.explanation, progress=progress),
        qualities=measure_quality(
            corpus.recordings,
            [case.transcript for case in cases],
            study.transcripts,
            cache=ContentCache(cache_folder()),
        ),
        robustness=measure_robustness(study, cases, plan, fits, workers=workers, progress=progress)
        if processes.is_main
        else None,
        bundle=with_verdicts(bundle, {probe.name: probe.verdict for probe in assessment.probes}),
    )
    return _publish(result, run_dir) if processes.is_main else result


def _publish(result: StudyResult, run_dir: Path) -> StudyResult:
    """Writes the run folder, and notes whom its bundle was trained on, and who was looked at."""
    if result.study.evaluation.has_test_set:
        tested = [r for r in result.corpus.recordings if r.participant_id in result.plan.tested]
        looks = count_look(set_digest(tested), study_hash(result.study), run_dir)
        result = replace(result, test_set_looks=looks)
    write_run_folder(result, run_dir)
    ContentCache(cache_folder()).remember_bundle(
        result.bundle.digest,
        run_dir.resolve() / "model",
        [recording.participant_id for recording in result.corpus.recordings],
    )
    write_paper(run_dir)
    write_report(run_dir)
    return result


def import_study(
    study: Study, *, is_audio_needed: bool = True, progress: Progress = no_progress
) -> Corpus:
    """Stage 1: the recordings of a study with their scores, without those it drops by name."""
    corpus = import_corpus(
        study.corpus,
        study.target,
        test_section=study.test_corpus,
        is_audio_needed=is_audio_needed,
        drop=study.audit.dropped_ids,
        progress=progress,
    )
    return with_scores(corpus, study.target)


def split_corpus(corpus: Corpus, study: Study) -> SplitPlan:
    """The outer folds of a study.

    Raises:
        SplitError: a class is too small, or the column of given folds is not whole.
    """
    evaluation, fraction = study.evaluation, study.training.validation_fraction
    people = People.of(corpus.recordings, study.target.classes)
    if evaluation.protocol == "cross_validation":
        return plan_splits(
            people,
            outer_folds=evaluation.outer_folds,
            repeats=evaluation.repeats,
            validation_fraction=fraction,
            seed=study.seed,
        )
    if evaluation.protocol == "leave_one_participant_out":
        return plan_each_alone(people, validation_fraction=fraction, seed=study.seed)
    groups = participant_groups(corpus.recordings, evaluation.fold_column or "official_split")
    return plan_given_folds(
        people,
        groups,
        tested=["test"] if evaluation.has_test_set else sorted(set(groups.values())),
        validation_fraction=fraction,
        seed=study.seed,
    )


def explain_unseen(
    primary: FusionSystem,
    cases: Sequence[Case],
    plan: SplitPlan,
    explanation: Component,
    *,
    progress: Progress = no_progress,
) -> dict[str, tuple[Attribution, ...]]:
    """Stage 7: every tested recording, explained by a fit that has never seen its participant."""
    fold_of = {name: fold.fold for fold in plan.folds if fold.repeat == 0 for name in fold.test}
    cases = [case for case in cases if case.recording.participant_id in fold_of]
    explainer = EXPLAINERS.get(explanation.name)()
    explained = {}
    for done, case in enumerate(cases, start=1):
        fitted = primary.first_fits[fold_of[case.recording.participant_id]]
        explained[case.recording.recording_id] = explainer.explain(
            fitted.model, case.embedded, case.transcript, objective=fitted.objective
        )
        progress("explain", done, len(cases))
    return explained

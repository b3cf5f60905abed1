"""The whole path on one page: START READING HERE.

    recordings -> transcripts -> embeddings -> fusion -> training -> evaluation -> explanation
                                                                             -> run folder

`run_study` calls one function per stage; each lives in the package of that name.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from cogspeech.audit.audit import audit_study, require_known_codes
from cogspeech.cache import ContentCache, cache_folder
from cogspeech.config import (
    Study,
    parse_options,
    read_study_file,
    study_hash,
)
from cogspeech.corpora.audio import probe_audio
from cogspeech.corpora.base import IMPORTERS, import_corpus
from cogspeech.corpora.splits import (
    People,
    SplitPlan,
    participant_groups,
    plan_given_folds,
    plan_splits,
    split_off_validation,
)
from cogspeech.embeddings.base import AUDIO_ENCODERS, TEXT_ENCODERS
from cogspeech.embeddings.corpus import embed_corpus
from cogspeech.engines.base import Engine
from cogspeech.errors import ConfigError
from cogspeech.evaluation.base import BASELINES, PROBES, ProbeTask
from cogspeech.evaluation.comparison import compare_with_primary
from cogspeech.evaluation.metrics import estimate_all, scores_of
from cogspeech.evaluation.probing import ProbeResult, run_probes
from cogspeech.evaluation.protocol import cross_validate
from cogspeech.explanation.base import EXPLAINERS
from cogspeech.fusion.base import FUSIONS
from cogspeech.registry import nearest
from cogspeech.reporting.report import write_report
from cogspeech.reporting.run_folder import (
    StudyResult,
    begin_run,
    claim_run_folder,
    write_run_folder,
)
from cogspeech.systems import FitWorker, FusionSystem, data_hash, fit_ahead, other_systems
from cogspeech.training.bundle import Bundle, BundleFacts, make_bundle, with_verdicts
from cogspeech.training.labelled import LabelledPart
from cogspeech.training.lock import locked
from cogspeech.training.monitors.base import MONITORS
from cogspeech.training.objectives.base import complete_target, refuse_unevaluated
from cogspeech.training.processes import Processes
from cogspeech.training.schedules.base import SCHEDULES
from cogspeech.transcripts.base import ALIGNERS, SOURCES
from cogspeech.transcripts.quality import measure_quality
from cogspeech.transcripts.voice_activity import DETECTORS
from cogspeech.tuning import check_space
from cogspeech.types import Attribution, Case, Corpus, Progress, no_progress

EXPLAINER = "occlusion"


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
    refuse_unevaluated(study.target)
    processes = Processes()
    if engine and processes.count > 1:
        raise ConfigError("--workers and --engine do not go together with torchrun; leave one out")
    if processes.is_main:
        claim_run_folder(run_dir, study, resume=resume)
    with processes.main_first():
        corpus = import_study(study, progress=progress)
        audit = audit_study(study, corpus, cache=ContentCache(cache_folder()), progress=progress)
        plan = split_corpus(corpus, study)
        cases = embed_corpus(corpus, study, workers=workers, progress=progress)
    checkpoints = run_dir / "checkpoints"
    with locked(checkpoints) if processes.is_main else nullcontext():
        if processes.is_main:
            begin_run(run_dir, study)
        data = data_hash(cases)
        if engine:
            worker = FitWorker(study=study, cases=cases, checkpoints=checkpoints, data=data)
            fit_ahead(worker, plan, engine, seeds=seeds_of(study), progress=progress)
        primary = FusionSystem(study.fusion, study, checkpoints, data=data)
        systems = [primary, *other_systems(study, checkpoints, data=data)]
        answered = cross_validate(
            systems,
            cases,
            plan,
            classes=study.target.classes,
            seeds=seeds_of(study),
            progress=progress,
        )
        bundle = fit_bundle(study, corpus, cases, plan, primary)
    others = [system.name for system in systems[1:]]
    probes = probe_study(study, cases, plan, primary, progress=progress)
    result = StudyResult(
        study=study,
        corpus=corpus,
        audit=audit,
        predictions=answered.test,
        metrics={s.name: estimate_all(scores_of(answered.test, s.name)) for s in systems},
        comparisons=compare_with_primary(answered.test, primary.name, others),
        probes=probes,
        attributions=explain_unseen(primary, cases, plan, progress=progress),
        qualities=measure_quality(
            corpus.recordings,
            [case.transcript for case in cases],
            study.transcripts,
            cache=ContentCache(cache_folder()),
        ),
        bundle=with_verdicts(bundle, {probe.name: probe.verdict for probe in probes}),
        data_hash=data,
        plan=plan,
    )
    if processes.is_main:
        _publish(result, run_dir)
    return result


def _publish(result: StudyResult, run_dir: Path) -> None:
    """Writes the run folder, and notes whom its bundle was trained on."""
    write_run_folder(result, run_dir)
    ContentCache(cache_folder()).remember_bundle(
        result.bundle.digest,
        run_dir.resolve() / "model",
        [recording.participant_id for recording in result.corpus.recordings],
    )
    write_report(run_dir)


def load_study(path: Path) -> Study:
    """The study in a yaml file, with every plug-in it names known and every option checked.

    Raises:
        ConfigError: one line that names the key and the nearest valid one.
    """
    study = read_study_file(path)
    where = str(path)
    checks: list[tuple[Any, str, dict[str, Any], str]] = [
        (IMPORTERS, study.corpus.importer, study.corpus.options, "corpus"),
        (AUDIO_ENCODERS, study.audio_encoder.name, study.audio_encoder.options, "audio_encoder"),
        (TEXT_ENCODERS, study.text_encoder.name, study.text_encoder.options, "text_encoder"),
        (FUSIONS, study.fusion.name, study.fusion.options, "fusion"),
        (SCHEDULES, study.training.schedule.name, study.training.schedule.options, "training"),
    ]
    checks += [
        (SOURCES, source.name, source.options, "transcripts.source")
        for source in study.transcripts.sources
    ]
    if study.transcripts.align:
        align = study.transcripts.align
        checks.append((ALIGNERS, align.name, align.options, "transcripts.align"))
    if study.transcripts.detector:
        detector = study.transcripts.detector
        checks.append((DETECTORS, detector.name, detector.options, "transcripts.voice_activity"))
    try:
        for registry, name, options, section in checks:
            parse_options(registry.get(name).Options, options, where=f"{where}: {section}")
        for name in probe_names(study):
            PROBES.get(name)
        require_known_codes(study.audit)
        MONITORS.get(study.training.monitor)
        check_space(study)
        study = study.model_copy(update={"target": complete_target(study.target)})
    except ConfigError as error:
        text = str(error)
        raise ConfigError(text if text.startswith(where) else f"{where}: {text}") from error
    known = (*FUSIONS.names(), *BASELINES.names())
    for name in study.compare:
        if name not in known:
            raise ConfigError(f"{where}: compare: unknown system '{name}'; {nearest(name, known)}")
    return study


def import_study(
    study: Study, *, is_audio_needed: bool = True, progress: Progress = no_progress
) -> Corpus:
    """Stage 1: the recordings of a study, without those it drops by name."""
    return import_corpus(
        study.corpus,
        study.target,
        is_audio_needed=is_audio_needed,
        drop=study.audit.dropped_ids,
        progress=progress,
    )


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
    groups = participant_groups(corpus.recordings, evaluation.fold_column or "official_split")
    is_official = evaluation.protocol == "official_split"
    return plan_given_folds(
        people,
        groups,
        tested=["test"] if is_official else sorted(set(groups.values())),
        validation_fraction=fraction,
        seed=study.seed,
    )


def seeds_of(study: Study) -> tuple[int, ...]:
    """The seeds of a study, declared by its own seed before anything is fitted."""
    return tuple(study.seed + index for index in range(study.evaluation.seeds))


def probe_names(study: Study) -> tuple[str, ...]:
    """The probes of a study."""
    return PROBES.names() if study.probes == "all" else study.probes


def probe_study(
    study: Study,
    cases: Sequence[Case],
    plan: SplitPlan,
    primary: FusionSystem,
    *,
    progress: Progress = no_progress,
) -> tuple[ProbeResult, ...]:
    """Every probe of a study, asked of its recordings or of the fits of its primary system."""
    task = ProbeTask(
        cases=tuple(cases),
        plan=plan,
        classes=study.target.classes,
        seed=study.seed,
        primary=primary,
    )
    return run_probes(probe_names(study), task, progress=progress)


def explain_unseen(
    primary: FusionSystem,
    cases: Sequence[Case],
    plan: SplitPlan,
    *,
    progress: Progress = no_progress,
) -> dict[str, tuple[Attribution, ...]]:
    """Stage 7: every tested recording, explained by a fit that has never seen its participant."""
    fold_of = {name: fold.fold for fold in plan.folds if fold.repeat == 0 for name in fold.test}
    cases = [case for case in cases if case.recording.participant_id in fold_of]
    explainer = EXPLAINERS.get(EXPLAINER)()
    explained = {}
    for done, case in enumerate(cases, start=1):
        fitted = primary.first_fits[fold_of[case.recording.participant_id]]
        explained[case.recording.recording_id] = explainer.explain(
            fitted.model, case.embedded, case.transcript, objective=fitted.objective
        )
        progress("explain", done, len(cases))
    return explained


def fit_bundle(
    study: Study,
    corpus: Corpus,
    cases: Sequence[Case],
    plan: SplitPlan,
    system: FusionSystem,
) -> Bundle:
    """The model that travels: fitted on everybody but a validation part that stops it.

    Of an official split, on its training side only: its test set stays unseen.
    """
    people = People.of(corpus.recordings, study.target.classes)
    if study.evaluation.protocol == "official_split":
        people = people.only(people.labels.keys() - plan.tested)
    cases = [case for case in cases if case.recording.participant_id in people.labels]
    _, validation = split_off_validation(
        people, study.training.validation_fraction, np.random.default_rng(study.seed)
    )
    parts: dict[bool, list[Case]] = {True: [], False: []}
    for case in cases:
        parts[case.recording.participant_id in validation].append(case)
    training_part, validation_part = (
        LabelledPart.of(
            parts[key],
            [people.labels[c.recording.participant_id] for c in parts[key]],
            study.target,
        )
        for key in (False, True)
    )
    configuration = system.configured_for(cases, "everybody")
    fitted = system.fit(
        training_part,
        validation_part,
        place="everybody",
        seed=study.seed,
        configuration=configuration,
    )
    facts = BundleFacts(
        study=study.name,
        target=complete_target(study.target),
        fusion=configuration.fusion,
        audio_encoder=study.audio_encoder,
        text_encoder=study.text_encoder,
        transcripts=study.transcripts,
        sizes=fitted.model.sizes,
        score_scale=fitted.objective.score_scale,
        fewest_words=min(len(case.transcript.participant_words) for case in cases),
        sample_rates_hz=tuple(
            sorted({probe_audio(c.recording.audio_path).sample_rate_hz for c in cases})
        ),
        training={
            "participants": len(people.labels),
            "recordings": len(cases),
            "data_sha256": system.data,
            "study_sha256": study_hash(study),
        },
        notice=corpus.notice,
    )
    return make_bundle(fitted.model, facts)

"""Reading a study file: every plug-in it names known, every option checked, before any work."""

from pathlib import Path
from typing import Any

from cogspeech.audit.audit import require_known_codes
from cogspeech.config import Study, parse_options, read_study_file
from cogspeech.corpora.base import IMPORTERS
from cogspeech.embeddings.base import AUDIO_ENCODERS, TEXT_ENCODERS
from cogspeech.errors import ConfigError
from cogspeech.evaluation.assessment import probe_names
from cogspeech.evaluation.base import BASELINES, PROBES
from cogspeech.explanation.base import EXPLAINERS
from cogspeech.fusion.base import FUSIONS
from cogspeech.registry import nearest
from cogspeech.robustness.measure import require_known_perturbations
from cogspeech.systems import (
    with_able_systems,
)
from cogspeech.training.finetuning import Finetuning
from cogspeech.training.monitors.base import MONITORS
from cogspeech.training.objectives.base import complete_target
from cogspeech.training.schedules.base import SCHEDULES
from cogspeech.transcripts.base import ALIGNERS, SOURCES
from cogspeech.transcripts.voice_activity import DETECTORS
from cogspeech.tuning import check_space


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
    explanation = study.explanation
    checks.append((EXPLAINERS, explanation.name, explanation.options, "explanation"))
    try:
        for registry, name, options, section in checks:
            parse_options(registry.get(name).Options, options, where=f"{where}: {section}")
        for name in probe_names(study):
            PROBES.get(name)
        EXPLAINERS.get(explanation.name).refuse_unable(FUSIONS.get(study.fusion.name))
        require_known_codes(study.audit)
        MONITORS.get(study.training.monitor)
        check_space(study)
        study = study.model_copy(update={"target": complete_target(study.target)})
        require_known_perturbations(study)
    except ConfigError as error:
        text = str(error)
        raise ConfigError(text if text.startswith(where) else f"{where}: {text}") from error
    _check_compared(study, where)
    return with_able_systems(study, where=where)


def _check_compared(study: Study, where: str) -> None:
    known = (*FUSIONS.names(), *BASELINES.names())
    for name in study.compare:
        if name not in known:
            raise ConfigError(f"{where}: compare: unknown system '{name}'; {nearest(name, known)}")
        if name in BASELINES.names():
            BASELINES.get(name)()  # its library may be missing


def refuse_impossible(study: Study) -> None:
    """Refuses before anything is read what would fail much later.

    Raises:
        CogspeechError: the encoders cannot be trained.
    """
    Finetuning.of(study)

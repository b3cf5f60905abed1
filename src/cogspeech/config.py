"""The study file: every section, its defaults, and a strict reader.

A section that names a plug-in keeps that plug-in's own options beside the name; they are checked
against the plug-in's ``Options`` as soon as the plug-ins are known (`cogspeech.study_file`).
"""

import hashlib
import itertools
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from cogspeech.errors import ConfigError
from cogspeech.learning_sections import FinetuneSection, TrainingSection, TuneSection
from cogspeech.registry import nearest
from cogspeech.settings import Component, Settings

SettingsT = TypeVar("SettingsT", bound="Settings")
CORPORA = ("corpus", "test_corpus")


class CorpusSection(BaseModel):
    """Where the recordings come from; further keys are the importer's own options."""

    model_config = ConfigDict(extra="allow", frozen=True)
    importer: str = "table"
    """A corpus importer by name."""
    path: Path
    """Relative to the study file."""

    @property
    def options(self) -> dict[str, Any]:
        """The importer's own options."""
        return dict(self.model_extra or {})


class TargetSection(Settings):
    """What is to be told."""

    column: str = "diagnosis"
    """The column of the recordings table that holds it."""
    classes: tuple[str, ...] = ("control", "dementia")
    """The negative class first; empty where the column is a number."""
    objective: Component | None = None
    """What is trained for, by name or with options; by default it follows from the classes."""

    @field_validator("objective", mode="before")
    @classmethod
    def _by_name(cls, given: object) -> object:
        return {"name": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _names_differ(self) -> "TargetSection":
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("the classes must differ from each other")
        if "abstain" in self.classes:
            raise ValueError("'abstain' is what a model decides that cannot tell; rename it")
        if len(self.classes) == 1 or (not self.classes and self.objective is None):
            raise ValueError("'classes' needs two names or more")
        return self


class TranscriptsSection(Settings):
    """Where the words come from and how silences become pauses."""

    source: str | Component | tuple[str | Component, ...] = "files"
    """One source, or several: each recording takes the first that has something for it. A source
    with options is written as ``{name: faster_whisper, model: FOLDER}``."""
    align: Component | None = None
    """The aligner for recordings in which words have no times; its options beside the name."""
    voice_activity: str | Component | None = None
    """A detector of speech whose disagreement with the words is counted: ``silero``, ``energy``."""
    roles: dict[str, Literal["participant", "interviewer", "other"]] = Field(default={})
    """Speaker codes of the files, such as ``{SPEAKER_00: interviewer}``; nothing is guessed."""
    rendering: Literal["audible", "clean"] = "audible"
    """``audible``: every word that was spoken, with fillers, retracings and fragments. ``clean``:
    without them, errors replaced by what was meant."""
    strict: bool = False
    """True: what a reader would only warn of is an error."""
    untimed_words: Literal["leave", "spread"] = "leave"
    """``leave``: a word without times has no audio event. ``spread``: where no word of a recording
    has times, all are placed evenly over it."""
    min_pause_s: Annotated[float, Field(gt=0, le=10)] = 0.15
    """A shorter silence between two words is not a pause."""
    pause_bins_s: tuple[Annotated[float, Field(gt=0, le=60)], ...] = (0.5, 1.0, 2.0)
    """Where the quality table divides pauses by their duration; rising."""

    @model_validator(mode="after")
    def _rising_bins(self) -> "TranscriptsSection":
        if any(low >= high for low, high in itertools.pairwise(self.pause_bins_s)):
            raise ValueError("pause_bins_s must rise, such as [0.5, 1.0, 2.0]")
        return self

    @property
    def sources(self) -> tuple[Component, ...]:
        """The sources in their order, each with its options."""
        given = self.source if isinstance(self.source, tuple) else (self.source,)
        return tuple(Component(name=s) if isinstance(s, str) else s for s in given)

    @property
    def detector(self) -> Component | None:
        """The detector of speech, with its options."""
        given = self.voice_activity
        return Component(name=given) if isinstance(given, str) else given


class EvaluationSection(Settings):
    """Who is tested, and how often."""

    protocol: Literal[
        "cross_validation", "leave_one_participant_out", "official_split", "cross_corpus", "column"
    ] = "cross_validation"
    """Who is tested on fits that saw the others; docs/explanation/protocols.md tells each."""
    fold_column: str | None = None
    """A column of the recordings table."""
    outer_folds: Annotated[int, Field(ge=2)] = 5
    """Parts into which the participants are dealt, balanced over classes, languages and sites."""
    repeats: Annotated[int, Field(ge=1)] = 5
    """How often all participants are dealt anew."""
    seeds: Annotated[int, Field(ge=1)] = 3
    """Fits per fold, each from its own seed."""
    calibration: Literal["temperature", "platt", "none"] = "temperature"
    """What every fit learns from its own validation part about its probabilities."""
    coverage: Annotated[float, Field(ge=0.5, lt=1)] = 0.9
    """Share of participants whose class the conformal sets are to hold."""

    @property
    def has_test_set(self) -> bool:
        """Whether somebody else has drawn a test set, which every look wears out."""
        return self.protocol in ("official_split", "cross_corpus")

    @model_validator(mode="after")
    def _fits_the_protocol(self) -> "EvaluationSection":
        if (self.protocol == "column") != (self.fold_column is not None):
            raise ValueError("'protocol: column' and 'fold_column' go together")
        if self.protocol != "cross_validation":
            for name in ("outer_folds", "repeats"):
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise ValueError(f"'{name}' has no meaning under 'protocol: {self.protocol}'")
        return self


Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class AcceptedFinding(Settings):
    """A finding of the audit that somebody has looked at."""

    code: str
    """Of the finding, such as ``same_audio``."""
    reason: Reason
    """Stands in the report."""


class DroppedRecording(Settings):
    """A recording that is left out, by name."""

    recording_id: str
    """Of the recordings table."""
    reason: Reason
    """Stands in ``dropped.csv`` and in the report."""


class AuditSection(Settings):
    """What the audit of the recordings may pass over, and why."""

    accept: tuple[AcceptedFinding, ...] = ()
    """Findings that somebody has looked at; without it an unsound corpus stops the run."""
    drop: tuple[DroppedRecording, ...] = ()
    """Recordings that are left out."""

    @property
    def dropped_ids(self) -> tuple[str, ...]:
        """The recordings that are left out."""
        return tuple(each.recording_id for each in self.drop)


class Study(Settings):
    """One study file."""

    name: str = "study"
    """For the report."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 7
    """Decides folds, weights and order; fits use ``seed``, ``seed + 1``, ..."""
    corpus: CorpusSection
    test_corpus: CorpusSection | None = None
    """What ``protocol: cross_corpus`` tests on; nothing is learned from it."""
    target: TargetSection = TargetSection()
    audit: AuditSection = AuditSection()
    transcripts: TranscriptsSection = TranscriptsSection()
    audio_encoder: Component = Component(name="acoustic")
    """What turns sound into vectors, with its options beside the name."""
    text_encoder: Component = Component(name="hashed_words")
    """What turns words into vectors, with its options beside the name."""
    fusion: Component = Component(name="aligned_cross_attention")
    """The primary system, with its options beside the name."""
    compare: tuple[str, ...] = (
        "text_only",
        "audio_only",
        "late_fusion",
        "pooled_cross_attention",
        "tfidf_svm",
        "linguistic",
        "acoustic_functionals",
        "pooled_embeddings",
        "pauses_only",
        "length_only",
        "demographics_only",
        "majority",
    )
    """Fusions and baselines that run under the same protocol, with their defaults."""
    training: TrainingSection = TrainingSection()
    finetune: FinetuneSection | None = None
    tune: TuneSection | None = None
    evaluation: EvaluationSection = EvaluationSection()
    probes: Literal["all"] | tuple[str, ...] = "all"
    """Which probes for shortcuts run."""
    robustness: Literal["all", "none"] | tuple[str, ...] = "none"
    """Perturbations of the test recordings; each severity encodes all of them once more."""
    explanation: Component = Component(name="occlusion")
    """What tells which words and pauses moved the answers about the test recordings."""

    @field_validator("explanation", mode="before")
    @classmethod
    def _explainer_by_name(cls, given: object) -> object:
        return {"name": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _systems_once(self) -> "Study":
        systems = (self.fusion.name, *self.compare)
        twice = sorted({name for name in systems if systems.count(name) > 1})
        if twice:
            raise ValueError(f"'{twice[0]}' stands twice among fusion and compare")
        return self

    @model_validator(mode="after")
    def _tests_where_it_says(self) -> "Study":
        if (self.evaluation.protocol == "cross_corpus") != (self.test_corpus is not None):
            raise ValueError("'protocol: cross_corpus' and 'test_corpus' go together")
        return self

    def placed(self, place: Callable[[Path], Path]) -> "Study":
        """The same study with the path of each corpus changed."""
        given = [(name, section) for name in CORPORA if (section := getattr(self, name))]
        moved = {n: s.model_copy(update={"path": place(s.path)}) for n, s in given}
        return self.model_copy(update=moved)


def read_study_file(path: Path) -> Study:
    """The study in a yaml file; its corpus path is made absolute.

    Raises:
        ConfigError: the file is missing, is no yaml mapping, or has a key or value that does not
            exist; the message names the key and the nearest valid one.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such study file; give the path of a yaml file")
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: "2024-13-45"
        where = getattr(error, "problem_mark", None)
        line = f":{where.line + 1}" if where else ""
        raise ConfigError(f"{path}{line}: not valid yaml; see docs/study-file.md") from error
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: expected a mapping of sections such as 'corpus: ...'")
    study = parse_options(Study, raw, where=str(path))
    folder = path.resolve().parent
    return study.placed(lambda path: folder / path)


def parse_options(schema: type[SettingsT], raw: Mapping[str, Any], *, where: str) -> SettingsT:
    """``raw`` as ``schema``.

    Args:
        schema: the settings, such as the ``Options`` of a plug-in.
        raw: as read from a file.
        where: for messages: a file, and after it the section in which a plug-in's options stand
            beside the section's own keys.

    Raises:
        ConfigError: one line that names the first wrong key, with the nearest valid key.
    """
    try:
        return schema.model_validate(dict(raw))
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = (*_keys_beside(schema, first["loc"]), *_keys_of_section(where))
            message = f"{where}: unknown key '{path}'; {nearest(str(first['loc'][-1]), known)}"
        elif first["type"] == "missing":
            message = f"{where}: the key '{path}' is required"
        else:
            found = _short(first["input"]) if first["loc"] else ""
            place = f"'{path}': " if path else ""
            message = f"{where}: {place}{first['msg'].removeprefix('Value error, ')}{found}"
        raise ConfigError(message) from error


def _short(value: object) -> str:
    text = repr(value)
    return f", found {text[:60]}{'...' if len(text) > 60 else ''}"


def _keys_beside(schema: type[BaseModel], location: tuple[int | str, ...]) -> tuple[str, ...]:
    """The keys that are valid where an unknown key was found."""
    for part in location[:-1]:
        field = schema.model_fields.get(str(part))
        if field and isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            schema = field.annotation
    return tuple(schema.model_fields)


def _keys_of_section(where: str) -> tuple[str, ...]:
    """The own keys of the section that ``where`` ends with, if it ends with one."""
    field = Study.model_fields.get(where.rpartition(" ")[2])
    section = field.annotation if field else None
    if isinstance(section, type) and issubclass(section, BaseModel):
        return tuple(section.model_fields)
    return ()


def as_plain(study: Study) -> dict[str, Any]:
    """The resolved study as plain yaml-able values."""
    plain: dict[str, Any] = study.model_dump(mode="json")
    return plain


def without_place(study: Study) -> dict[str, Any]:
    """The resolved study but for the places of its corpora, which may move."""
    plain = as_plain(study)
    for name in CORPORA:
        (plain[name] or {}).pop("path", None)
    return plain


def study_hash(study: Study) -> str:
    """A digest of everything in the study but the place of its corpus."""
    return hashlib.sha256(json.dumps(without_place(study), sort_keys=True).encode()).hexdigest()


def is_offline() -> bool:
    """Whether the user forbade every network access (``COGSPEECH_OFFLINE=1`` or ``--offline``)."""
    return os.environ.get("COGSPEECH_OFFLINE", "") not in ("", "0")

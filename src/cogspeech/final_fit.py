"""The last fit of a study: on everybody it may see, for the bundle that travels."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cogspeech.audit.gather import hear_all
from cogspeech.audit.listening import Sound
from cogspeech.cache import ContentCache, cache_folder
from cogspeech.config import Study, study_hash
from cogspeech.corpora.audio import probe_audio
from cogspeech.corpora.chat_headers import language_code
from cogspeech.corpora.splits import (
    People,
    SplitPlan,
    split_off_validation,
)
from cogspeech.embeddings.base import build_encoders, fingerprints
from cogspeech.embeddings.entries import Encoders
from cogspeech.evaluation.protocol import labels_of
from cogspeech.systems import (
    Answered,
    rule_of_fit,
)
from cogspeech.training.bundle import Bundle, make_bundle
from cogspeech.training.bundle_facts import (
    FEWEST_COUNTED,
    BundleFacts,
    TrainingCorpus,
    TunedFacts,
)
from cogspeech.training.finetuning import Finetuning
from cogspeech.training.labelled import LabelledPart
from cogspeech.training.objectives.base import complete_target
from cogspeech.training.training_ranges import measure_recording, ranges_of, shared_values
from cogspeech.transcripts.quality import quality_of
from cogspeech.types import Case, Corpus


def fit_bundle(
    study: Study,
    corpus: Corpus,
    cases: Sequence[Case],
    plan: SplitPlan,
    answered: Answered,
) -> Bundle:
    """The model that travels: fitted on everybody but a validation part that stops it.

    Its decision rule is that of every other fit: from its own validation part, with conformal sets
    of the kind that was evaluated. Where there is a test set, the bundle is fitted on the
    training side only: the test set stays unseen.
    """
    system, kind = answered.primary, answered.decided.kind(answered.primary.name)
    people = People.of(corpus.recordings, study.target.classes)
    if study.evaluation.has_test_set:
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
            labels_of(parts[key], study.target.classes),
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
    encoders = build_encoders(study.audio_encoder, study.text_encoder, study.finetune)
    facts = BundleFacts(
        study=study.name,
        target=complete_target(study.target),
        fusion=configuration.fusion,
        audio_encoder=study.audio_encoder,
        text_encoder=study.text_encoder,
        transcripts=study.transcripts,
        sizes=fitted.model.sizes,
        score_scale=fitted.objective.score_scale,
        decision=rule_of_fit(fitted, parts[True], study, kind=kind),
        encoders=fingerprints(encoders),
        **_heard(cases, study, encoders),
        training=_described(cases, people, study, data=system.data),
        explainer=study.explanation.name,
        notice=corpus.notice,
        finetune=TunedFacts.of(Finetuning.of(study)),
    )
    return make_bundle(fitted.model, facts)


def _heard(cases: Sequence[Case], study: Study, encoders: Encoders) -> dict[str, Any]:
    """How the recordings sound; the audit has listened to them, so it is in the cache."""
    sounds = hear_all([case.recording for case in cases], ContentCache(cache_folder()))
    hears_to_hz = encoders[0].sample_rate_hz / 2
    measured, rates_hz = [], []
    for case in cases:
        recording, sound = case.recording, sounds[case.recording.audio_path]
        info = probe_audio(recording.audio_path)
        found = measure_recording(
            sound if isinstance(sound, Sound) else None,
            quality_of(case.transcript, study.transcripts),
            duration_s=info.duration_s,
            hears_to_hz=hears_to_hz,
        )
        measured.append((recording.participant_id, found))
        rates_hz.append((recording.participant_id, info.sample_rate_hz))
    return {"ranges": ranges_of(measured), "sample_rates_hz": shared_values(rates_hz)}


def _described(cases: Sequence[Case], people: People, study: Study, *, data: str) -> TrainingCorpus:
    counts = Counter(people.labels.values())

    def shared(values: Iterable[str | None]) -> tuple[str, ...]:
        persons = (case.recording.participant_id for case in cases)
        return shared_values(zip(persons, values, strict=True))

    languages = (case.recording.language or case.transcript.language for case in cases)
    return TrainingCorpus(
        participants=len(people.labels),
        recordings=len(cases),
        classes={
            name: counts[label] if counts[label] >= FEWEST_COUNTED else None
            for label, name in enumerate(study.target.classes)
        },
        languages=shared(language_code(name) if name else None for name in languages),
        tasks=shared(case.recording.task for case in cases),
        words_from=shared(case.transcript.source for case in cases),
        data_sha256=data,
        study_sha256=study_hash(study),
    )

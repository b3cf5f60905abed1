"""The last fit of a study: on everybody it may see, for the bundle that travels."""

from collections.abc import Sequence

import numpy as np

from cogspeech.config import Study, study_hash
from cogspeech.corpora.audio import probe_audio
from cogspeech.corpora.splits import (
    People,
    SplitPlan,
    split_off_validation,
)
from cogspeech.evaluation.protocol import labels_of
from cogspeech.systems import (
    Answered,
    rule_of_fit,
)
from cogspeech.training.bundle import Bundle, make_bundle
from cogspeech.training.bundle_facts import BundleFacts, TunedFacts
from cogspeech.training.finetuning import Finetuning
from cogspeech.training.labelled import LabelledPart
from cogspeech.training.objectives.base import complete_target
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
        finetune=TunedFacts.of(Finetuning.of(study)),
    )
    return make_bundle(fitted.model, facts)

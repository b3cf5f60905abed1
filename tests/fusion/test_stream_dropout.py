"""A model that lost a stream now and then while it was trained can answer without it."""

import dataclasses

import numpy as np
import pytest
import torch

from cogspeech.errors import BundleError
from cogspeech.fusion.base import _drop_streams, _with_placeholders, collate
from cogspeech.learning_sections import TrainingSection
from cogspeech.settings import Component
from cogspeech.training.labelled import LabelledPart
from cogspeech.training.prediction import predict_answers
from cogspeech.training.trainer import Trainer
from conftest import make_embedded


def part(count, first=0):
    """Recordings whose label is in both streams."""
    recordings, labels = [], []
    for index in range(first, first + count):
        recording = make_embedded(f"r{index}", seed=index)
        recording.event_vectors[:, 0] += 2.0 * (index % 2)
        recording.token_vectors[:, 0] += 2.0 * (index % 2)
        recordings.append(recording)
        labels.append(index % 2)
    return LabelledPart(recordings=tuple(recordings), labels=tuple(labels))


def fitted(name, **options):
    section = TrainingSection(max_epochs=20, patience=20, learning_rate=0.01)
    component = Component(name=name, d_model=16, **options)
    return Trainer(component, section, seed=1).fit(part(40), part(20, 100))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["aligned_cross_attention", "late_fusion", "word_concat"])
def test_it_answers_without_audio_and_without_text(name):
    fit, test = fitted(name, stream_dropout=0.5), part(60, 200)

    for missing in ((), ("audio",), ("text",)):
        lacking = [dataclasses.replace(r, missing=missing) for r in test.recordings]
        decided = predict_answers(fit.model, fit.objective, lacking).positive >= 0.5
        assert np.mean(decided == np.array(test.labels)) > 0.9, missing


def test_without_the_option_a_missing_stream_is_refused():
    fit, (recording,) = fitted("late_fusion"), part(1).recordings

    with pytest.raises(BundleError, match="'r0': without its text this model has no answer; use"):
        predict_answers(
            fit.model, fit.objective, [dataclasses.replace(recording, missing=("text",))]
        )


def test_a_recording_keeps_one_of_its_streams():
    with pytest.raises(ValueError, match="needs its audio or its text"):
        dataclasses.replace(make_embedded(), missing=("audio", "text"))


def test_the_share_loses_audio_or_text_and_never_both():
    lacking = [dataclasses.replace(make_embedded(), missing=("text",))]
    inputs = collate([make_embedded()] * 4000 + lacking * 1000)
    torch.manual_seed(0)

    dropped = _drop_streams(inputs, 0.4)

    assert float(dropped.lacks_audio[:4000].float().mean()) == pytest.approx(0.2, abs=0.02)
    assert float(dropped.lacks_text[:4000].float().mean()) == pytest.approx(0.2, abs=0.02)
    assert not (dropped.lacks_audio & dropped.lacks_text).any()
    assert dropped.lacks_text[4000:].all()


def test_a_placeholder_stands_at_every_word_of_the_other_stream():
    short = make_embedded(words=3, tokens_per_word=3)
    recordings = [short, *(dataclasses.replace(short, missing=(s,)) for s in ("audio", "text"))]
    inputs = collate(recordings)
    events, tokens = inputs.event_word.shape[1], inputs.token_word.shape[1]
    assert events < tokens

    wide = _with_placeholders(inputs)

    assert wide.event_word.shape == wide.token_word.shape == (3, tokens)
    torch.testing.assert_close(wide.event_word[1], inputs.token_word[1])
    torch.testing.assert_close(wide.event_is_real[1], inputs.token_is_real[1])
    torch.testing.assert_close(wide.token_word[2, :events], inputs.event_word[2])
    assert wide.token_is_real[2].sum() == inputs.event_is_real[2].sum()
    assert wide.event_is_real[0].sum() == inputs.event_is_real[0].sum()

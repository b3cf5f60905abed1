import numpy as np
import pytest
import torch

from cogspeech.errors import ConfigError
from cogspeech.fusion.base import ModelSizes, Standardise, build_fusion, collate
from cogspeech.settings import Component


def test_collate_pads_to_the_longest_and_marks_what_is_real(embedded):
    short, long = embedded("a", words=2), embedded("b", words=5)

    inputs = collate([short, long])

    assert inputs.event_vectors.shape == (2, len(long.event_word), 5)
    assert inputs.event_is_real.sum(dim=1).tolist() == [
        len(short.event_word),
        len(long.event_word),
    ]
    assert inputs.token_is_real.sum(dim=1).tolist() == [4, 10]
    assert not inputs.event_vectors[0, len(short.event_word) :].any()


def test_standardise_uses_the_fitted_mean_and_leaves_constants_alone():
    layer = Standardise(2, stream="audio")

    layer.fit([np.array([[1.0, 7.0]], np.float32), np.array([[3.0, 7.0]], np.float32)])

    torch.testing.assert_close(layer(torch.tensor([[[5.0, 7.0]]])), torch.tensor([[[3.0, 0.0]]]))


def test_scaling_is_fitted_per_stream(embedded):
    model = build_fusion(Component(name="late_fusion"), ModelSizes(d_audio=5, d_text=3))
    recordings = [embedded("a"), embedded("b", seed=1)]

    model.fit_scaling(recordings)

    audio = np.concatenate([r.event_vectors for r in recordings])
    text = np.concatenate([r.token_vectors for r in recordings])
    np.testing.assert_allclose(model.audio.stream.standardise.mean, audio.mean(0), atol=1e-6)
    np.testing.assert_allclose(model.text.stream.standardise.scale, text.std(0), atol=1e-6)


def test_an_unknown_fusion_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'late_fusion'"):
        build_fusion(Component(name="late_fuson"), ModelSizes(d_audio=5, d_text=3))

"""The plain fusions against what their docstrings say."""

import pytest
import torch

from cogspeech.fusion.base import collate
from cogspeech.settings import Component
from conftest import make_embedded
from fusion_variants import RECORDINGS, random_model


def test_word_concat_puts_the_mean_of_its_own_tokens_beside_an_event():
    fusion = random_model(Component(name="word_concat"))
    recording = RECORDINGS[0]
    inputs = collate([recording])

    with torch.inference_mode():
        audio, text = fusion.audio(inputs).vectors[0], fusion.text(inputs).vectors[0]
        rows = []
        for sound, word in zip(audio, recording.event_word, strict=True):
            own = fusion.norm_text(text)[torch.from_numpy(recording.token_word == word)]
            rows.append(torch.cat([fusion.norm_audio(sound), own.mean(0)]))
        joined = fusion.layers(fusion.join(torch.stack(rows)[None]))
        expected = fusion.head(fusion.pool(joined, inputs.event_is_real))

        torch.testing.assert_close(fusion(inputs).logits, expected)


@pytest.mark.parametrize(("weights", "share"), [("fixed", 0.5), ("learned", 0.73)])
def test_late_fusion_is_the_weighted_mean_of_two_towers(weights, share):
    fusion, inputs = (
        random_model(Component(name="late_fusion", weights=weights)),
        collate(RECORDINGS),
    )
    if weights == "learned":
        torch.nn.init.constant_(fusion.balance, torch.logit(torch.tensor(share)))

    with torch.inference_mode():
        expected = share * fusion.audio(inputs) + (1 - share) * fusion.text(inputs)

        torch.testing.assert_close(fusion(inputs).logits, expected)


def test_pooled_cross_attention_gathers_the_same_from_every_word():
    fusion = random_model(Component(name="pooled_cross_attention"))
    inputs = collate([make_embedded(words=4, tokens_per_word=1)])

    with torch.inference_mode():
        attention = fusion(inputs, return_attention=True).attention

    torch.testing.assert_close(attention, torch.full_like(attention, 0.25))


@pytest.mark.parametrize("name", ["audio_only", "pause_only"])
def test_events_know_whether_they_are_pauses_and_how_long_each_kind_lasts(name):
    (tower,) = random_model(Component(name=name)).children()
    inputs = collate(RECORDINGS[:1])
    expected = tower.stream.timing.project(
        torch.tensor(
            [
                [pause, 1 - pause, pause * duration, (1 - pause) * duration]
                for pause, duration in zip(
                    inputs.event_is_pause[0].float().tolist(),
                    torch.log(1 + 10 * inputs.event_duration_s[0]).tolist(),
                    strict=True,
                )
            ]
        )
    )

    torch.testing.assert_close(tower.stream.timing(inputs)[0], expected)


def test_pause_only_reads_nothing_but_timing():
    (tower,) = random_model(Component(name="pause_only")).children()
    inputs = collate(RECORDINGS[:1])

    torch.testing.assert_close(tower.stream(inputs).vectors, tower.stream.timing(inputs))

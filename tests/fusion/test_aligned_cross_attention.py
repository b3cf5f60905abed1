"""What the default fusion does with its parts."""

import dataclasses

import pytest
import torch

from cogspeech.fusion.base import ModelSizes, build_fusion, collate
from cogspeech.settings import Component
from conftest import make_embedded


def model(**options):
    torch.manual_seed(0)
    return build_fusion(
        Component(name="aligned_cross_attention", **options), ModelSizes(d_audio=5, d_text=3)
    ).eval()


def silent(block):
    """Content says nothing: what is left is the distance."""
    torch.nn.init.zeros_(block.attend.query.weight)
    torch.nn.init.zeros_(block.attend.query.bias)


@pytest.mark.parametrize("both", [False, True])
def test_an_event_attends_to_all_tokens_of_its_own_word_when_content_says_nothing(both):
    fusion = model(both_directions=both)
    inputs = collate([make_embedded(words=6)])  # two tokens per word
    for block in [*fusion.events_ask, *(fusion.tokens_ask or [])]:
        silent(block)

    with torch.inference_mode():
        found = fusion(inputs, return_attention=True)

    own = inputs.event_word[0, :, None] == inputs.token_word[0, None, :]
    sides = [(found.attention, own), (found.attention_back, own.T)]
    for attention, expected in sides[: 1 + both]:
        wanted = expected / expected.sum(-1, keepdim=True)
        torch.testing.assert_close(attention[0, 0, 0], wanted, atol=1e-3, rtol=0)
    assert (found.attention_back is None) != both


def test_the_learned_part_tells_the_word_before_from_the_word_after():
    fusion = model(num_heads=1, steepest_slope=1e-6)
    inputs = collate([make_embedded(words=6, tokens_per_word=1)])
    (block,) = fusion.events_ask
    silent(block)
    with torch.no_grad():
        block.distance.by_distance[0, block.distance.max_distance + 1] = 30.0  # event - token = 1

    with torch.inference_mode():
        attention = fusion(inputs, return_attention=True).attention[0, 0, 0]

    words = inputs.event_word[0]
    assert attention[words > 0].argmax(-1).tolist() == (words[words > 0] - 1).tolist()


def test_an_event_that_gathers_nothing_keeps_its_sound():
    fusion, inputs = model(), collate([make_embedded(words=6)])
    (block,) = fusion.events_ask
    torch.nn.init.zeros_(block.attend.out.weight)
    torch.nn.init.zeros_(block.attend.out.bias)

    with torch.inference_mode():
        sound = block.feed_forward(fusion.audio(inputs).vectors)
        expected = fusion.head(fusion.pool(sound, inputs.event_is_real))
        torch.testing.assert_close(fusion(inputs).logits, expected)


def test_both_directions_of_a_layer_read_the_streams_as_they_were():
    fusion, inputs = model(both_directions=True, num_layers=2), collate([make_embedded(words=6)])

    with torch.inference_mode():
        audio, text = fusion.audio(inputs), fusion.text(inputs)
        for events_ask, tokens_ask in zip(fusion.events_ask, fusion.tokens_ask, strict=True):
            audio, text = (
                events_ask(audio, text, need_weights=False)[0],
                tokens_ask(text, audio, need_weights=False)[0],
            )
        pooled = torch.cat(
            [
                fusion.pool(audio.vectors, audio.is_real),
                fusion.pool_text(text.vectors, text.is_real),
            ],
            dim=-1,
        )
        torch.testing.assert_close(fusion(inputs).logits, fusion.head(pooled))


def test_which_word_a_sound_belongs_to_matters_only_where_fusions_know_it():
    recording = make_embedded(words=6)
    shifted = dataclasses.replace(recording, event_word=recording.event_word[::-1].copy())
    moved = {}
    for name in (
        "aligned_cross_attention",
        "word_concat",
        "gated_cross_attention",
        "bidirectional",
    ):
        torch.manual_seed(0)
        fusion = build_fusion(Component(name=name), ModelSizes(d_audio=5, d_text=3)).eval()
        with torch.inference_mode():
            here, there = (fusion(collate([r])).logits for r in (recording, shifted))
        moved[name] = not torch.allclose(here, there, atol=1e-5)

    assert moved == {
        "aligned_cross_attention": True,
        "word_concat": True,
        "gated_cross_attention": False,
        "bidirectional": False,
    }

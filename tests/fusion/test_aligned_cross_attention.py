"""What the default fusion does with its parts."""

import torch

from cogspeech.config import Component
from cogspeech.fusion.base import ModelSizes, build_fusion, collate
from conftest import make_embedded


def model():
    torch.manual_seed(0)
    return build_fusion(
        Component(name="aligned_cross_attention"), ModelSizes(d_audio=5, d_text=3)
    ).eval()


def test_an_event_attends_to_all_tokens_of_its_own_word_when_content_says_nothing():
    fusion, inputs = model(), collate([make_embedded(words=6)])  # two tokens per word
    torch.nn.init.zeros_(fusion.attend.query.weight)
    torch.nn.init.zeros_(fusion.attend.query.bias)

    with torch.inference_mode():
        attention = fusion(inputs, return_attention=True).attention

    own = inputs.event_word[0, :, None] == inputs.token_word[0, None, :]
    torch.testing.assert_close(attention[0, 0], own / own.sum(-1, keepdim=True), atol=1e-3, rtol=0)


def test_an_event_that_gathers_nothing_keeps_its_sound():
    fusion, inputs = model(), collate([make_embedded(words=6)])
    torch.nn.init.zeros_(fusion.attend.out.weight)
    torch.nn.init.zeros_(fusion.attend.out.bias)

    with torch.inference_mode():
        sound = fusion.feed_forward(fusion.audio(inputs))
        expected = fusion.head(fusion.pool(sound, inputs.event_is_real))
        torch.testing.assert_close(fusion(inputs).logits, expected)

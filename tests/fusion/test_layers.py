import torch

from cogspeech.fusion.layers import (
    AttentionPool,
    CrossAttention,
    FeedForward,
    GatedResidual,
    WordDistanceBias,
)


def test_word_distance_bias_is_the_formula_of_its_docstring():
    bias = WordDistanceBias(2, max_distance=2, steepest_slope=4.0)
    torch.nn.init.normal_(bias.by_distance)
    events, tokens = torch.tensor([[0, 5]]), torch.tensor([[0, 1, 9]])

    found = bias(events, tokens)

    assert found.shape == (1, 2, 2, 3)
    for head, slope in enumerate([4.0, 1.0]):
        for i, event in enumerate([0, 5]):
            for j, token in enumerate([0, 1, 9]):
                distance = event - token
                clipped = max(-2, min(2, distance)) + 2
                expected = bias.by_distance[head, clipped] - slope * abs(distance)
                torch.testing.assert_close(found[0, head, i, j], expected)


def test_attention_falls_with_the_distance_when_training_starts():
    bias = WordDistanceBias(3, max_distance=4, steepest_slope=4.0)

    weights = bias(torch.tensor([[3]]), torch.arange(7)[None]).softmax(-1)[0, :, 0]

    assert weights.argmax(dim=-1).tolist() == [3, 3, 3]
    assert weights[0, 3] > weights[1, 3] > weights[2, 3]


def test_cross_attention_equals_the_library_kernel():
    torch.manual_seed(0)
    layer = CrossAttention(8, num_heads=2)
    events, tokens = torch.randn(2, 3, 8), torch.randn(2, 4, 8)
    is_real = torch.tensor([[True, True, True, False], [True, True, False, False]])
    bias = torch.randn(2, 2, 3, 4)

    gathered, weights = layer(events, tokens, is_real, bias)

    query = layer.query(events).view(2, 3, 2, 4).transpose(1, 2)
    key, value = (
        part.view(2, 4, 2, 4).transpose(1, 2) for part in layer.key_value(tokens).chunk(2, -1)
    )
    mask = bias.masked_fill(~is_real[:, None, None], -torch.inf)
    expected = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    torch.testing.assert_close(gathered, layer.out(expected.transpose(1, 2).flatten(2)))
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 2, 3))
    assert not weights[0, :, :, 3].any()


def test_gated_residual_keeps_the_raw_stream_when_nothing_was_gathered():
    raw = torch.randn(1, 2, 4)

    torch.testing.assert_close(GatedResidual(4)(raw, torch.zeros(1, 2, 4)), raw)


def test_feed_forward_is_a_residual():
    layer = FeedForward(4, dropout=0.0)
    torch.nn.init.zeros_(layer.inner[-1].weight)
    torch.nn.init.zeros_(layer.inner[-1].bias)
    vectors = torch.randn(1, 2, 4)

    torch.testing.assert_close(layer(vectors), vectors)


def test_attention_pool_starts_as_the_mean_of_the_real_items():
    pool = AttentionPool(4)
    vectors = torch.randn(1, 3, 4)

    pooled = pool(vectors, torch.tensor([[True, True, False]]))

    torch.testing.assert_close(pooled[0], pool.norm(vectors)[0, :2].mean(0))

import pytest
import torch

from cogspeech.fusion.layers import CrossAttention, FeedForward, Gate, Pool, WordDistanceBias


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


@pytest.mark.parametrize("with_bias", [False, True])
def test_cross_attention_is_the_formula_on_every_path(with_bias):
    torch.manual_seed(0)
    layer = CrossAttention(8, num_heads=2)
    queries, keys = torch.randn(2, 3, 8), torch.randn(2, 4, 8)
    is_real = torch.tensor([[True, True, True, False], [True, True, False, False]])
    bias = torch.randn(2, 2, 3, 4) if with_bias else None

    slow, weights = layer(queries, keys, is_real, bias=bias, need_weights=True)
    fast, nothing = layer(queries, keys, is_real, bias=bias, need_weights=False)

    expected = torch.zeros(2, 3, 8)
    for head in (0, 1):
        at = slice(4 * head, 4 * head + 4)
        query, (key, value) = layer.query(queries)[..., at], layer.key_value(keys).chunk(2, -1)
        scores = query @ key[..., at].mT / 2.0 + (bias[:, head] if with_bias else 0.0)
        given = scores.masked_fill(~is_real[:, None], -torch.inf).softmax(-1)
        expected[..., at] = given @ value[..., at]
        torch.testing.assert_close(weights[:, head], given)
    torch.testing.assert_close(slow, layer.out(expected), atol=1e-6, rtol=0)
    torch.testing.assert_close(fast, slow, atol=1e-6, rtol=0)
    assert nothing is None
    assert not weights[0, :, :, 3].any()


@pytest.mark.parametrize("form", ["add", "convex"])
def test_a_gate_is_the_formula_of_its_docstring(form):
    raw, gathered, gate = torch.randn(1, 2, 4), torch.randn(1, 2, 4), Gate(4, form=form)

    g = torch.sigmoid(torch.cat([raw, gathered], -1) @ gate.gate.weight.T + gate.gate.bias)

    expected = raw + g * gathered if form == "add" else g * gathered + (1 - g) * raw
    torch.testing.assert_close(gate(raw, gathered), expected)


def test_feed_forward_is_a_residual():
    layer = FeedForward(4, dropout=0.0)
    torch.nn.init.zeros_(layer.inner[-1].weight)
    torch.nn.init.zeros_(layer.inner[-1].bias)
    vectors = torch.randn(1, 2, 4)

    torch.testing.assert_close(layer(vectors), vectors)


REAL = torch.tensor([[True, True, False], [False, True, True]])


@pytest.mark.parametrize("how", ["mean", "attention"])
def test_pooling_starts_as_the_mean_of_the_real_items(how):
    pool, vectors = Pool(4, how=how), torch.randn(2, 3, 4)

    pooled = pool(vectors, REAL)

    normed = pool.norm(vectors)
    torch.testing.assert_close(pooled, torch.stack([normed[0, :2].mean(0), normed[1, 1:].mean(0)]))


def test_attention_pooling_weighs_by_its_score():
    pool, vectors = Pool(4, how="attention"), torch.randn(2, 3, 4)
    torch.nn.init.normal_(pool.score.weight)

    pooled = pool(vectors, REAL)

    normed = pool.norm(vectors)[0, :2]
    weight = (normed @ pool.score.weight[0]).softmax(0)
    torch.testing.assert_close(pooled[0], weight @ normed)


def test_first_token_is_the_first_that_is_real():
    pool, vectors = Pool(4, how="first_token"), torch.randn(2, 3, 4)

    torch.testing.assert_close(
        pool(vectors, REAL), torch.stack([pool.norm(vectors)[0, 0], pool.norm(vectors)[1, 1]])
    )

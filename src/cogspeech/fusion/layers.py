"""Parts that several fusions share. Masks are required everywhere; True means real."""

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from cogspeech.fusion.base import FusionOptions


class WordDistanceBias(nn.Module):
    """What attention adds to a pair of a query and a key, from their distance in words.

    ``-slope[head] * |distance|`` plus a learned number per head and clipped distance. The slopes
    start at ``4 ** -head`` times the steepest one (the geometric slopes of ALiBi, Press et al.,
    2022), so that some heads see little but the event's own word and others a whole clause; all
    are learned.
    """

    def __init__(self, num_heads: int, *, max_distance: int, steepest_slope: float) -> None:
        super().__init__()
        slopes = steepest_slope * 4.0 ** -torch.arange(num_heads).float()
        self.log_slope = nn.Parameter(slopes.log())
        self.by_distance = nn.Parameter(torch.zeros(num_heads, 2 * max_distance + 1))
        self.max_distance = max_distance

    def forward(
        self, query_word: Int[Tensor, "batch query"], key_word: Int[Tensor, "batch key"]
    ) -> Float[Tensor, "batch head query key"]:
        """The bias of every pair."""
        distance = query_word[:, :, None] - key_word[:, None, :]  # (batch, query, key)
        if torch.compiler.is_compiling():  # a graph has no sizes that depend on what is said
            return self._of(distance).transpose(0, 1)
        # One row per head over all distances that occur, then one look-up: much cheaper, forward
        # and backward, than arithmetic on every pair.
        farthest = int(distance.abs().max())
        row = self._of(torch.arange(-farthest, farthest + 1, device=distance.device))
        looked_up = row.index_select(1, (distance + farthest).flatten())
        bias: Tensor = looked_up.view(-1, *distance.shape).transpose(0, 1)
        return bias

    def _of(self, distance: Int[Tensor, "..."]) -> Float[Tensor, "head ..."]:
        """The bias of each distance."""
        near = distance.clamp(-self.max_distance, self.max_distance) + self.max_distance
        slope = self.log_slope.exp().view(-1, *(1 for _ in distance.shape))
        bias: Tensor = self.by_distance[:, near] - slope * distance.abs()
        return bias


class CrossAttention(nn.Module):
    """Queries of one stream gather from the other (Vaswani et al., 2017).

    Keys and values have no bias of their own: the softmax and the output would cancel it.
    """

    def __init__(self, d_model: int, *, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(d_model, d_model)
        self.key_value = nn.Linear(d_model, 2 * d_model, bias=False)
        self.out = nn.Linear(d_model, d_model)

    def forward(
        self,
        queries: Float[Tensor, "batch query d_model"],
        keys: Float[Tensor, "batch key d_model"],
        key_is_real: Bool[Tensor, "batch key"],
        *,
        bias: Float[Tensor, "batch head query key"] | None,
        need_weights: bool,
    ) -> tuple[Float[Tensor, "batch query d_model"], Float[Tensor, "batch head query key"] | None]:
        """What each query gathers, and on request the weight it gave to every key."""
        query = self._heads(self.query(queries))  # (batch, head, query, d_head)
        key, value = (self._heads(part) for part in self.key_value(keys).chunk(2, dim=-1))
        mask = key_is_real[:, None, None, :]
        weights = None
        if bias is None and not need_weights:
            gathered = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        else:
            # With a learned bias the fused kernel falls back to a slower path on CPUs.
            scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
            scores = scores if bias is None else scores + bias
            weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=-1)
            gathered = weights @ value
        out: Tensor = self.out(gathered.transpose(1, 2).flatten(2))
        return out, weights if need_weights else None

    def _heads(
        self, vectors: Float[Tensor, "batch item d_model"]
    ) -> Float[Tensor, "batch head item d_head"]:
        return vectors.view(*vectors.shape[:2], self.num_heads, -1).transpose(1, 2)


class Gate(nn.Module):
    """How much of what was gathered goes into a stream: ``g = sigmoid(W [raw; gathered] + b)``.

    ``add``: ``raw + g * gathered``. ``convex``: ``g * gathered + (1 - g) * raw`` (Ortiz-Perez et
    al., 2025, arXiv:2506.01890). The residual comes from the raw stream, not from a normalised copy
    of it, so that what the attention does not need is not lost.
    """

    def __init__(self, d_model: int, *, form: Literal["add", "convex"]) -> None:
        super().__init__()
        self.form = form
        self.gate = nn.Linear(2 * d_model, d_model)

    def forward(
        self,
        raw: Float[Tensor, "batch item d_model"],
        gathered: Float[Tensor, "batch item d_model"],
    ) -> Float[Tensor, "batch item d_model"]:
        """The gated sum."""
        gate = torch.sigmoid(self.gate(torch.cat([raw, gathered], dim=-1)))
        kept = raw if self.form == "add" else (1.0 - gate) * raw
        gated: Tensor = kept + gate * gathered
        return gated


class FeedForward(nn.Module):
    """A residual two-layer perceptron behind its own norm."""

    def __init__(self, d_model: int, *, dropout: float) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.LayerNorm(d_model),
            nn.Linear(d_model, 2 * d_model),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * d_model, d_model),
        )

    @classmethod
    def repeated(cls, options: FusionOptions) -> nn.Sequential:
        """As many as the fusion has layers."""
        return nn.Sequential(
            *(cls(options.d_model, dropout=options.dropout) for _ in range(options.num_layers))
        )

    def forward(
        self, vectors: Float[Tensor, "batch item d_model"]
    ) -> Float[Tensor, "batch item d_model"]:
        """Input plus perceptron."""
        added: Tensor = vectors + self.inner(vectors)
        return added


class Pool(nn.Module):
    """The real items of a recording as one vector, behind a norm.

    Args:
        d_model: size of the vectors.
        how: ``attention``: a weighted mean, with a softmax of a learned score as weights; it starts
            as the plain ``mean``. ``first_token``: the first real item.
    """

    def __init__(self, d_model: int, *, how: Literal["attention", "mean", "first_token"]) -> None:
        super().__init__()
        self.how = how
        self.norm = nn.LayerNorm(d_model)
        if how == "attention":
            self.score = nn.Linear(d_model, 1, bias=False)  # the softmax would cancel a bias
            nn.init.zeros_(self.score.weight)

    def forward(
        self,
        vectors: Float[Tensor, "batch item d_model"],
        is_real: Bool[Tensor, "batch item"],
    ) -> Float[Tensor, "batch d_model"]:
        """One vector per recording."""
        vectors = self.norm(vectors)
        if self.how == "first_token":
            first = is_real.int().argmax(dim=1)[:, None, None]
            # A plain index would need the size of the batch, which an exported graph leaves open.
            return vectors.gather(1, first.expand(-1, 1, vectors.shape[2]))[:, 0]
        score = self.score(vectors)[..., 0] if self.how == "attention" else vectors[..., 0] * 0.0
        weight = score.masked_fill(~is_real, -torch.inf).softmax(dim=-1)
        pooled: Tensor = (weight[..., None] * vectors).sum(dim=1)
        return pooled


class Head(nn.Module):
    """A pooled vector to the outputs."""

    def __init__(self, d_model: int, num_outputs: int, *, dropout: float) -> None:
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.linear = nn.Linear(d_model, num_outputs)

    def forward(self, pooled: Float[Tensor, "batch d_model"]) -> Float[Tensor, "batch output"]:
        """The outputs."""
        logits: Tensor = self.linear(self.drop(pooled))
        return logits

"""Parts that several fusions share. Masks are required everywhere; True means real."""

import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor, nn

from cogspeech.config import Settings
from cogspeech.fusion.base import FusionInputs, ModelSizes, Standardise


class StreamOptions(Settings):
    """The options that every fusion has."""

    d_model: int = Field(default=64, ge=4)
    dropout: float = Field(default=0.1, ge=0, lt=1)


class LayerMix(nn.Module):
    """A learned weighted mean of encoder layers; equal weights at the start.

    The scalar mix of Peters et al. (2018): which layer carries the signal is not chosen by hand.
    Layers are standardised before, so that a weight is not a matter of scale.
    """

    def __init__(self, num_layers: int) -> None:
        super().__init__()
        self.num_layers = num_layers
        if num_layers > 1:
            self.weight = nn.Parameter(torch.zeros(num_layers))

    def forward(
        self, vectors: Float[Tensor, "batch item stacked"]
    ) -> Float[Tensor, "batch item size"]:
        """One vector for all layers; with one layer, the vectors as they are."""
        if self.num_layers == 1:
            return vectors
        layers = vectors.view(*vectors.shape[:2], self.num_layers, -1)  # (batch, item, layer, d)
        mixed: Tensor = torch.einsum("bild,l->bid", layers, self.weight.softmax(dim=0))
        return mixed


class AudioStream(nn.Module):
    """Events as d_model vectors: audio, kind (word or pause) and duration.

    The duration enters as ``log(1 + 10 * seconds)``, which spreads pauses of 0.1 s to 5 s evenly.
    """

    def __init__(self, sizes: ModelSizes, d_model: int, *, dropout: float) -> None:
        super().__init__()
        self.standardise = Standardise(sizes.d_audio, stream="audio")
        self.mix = LayerMix(sizes.audio_layers)
        self.project = nn.Linear(sizes.d_audio // sizes.audio_layers, d_model)
        self.timing = nn.Linear(4, d_model)
        self.drop = nn.Dropout(dropout)

    def forward(self, inputs: FusionInputs) -> Float[Tensor, "batch event d_model"]:
        """The raw audio stream."""
        is_pause = inputs.event_is_pause.float()
        duration = torch.log1p(10.0 * inputs.event_duration_s)
        timing = torch.stack(
            [is_pause, 1.0 - is_pause, is_pause * duration, (1.0 - is_pause) * duration], dim=-1
        )
        audio = self.project(self.drop(self.mix(self.standardise(inputs.event_vectors))))
        stream: Tensor = audio + self.timing(timing)
        return stream


class TextStream(nn.Module):
    """Tokens as d_model vectors."""

    def __init__(self, sizes: ModelSizes, d_model: int, *, dropout: float) -> None:
        super().__init__()
        self.standardise = Standardise(sizes.d_text, stream="text")
        self.mix = LayerMix(sizes.text_layers)
        self.project = nn.Linear(sizes.d_text // sizes.text_layers, d_model)
        self.drop = nn.Dropout(dropout)

    def forward(self, inputs: FusionInputs) -> Float[Tensor, "batch token d_model"]:
        """The raw text stream."""
        stream: Tensor = self.project(self.drop(self.mix(self.standardise(inputs.token_vectors))))
        return stream


class WordDistanceBias(nn.Module):
    """What attention adds to a pair of an event and a token, from their distance in words.

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
        self, event_word: Int[Tensor, "batch event"], token_word: Int[Tensor, "batch token"]
    ) -> Float[Tensor, "batch head event token"]:
        """The bias of every pair."""
        distance = event_word[:, :, None] - token_word[:, None, :]  # (batch, event, token)
        # One row per head over all distances that occur, then one look-up: much cheaper, forward
        # and backward, than arithmetic on every pair.
        farthest = int(distance.abs().max())
        each = torch.arange(-farthest, farthest + 1, device=distance.device)
        learned = self.by_distance[
            :, each.clamp(-self.max_distance, self.max_distance) + self.max_distance
        ]
        row = learned - self.log_slope.exp()[:, None] * each.abs()  # (head, distance)
        looked_up = row.index_select(1, (distance + farthest).flatten())
        bias: Tensor = looked_up.view(-1, *distance.shape).transpose(0, 1)
        return bias


class CrossAttention(nn.Module):
    """Events ask, tokens answer."""

    def __init__(self, d_model: int, *, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(d_model, d_model)
        self.key_value = nn.Linear(d_model, 2 * d_model)
        self.out = nn.Linear(d_model, d_model)

    def forward(
        self,
        events: Float[Tensor, "batch event d_model"],
        tokens: Float[Tensor, "batch token d_model"],
        token_is_real: Bool[Tensor, "batch token"],
        bias: Float[Tensor, "batch head event token"] | None,
    ) -> tuple[Float[Tensor, "batch event d_model"], Float[Tensor, "batch head event token"]]:
        """What each event gathers, and the weights it gave to every token."""
        query = self._heads(self.query(events))  # (batch, head, event, d_head)
        key, value = (self._heads(part) for part in self.key_value(tokens).chunk(2, dim=-1))
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        if bias is not None:
            scores = scores + bias
        # Plain softmax: with a learned bias the fused kernel falls back to a slower path on CPUs.
        weights = scores.masked_fill(~token_is_real[:, None, None, :], -torch.inf).softmax(dim=-1)
        gathered: Tensor = self.out((weights @ value).transpose(1, 2).flatten(2))
        return gathered, weights

    def _heads(
        self, vectors: Float[Tensor, "batch item d_model"]
    ) -> Float[Tensor, "batch head item d_head"]:
        return vectors.view(*vectors.shape[:2], self.num_heads, -1).transpose(1, 2)


class GatedResidual(nn.Module):
    """``raw + gate * gathered`` with ``gate = sigmoid(W [raw; gathered])``.

    The residual comes from the raw stream, not from a normalised copy of it, so that what the
    attention does not need is not lost.
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.gate = nn.Linear(2 * d_model, d_model)

    def forward(
        self,
        raw: Float[Tensor, "batch event d_model"],
        gathered: Float[Tensor, "batch event d_model"],
    ) -> Float[Tensor, "batch event d_model"]:
        """The gated sum."""
        gate = torch.sigmoid(self.gate(torch.cat([raw, gathered], dim=-1)))
        gated: Tensor = raw + gate * gathered
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

    def forward(
        self, vectors: Float[Tensor, "batch item d_model"]
    ) -> Float[Tensor, "batch item d_model"]:
        """Input plus perceptron."""
        added: Tensor = vectors + self.inner(vectors)
        return added


class AttentionPool(nn.Module):
    """A weighted mean of the real items; the weights are a softmax of a learned score."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(d_model)
        self.score = nn.Linear(d_model, 1)
        nn.init.zeros_(self.score.weight)  # starts as the plain mean

    def forward(
        self,
        vectors: Float[Tensor, "batch item d_model"],
        is_real: Bool[Tensor, "batch item"],
    ) -> Float[Tensor, "batch d_model"]:
        """One vector per recording."""
        vectors = self.norm(vectors)
        score = self.score(vectors).squeeze(-1).masked_fill(~is_real, -torch.inf)
        pooled: Tensor = (score.softmax(dim=-1)[..., None] * vectors).sum(dim=1)
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

"""``pooled_embeddings``: mean and spread of all vectors. No order, no pairing, no fusion."""

from typing import ClassVar

import numpy as np
from jaxtyping import Float

from cogspeech.evaluation.base import BASELINES
from cogspeech.evaluation.feature_baseline import FeatureBaseline
from cogspeech.types import Case


@BASELINES.register("pooled_embeddings")
class PooledEmbeddings(FeatureBaseline):
    """Mean and standard deviation over a recording's events and over its tokens."""

    name = "pooled_embeddings"
    looks_at: ClassVar[str] = "a vector"

    def vector(self, case: Case) -> Float[np.ndarray, " feature"]:
        """Two numbers for each dimension of the audio and of the text; unknown where missing."""
        embedded = case.embedded
        streams = {"audio": embedded.event_vectors, "text": embedded.token_vectors}
        parts = []
        for stream, vectors in streams.items():
            pooled = np.concatenate([vectors.mean(axis=0), vectors.std(axis=0)], dtype=np.float64)
            parts.append(np.full_like(pooled, np.nan) if stream in embedded.missing else pooled)
        return np.concatenate(parts)

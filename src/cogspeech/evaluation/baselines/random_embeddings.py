"""``random_embeddings``: noise of the shape of pooled embeddings. It must be at chance.

If it is not, the protocol itself gives labels away, and no number of the study can be relied on.
"""

import hashlib
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from cogspeech.evaluation.base import BASELINES
from cogspeech.evaluation.feature_baseline import FeatureBaseline
from cogspeech.types import Case


@BASELINES.register("random_embeddings")
class RandomEmbeddings(FeatureBaseline):
    """Normal numbers drawn from the name of the recording, as many as pooled embeddings have."""

    name = "random_embeddings"
    looks_at: ClassVar[str] = "a name"

    def vector(self, case: Case) -> Float[np.ndarray, " feature"]:
        """The same numbers in every fold, fit and run."""
        digest = hashlib.sha256(case.recording.recording_id.encode(errors="surrogatepass")).digest()
        generator = np.random.default_rng(list(digest))
        embedded = case.embedded
        size = embedded.event_vectors.shape[1] + embedded.token_vectors.shape[1]
        return np.asarray(generator.standard_normal(2 * size))

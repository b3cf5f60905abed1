"""What a fit makes small: the loss of a binary diagnosis, weighted so that both classes count."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from cogspeech.errors import TrainingError


class BinaryDiagnosis:
    """Cross-entropy of one logit; each class carries half of the total weight.

    Args:
        labels: of the training part, 0 or 1; both must be there.

    Raises:
        TrainingError: a class is absent from the training part.
    """

    def __init__(self, labels: Sequence[int]) -> None:
        counts = [list(labels).count(label) for label in (0, 1)]
        if 0 in counts:
            raise TrainingError(
                f"a training part has {counts[0]} recordings of the first class and {counts[1]} "
                "of the second; both are needed, use fewer folds or more participants"
            )
        total = sum(counts)
        self._weight = torch.tensor([total / (2 * count) for count in counts])

    def loss(
        self, logits: Float[Tensor, " batch"], labels: Float[Tensor, " batch"]
    ) -> Float[Tensor, ""]:
        """The weighted mean over the batch."""
        weight = self._weight.to(logits.device)[labels.long()]
        return F.binary_cross_entropy_with_logits(logits, labels, weight=weight)

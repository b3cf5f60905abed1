"""An average of the weights over the last steps, which often generalises better than the last."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class MovingAverage:
    """Exponential moving average of the floating-point entries of a model (Polyak and Juditsky).

    The first steps count more: the decay is at most ``(1 + step) / (10 + step)``.

    Args:
        model: whose weights are followed.
        decay: what stays of the average in every step, from 0 to 1.
    """

    def __init__(self, model: nn.Module, *, decay: float) -> None:
        self._decay = decay
        self.num_steps = 0
        self.weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Takes the weights after an optimizer step into the average."""
        self.num_steps += 1
        decay = min(self._decay, (1 + self.num_steps) / (10 + self.num_steps))
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                self.weights[name].lerp_(tensor, 1.0 - decay)
            else:
                self.weights[name].copy_(tensor)

    def restore(self, weights: Mapping[str, Tensor], num_steps: int) -> None:
        """Takes back what a checkpoint kept."""
        self.num_steps = num_steps
        for name, tensor in weights.items():
            self.weights[name].copy_(tensor)

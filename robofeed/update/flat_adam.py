"""Adam over one flat tensor: one fused operation, its step counter on the device."""

from __future__ import annotations

import torch
from torch import Tensor


class FlatAdam:
    """Adam (Kingma and Ba 2015) with decoupled weight decay (Loshchilov and Hutter 2019).

    Reads the gradient from the tensor given at construction, at each step.
    """

    def __init__(
        self, flat: Tensor, gradient: Tensor, learning_rate: float, weight_decay: float = 0.0
    ) -> None:
        flat.grad = gradient
        on_gpu = flat.device.type == "cuda"
        self._optimiser = torch.optim.AdamW(
            [flat], lr=learning_rate, weight_decay=weight_decay, fused=True, capturable=on_gpu
        )
        self._moments = {
            "step": torch.zeros((), device=flat.device),
            "exp_avg": torch.zeros_like(flat),
            "exp_avg_sq": torch.zeros_like(flat),
        }
        # made here rather than by the first step, so that they can be saved and restored before it
        self._optimiser.state[flat] = self._moments

    def reset(self) -> None:
        """Forget the moments."""
        for tensor in self._moments.values():
            tensor.zero_()

    def step(self) -> None:
        """Move the parameters against the gradient."""
        self._optimiser.step()

    def tensors(self) -> dict[str, Tensor]:
        """The state to checkpoint, by name."""
        return dict(self._moments)

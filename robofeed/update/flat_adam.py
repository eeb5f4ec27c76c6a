"""Adam over one flat tensor: one fused operation, its step counter on the device."""

from __future__ import annotations

import torch
from torch import Tensor

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class FlatAdam:
    """Adam (Kingma and Ba 2015) with decoupled weight decay (Loshchilov and Hutter 2019).

    Reads the gradient from the tensor given at construction, at each step.
    """

    def __init__(
        self, flat: Tensor, gradient: Tensor, learning_rate: float, weight_decay: float = 0.0
    ) -> None:
        self._flat = flat
        self._gradient = gradient
        self._learning_rate = learning_rate
        self._weight_decay = weight_decay
        self._moments = {
            "step": torch.zeros((), device=flat.device),
            "exp_avg": torch.zeros_like(flat),
            "exp_avg_sq": torch.zeros_like(flat),
        }

    def reset(self) -> None:
        """Forget the moments."""
        for tensor in self._moments.values():
            tensor.zero_()

    def step(self) -> None:
        """Move the parameters against the gradient.

        What torch.optim.AdamW(fused=True) calls in the end; its own step spends as long again on
        sorting parameters into groups, of which there is one here.
        """
        self._moments["step"] += 1
        torch._fused_adamw_(
            [self._flat],
            [self._gradient],
            [self._moments["exp_avg"]],
            [self._moments["exp_avg_sq"]],
            [],
            [self._moments["step"]],
            lr=self._learning_rate,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=self._weight_decay,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )

    def tensors(self) -> dict[str, Tensor]:
        """The state to checkpoint, by name."""
        return dict(self._moments)

"""Adam over one flat tensor: a handful of operations, no host synchronisation."""

from __future__ import annotations

import torch
from torch import Tensor


class FlatAdam:
    """Adam (Kingma and Ba 2015) with decoupled weight decay (Loshchilov and Hutter 2019).

    The step counter lives on the device, so a CUDA graph can hold whole steps.
    """

    def __init__(
        self,
        flat: Tensor,
        learning_rate: float,
        weight_decay: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
    ) -> None:
        self.flat = flat
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.betas = betas
        self.epsilon = epsilon
        self.first = torch.zeros_like(flat)
        self.second = torch.zeros_like(flat)
        self.steps = torch.zeros(1, device=flat.device)

    def reset(self) -> None:
        """Forget the moments."""
        self.first.zero_()
        self.second.zero_()
        self.steps.zero_()

    @torch.no_grad()
    def step(self, gradient: Tensor) -> None:
        """Move the parameters against `gradient`, flat like them."""
        beta1, beta2 = self.betas
        self.steps += 1
        self.first.lerp_(gradient, 1 - beta1)
        self.second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        correction1 = 1 - torch.pow(beta1, self.steps)
        correction2 = 1 - torch.pow(beta2, self.steps)
        spread = self.second.sqrt().mul_(correction2.rsqrt()).add_(self.epsilon)
        if self.weight_decay:
            self.flat.mul_(1 - self.learning_rate * self.weight_decay)
        self.flat.addcdiv_(self.first * (self.learning_rate / correction1), spread, value=-1.0)

    def tensors(self) -> dict[str, Tensor]:
        """The state to checkpoint, by name."""
        return {"first": self.first, "second": self.second, "steps": self.steps}

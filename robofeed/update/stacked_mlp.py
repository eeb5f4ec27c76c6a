"""Several multilayer perceptrons of one shape, computed together as batched matrix products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Activation = Literal["relu", "leaky_relu"]


@dataclass(frozen=True, slots=True)
class MlpShape:
    """`members` perceptrons with the layer `sizes`, input and output included.

    All parameters lie in one flat tensor. For each layer: matrices [members, out, in], biases
    [members, 1, out] and, with `layer_norm`, gains and offsets [members, 1, out] of the hidden
    layers. For one member this is the order in which `PolicySpec` wants weights.
    """

    members: int
    sizes: tuple[int, ...]
    layer_norm: bool = False
    activation: Activation = "relu"

    def shapes(self) -> list[tuple[int, int, int]]:
        """Shapes of the parameters in their order."""
        shapes = []
        for layer, (inputs, outputs) in enumerate(pairwise(self.sizes)):
            shapes += [(self.members, outputs, inputs), (self.members, 1, outputs)]
            if self.layer_norm and layer < len(self.sizes) - 2:
                shapes += [(self.members, 1, outputs)] * 2
        return shapes

    @property
    def count(self) -> int:
        """Number of parameters of all members together."""
        return sum(math.prod(shape) for shape in self.shapes())

    def views(self, flat: Tensor) -> list[Tensor]:
        """The parameters as views into `flat` [count]."""
        parts = torch.split(flat, [math.prod(shape) for shape in self.shapes()])
        return [part.view(shape) for part, shape in zip(parts, self.shapes(), strict=True)]

    def initialise(self, generator: torch.Generator, out: Tensor) -> None:
        """Draw fresh parameters into `out` [count]: uniform within 1 / sqrt(inputs) of zero.

        Drawn on the CPU, so that every device starts from the same ones.
        """
        flat = torch.empty(self.count)
        views = iter(self.views(flat))
        for layer, (inputs, _) in enumerate(pairwise(self.sizes)):
            bound = inputs**-0.5
            for parameter in (next(views), next(views)):
                parameter.uniform_(-bound, bound, generator=generator)
            if self.layer_norm and layer < len(self.sizes) - 2:
                next(views).fill_(1.0)
                next(views).zero_()
        with torch.no_grad():
            out.copy_(flat)

    def forward(self, parameters: Sequence[Tensor], inputs: Tensor) -> Tensor:
        """Outputs [members, B, out] for `inputs` [B, in] (shared) or [members, B, in]."""
        hidden = inputs if inputs.dim() == 3 else inputs.expand(self.members, *inputs.shape)
        last = len(self.sizes) - 2
        position = 0
        for layer in range(last + 1):
            matrix, bias = parameters[position], parameters[position + 1]
            hidden = torch.baddbmm(bias, hidden, matrix.mT)
            position += 2
            if layer == last:
                break
            if self.layer_norm:
                gain, offset = parameters[position], parameters[position + 1]
                hidden = functional.layer_norm(hidden, hidden.shape[-1:]) * gain + offset
                position += 2
            if self.activation == "relu":
                hidden = functional.relu(hidden, inplace=True)
            else:
                hidden = functional.leaky_relu(hidden, 0.01, inplace=True)
        return hidden


class Parameters:
    """Parameters of an `MlpShape` in one flat tensor, to be read, trained and copied as a whole.

    `extra` trailing scalars share the tensor and its optimiser (SAC's log temperature, for one).
    """

    def __init__(self, shape: MlpShape, device: torch.device, extra: int = 0) -> None:
        self.shape = shape
        self.flat = torch.zeros(shape.count + extra, device=device)
        self.network = self.flat[: shape.count]
        """the network's parameters, without the extra scalars"""
        self.frozen = shape.views(self.network)
        """views of the network's parameters, without gradients"""
        self.trained = [view.detach().requires_grad_() for view in self.frozen]
        """the same memory as leaves of autograd"""
        self.extra = self.flat[shape.count :].detach().requires_grad_()

    def gradient(self, loss: Tensor) -> Tensor:
        """Flat gradient of `loss`; 0 for parameters it does not depend on."""
        leaves = [*self.trained, self.extra] if len(self.extra) else self.trained
        gradients = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
        return torch.cat([gradient.reshape(-1) for gradient in gradients])

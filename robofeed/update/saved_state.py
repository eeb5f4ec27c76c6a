"""Tensors to named numpy arrays and back, in place, with checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robofeed.data.errors import DataError


def to_arrays(tensors: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    """Copies of `tensors` as numpy arrays."""
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in tensors.items()}


def array(state: Mapping[str, Any], name: str) -> NDArray[Any]:
    """The array called `name`.

    Raises:
        DataError: there is none.
    """
    if name not in state:
        raise DataError(f"saved state: {name} is missing; it was made by something else")
    return np.asarray(state[name])


def restore(tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Copy the arrays of `state` into `tensors`, in place; nothing is changed if one does not fit.

    Raises:
        DataError: an array that is missing or has another shape or type.
    """
    arrays = {}
    for name, tensor in tensors.items():
        saved = torch.from_numpy(np.array(array(state, name)))
        if saved.shape != tensor.shape or saved.dtype != tensor.dtype:
            raise DataError(
                f"saved state: {name} is {saved.dtype} {tuple(saved.shape)}, expected "
                f"{tensor.dtype} {tuple(tensor.shape)}; was it made with other settings?"
            )
        arrays[name] = saved
    with torch.no_grad():
        for name, tensor in tensors.items():
            tensor.copy_(arrays[name])


def restore_generator(generator: torch.Generator, state: Mapping[str, Any], name: str) -> None:
    """Set `generator` to the saved state called `name`.

    Raises:
        DataError: not the state of a generator of this device.
    """
    try:
        generator.set_state(torch.from_numpy(np.array(array(state, name), dtype=np.uint8)))
    except RuntimeError as error:
        raise DataError(f"saved state: {name} is no generator state here: {error}") from error

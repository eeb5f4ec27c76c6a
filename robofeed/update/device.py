"""Which device the networks live on."""

from __future__ import annotations

import torch

from robofeed.data.errors import ConfigError


def choose_device(name: str = "auto") -> torch.device:
    """Return the device called `name`; "auto" is the GPU where there is one.

    Raises:
        ConfigError: a name torch does not know, or a GPU that is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"device {name!r} is unknown; use auto, cpu or cuda") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device {name!r}: torch finds no GPU here; use device = auto or cpu")
    return device

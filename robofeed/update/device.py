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


def use_threads(count: int) -> None:
    """Let torch compute on so many CPU threads.

    Small networks gain little from a second thread, and lose much where it waits for a core that a
    simulator or another run is using: torch's threads spin while they wait.
    """
    torch.set_num_threads(count)

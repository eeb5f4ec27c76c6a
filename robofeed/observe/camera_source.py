"""Where a camera's pictures come from: kinds of cameras, found by entry points.

A distribution offers a kind in its pyproject.toml, and it is imported only in the camera's own
process:

    [project.entry-points."robofeed.cameras"]
    opencv = "robofeed_serial.opencv_camera:open_camera"
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Protocol

from robofeed.data.errors import ConfigError, did_you_mean
from robofeed.data.observation import Picture
from robofeed.observe.camera_settings import CameraSettings

GROUP = "robofeed.cameras"


class CameraSource(Protocol):
    """An open camera."""

    def read(self) -> Picture | None:
        """Wait for the next picture, uint8 [height, width, 3], RGB; None = it gives no more."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class OpenCamera(Protocol):
    """What an entry point names."""

    def __call__(self, settings: CameraSettings) -> CameraSource:
        """Open the camera. Raises HardwareError where it is not there, ConfigError for good."""
        ...


def find_kind(kind: str) -> OpenCamera:
    """The kind of cameras called so, imported.

    Raises:
        ConfigError: there is none, or what it needs is missing.
    """
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if kind not in found:
        raise ConfigError(
            f"there are no cameras of the kind {kind!r}{did_you_mean(kind, found)}: those of "
            "OpenCV come with: pip install -c constraints.txt -e 'plugins/robofeed-serial[camera]'"
        )
    try:
        opening: OpenCamera = found[kind].load()
    except ImportError as error:
        raise ConfigError(
            f"cameras of the kind {kind!r} cannot be used: {error}. In the checkout: pip install "
            "-c constraints.txt -e 'plugins/robofeed-serial[camera]'"
        ) from error
    return opening

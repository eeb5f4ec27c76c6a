"""The settings of one camera, a table of the run file such as `[backend.feetech.cameras.front]`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class CameraSettings(BaseModel):
    """A camera beside an arm.

    `source` is a number, a device (prefer /dev/v4l/by-id/..., which stays the same), a video file
    or a URL. `width` and `height` are those of the pictures that observations and clips get; what
    the camera gives otherwise is fitted in. `kept_fps` pictures a second, at most, are kept with
    the episode: 2 or more, since none stands for a moment over 0.5 s away. Those of the last
    `kept_s` seconds lie in memory: of a longer episode the beginning is lost. `needed` = a run does
    not begin without it.

    A picture older than `max_age_s` is no longer handed out. A camera whose picture has not changed
    for `frozen_s` is called frozen, 0 = never: for streams of still scenes without any noise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: int | str
    use: str = "opencv"
    width: int = Field(default=640, ge=32, le=4096, multiple_of=2)
    height: int = Field(default=480, ge=32, le=4096, multiple_of=2)
    fps: float = Field(default=30.0, gt=0, le=240)
    kept_fps: float = Field(default=15.0, ge=2, le=60)
    kept_s: float = Field(default=75.0, ge=10, le=3600)
    needed: bool = True
    max_age_s: float = Field(default=0.5, gt=0, le=60)
    frozen_s: float = Field(default=3.0, ge=0, le=600)

"""`robofeed arm camera`: which cameras are there, and what one sees."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

WATCHED_S = 2.0
BY_ID = Path("/dev/v4l/by-id")


def command(
    source: Annotated[
        str | None,
        typer.Argument(help="A device, number, file or URL; leave it out to list devices."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write what it sees now: FILE.jpg.", dir_okay=False)
    ] = None,
    width: Annotated[int, typer.Option(help="Of the pictures, px.")] = 640,
    height: Annotated[int, typer.Option(help="Of the pictures, px.")] = 480,
) -> None:
    """List cameras, or look through one as a run would: what it gives, and whether it sees."""
    from robofeed import HardwareError

    if source is None:
        names = sorted(BY_ID.glob("*index0")) or sorted(Path("/dev").glob("video*"))
        if not names:
            raise HardwareError(
                f"no camera in {BY_ID} or at /dev/video*: plug one in, or name a number or a URL"
            )
        print("\n".join(map(str, names)))
        return
    _look(source, out, width, height)


def _look(source: str, out: Path | None, width: int, height: int) -> None:
    import os
    import time

    from pydantic import ValidationError

    from robofeed import Cameras, CameraSettings, ConfigError
    from robofeed.data.picture import as_jpeg

    if out is not None and out.suffix.lower() not in (".jpg", ".jpeg"):
        raise ConfigError(f"--out {out}: pictures are written as FILE.jpg")
    if out is not None and not (out.parent.is_dir() and os.access(out.parent, os.W_OK)):
        raise ConfigError(f"--out {out}: nothing can be written into the folder {out.parent}")
    try:
        settings = CameraSettings(source=source, width=width, height=height)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"--{first['loc'][0]} {first['input']}: {first['msg']}") from None
    camera = Cameras({"camera": settings})
    camera.open()
    try:
        times: dict[int, None] = {}
        image = None
        end_s = time.monotonic() + WATCHED_S
        while time.monotonic() < end_s:
            if (frame := camera.frames().get("camera")) is not None:
                times[frame.time_ns] = None
                image = frame.image
            time.sleep(0.002)
        troubles = camera.troubles()
    finally:
        camera.close()
    taken = list(times)
    rate = (len(taken) - 1) / ((taken[-1] - taken[0]) / 1e9) if len(taken) > 1 else 0.0
    print(f"{source}: {rate:.1f} pictures a second, {width} x {height}")
    print(troubles.get("camera") or "It sees: no picture was dark, covered or the one before")
    if out is not None and image is not None:
        out.write_bytes(as_jpeg(image))
        print(f"{out}: what it saw last")

"""Builds the servo board's firmware and the program that runs it, from a checkout's sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from robofeed import ConfigError

TOOLS = {"make": "make", "gcc": "gcc", "avr-gcc": "gcc-avr avr-libc binutils-avr"}
SIMAVR_HEADER = Path("/usr/include/simavr/sim_avr.h")
NEEDED = "make gcc libc6-dev gcc-avr avr-libc binutils-avr libsimavr-dev libelf-dev"


@dataclass(frozen=True, slots=True)
class FirmwareBuild:
    """What was built."""

    firmware: Path
    """an ELF file for the ATmega328P"""
    simulator: Path
    """hardware/simavr, a program of its own under the GPL, as simavr is"""


def hardware_folder() -> Path:
    """The sources: ROBOFEED_HARDWARE, or the folder that robofeed-hardware was installed from.

    Raises:
        ConfigError: they are not there; a wheel has the arm files only.
    """
    told = os.environ.get("ROBOFEED_HARDWARE")
    folder = Path(told) if told else Path(str(files("robofeed_hardware"))).parent
    if not (folder / "firmware" / "Makefile").is_file():
        raise ConfigError(
            f"The firmware's sources are not in {folder}. The servo board's twin runs the real "
            "firmware, from a checkout of robofeed: set ROBOFEED_HARDWARE to its folder hardware."
        )
    return folder


def build_firmware(folder: Path | None = None) -> FirmwareBuild:
    """Build, unless these very sources are built already. In `folder`, or in the user's cache.

    Raises:
        ConfigError: sources or tools are missing, or the compiler refuses.
    """
    sources = hardware_folder()
    if folder is None:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = cache / "robofeed" / f"firmware-{_digest(sources)}"
    built = FirmwareBuild(folder / "firmware.elf", folder / "board_in_simavr")
    if built.firmware.is_file() and built.simulator.is_file():
        return built
    missing = [packages for tool, packages in TOOLS.items() if shutil.which(tool) is None]
    if missing or not SIMAVR_HEADER.is_file():
        raise ConfigError(
            "The servo board's twin is built on this machine, which lacks tools for that. "
            f"On Debian: apt-get install --no-install-recommends {NEEDED}"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Beside its place, then moved there: two at once do not run each other's halves.
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        for part in ("firmware", "simavr"):
            _make(sources / part, Path(name))
        folder.mkdir(exist_ok=True)
        for path in (built.firmware, built.simulator):
            os.replace(Path(name) / path.name, path)
    return built


def _make(part: Path, into: Path) -> None:
    command = ["make", "-s", "-C", str(part), f"BUILD={into}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ConfigError(f"{' '.join(command)} failed:\n{done.stderr.strip()}")


def _digest(sources: Path) -> str:
    paths = sorted(
        path
        for part in ("firmware", "simavr")
        for path in (sources / part).rglob("*")
        if path.suffix in {".c", ".h"} or path.name == "Makefile"
    )
    digest = sha256()
    for path in paths:
        digest.update(path.relative_to(sources).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]

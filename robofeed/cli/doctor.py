"""`robofeed doctor`: what this machine has, what is amiss, and what to do about it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Literal

import typer

LEAST_FREE_BYTES = 2 * 10**9
"""A run keeps episodes, checkpoints and clips: some hundred MB each; below this doctor warns."""

IMPORT_LIMIT_S = 120.0
"""A first import of torch from a slow disk takes long; more than this is taken for a hang."""

_DISTRIBUTIONS = ("robofeed", "numpy", "torch", "pyarrow", "SQLAlchemy", "pydantic", "av")

# What a fresh interpreter is asked. The last line it prints is the answer.
_ASK_TORCH = """
import torch
if torch.cuda.is_available():
    print("CUDA,", torch.cuda.get_device_name())
else:
    print("CPU,", torch.get_num_threads(), "threads; no CUDA device")
"""
_ASK_PYBULLET = """
import pybullet
client = pybullet.connect(pybullet.DIRECT)
pybullet.stepSimulation()
print("physics steps; API", pybullet.getAPIVersion())
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `advice` says what to do where `state` is not "ok"."""

    subject: str
    state: Literal["ok", "warning", "problem"]
    detail: str
    advice: str = ""


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check this machine: Python, torch, simulator, disk, versions.

    Exits with 0 where training can run, and with 3 where something it needs is amiss.
    """
    findings = tuple(examine())
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _print_table(findings)
    if any(finding.state == "problem" for finding in findings):
        raise typer.Exit(3)


def examine(folder: Path = Path()) -> Iterator[Finding]:
    """Look at everything in turn; `folder` is where runs would be written."""
    yield _python()
    yield _native(
        "torch", _ASK_TORCH, "Install it again: pip install --force-reinstall --no-deps torch"
    )
    yield _native(
        "pybullet",
        _ASK_PYBULLET,
        "The simulated arms need it; there is a wheel for Python 3.11 on 64-bit Intel/AMD Linux. "
        "In the checkout: pip install -e plugins/robofeed-pybullet -e sim_assets",
    )
    yield _disk(folder)
    yield from _plugins()
    yield Finding("versions", "ok", ", ".join(_versions()))


def _python() -> Finding:
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}, "
    detail += f"{os.cpu_count()} CPUs"
    if platform.python_version().startswith("3.11."):
        return Finding("python", "ok", detail)
    return Finding("python", "warning", detail, "robofeed is checked with Python 3.11.")


def _native(module: str, question: str, advice: str) -> Finding:
    """Import `module` in a process of its own: a broken native library can end the process."""
    try:
        answer = subprocess.run(
            [sys.executable, "-c", question],
            capture_output=True,
            text=True,
            timeout=IMPORT_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Finding(module, "problem", f"no answer within {IMPORT_LIMIT_S:.0f} s", advice)
    if answer.returncode == 0:
        return Finding(module, "ok", (answer.stdout.strip().splitlines() or [""])[-1])
    if answer.returncode < 0:
        return Finding(
            module, "problem", f"importing it died by signal {-answer.returncode}", advice
        )
    reason = (answer.stderr.strip().splitlines() or ["no message"])[-1]
    return Finding(module, "problem", reason, advice)


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1e9:.1f} GB free for runs in {folder.resolve()}"
    if free >= LEAST_FREE_BYTES:
        return Finding("disk", "ok", detail)
    return Finding("disk", "warning", detail, "Make room, or write elsewhere with --out FOLDER.")


def _plugins() -> Iterator[Finding]:
    from robofeed.plugins import load_plugins

    rows = load_plugins().listing()
    for row in rows:
        if row.error:
            yield Finding(
                f"plugin {row.distribution}",
                "warning",
                row.error,
                "Reinstall or remove it; runs that do not name it are not hurt.",
            )
    yield Finding("plugins", "ok", ", ".join(sorted({row.distribution for row in rows})))


def _versions() -> Iterator[str]:
    for name in _DISTRIBUTIONS:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} missing"


def _print_table(findings: tuple[Finding, ...]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    colours = {"ok": "green", "warning": "yellow", "problem": "red"}
    table = Table("what", "state", "found")
    for finding in findings:
        found = escape(finding.detail) + (f"\n{escape(finding.advice)}" if finding.advice else "")
        colour = colours[finding.state]
        table.add_row(finding.subject, f"[{colour}]{finding.state}[/{colour}]", found)
    Console().print(table)

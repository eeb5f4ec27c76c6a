"""Runs every check, then says which failed and what could not be checked here (`make test`).

All checks run even when one fails, so that one run shows everything. Tests that need a system tool
or a GPU that is missing are listed as not checked; with ROBOFEED_REQUIRE=all a missing system tool
is a failure instead. ROBOFEED_COVERAGE=1 measures coverage. Arguments are handed to pytest.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def packages() -> list[Path]:
    """The packages of all local distributions, core first."""
    folders = ("plugins/*", "sim_assets", "hardware")
    found = [marker.parent for folder in folders for marker in ROOT.glob(f"{folder}/*/py.typed")]
    return [ROOT / "robofeed", *sorted(found)]


def checks(pytest_arguments: list[str]) -> dict[str, list[str]]:
    """Each check's name and command line."""
    sources = [str(package) for package in packages()]
    coverage: list[str] = []
    if os.environ.get("ROBOFEED_COVERAGE"):  # it makes the tests a third longer
        coverage = [*(f"--cov={package.name}" for package in packages()), "--cov-report=term"]
    return {
        "ruff check": [str(BIN / "ruff"), "check"],
        "ruff format": [str(BIN / "ruff"), "format", "--check"],
        "mypy": [str(BIN / "mypy"), *sources],
        "import contracts": [str(BIN / "lint-imports")],
        "pytest": [
            *(sys.executable, "-m", "pytest", *coverage, *pytest_arguments),
        ],
    }


def main() -> int:
    """Run the checks and return 0 if all passed."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as beside:
        listed, said = Path(folder) / "not_checked.json", Path(folder) / "mypy.txt"
        environment = {**os.environ, "ROBOFEED_NOT_CHECKED": str(listed)}

        def ended(command: list[str], output: IO[bytes] | None = None) -> tuple[bool, float]:
            started = time.monotonic()
            ran = subprocess.run(
                command, cwd=ROOT, env=environment, check=False, stdout=output, stderr=output
            )
            return ran.returncode == 0, time.monotonic() - started

        results: dict[str, tuple[bool, float]] = {}
        commands = checks(sys.argv[1:])
        with said.open("wb") as output:
            # While the first tests run, which leave it a core: half a minute less.
            types = beside.submit(ended, commands.pop("mypy"), output)
            for name, command in commands.items():
                print(f"\n=== {name}", flush=True)
                results[name] = ended(command)
            results["mypy"] = types.result()
        print(f"\n=== mypy\n{said.read_text('utf-8')}")
        not_checked = json.loads(listed.read_text("utf-8")) if listed.exists() else {}
    print("\n=== summary")
    for name, (passed, seconds) in results.items():
        print(f"{'passed' if passed else 'FAILED':12}{name:20}{seconds:7.0f} s")
    for lack, tests in not_checked.items():
        print(f"NOT CHECKED {len(tests)} tests for want of {lack}; pytest lists them above")
    return 0 if all(passed for passed, _ in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())

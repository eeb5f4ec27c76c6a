"""Settings for every test of the repository, core's and the plugins'.

A test marked `needs(tool)` or `needs_gpu` where that is missing is not run and not called a skip:
the end of the report lists it as not checked, and so does the file ROBOFEED_NOT_CHECKED names. With
ROBOFEED_REQUIRE=all a missing tool fails the run, so that a machine set up for all checks cannot
quietly do fewer.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
from pathlib import Path

import hypothesis
import pytest

pytest_plugins = ["robofeed.testing.pytest_options"]

hypothesis.settings.register_profile("repository", deadline=None, derandomize=True)
hypothesis.settings.load_profile("repository")

NOT_CHECKED = pytest.StashKey[dict[str, list[str]]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    missing = config.stash.setdefault(NOT_CHECKED, {})
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        lack = _what_it_lacks(item)
        if lack is None:
            kept.append(item)
        else:
            missing.setdefault(lack, []).append(item.nodeid)
            dropped.append(item)
    tools = sorted(lack for lack in missing if lack.startswith("the tool"))
    if tools and os.environ.get("ROBOFEED_REQUIRE") == "all":
        raise pytest.UsageError(
            f"ROBOFEED_REQUIRE=all, but these tools are missing: {', '.join(tools)}. "
            "scripts/debian.sh installs them."
        )
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    missing = terminalreporter.config.stash.get(NOT_CHECKED, {})
    if missing:
        terminalreporter.section("NOT CHECKED HERE", yellow=True, bold=True)
    for lack, tests in sorted(missing.items()):
        terminalreporter.write_line(f"for want of {lack}:", yellow=True)
        for test in tests:
            terminalreporter.write_line(f"    {test}")
    if "ROBOFEED_NOT_CHECKED" in os.environ:
        Path(os.environ["ROBOFEED_NOT_CHECKED"]).write_text(json.dumps(missing), encoding="utf-8")


@pytest.fixture(scope="session")
def load_share() -> float:
    """The share of a long load to run, for tests marked `soak`: 1 in `make soak`, else a tenth."""
    return 1.0 if os.environ.get("ROBOFEED_SOAK") else 0.1


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).resolve().parent


def find_tool(tool: str) -> str | None:
    """The path of a system tool; Debian keeps those of PostgreSQL where no PATH leads."""
    aside = glob.glob("/usr/lib/postgresql/*/bin")
    return shutil.which(tool, path=os.pathsep.join([os.environ.get("PATH", ""), *aside]))


def _what_it_lacks(item: pytest.Item) -> str | None:
    for marker in item.iter_markers("needs"):
        for tool in marker.args:
            if find_tool(tool) is None:
                return f"the tool {tool}"
    for marker in item.iter_markers("only_where"):
        here, lack = marker.args
        if not here:
            return str(lack)
    # What does not scale itself down is left to `make soak`.
    scales = "load_share" in getattr(item, "fixturenames", ())
    if item.get_closest_marker("soak") and not scales and not os.environ.get("ROBOFEED_SOAK"):
        return "time (`make soak` runs it)"
    if item.get_closest_marker("needs_gpu") and not _has_gpu():
        return "a CUDA device"
    return None


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()

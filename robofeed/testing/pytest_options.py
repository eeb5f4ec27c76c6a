"""A pytest plugin: `--robofeed-allow-motion`, without which no test moves a real arm.

In a conftest.py at the root of the tests: `pytest_plugins = ["robofeed.testing.pytest_options"]`.
"""

from __future__ import annotations

import os

import pytest

from robofeed.testing.conformance import ALLOW_MOTION


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option."""
    parser.addoption(
        "--robofeed-allow-motion",
        action="store_true",
        help="let tests move a real arm: somebody stands beside it, the power switch in reach",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Hand it on to `check_bench`."""
    if config.getoption("--robofeed-allow-motion"):
        os.environ[ALLOW_MOTION] = "yes"

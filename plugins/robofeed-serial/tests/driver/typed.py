"""`robofeed arm ...` typed into a real terminal."""

from __future__ import annotations

import os
import sys

import pexpect

LONG_S = 60


def robofeed(*arguments: str) -> pexpect.spawn:
    environment = {**os.environ, "TERM": "dumb", "COLUMNS": "200"}
    return pexpect.spawn(
        sys.executable,
        ["-m", "robofeed", "arm", *arguments],
        encoding="utf-8",
        timeout=LONG_S,
        env=environment,
        dimensions=(40, 200),
    )


def ended(child: pexpect.spawn) -> tuple[int, str]:
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, child.before

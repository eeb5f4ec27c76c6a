"""Whether a process that asks to go first does, and with what right."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

ASK = """
import json, os, sys
from robofeed.data.priority import go_first
if sys.argv[1] == "nobody":
    os.setgroups([]); os.setuid(65534)
said = go_first()
child = os.fork()
if not child:
    os._exit(os.sched_getscheduler(0))
print(json.dumps({
    "said": said,
    "real time": os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK == os.SCHED_FIFO,
    "niceness": os.getpriority(os.PRIO_PROCESS, 0),
    "keeps it": bool(os.sched_getscheduler(0) & os.SCHED_RESET_ON_FORK),
    "child's": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]),
}))
"""


def asked(user: str = "") -> dict[str, object]:
    command = [sys.executable, "-c", ASK, user]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return dict(json.loads(told))


@pytest.mark.only_where(hasattr(os, "SCHED_RESET_ON_FORK"), "Linux's schedulers")
def test_it_gets_what_it_may_and_says_what_that_is() -> None:
    found = asked()
    assert found["real time"] == (found["said"] == "real time")
    if found["said"] == "raised":
        assert found["niceness"] == -10
    assert found["keeps it"] and found["child's"] == os.SCHED_OTHER


@pytest.mark.only_where(hasattr(os, "SCHED_RESET_ON_FORK"), "Linux's schedulers")
@pytest.mark.only_where(os.geteuid() == 0, "root, who alone can become nobody")
def test_who_has_no_right_to_it_goes_on_as_before() -> None:
    found = asked("nobody")
    assert (found["said"], found["real time"]) == ("usual", False)
    assert found["keeps it"], "of any priority children have the usual one"
    assert found["niceness"] == os.getpriority(os.PRIO_PROCESS, 0)

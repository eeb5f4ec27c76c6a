"""Asks the system to let this process go first: one that an arm waits for.

Each such process sleeps most of the time. What matters is that it gets a processor at once when it
wakes, while a learner, a film maker or a compiler would rather keep it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Literal

NICE = -10
Priority = Literal["real time", "raised", "usual"]


def go_first() -> Priority:
    """Take the highest priority that this user may, and say which. Its children have the usual one.

    Real time (the lowest of it) needs the right to it, on Linux a line in `/etc/security/limits.d`
    such as `@dialout - rtprio 1`, or root; a raised one `nice -10` there. Without either right, and
    on systems that know neither, everything stays as it was.
    """
    with suppress(AttributeError, OSError):  # not Linux; not permitted
        policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(0, policy, os.sched_param(1))
        return "real time"
    with suppress(AttributeError, OSError):  # needs no right; a niceness below 0 ends with a fork
        policy = os.SCHED_OTHER | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(0, policy, os.sched_param(0))
    raised: Priority = "usual"
    with suppress(AttributeError, OSError):
        if os.getpriority(os.PRIO_PROCESS, 0) > NICE:
            os.setpriority(os.PRIO_PROCESS, 0, NICE)
        raised = "raised"
    with suppress(OSError):  # sessions compete as groups on Linux, each with a niceness of its own
        if os.getsid(0) == os.getpid():
            Path("/proc/self/autogroup").write_text(str(NICE), "ascii")
    return raised

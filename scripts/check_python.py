"""Says before anything is installed whether this Python can run robofeed, and if not, what to do.

Written for any Python 3, since an old one is what it has to complain about.
"""

import os
import platform
import sys

PYBULLET = "3.2.7"


def problem(version, system, machine, build_allowed):
    """Return what stands in the way on this machine, or None."""
    here = "Python %d.%d on %s %s" % (version[0], version[1], system, machine)  # noqa: UP031
    if version < (3, 11):
        return (
            here + " is too old: robofeed needs Python 3.11.\n"
            "Install Python 3.11 and name it: make demo PYTHON=/path/to/python3.11"
        )
    if build_allowed or (version[:2] == (3, 11) and system == "Linux" and machine == "x86_64"):
        return None
    advice = [
        "PyBullet " + PYBULLET + ", the simulator, has no ready-made wheel for " + here + ".",
        "You can:",
    ]
    if system == "Linux" and machine == "x86_64":
        advice.append("  - install Python 3.11, and say: make demo PYTHON=/path/to/python3.11")
    else:
        advice.append(
            "  - use Python 3.11 on 64-bit Intel/AMD Linux, a container or a virtual machine too"
        )
    advice += [
        "  - have pip build it (C++ compiler needed, 10 minutes and more, not tried by us):",
        "    make demo BUILD_PYBULLET=1",
        "  - leave the simulator out; core and the other plugins are pure Python:",
        "    python3 -m venv .venv && .venv/bin/pip install -e . -e plugins/robofeed-example",
    ]
    return "\n".join(advice)


if __name__ == "__main__":
    trouble = problem(
        sys.version_info[:2],
        platform.system(),
        platform.machine(),
        bool(os.environ.get("BUILD_PYBULLET")),
    )
    if trouble:
        sys.exit(trouble)

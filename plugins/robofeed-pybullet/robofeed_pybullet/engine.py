"""PyBullet without the line it prints when it is loaded."""

from __future__ import annotations

import os
import sys

if "pybullet" in sys.modules:
    import pybullet
else:
    # The line comes from C and would tear a progress display or a log apart.
    sys.stderr.flush()
    _kept = os.dup(2)
    _nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(_nowhere, 2)
        import pybullet
    finally:
        os.dup2(_kept, 2)
        os.close(_kept)
        os.close(_nowhere)

__all__ = ["pybullet"]

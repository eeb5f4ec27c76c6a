"""PyBullet without the line it prints when it is loaded."""

from __future__ import annotations

import os
import sys

from robofeed.data.errors import ConfigError

MISSING = (
    "PyBullet is not installed or does not load ({error}). Install it with: "
    "pip install pybullet==3.2.7. Linux x86_64 with Python 3.11 has a wheel; where there is none "
    "(macOS, Python 3.12 and later) pip builds it, which needs a C++ compiler "
    "(xcode-select --install, or build-essential on Debian)"
)

if sys.modules.get("pybullet"):
    import pybullet
else:
    # The line comes from C and would tear a progress display or a log apart.
    sys.stderr.flush()
    _kept = os.dup(2)
    _nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(_nowhere, 2)
        import pybullet
    except ImportError as error:
        raise ConfigError(MISSING.format(error=error)) from error
    finally:
        os.dup2(_kept, 2)
        os.close(_kept)
        os.close(_nowhere)

__all__ = ["pybullet"]

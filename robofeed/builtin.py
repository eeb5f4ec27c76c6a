"""What core itself offers, through the same door as every plugin. Imports nothing heavy."""

from __future__ import annotations

from robofeed.hookspecs import hookimpl

__all__ = ["hookimpl"]

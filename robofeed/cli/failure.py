"""The one place where an error becomes a message on stderr and an exit code."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback

from robofeed.data.errors import RobofeedError, without_passwords

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells give it: 128 + SIGINT."""
UNEXPECTED = 1
"""Exit code of an error nobody foresaw: a fault in robofeed or in a plugin."""


def exit_code_of(error: BaseException) -> int:
    """Tell the user about `error` on stderr and return the exit code the command ends with.

    Deliberate errors print their message alone. Anything else saves its traceback to a file and
    says where. With ROBOFEED_DEBUG set, the traceback is printed as well.
    """
    if isinstance(error, KeyboardInterrupt):
        if sys.stderr.isatty():
            print(file=sys.stderr)  # ^C may stand behind a question
        _say("interrupted")
        return INTERRUPTED
    if os.environ.get("ROBOFEED_DEBUG"):
        traceback.print_exception(error)
    if isinstance(error, RobofeedError):
        _say(f"error: {error}")
        return error.exit_code
    _say(f"unexpected error: {type(error).__name__}: {error}")
    _say(f"this is a fault in robofeed or in a plugin; {_save(error)}")
    return UNEXPECTED


def _save(error: BaseException) -> str:
    try:
        handle, path = tempfile.mkstemp(prefix="robofeed-traceback-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(without_passwords("".join(traceback.format_exception(error))))
    except OSError as trouble:
        traceback.print_exception(error)
        return f"the traceback could not be saved ({trouble}) and stands above"
    return f"the traceback is in {path}"


def _say(line: str) -> None:
    print(f"robofeed: {without_passwords(line)}", file=sys.stderr, flush=True)

"""The text about what is kept, agreed to once before somebody steers: as on the page."""

from __future__ import annotations

import contextlib
import textwrap
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from robofeed.data import consent
from robofeed.data.feedback import Consent, Stamp
from robofeed.data.ledger import Ledger
from robofeed.data.run_folder import open_run_folder
from robofeed_keyboard.keymap import keys_of
from robofeed_keyboard.terminal import RawTerminal

SOURCE = "keyboard"
_WAIT_S = 1.0


def agree(run: Path, person: str, terminal: RawTerminal, write: Callable[[str], None]) -> bool:
    """Ask a person who has not agreed yet, and store that they did; False where they do not.

    Raises:
        DataError: the run or its ledger cannot be read, or the agreement not be stored.
        EOFError: the terminal is gone.
    """
    with contextlib.closing(Ledger.open(open_run_folder(run).ledger)) as ledger:
        for entry in ledger.standing():
            said = entry.feedback
            if isinstance(said, Consent) and said.stamp.person == person:
                if said.version == consent.VERSION:
                    return True
        shown_ns = time.time_ns()
        lines = ["Before you begin", "", *textwrap.wrap(consent.TEXT, 78), ""]
        write("\r\n".join([*lines, "Do you agree?  y yes   n no, end"]) + "\r\n")
        if not _yes(terminal):
            return False
        stamp = Stamp(str(uuid.uuid4()), person, SOURCE, shown_ns, time.time_ns())
        ledger.append(Consent(stamp, consent.VERSION, consent.TEXT))
    return True


def _yes(terminal: RawTerminal) -> bool:
    rest = b""
    while True:
        keys, rest = keys_of(rest + terminal.read(_WAIT_S))
        for key in keys:
            if key in "yY":
                return True
            if key in "nNq":
                return False

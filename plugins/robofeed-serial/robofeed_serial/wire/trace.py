"""Every byte that goes over a port, one line a write or read, so that a failure can be replayed."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from types import TracebackType
from typing import IO

from robofeed import DataError


class WireTrace:
    """A text file of lines `SECONDS DIRECTION HEX`: `0.001234 > ff ff 01 02 01 fb`.

    Seconds count from the first line; `>` is what the host sent, `<` what it got, `#` a remark.
    Lines are flushed as they come: after a crash the last bytes are there. Where a line cannot be
    written that raises DataError once; the trace has ended then, so that an arm can still be held.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None
        self._started_ns = 0
        self._ended = False

    def sent(self, data: bytes) -> None:
        """Bytes to the port."""
        self._line(">", data.hex(" "))

    def received(self, data: bytes) -> None:
        """Bytes from the port."""
        self._line("<", data.hex(" "))

    def remark(self, text: str) -> None:
        """What else happened: opened, closed, unplugged."""
        self._line("#", text)

    def close(self) -> None:
        """Close the file. Idempotent; a later line opens it again, at its end."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> WireTrace:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _line(self, direction: str, text: str) -> None:
        if self._ended:
            return
        now_ns = time.monotonic_ns()
        self._started_ns = self._started_ns or now_ns
        try:
            if self._file is None:
                self._file = self.path.open("a", encoding="utf-8", buffering=1)
            self._file.write(f"{(now_ns - self._started_ns) / 1e9:.6f} {direction} {text}\n")
        except OSError as error:
            self._ended = True
            file, self._file = self._file, None
            if file is not None:
                with contextlib.suppress(OSError):  # what is told already
                    file.close()
            raise DataError(
                f"The wire trace cannot be written to {self.path}: {error.strerror}. "
                "Make room, name another file, or go without the trace."
            ) from error

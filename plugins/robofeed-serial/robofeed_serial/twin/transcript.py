"""Every byte that passed, in a file: time, direction, hexadecimal."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from robofeed.data.errors import ConfigError


class Transcript:
    """Lines like `12.034567 > ffff010201fb`; `>` is from the host, `<` to it, `-` lost."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("w", encoding="ascii", buffering=1)
        except OSError as error:
            raise ConfigError(
                f"cannot write the transcript {path}: {error.strerror}. Choose another place."
            ) from error
        self._start_ns: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def note(self, now_ns: int, direction: str, data: bytes) -> None:
        """Write one line; seconds count from the first."""
        if self._start_ns is None:
            self._start_ns = now_ns
        self._file.write(f"{(now_ns - self._start_ns) / 1e9:.6f} {direction} {data.hex()}\n")

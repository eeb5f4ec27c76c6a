"""Replacing a file whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

from robofeed.data.errors import DataError


def write_atomically(path: Path, content: str | bytes, private: bool = False) -> None:
    """Write `content` to `path`: whoever reads finds the old file or the new one, power cut or not.

    A `private` file can be read by its owner alone.

    Raises:
        DataError: the disk refuses; the old file is untouched.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.writing")
    try:
        mode = 0o600 if private else 0o666
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error

"""What a camera saw lately, in memory that processes share: its newest picture, and the last ones.

One process writes, any number read, and none waits for another: the newest picture as it is, for
whoever acts on it; the last minute or so as JPEGs with their times, for whoever keeps or shows it.
A reader finds the roll by its path, also where it was started by somebody else.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import struct
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from robofeed.data.errors import HardwareError
from robofeed.data.observation import Frame

ROLL_BYTES: Final = 48 * 1024 * 1024
"""for JPEGs: two minutes of 640 x 480 at 10 a second and 40 kB each"""
NEAR_S: Final = 0.5
"""A picture stands for a moment that is no further away than this."""
_PICTURES: Final = 4096
_SLOTS: Final = 3
"""A reader has two periods of the camera to copy a picture before it is written over."""
_MAGIC: Final = b"RFROLL01"
_HEAD: Final = struct.Struct("<8sIIQ")  # magic, height, width, process
_COUNTS: Final = struct.Struct("<QQQ")  # pictures shown, pictures kept, bytes kept, ever
_SLOT: Final = struct.Struct("<Qq")  # number, time
_NOTE: Final = struct.Struct("<II")  # checksum, length
_COUNTS_AT, _NOTE_AT, _INDEX_AT = 64, 128, 4096
_ENTRY: Final = np.dtype([("time_ns", "<i8"), ("start", "<u8"), ("length", "<u4"), ("sum", "<u4")])
_SLOTS_AT: Final = _INDEX_AT + _PICTURES * _ENTRY.itemsize


@dataclass(frozen=True, slots=True)
class Photograph:
    """A picture that a roll kept: a JPEG and when it was taken, by the monotonic clock."""

    time_ns: int
    jpeg: bytes


def roll_path(source: str) -> Path:
    """Where the roll of the camera at `source` lies. A camera is one, so its roll is."""
    name = hashlib.sha256(source.encode()).hexdigest()[:24]
    return Path(tempfile.gettempdir()) / f"robofeed-cameras-{os.getuid()}" / f"{name}.roll"


def own_folder(path: Path) -> None:
    """Make the folder of a roll, for this user alone, since pictures show a room.

    Raises:
        HardwareError: it is there already, and open to others or theirs.
    """
    folder = path.parent
    folder.mkdir(mode=0o700, exist_ok=True)
    about = folder.lstat()
    if about.st_uid != os.getuid() or about.st_mode & 0o077:
        raise HardwareError(
            f"{folder} is open to others or belongs to one of them, and pictures of cameras lie "
            "there: remove it, or set TMPDIR to a folder of your own"
        )


class _Roll:
    """The layout, over a mapped file."""

    def __init__(self, memory: mmap.mmap, height: int, width: int) -> None:
        self.height, self.width = height, width
        self._view = memoryview(memory)
        self._index = np.frombuffer(memory, _ENTRY, _PICTURES, _INDEX_AT)
        self._picture = height * width * 3
        self._slot = _SLOT.size + self._picture
        self._film_at = _SLOTS_AT + _SLOTS * self._slot

    def _slot_at(self, number: int) -> int:
        return _SLOTS_AT + number % _SLOTS * self._slot


def _size(height: int, width: int) -> int:
    return _SLOTS_AT + _SLOTS * (_SLOT.size + height * width * 3) + ROLL_BYTES


class RollWriter(_Roll):
    """Makes the roll anew and writes it. For one process a camera.

    Raises:
        HardwareError: there is no room for it.
    """

    def __init__(self, path: Path, height: int, width: int) -> None:
        unfinished = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            if hasattr(os, "posix_fallocate"):
                # A page that the disk has no room for would end whoever writes it, without a word.
                os.posix_fallocate(descriptor, 0, _size(height, width))
            else:
                os.ftruncate(descriptor, _size(height, width))
            memory = mmap.mmap(descriptor, _size(height, width))
            os.pwrite(descriptor, _HEAD.pack(_MAGIC, height, width, os.getpid()), 0)
            os.rename(unfinished, path)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise HardwareError(
                f"no room for a camera's pictures at {path} ({_size(height, width) >> 20} MiB): "
                f"{error.strerror}"
            ) from error
        finally:
            os.close(descriptor)
        super().__init__(memory, height, width)
        self.path = path
        self._shown = self._kept = self._end = 0

    def show(self, picture: np.ndarray, time_ns: int) -> None:
        """Make this the newest picture, uint8 [height, width, 3]."""
        number = self._shown + 1
        start = self._slot_at(number)
        _SLOT.pack_into(self._view, start, 0, time_ns)  # nobody may take it for whole meanwhile
        body = start + _SLOT.size
        self._view[body : body + self._picture] = picture.data.cast("B")
        _SLOT.pack_into(self._view, start, number, time_ns)
        self._shown = number
        self._count()

    def keep(self, photograph: Photograph) -> None:
        """Put a JPEG at the end of the roll, in place of the oldest ones."""
        jpeg = photograph.jpeg
        start = self._end % ROLL_BYTES
        if start + len(jpeg) > ROLL_BYTES:
            self._end += ROLL_BYTES - start
            start = 0
        self._view[self._film_at + start : self._film_at + start + len(jpeg)] = jpeg
        entry = (photograph.time_ns, start, len(jpeg), zlib.crc32(jpeg))
        self._index[self._kept % _PICTURES] = entry
        self._end += len(jpeg)
        self._kept += 1
        self._count()

    def note(self, trouble: str) -> None:
        """Say what is wrong with the camera; "" = nothing."""
        text = json.dumps(trouble).encode()[: _INDEX_AT - _NOTE_AT - _NOTE.size]
        _NOTE.pack_into(self._view, _NOTE_AT, zlib.crc32(text), len(text))
        self._view[_NOTE_AT + _NOTE.size : _NOTE_AT + _NOTE.size + len(text)] = text

    def remove(self) -> None:
        """Take the roll away: its camera is closed."""
        self.path.unlink(missing_ok=True)

    def _count(self) -> None:
        _COUNTS.pack_into(self._view, _COUNTS_AT, self._shown, self._kept, self._end)


class RollReader(_Roll):
    """Reads a roll that is there.

    Raises:
        HardwareError: there is none, or it is no roll.
    """

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                magic, height, width, self.pid = _HEAD.unpack(file.read(_HEAD.size))
                if magic != _MAGIC or os.fstat(file.fileno()).st_size != _size(height, width):
                    raise ValueError("not a roll, or of another version")
                memory = mmap.mmap(file.fileno(), _size(height, width), prot=mmap.PROT_READ)
                self._inode = os.fstat(file.fileno()).st_ino
        except (OSError, ValueError, struct.error) as error:
            raise HardwareError(f"no camera writes to {path}: {error}") from error
        super().__init__(memory, height, width)
        self.path = path
        self._trouble = ""
        self._newest: Frame | None = None
        self._number = 0

    @property
    def current(self) -> bool:
        """Whether this is still the roll at its path."""
        with contextlib.suppress(OSError):
            return self.path.stat().st_ino == self._inode
        return False

    def trouble(self) -> str:
        """What the camera's process says is wrong; "" = nothing."""
        checksum, length = _NOTE.unpack_from(self._view, _NOTE_AT)
        text = bytes(self._view[_NOTE_AT + _NOTE.size : _NOTE_AT + _NOTE.size + length])
        if length and zlib.crc32(text) == checksum:
            self._trouble = str(json.loads(text))
        return self._trouble

    def newest(self) -> Frame | None:
        """The newest picture, copied once; None before the first one."""
        while (number := self._counts()[0]) != self._number:
            start = self._slot_at(number)
            there, time_ns = _SLOT.unpack_from(self._view, start)
            shape = (self.height, self.width, 3)
            seen = np.frombuffer(self._view, np.uint8, self._picture, start + _SLOT.size)
            image = seen.reshape(shape).copy()
            if there == number and _SLOT.unpack_from(self._view, start) == (there, time_ns):
                image.setflags(write=False)
                self._newest, self._number = Frame(time_ns, image), number
        return self._newest

    def last(self) -> Photograph | None:
        """The last JPEG; None before the first one."""
        kept = self._counts()[1]
        return self._photograph(kept - 1) if kept else None

    def between(self, start_ns: int, stop_ns: int) -> list[Photograph]:
        """What was kept from `start_ns` to `stop_ns`, and one near before and after, in order.

        What is no longer there is left out.
        """
        kept = self._counts()[1]
        first = max(0, kept - _PICTURES)
        places = np.arange(first, kept)
        times = self._index["time_ns"][places % _PICTURES].astype(np.int64)
        inside = np.flatnonzero((times >= start_ns) & (times <= stop_ns))
        near_ns = round(NEAR_S * 1e9)
        before = np.flatnonzero((times < start_ns) & (times >= start_ns - near_ns))[-1:]
        after = np.flatnonzero((times > stop_ns) & (times <= stop_ns + near_ns))[:1]
        wanted = np.concatenate([before, inside, after])
        found = (self._photograph(int(places[each])) for each in wanted)
        return [each for each in found if each is not None]

    def _photograph(self, place: int) -> Photograph | None:
        entry = self._index[place % _PICTURES].copy()
        start = self._film_at + int(entry["start"])
        jpeg = bytes(self._view[start : start + int(entry["length"])])
        return Photograph(int(entry["time_ns"]), jpeg) if zlib.crc32(jpeg) == entry["sum"] else None

    def _counts(self) -> tuple[int, int, int]:
        shown, kept, end = _COUNTS.unpack_from(self._view, _COUNTS_AT)
        return shown, kept, end

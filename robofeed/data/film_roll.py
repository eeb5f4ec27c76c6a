"""What a camera saw lately, in memory that processes share: its newest picture, and the last ones.

One process writes, any number read, and none waits for another: the newest picture as it is, for
whoever acts on it; those of the last minute or so as JPEGs with their times, for whoever keeps or
shows them. A reader finds the roll by its path, also where it was started by somebody else.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
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

NEAR_S: Final = 0.5
"""A picture stands for a moment that is no further away than this."""
_JPEG_BYTES_A_PIXEL: Final = 0.17
"""52 kB of 640 x 480; a picture of a room takes 25 to 50"""
_SLOTS: Final = 3
"""A reader has two periods of the camera to copy a picture before it is written over."""
_MAGIC: Final = b"RFROLL02"
_HEAD: Final = struct.Struct("<8sIIQQQ")  # magic, height, width, pictures, their bytes, process
_COUNTS: Final = struct.Struct("<QQQ")  # pictures shown, pictures kept, bytes kept, ever
_SLOT: Final = struct.Struct("<Qq")  # number, time
_NOTE: Final = struct.Struct("<II")  # checksum, length
_COUNTS_AT, _NOTE_AT, _INDEX_AT = 64, 128, 4096
_ENTRY: Final = np.dtype([("time_ns", "<i8"), ("start", "<u8"), ("length", "<u4"), ("sum", "<u4")])


@dataclass(frozen=True, slots=True)
class RollSize:
    """Room for the newest picture, `height` x `width`, and for JPEGs of the last ones."""

    height: int
    width: int
    pictures: int
    """JPEGs, at most"""
    film_bytes: int
    """of all of them"""

    @property
    def slots_at(self) -> int:
        """Where the newest pictures begin, in bytes."""
        return _INDEX_AT + self.pictures * _ENTRY.itemsize

    @property
    def slot(self) -> int:
        """Bytes of one of them."""
        return _SLOT.size + self.height * self.width * 3

    @property
    def film_at(self) -> int:
        """Where the JPEGs begin, in bytes."""
        return self.slots_at + _SLOTS * self.slot

    @property
    def nbytes(self) -> int:
        """Of the whole roll."""
        return self.film_at + self.film_bytes


def size_for(height: int, width: int, kept_s: float, kept_fps: float) -> RollSize:
    """That of a roll which holds so many seconds of pictures of a room, so many a second."""
    pictures = math.ceil(kept_s * kept_fps)
    return RollSize(
        height, width, pictures, math.ceil(pictures * height * width * _JPEG_BYTES_A_PIXEL)
    )


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

    def __init__(self, memory: mmap.mmap, size: RollSize) -> None:
        self.size = size
        self._view = memoryview(memory)
        self._index = np.frombuffer(memory, _ENTRY, size.pictures, _INDEX_AT)
        self._picture = size.height * size.width * 3

    def _slot_at(self, number: int) -> int:
        return self.size.slots_at + number % _SLOTS * self.size.slot


class RollWriter(_Roll):
    """Makes the roll anew and writes it. For one process a camera.

    Raises:
        HardwareError: there is no room for it.
    """

    def __init__(self, path: Path, size: RollSize) -> None:
        unfinished = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            if hasattr(os, "posix_fallocate"):
                # A page that the disk has no room for would end whoever writes it, without a word.
                os.posix_fallocate(descriptor, 0, size.nbytes)
            else:
                os.ftruncate(descriptor, size.nbytes)
            memory = mmap.mmap(descriptor, size.nbytes)
            figures = (size.height, size.width, size.pictures, size.film_bytes)
            os.pwrite(descriptor, _HEAD.pack(_MAGIC, *figures, os.getpid()), 0)
            os.rename(unfinished, path)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise HardwareError(
                f"no room for a camera's pictures at {path} ({size.nbytes >> 20} MiB): "
                f"{error.strerror}. Free some, set TMPDIR to another disk, or lower width, height, "
                "kept_fps or kept_s in the camera's table"
            ) from error
        finally:
            os.close(descriptor)
        super().__init__(memory, size)
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
        film_at, room = self.size.film_at, self.size.film_bytes
        start = self._end % room
        if start + len(jpeg) > room:
            self._end += room - start
            start = 0
        self._view[film_at + start : film_at + start + len(jpeg)] = jpeg
        entry = (photograph.time_ns, start, len(jpeg), zlib.crc32(jpeg))
        self._index[self._kept % self.size.pictures] = entry
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
                magic, *figures, self.pid = _HEAD.unpack(file.read(_HEAD.size))
                size = RollSize(*figures)
                if magic != _MAGIC or os.fstat(file.fileno()).st_size != size.nbytes:
                    raise ValueError("not a roll, or of another version")
                memory = mmap.mmap(file.fileno(), size.nbytes, prot=mmap.PROT_READ)
                self._inode = os.fstat(file.fileno()).st_ino
        except (OSError, ValueError, struct.error) as error:
            raise HardwareError(f"no camera writes to {path}: {error}") from error
        super().__init__(memory, size)
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
            shape = (self.size.height, self.size.width, 3)
            seen = np.frombuffer(self._view, np.uint8, self._picture, start + _SLOT.size)
            image = seen.reshape(shape).copy()
            if there == number and _SLOT.unpack_from(self._view, start) == (there, time_ns):
                image.setflags(write=False)
                self._newest, self._number = Frame(time_ns, image), number
        return self._newest

    def last(self) -> Photograph | None:
        """The last JPEG; None before the first one."""
        kept = self._counts()[1]
        return self._photograph(self._index[(kept - 1) % self.size.pictures]) if kept else None

    def between(self, start_ns: int, stop_ns: int) -> list[Photograph]:
        """What was kept from `start_ns` to `stop_ns`, and one near before and after, in order.

        What is no longer there is left out.
        """
        kept = self._counts()[1]
        places = np.arange(max(0, kept - self.size.pictures), kept)
        entries = self._index[places % self.size.pictures]
        # The oldest may just have made room for the newest.
        entries = entries[np.argsort(entries["time_ns"], kind="stable")]
        times = entries["time_ns"]
        inside = np.flatnonzero((times >= start_ns) & (times <= stop_ns))
        near_ns = round(NEAR_S * 1e9)
        before = np.flatnonzero((times < start_ns) & (times >= start_ns - near_ns))[-1:]
        after = np.flatnonzero((times > stop_ns) & (times <= stop_ns + near_ns))[:1]
        found = (self._photograph(entries[each]) for each in (*before, *inside, *after))
        return [each for each in found if each is not None]

    def _photograph(self, entry: np.void) -> Photograph | None:
        """What an entry of the index is of; None where that is no longer, or not wholly, there."""
        entry = entry.copy()
        start = self.size.film_at + int(entry["start"])
        jpeg = bytes(self._view[start : start + int(entry["length"])])
        return Photograph(int(entry["time_ns"]), jpeg) if zlib.crc32(jpeg) == entry["sum"] else None

    def _counts(self) -> tuple[int, int, int]:
        shown, kept, end = _COUNTS.unpack_from(self._view, _COUNTS_AT)
        return shown, kept, end

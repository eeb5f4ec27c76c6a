"""A serial port made of a pseudo-terminal: a path to open, the baud it was set to, unplugging."""

from __future__ import annotations

import errno
import fcntl
import os
import platform
import struct
import tty
from pathlib import Path

from robofeed.data.errors import ConfigError

_TCGETS2 = 0x802C542A
_TERMIOS2 = struct.Struct("4I20B2I")
CHUNK = 4096


class TwinTerminal:
    """`link` is a symbolic link to the terminal, made at `plug` and removed at `unplug`.

    `tells_baud`: whether this system says at which rate the host has opened it. macOS does not.
    """

    def __init__(self, link: Path, tells_baud: bool = platform.system() == "Linux") -> None:
        self.link = link
        self.tells_baud = tells_baud
        self.lost_bytes = 0
        """what the host did not fetch in time"""
        self._master = -1
        self._slave = -1

    @property
    def is_plugged(self) -> bool:
        """Whether a host can open it."""
        return self._master >= 0

    def fileno(self) -> int:
        """For `select`; -1 while unplugged."""
        return self._master

    def plug(self) -> None:
        """Make the terminal and the link to it.

        Raises:
            ConfigError: the link cannot be made, or something else is at its path.
        """
        self._master, self._slave = os.openpty()
        # Not cooked: a terminal would echo and translate what the host sends.
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        try:
            self._make_link(os.ttyname(self._slave))
        except BaseException:
            self._close()
            raise

    def unplug(self) -> None:
        """As if the cable were pulled: the host's reads and writes fail, the path is gone."""
        if self.is_plugged:
            if self.link.is_symlink() and os.readlink(self.link) == os.ttyname(self._slave):
                self.link.unlink()
            self._close()

    def baud(self) -> int:
        """The rate the host has set, bit/s; 0 where this system does not tell it."""
        if self.tells_baud:
            packed = fcntl.ioctl(self._master, _TCGETS2, bytes(_TERMIOS2.size))
            return int(_TERMIOS2.unpack(packed)[-1])
        return 0

    def read(self) -> bytes:
        """What the host has written; nothing while it writes nothing."""
        try:
            return os.read(self._master, CHUNK)
        except BlockingIOError:
            return b""
        except OSError as error:
            if error.errno == errno.EIO:
                return b""
            raise

    def write(self, data: bytes) -> None:
        """Hand bytes to the host. What its buffer has no room for is lost, as on a real port."""
        try:
            written = os.write(self._master, data)
        except BlockingIOError:
            written = 0
        self.lost_bytes += len(data) - written

    def _make_link(self, target: str) -> None:
        try:
            if self.link.is_symlink():
                if self.link.exists() and os.readlink(self.link) != target:
                    raise ConfigError(
                        f"{self.link} leads to {os.readlink(self.link)}, perhaps of another twin: "
                        "choose another --link, or remove it if that twin is gone"
                    )
                self.link.unlink()
            self.link.symlink_to(target)
        except FileNotFoundError as error:
            raise ConfigError(
                f"cannot make the port {self.link}: there is no folder {self.link.parent}. "
                "Make it, or choose another --link."
            ) from error
        except OSError as error:
            raise ConfigError(
                f"cannot make the port {self.link}: {error.strerror}. Choose another --link."
            ) from error

    def _close(self) -> None:
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = -1

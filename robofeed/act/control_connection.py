"""The listening end of a run's control socket, and one connection to it. Nothing here waits."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from pathlib import Path

from robofeed.data.control_messages import SOCKET, Lines
from robofeed.data.control_socket import socket_path
from robofeed.data.errors import DataError

MOST_CLIENTS = 16
_MOST_UNSENT = 256 * 1024
"""Bytes a client may leave unread; one that leaves more is gone or stuck, and cut off."""


class Connection:
    """One connection: what it has not read yet, and the lines it has begun."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.lines = Lines()
        self.unsent = b""

    def tell(self, line: bytes) -> bool:
        """Send a line as far as the socket takes it; False where the client is not to be kept."""
        self.unsent += line
        try:
            while self.unsent:
                self.unsent = self.unsent[self.connection.send(self.unsent) :]
        except BlockingIOError:
            return len(self.unsent) <= _MOST_UNSENT
        except OSError:
            return False
        return True


def listen_in(run_dir: Path) -> socket.socket:
    """A listening socket that its owner alone can open; a stale one is cleared away."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.setblocking(False)
    try:
        # Before it has a name, so that there is no moment at which others could open it. Sockets
        # without a name have no mode on macOS.
        with contextlib.suppress(OSError):
            os.fchmod(listener.fileno(), 0o600)
        with socket_path(run_dir) as path:
            try:
                listener.bind(path)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                _clear_stale(path, run_dir)
                listener.bind(path)
            os.chmod(path, 0o600)
        listener.listen(MOST_CLIENTS)
    except OSError as error:
        listener.close()
        raise DataError(
            f"cannot make {run_dir / SOCKET}: {error.strerror or error}. Where the folder's file "
            "system knows no sockets, or its path is too long for them, use another --out, or do "
            "without corrections: "
            "--set control.socket=false"
        ) from error
    except BaseException:
        listener.close()
        raise
    return listener


def _clear_stale(path: str, run_dir: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
    raise DataError(f"{run_dir} is run by another process already: its control socket answers")

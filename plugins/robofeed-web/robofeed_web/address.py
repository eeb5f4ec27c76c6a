"""Taking a port: the one that browsers know from last time, if it can be had."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence

from robofeed import ConfigError

USUAL_PORT = 8765


def listen(host: str, wanted: int, known: int) -> socket.socket:
    """Listen on `host`: on port `wanted`, or for 0 on `known`, the usual one, or any that is free.

    Raises:
        ConfigError: the wanted port is taken, or the address is not this machine's.
    """
    ports: Sequence[int] = (wanted,) if wanted else (*((known,) if known else ()), USUAL_PORT, 0)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in ports:
        # asyncio sends at once (TCP_NODELAY) only on sockets that are said to be TCP; on others
        # the second part of a response waits 40 ms for the browser to acknowledge the first.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(256)
        except OSError as error:
            listener.close()
            if error.errno == errno.EADDRINUSE and port != ports[-1]:
                continue
            raise ConfigError(
                f"cannot listen on {host}, port {port}: {error.strerror}; give another with "
                "--port, or 0 for any"
            ) from error
        return listener
    raise AssertionError("the last port is tried or raises")

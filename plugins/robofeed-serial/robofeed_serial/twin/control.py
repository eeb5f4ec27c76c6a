"""The twin's control socket: one JSON object a line each way, over a Unix socket.

`{"do": "state"}` and so on; the answer is `{"ok": true, ...}` or `{"ok": false, "error": "..."}`.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from robofeed.data.errors import ConfigError, HardwareError, RobofeedError, did_you_mean

Action = Callable[[Mapping[str, Any]], Mapping[str, Any]]
LONGEST_LINE = 65_536


class ControlServer:
    """Answers requests with `actions`, by the name after "do". A visitor of `TwinServer`."""

    def __init__(self, path: Path, actions: Mapping[str, Action]) -> None:
        self._path = path
        self._actions = actions
        self._listener: socket.socket | None = None
        self._clients: dict[socket.socket, bytearray] = {}

    def open(self) -> None:
        """Listen.

        Raises:
            ConfigError: the socket cannot be made there.
        """
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if self._path.is_socket():
                self._path.unlink()
            listener.bind(str(self._path))
        except OSError as error:
            listener.close()
            raise ConfigError(
                f"cannot make the control socket {self._path}: {error.strerror or error}. "
                "Choose another --control; its path may have about 100 letters."
            ) from error
        listener.listen()
        listener.setblocking(False)
        self._listener = listener

    def close(self) -> None:
        """Stop listening. Idempotent."""
        for client in list(self._clients):
            self._drop(client)
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            self._path.unlink(missing_ok=True)

    def filenos(self) -> list[int]:
        """What to wait for."""
        own = [] if self._listener is None else [self._listener.fileno()]
        return own + [client.fileno() for client in self._clients]

    def visit(self) -> None:
        """Accept, read and answer whatever there is."""
        if self._listener is not None:
            try:
                client, _ = self._listener.accept()
            except BlockingIOError:
                pass
            else:
                # An answer is written whole: the log can be long, its reader waits for it.
                client.settimeout(5.0)
                self._clients[client] = bytearray()
        for client, heard in list(self._clients.items()):
            try:
                data = client.recv(LONGEST_LINE, socket.MSG_DONTWAIT)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            heard += data
            if not data or len(heard) > LONGEST_LINE:
                self._drop(client)
                continue
            *lines, rest = heard.split(b"\n")
            self._clients[client] = bytearray(rest)
            for line in lines:
                self._answer(client, bytes(line))

    def _answer(self, client: socket.socket, line: bytes) -> None:
        try:
            client.sendall(json.dumps(self._done(line)).encode() + b"\n")
        except OSError:
            self._drop(client)

    def _done(self, line: bytes) -> Mapping[str, Any]:
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise ConfigError("a request is a JSON object")
            name = str(request.get("do"))
            if name not in self._actions:
                raise ConfigError(f"no request {name!r}{did_you_mean(name, self._actions)}")
            return {"ok": True, **self._actions[name](request)}
        except (RobofeedError, ValueError, KeyError, TypeError) as error:
            return {"ok": False, "error": f"{type(error).__name__}: {error}"}

    def _drop(self, client: socket.socket) -> None:
        self._clients.pop(client, None)
        client.close()


def ask(path: Path, request: Mapping[str, Any], timeout_s: float = 10.0) -> dict[str, Any]:
    """Send one request to a twin's control socket and return its answer.

    Raises:
        HardwareError: no twin listens there, or it does not answer in time.
        ConfigError: the twin refused the request.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(timeout_s)
        try:
            client.connect(str(path))
            client.sendall(json.dumps(request).encode() + b"\n")
            with client.makefile("rb") as answers:
                line = answers.readline()
        except OSError as error:
            raise HardwareError(
                f"no twin answers at {path}: {error}. Start one with "
                f"`robofeed arm twin NAME --link PATH --control {path}`."
            ) from error
    if not line:
        raise HardwareError(f"the twin at {path} went away without an answer")
    answer: dict[str, Any] = json.loads(line)
    if not answer.pop("ok"):
        raise ConfigError(f"the twin refused: {answer['error']}")
    return answer

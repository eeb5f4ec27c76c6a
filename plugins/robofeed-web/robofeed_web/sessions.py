"""Who a browser is: secrets in cookies, of which only hashes are kept, across restarts."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

from robofeed import DataError
from robofeed.data.atomic_file import write_atomically

FILE = "web.json"
_KEPT_S = 30 * 24 * 3600.0
"""A browser that stays away for so long needs its link again."""
_MOST = 1_000
"""Sessions kept; the oldest go first."""


class SessionBook:
    """Sessions of browsers, and the port they know, in `RUN/web.json`.

    Because they outlive the server, a page that was open when it was killed goes on with the next
    one: what waits in its outbox is then sent.
    """

    def __init__(self, run_dir: Path, now_s: Callable[[], float] = time.time) -> None:
        self._path = run_dir / FILE
        self._now_s = now_s
        self._lock = threading.Lock()
        self.port = 0
        """the port of the last server of this run, 0 for none"""
        self._sessions: dict[str, tuple[str, float]] = {}
        self._read()

    def begin(self, person: str) -> str:
        """Start a session; returns the secret for the cookie, which is not kept.

        Raises:
            DataError: the disk refuses.
        """
        secret = secrets.token_urlsafe(32)
        with self._lock:
            self._sessions[_hash(secret)] = (person, self._now_s())
            self._write()
        return secret

    def person(self, secret: str) -> str | None:
        """The pseudonym a secret stands for, None for an unknown or old one."""
        with self._lock:
            person, began_s = self._sessions.get(_hash(secret), ("", 0.0))
        return person if person and self._now_s() - began_s < _KEPT_S else None

    def remember_port(self, port: int) -> None:
        """Keep the port: an outbox belongs to an address."""
        with self._lock:
            self.port = port
            self._write()

    def _read(self) -> None:
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            self.port = int(kept["port"])
            self._sessions = {
                str(key): (str(person), float(began_s))
                for key, (person, began_s) in kept["sessions"].items()
            }
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{self._path} cannot be read ({error}); delete it: browsers then need their "
                "links again, and nothing else is lost"
            ) from error

    def _write(self) -> None:
        newest = sorted(self._sessions.items(), key=lambda item: item[1][1])[-_MOST:]
        self._sessions = dict(newest)
        text = json.dumps({"port": self.port, "sessions": self._sessions}, indent=1) + "\n"
        write_atomically(self._path, text)
        self._path.chmod(0o600)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

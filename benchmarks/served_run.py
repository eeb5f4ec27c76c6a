"""A run folder, its server started as users start it, and browsers without pictures.

For the benchmarks that load the server; it prints nothing itself.
"""

from __future__ import annotations

import http.client
import json
import os
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any

from robofeed.data import consent
from robofeed.data.feedback import Query
from robofeed.data.ledger import Ledger
from robofeed.data.people import Role

_CONFIG = '[backend]\nuse = "pybullet"\n[backend.pybullet]\narm = "so101"\ntask = "reach"\n'
_START_S = 60.0


def make_run(run_dir: Path, questions: Iterable[Query], people: int) -> list[str]:
    """Fill a run folder; returns the tokens of so many people."""
    run_dir.mkdir(parents=True)
    about = {"name": run_dir.name, "status": "running", "task": "reach", "seed": 0}
    (run_dir / "run.json").write_text(json.dumps(about), encoding="utf-8")
    (run_dir / "config.toml").write_text(_CONFIG, encoding="utf-8")
    with closing(Ledger.open(run_dir / "feedback.sqlite")) as ledger:
        ledger.add_queries(questions)
        links = [ledger.people.add(f"p{number}", Role.LABEL) for number in range(people)]
    return [link.token for link in links]


class Server:
    """`robofeed label RUN`, in a process of its own."""

    def __init__(self, run_dir: Path) -> None:
        command = [sys.executable, "-m", "robofeed", "label", "--web", str(run_dir)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], _START_S)
        line = self._process.stdout.readline() if ready else ""
        if not line.startswith("answer at "):
            self._process.kill()
            raise SystemExit(f"the server did not start: {line!r}")
        self.url = line.removeprefix("answer at ").strip()
        self.port = int(self.url.split(":")[2].split("/")[0])
        # The line comes just before the server accepts.
        Browser(self.port).enter(self.url.rpartition("=")[2])

    @property
    def cpu_s(self) -> float:
        """Processor time it has used, its clip maker not counted."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def status(self, name: str) -> int:
        """A number of /proc/PID/status, such as Threads, or VmRSS in kB."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ctrl-C."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(30.0)
        finally:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()


class Browser:
    """One person's connection, kept alive, with the session's cookie. For one thread."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60.0)
        origin = f"http://127.0.0.1:{port}"
        self._headers = {"Origin": origin, "Content-Type": "application/json"}

    def enter(self, token: str) -> Browser:
        """Open a link and keep its cookie."""
        response, _ = self.fetch("GET", f"/?token={token}")
        cookie = response.getheader("set-cookie")
        assert cookie is not None
        self._headers["Cookie"] = cookie.partition(";")[0]
        return self

    def agree(self) -> Browser:
        """Agree to the text about what is kept."""
        self.post(
            "/api/feedback",
            {"kind": "consent", "uuid": str(uuid.uuid4()), "version": consent.VERSION},
        )
        return self

    def post(self, path: str, body: Any) -> Any:
        """Send JSON, get JSON."""
        return json.loads(self.fetch("POST", path, json.dumps(body).encode())[1])

    def get(self, path: str) -> bytes:
        """A file."""
        return self.fetch("GET", path)[1]

    def fetch(
        self, method: str, path: str, body: bytes | None = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """One request; anything but 200 ends the benchmark."""
        try:
            self._connection.request(method, path, body, self._headers)
            response = self._connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            # The server closes what was silent for long; a browser connects again, too.
            self._connection.close()
            self._connection.request(method, path, body, self._headers)
            response = self._connection.getresponse()
        data = response.read()
        if response.status != 200:
            raise SystemExit(f"{method} {path}: {response.status} {data[:300]!r}")
        return response, data

    def close(self) -> None:
        """Leave."""
        self._connection.close()


def ranking(query_id: str) -> dict[str, Any]:
    """An answer as the page sends it: the left clip is better."""
    now_ms = time.time_ns() // 1_000_000
    return {
        "kind": "ranking",
        "uuid": str(uuid.uuid4()),
        "query": query_id,
        "places": [[0], [1]],
        "shown_at_ms": now_ms - 1_000,
        "answered_at_ms": now_ms,
    }

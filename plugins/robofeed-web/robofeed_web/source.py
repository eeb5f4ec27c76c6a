"""The feedback source `web`: a run's questions are answered in browsers."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from robofeed import ConfigError, DataError
from robofeed.data.feedback import Query
from robofeed.interfaces import Desk
from robofeed_web.config import WebConfig

_START_S = 60.0
_END_S = 10.0


class WebSource:
    """A `Ranker` whose answers come from a server in a process of its own.

    The server writes answers into the run's ledger itself, so a person's answer never waits for
    the training process. `say` tells the user the link.
    """

    prompt = False

    def __init__(
        self,
        config: WebConfig,
        run_dir: Path | None,
        say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
    ) -> None:
        if run_dir is None:
            raise ConfigError("feedback.use = 'web' serves a run's folder, and there is none here")
        self._config, self._run_dir, self._say = config, run_dir, say
        self._server: subprocess.Popen[bytes] | None = None
        self.url = ""

    def open(self, desk: Desk) -> None:
        """Start the server, wait until it listens, and say where.

        Raises:
            ConfigError: it may not, or cannot, listen where it should.
            DataError: it did not come up.
        """
        command = (sys.executable, "-m", "robofeed_web.child", str(self._run_dir))
        self._server = subprocess.Popen(
            [*command, self._config.model_dump_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C is for the training process, which then ends this one.
            start_new_session=True,
        )
        said = json.loads(self._first_line(self._server) or "{}")
        if "url" not in said:
            self.close()
            error = str(said.get("error", f"the web server did not start within {_START_S:g} s"))
            raise ConfigError(error) if said.get("exit_code") == 2 else DataError(error)
        self.url = said["url"]
        self._say(f"robofeed: answer at {self.url}")

    def ask(self, queries: Sequence[Query]) -> None:
        """Nothing to do: the server finds the questions in the ledger."""

    def close(self) -> None:
        """End the server. Idempotent; unanswered questions stay open."""
        server, self._server = self._server, None
        if server is None:
            return
        assert server.stdin is not None and server.stdout is not None
        server.stdin.close()
        try:
            server.wait(_END_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        server.stdout.close()

    @staticmethod
    def _first_line(server: subprocess.Popen[bytes]) -> bytes:
        assert server.stdout is not None
        ready, _, _ = select.select([server.stdout], [], [], _START_S)
        return server.stdout.readline() if ready else b""

"""The server killed again and again while people answer: nothing acknowledged is lost."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from robofeed.data.feedback import Ranking
from robofeed.data.ledger import Ledger
from robofeed.data.people import Role
from robofeed_web.config import WebConfig

from .conftest import Caller, make_run

KILLS = 200
CLIENTS = 4
QUESTIONS_A_KILL = 80
"""More than all clients can answer between two kills, so that each kill finds them answering."""
PAUSE_S = 0.02


class Server:
    """The server as a training process starts it."""

    def __init__(self, run_dir: Path, port: int) -> None:
        command = [sys.executable, "-m", "robofeed_web.child", str(run_dir)]
        self.process = subprocess.Popen(
            [*command, WebConfig(port=port).model_dump_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self.url = str(json.loads(self.process.stdout.readline())["url"])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


class Client(threading.Thread):
    """A browser's outbox: one answer after the other, each sent until it is acknowledged."""

    def __init__(self, caller: Caller, query_ids: list[str]) -> None:
        super().__init__(daemon=True)
        self._caller, self._query_ids = caller, query_ids
        self.ending = threading.Event()
        self.acknowledged: list[str] = []
        self.sent_again = 0
        self.ran_out = False
        self.refused: list[Any] = []

    def run(self) -> None:
        for query_id in self._query_ids:
            said = {"kind": "ranking", "uuid": str(uuid.uuid4()), "query": query_id}
            while not self._send(said | {"places": [[0], [1]]}):
                self.sent_again += 1
                time.sleep(0.02)
                if self.ending.is_set():
                    return
            time.sleep(PAUSE_S)
            if self.ending.is_set():
                return
        self.ran_out = True

    def _send(self, said: dict[str, Any]) -> bool:
        try:
            status, body = self._caller.said("POST", "/api/feedback", said)
        except (OSError, ValueError, EOFError):
            return False
        except Exception as error:
            # http.client's own: the server was killed in the middle of its answer.
            if type(error).__module__ != "http.client":
                raise
            return False
        if status == 200:
            self.acknowledged.append(said["uuid"])
            return True
        self.refused.append(body)
        return status >= 500


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_every_acknowledged_answer_is_there_once(tmp_path: Path, load_share: float) -> None:
    kills = round(KILLS * load_share)
    run_dir = make_run(tmp_path / "run", QUESTIONS_A_KILL * kills)
    rng = random.Random(7)
    with_ledger = Ledger.open(run_dir / "feedback.sqlite")
    names = [f"p{number}" for number in range(CLIENTS)]
    tokens = [with_ledger.people.add(name, Role.LABEL).token for name in names]
    ids = [query.id for query in with_ledger.queries()]
    # A port of its own, that nobody else's server takes meanwhile.
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Server(run_dir, port)
    callers = [Caller(port).enter(token).agree() for token in tokens]
    clients = [Client(caller, ids[at::CLIENTS]) for at, caller in enumerate(callers)]
    for client in clients:
        client.start()
    for _ in range(kills):
        time.sleep(rng.uniform(0.05, 0.5))
        server.kill()
        server = Server(run_dir, port)
    time.sleep(0.5)
    for client in clients:
        client.ending.set()
    for client in clients:
        client.join(60)
    server.kill()

    acknowledged = [each for client in clients for each in client.acknowledged]
    stored = [one.feedback for one in with_ledger.since(0)]
    rankings = [one for one in stored if isinstance(one, Ranking)]
    uuids = [one.stamp.uuid for one in rankings]
    audit = with_ledger.verify()
    with_ledger.close()
    print(
        f"\n{kills} kills, {len(acknowledged)} answers acknowledged, "
        f"{sum(client.sent_again for client in clients)} sent again"
    )
    assert [client.refused for client in clients] == [[]] * CLIENTS
    assert len(acknowledged) > CLIENTS
    assert not any(client.ran_out for client in clients)
    assert set(acknowledged) <= set(uuids)
    assert len(set(uuids)) == len(uuids)
    answered = [(one.stamp.person, one.query_id) for one in rankings]
    assert len(set(answered)) == len(answered)
    assert audit.problems == ()

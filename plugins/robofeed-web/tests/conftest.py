"""A run folder with questions, a server on it in this process, and a real Chromium."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import uvicorn

from robofeed.data import consent
from robofeed.data.episode import Episode, Segment
from robofeed.data.errors import DataError
from robofeed.data.feedback import Feedback, Query
from robofeed.data.ledger import Ledger
from robofeed.data.observation import Ended
from robofeed.data.store import EpisodeStore
from robofeed_web import server
from robofeed_web.config import WebConfig

STEPS, HEIGHT, WIDTH = 12, 96, 128


@dataclass
class FakeClip:
    path: Path
    fps: float = 25.0
    missing: tuple[int, ...] = ()


class FakeFilm:
    """Clips without numbers: a white bar on black, whose height says how good the segment is."""

    frame = b""
    """what a camera sees now, as a JPEG"""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def clip_id(self, segment: Segment) -> str:
        return uuid.uuid5(uuid.NAMESPACE_URL, str(segment)).hex

    def ready(self, segment: Segment) -> FakeClip | None:
        path = self._folder / f"{self.clip_id(segment)}.mp4"
        return FakeClip(path) if path.exists() else None

    def clip(self, segment: Segment, timeout_s: float) -> FakeClip:
        path = self._folder / f"{self.clip_id(segment)}.mp4"
        with self._lock:
            if not path.exists():
                write_bar(path, goodness(segment))
        return FakeClip(path)

    def draw(self, scene: Any) -> Any:
        return np.full((HEIGHT, WIDTH, 3), 90, np.uint8)

    def newest(self) -> bytes:
        if not self.frame:
            raise DataError("this arm has no camera")
        return self.frame

    def close(self) -> None:
        pass


def goodness(segment: Segment) -> float:
    """0 to 1, by the number of the episode."""
    return (int(segment.episode_id[1:]) * 37 % 100) / 100


def write_bar(path: Path, height: float) -> None:
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream: Any = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for step in range(STEPS):
            picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
            picture[HEIGHT - round(height * HEIGHT) :, 4 * step : 4 * step + 60] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def question(number: int, clips: int = 2, order: tuple[int, ...] | None = None) -> Query:
    segments = tuple(Segment(f"e{5 * number + each:06d}", 0, STEPS) for each in range(clips))
    shown = order or tuple(np.random.default_rng(number).permutation(clips).tolist())
    return Query(f"q{number:06d}", segments, shown)


def make_run(path: Path, questions: int = 0, clips: int = 2) -> Path:
    """A run folder with open questions in its ledger."""
    path.mkdir(parents=True)
    about = {"name": path.name, "status": "running", "task": "reach", "seed": 0}
    (path / "run.json").write_text(json.dumps(about), encoding="utf-8")
    (path / "config.toml").write_text('[backend]\nuse = "point"\n', encoding="utf-8")
    with contextlib.closing(Ledger.open(path / "feedback.sqlite")) as ledger:
        ledger.add_queries([question(number, clips) for number in range(questions)])
    return path


def write_episode(run_dir: Path, name: str) -> None:
    """An episode of which nothing matters but that it is there."""
    still = np.zeros((STEPS, 2), np.float32)
    EpisodeStore(run_dir).write(
        Episode(
            id=name,
            observations=np.zeros((STEPS + 1, 4), np.float32),
            time_ns=np.arange(STEPS + 1) * 40_000_000,
            proposed=still,
            executed=still,
            gates=np.zeros(STEPS, np.uint16),
            mode=np.zeros(STEPS, np.uint8),
            policy_version=np.zeros(STEPS, np.int64),
            scene=np.zeros((STEPS + 1, 4), np.float32),
            ended=Ended.TRUNCATED,
            seed=0,
            spec_hash="0",
        )
    )


@dataclass
class Served:
    """A server that is up, and its ledger as another process would see it."""

    run_dir: Path
    url: str
    server: uvicorn.Server
    thread: threading.Thread
    ledger: Ledger
    troubles: list[BaseException] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.url.split(":")[2].split("/")[0])

    @property
    def token(self) -> str:
        return self.url.rpartition("=")[2]

    def standing(self, kind: type[Feedback] | None = None) -> list[Any]:
        said = [entry.feedback for entry in self.ledger.standing()]
        return [each for each in said if kind is None or isinstance(each, kind)]

    def end(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()
        assert self.troubles == []
        self.ledger.close()


def start(run_dir: Path, **settings: Any) -> Served:
    """A server in a thread; clips are fakes unless the run has real ones."""
    told: list[str] = []
    begun: list[uvicorn.Server] = []
    troubles: list[BaseException] = []
    up = threading.Event()

    def announce(url: str) -> None:
        told.append(url)
        up.set()

    def run() -> None:
        try:
            server.serve(run_dir, WebConfig(**settings), announce, begun.append)
        except BaseException as error:
            troubles.append(error)
            up.set()

    thread = threading.Thread(target=run, name="server", daemon=True)
    thread.start()
    assert up.wait(30)
    if troubles:
        raise troubles[0]
    while not begun[0].started:
        time.sleep(0.01)
    ledger = Ledger.open(run_dir / "feedback.sqlite")
    return Served(run_dir, told[0], begun[0], thread, ledger, troubles)


class Caller:
    """What a program says to the server, with every header in its hands.

    Each request has a connection of its own, unless they share one by `keep`.
    """

    def __init__(self, port: int, cookie: str = "", keep: bool = False) -> None:
        self.port, self.cookie, self.keep = port, cookie, keep
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        host = f"127.0.0.1:{self.port}"
        sent: dict[str, str | None] = {"Host": host, "Origin": f"http://{host}"}
        if self.cookie:
            sent["Cookie"] = self.cookie
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if data is not None:
            sent |= {"Content-Type": "application/json", "Content-Length": str(len(data))}
        sent |= headers or {}
        connection = self._connection
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(data)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            if not self.keep:
                connection.close()

    def close(self) -> None:
        """Let go of a connection that is kept."""
        self._connection.close()

    def enter(self, token: str) -> Caller:
        """Come in by a link; keeps the cookie."""
        status, headers, _ = self("GET", f"/?token={token}")
        assert status == 200
        self.cookie = headers["set-cookie"].partition(";")[0]
        return self

    def said(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        status, _, answer = self(method, path, body)
        return status, json.loads(answer)

    def agree(self) -> Caller:
        """Agree to the text about what is kept."""
        status, _ = self.said(
            "POST",
            "/api/feedback",
            {"kind": "consent", "uuid": str(uuid.uuid4()), "version": consent.VERSION},
        )
        assert status == 200
        return self


@pytest.fixture
def fake_film(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Clips that are drawn here: no simulator is needed."""
    folder = tmp_path / "film"
    folder.mkdir()
    monkeypatch.setattr(server, "RunFilm", lambda run_dir: FakeFilm(folder))


@pytest.fixture
def served(tmp_path: Path, fake_film: None) -> Iterator[Served]:
    """A run with 30 questions about pairs, and its server."""
    up = start(make_run(tmp_path / "run", 30))
    yield up
    up.end()


@pytest.fixture
def operator(served: Served) -> Caller:
    """Who started the server, having agreed to the text."""
    return Caller(served.port).enter(served.token).agree()

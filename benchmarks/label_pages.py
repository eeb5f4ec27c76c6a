"""Fifty label pages open at once: how long the server takes, and what it grows to.

Each page is a person with a link, a cookie and a connection kept alive, who does what the page
does: load the page and its files, ask for three questions, fetch the clips of the next two, answer
after a few seconds of looking, ask for the next. All open at the same moment. Clips are real ones.
There are 40, drawn before the pages open (`clips_drawn_s`), and a page fetches each once, as a
browser's cache does: new ones for a dozen questions a second nobody could draw.

Prints medians and 99th percentiles of each kind of request, the seconds from opening a page to
having its first question and clips, and the server's threads, memory and share of a processor.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from answers import summary
from clips import film
from served_run import Browser, Server, make_run, ranking

from robofeed.data.episode import Segment
from robofeed.data.feedback import Query, Ranking
from robofeed.data.ledger import Ledger
from robofeed.data.store import EpisodeStore
from robofeed_pybullet.backend import PybulletBackend
from robofeed_pybullet.config import PybulletConfig

EPISODES, STEPS = 20, 25
THINKS_S = (2.0, 6.0)
NOTHING_OPEN_S = 1.5
"""A page looks again so often where there is no question for it."""


class Times:
    """Seconds by kind of request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: defaultdict[str, list[float]] = defaultdict(list)

    @contextmanager
    def of(self, kind: str) -> Iterator[None]:
        began_s = time.perf_counter()
        yield
        with self._lock:
            self._taken[kind].append(time.perf_counter() - began_s)

    def summary(self) -> dict[str, Any]:
        return {
            kind: {"count": len(each), **summary(each)}
            for kind, each in sorted(self._taken.items())
        }


class Page(threading.Thread):
    """One person's open page."""

    def __init__(
        self, browser: Browser, token: str, times: Times, until_s: float, seed: int
    ) -> None:
        super().__init__(daemon=True)
        self._browser, self._token, self._times, self._until_s = browser, token, times, until_s
        self._rng = random.Random(seed)
        self._cached: set[str] = set()
        self.answers = 0
        self.finished = False

    def run(self) -> None:
        with self._times.of("page_opened"):
            self._open()
            ready = self._next([])
        while time.monotonic() < self._until_s:
            if not ready:
                time.sleep(NOTHING_OPEN_S)
            else:
                time.sleep(self._rng.uniform(*THINKS_S))
                with self._times.of("answer"):
                    self._browser.post("/api/feedback", ranking(ready.pop(0)))
                self.answers += 1
            ready = self._next(ready)
        self.finished = True

    def _open(self) -> None:
        self._browser.enter(self._token)
        page = self._browser.get("/").decode()
        files = {*re.findall(r'(?:src|href)="(/static/[^"]+)"', page), *MODULES}
        for file in sorted(files):
            with self._times.of("file"):
                self._browser.get(file)
        self._browser.get("/api/me")
        self._browser.agree()

    def _next(self, ready: list[str]) -> list[str]:
        """The next two questions, their clips fetched."""
        with self._times.of("questions"):
            asked = self._browser.post("/api/questions", {"count": 3})["questions"]
        fresh = [each for each in asked if each["id"] not in ready][: 2 - len(ready)]
        for clip in (clip for each in fresh for clip in each["clips"]):
            if clip not in self._cached:
                self._cached.add(clip)
                with self._times.of("clip"):
                    self._browser.get(f"/clips/{clip}")
        return [*ready, *(each["id"] for each in fresh)]


def modules() -> list[str]:
    """The page's scripts, which import one another."""
    import robofeed_web

    folder = Path(str(robofeed_web.__file__)).parent / "static"
    return [f"/static/{path.name}" for path in folder.glob("*.js")]


MODULES = modules()


def film_episodes(run_dir: Path) -> None:
    backend = PybulletBackend(PybulletConfig(arm="so101", task="reach"))
    backend.open()
    store = EpisodeStore(run_dir)
    for number in range(EPISODES):
        film(store, backend, f"e{number}", number)
    backend.close()


def questions(count: int, rng: random.Random) -> Iterable[Query]:
    segments = [
        Segment(f"e{number}", at, at + STEPS) for number in range(EPISODES) for at in (0, STEPS)
    ]
    for number in range(count):
        first, second = rng.sample(segments, 2)
        yield Query(f"q{number:06}", (first, second), (0, 1))


def make_clips(server: Server, token: str, count: int) -> None:
    """Have the clips of the first `count` questions drawn."""
    browser = Browser(server.port).enter(token).agree()
    drawn: set[str] = set()
    for number in range(count):
        asked = json.loads(browser.get(f"/api/questions/q{number:06}"))
        for clip in set(asked["clips"]) - drawn:
            browser.get(f"/clips/{clip}")
            drawn.add(clip)


def measure(pages: int, seconds: float, folder: Path) -> dict[str, Any]:
    """Serve, open the pages, watch the server meanwhile."""
    run_dir = folder / "run"
    count = round(pages * (3 + seconds / THINKS_S[0]))
    helper, *tokens = make_run(run_dir, questions(count, random.Random(0)), 1 + pages)
    film_episodes(run_dir)
    load, times = [os.getloadavg()[0]], Times()
    threads = memory_kb = 0
    with Server(run_dir) as server:
        began_s = time.monotonic()
        make_clips(server, helper, count)
        drawn_s = time.monotonic() - began_s
        began_s, used_s = time.monotonic(), server.cpu_s
        until_s = began_s + seconds
        people = [
            Page(Browser(server.port), token, times, until_s, number)
            for number, token in enumerate(tokens)
        ]
        for page in people:
            page.start()
        while any(page.is_alive() for page in people):
            threads = max(threads, server.status("Threads"))
            memory_kb = max(memory_kb, server.status("VmRSS"))
            time.sleep(0.2)
        used_s = (server.cpu_s - used_s) / (time.monotonic() - began_s)
    load.append(os.getloadavg()[0])
    with closing(Ledger.open(run_dir / "feedback.sqlite")) as ledger:
        rankings = [one.feedback for one in ledger.since() if isinstance(one.feedback, Ranking)]
    return {
        "pages": pages,
        "pages_that_went_on_to_the_end": sum(page.finished for page in people),
        "answers": sum(page.answers for page in people),
        "stored": len(rankings),
        "questions_answered_twice": len(rankings) - len({one.query_id for one in rankings}),
        "clips_drawn_s": round(drawn_s, 1),
        "requests": times.summary(),
        "server_threads": threads,
        "server_memory_mb": round(memory_kb / 1024),
        "server_share_of_a_core": round(used_s, 3),
        "load_average_before_and_after": load,
        "cores": os.cpu_count(),
    }


def main() -> None:
    """Print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON, as it does anyway")
    parser.add_argument("--pages", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".", prefix="benchmark-") as folder:
        print(json.dumps(measure(options.pages, options.seconds, Path(folder)), indent=2))


if __name__ == "__main__":
    main()

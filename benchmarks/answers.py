"""100 answers a second over HTTP, each on the disk before it is acknowledged: lost, doubled, late.

Eight people with links and cookies of their own, on connections that are kept alive, answer to
`robofeed label RUN`; with each answer comes the request for the next questions, as the page makes
it, but not the clips, which no machine could draw at this rate. Answers are due at fixed times,
whether or not those before them are done, and the time of each is counted from when it was due: a
stall then shows in all answers that waited behind it. Afterwards the ledger is searched for every
acknowledged uuid.

Beside it stands what the disk does meanwhile, without any database: a page of 4 KiB written and
synced twice a second, in the same folder. Wanted: p99_ms at most 50, lost and doubled 0.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from served_run import Browser, Server, make_run, ranking

from robofeed.data.episode import Segment
from robofeed.data.feedback import Query
from robofeed.data.ledger import Ledger

PEOPLE = 8
_SYNC_EVERY_S = 0.5


def questions(count: int) -> list[Query]:
    return [
        Query(
            f"q{number:06}", (Segment(f"e{number}", 0, 25), Segment(f"e{number}", 25, 50)), (0, 1)
        )
        for number in range(count)
    ]


def summary(times_s: Sequence[float]) -> dict[str, float]:
    """Median, p99 and maximum in ms."""
    ordered = sorted(times_s)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return {
        "p50_ms": round(1e3 * statistics.median(ordered), 2),
        "p99_ms": round(1e3 * p99, 2),
        "max_ms": round(1e3 * ordered[-1], 2),
    }


class Disk(threading.Thread):
    """Writes and syncs a page now and then; how long that took is in `times_s`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self._path = folder / "page"
        self._ending = threading.Event()
        self.times_s: list[float] = []

    def run(self) -> None:
        with open(self._path, "wb", buffering=0) as file:
            while not self._ending.wait(_SYNC_EVERY_S):
                began_s = time.perf_counter()
                file.write(b"x" * 4096)
                os.fsync(file.fileno())
                self.times_s.append(time.perf_counter() - began_s)

    def end(self) -> dict[str, float]:
        self._ending.set()
        self.join()
        return summary(self.times_s)


class Person(threading.Thread):
    """Answers whenever an answer is due and this person is free."""

    def __init__(self, browser: Browser, due: queue.Queue[float | None]) -> None:
        super().__init__(daemon=True)
        self._browser, self._due = browser, due
        self.acknowledged: list[str] = []
        self.times_s: list[float] = []
        self.finished = False
        self._first = self._next()

    def run(self) -> None:
        held = self._first
        while (due_s := self._due.get()) is not None:
            said = ranking(held)
            self._browser.post("/api/feedback", said)
            self.times_s.append(time.perf_counter() - due_s)
            self.acknowledged.append(said["uuid"])
            held = self._next()
        self.finished = True

    def _next(self) -> str:
        return str(self._browser.post("/api/questions", {"count": 3})["questions"][0]["id"])


def give_answers(people: Sequence[Person], due: queue.Queue[float | None], at_s: float) -> float:
    """Have answers given, `due` being filled every `at_s` seconds; returns the seconds it took."""
    count = due.maxsize
    for person in people:
        person.start()
    start_s = time.perf_counter()
    for number in range(count):
        due_s = start_s + number * at_s
        time.sleep(max(0.0, due_s - time.perf_counter()))
        due.put(due_s)
    for _ in people:
        due.put(None)
    for person in people:
        person.join()
    return time.perf_counter() - start_s


def measure(rate: float, seconds: float, folder: Path) -> dict[str, Any]:
    """Serve, answer, count."""
    count = round(rate * seconds)
    run_dir = folder / "run"
    tokens = make_run(run_dir, questions(count + 4 * PEOPLE), PEOPLE)
    load = [os.getloadavg()[0]]
    with Server(run_dir) as server:
        due: queue.Queue[float | None] = queue.Queue(count)
        people = [Person(Browser(server.port).enter(each).agree(), due) for each in tokens]
        disk = Disk(folder)
        disk.start()
        used_s = server.cpu_s
        elapsed_s = give_answers(people, due, 1.0 / rate)
        used_s = server.cpu_s - used_s
        disk_did = disk.end()
    if not all(person.finished for person in people):
        raise SystemExit("a person could not go on; the server's refusal stands above")
    load.append(os.getloadavg()[0])
    with closing(Ledger.open(run_dir / "feedback.sqlite")) as ledger:
        found = Counter(entry.feedback.stamp.uuid for entry in ledger.since())
        problems = ledger.verify().problems
    acknowledged = [each for person in people for each in person.acknowledged]
    return {
        "answers": len(acknowledged),
        "seconds": round(elapsed_s, 1),
        "answers_per_s": round(len(acknowledged) / elapsed_s, 1),
        **summary([each for person in people for each in person.times_s]),
        "lost": sum(uuid not in found for uuid in acknowledged),
        "doubled": sum(times > 1 for times in found.values()),
        "verify_problems": len(problems),
        "server_cpu_ms_an_answer": round(1e3 * used_s / len(acknowledged), 2),
        "a_page_synced": disk_did,
        "load_average_before_and_after": load,
        "cores": os.cpu_count(),
    }


def main() -> None:
    """Print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON, as it does anyway")
    parser.add_argument("--seconds", type=float, default=30.0, help="300 for the figure to quote")
    parser.add_argument("--rate", type=float, default=100.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".", prefix="benchmark-") as folder:
        print(json.dumps(measure(options.rate, options.seconds, Path(folder)), indent=2))


if __name__ == "__main__":
    main()

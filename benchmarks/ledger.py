"""How fast answers are acknowledged: at 100 a second, at full speed, and beside bare SQLite.

Answers arrive at fixed times, whether or not those before them are done, and the time of each is
counted from when it was due: a stall then shows in all answers that waited behind it. With each
answer the next question is taken, as a page does. Nothing is acknowledged before it is on the disk.
`--url` measures PostgreSQL (the server's own settings decide what "on the disk" means).
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import sqlite3
import statistics
import tempfile
import threading
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

from robofeed.data.episode import Segment
from robofeed.data.feedback import Query, Ranking, Stamp
from robofeed.data.ledger import Ledger

PEOPLE = 4


def fill(ledger: Ledger, count: int) -> None:
    """Ask `count` questions."""
    for first in range(0, count, 500):
        numbers = range(first, min(first + 500, count))
        ledger.add_queries(
            Query(
                f"q{number}", (Segment(f"e{number}", 0, 25), Segment(f"e{number}", 25, 50)), (0, 1)
            )
            for number in numbers
        )


def answer(person: str, query_id: str) -> Ranking:
    now_ns = time.time_ns()
    stamp = Stamp(str(uuid.uuid4()), person, "benchmark", now_ns - 10**9, now_ns, (0, 1))
    return Ranking(stamp, query_id, ((1,), (0,)))


def at_rate(ledger: Ledger, rate: float, seconds: float, take: bool) -> dict[str, Any]:
    """Give answers at `rate` a second from `PEOPLE` threads; latencies in ms, counted honestly."""
    count = round(rate * seconds)
    due: queue.Queue[float | None] = queue.Queue()
    leases = ledger.leases()
    latency_ms: list[float] = []
    sent: list[str] = []
    lock = threading.Lock()

    def work(person: str) -> None:
        held: list[Query] = leases.take(person, 2, time.time_ns()) if take else []
        while (due_s := due.get()) is not None:
            query_id = held.pop(0).id if held else "q0"
            record = answer(person, query_id)
            ledger.append(record)
            took_ms = (time.perf_counter() - due_s) * 1e3
            with lock:
                latency_ms.append(took_ms)
                sent.append(record.stamp.uuid)
            if take:
                held = leases.take(person, 2, time.time_ns())

    before = len(ledger.since())
    threads = [threading.Thread(target=work, args=(f"p{number}",)) for number in range(PEOPLE)]
    for thread in threads:
        thread.start()
    start_s = time.perf_counter()
    for number in range(count):
        due_s = start_s + number / rate
        time.sleep(max(0.0, due_s - time.perf_counter()))
        due.put(due_s)
    for _ in threads:
        due.put(None)
    for thread in threads:
        thread.join()
    elapsed_s = time.perf_counter() - start_s
    found = Counter(entry.feedback.stamp.uuid for entry in ledger.since(before))
    latency_ms.sort()
    return {
        "answers": count,
        "seconds": round(elapsed_s, 1),
        "answers_per_s": round(count / elapsed_s, 1),
        "p50_ms": round(statistics.median(latency_ms), 2),
        "p99_ms": round(latency_ms[min(count - 1, int(count * 0.99))], 2),
        "max_ms": round(latency_ms[-1], 2),
        "lost": sum(name not in found for name in sent),
        "doubled": sum(times > 1 for times in found.values()),
        "verify_problems": len(ledger.verify().problems),
    }


def appends_per_s(ledger: Ledger, count: int) -> float:
    """One thread, as fast as it goes."""
    start_s = time.perf_counter()
    for _ in range(count):
        ledger.append(answer("p0", "q0"))
    return count / (time.perf_counter() - start_s)


def bare_commits_per_s(path: Path, count: int) -> float:
    """The same bytes by the standard library's sqlite3 alone, each in a durable commit."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE records (uuid TEXT PRIMARY KEY, payload TEXT)")
    start_s = time.perf_counter()
    for _ in range(count):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO records VALUES (?, ?)", (str(uuid.uuid4()), "x" * 300))
        connection.execute("COMMIT")
    elapsed_s = time.perf_counter() - start_s
    connection.close()
    return count / elapsed_s


def main() -> None:
    """Print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON, as it does anyway")
    parser.add_argument("--seconds", type=float, default=30.0, help="300 for the figure to quote")
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--url", help="a PostgreSQL database instead of a file here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".", prefix="benchmark-") as folder:
        ledger = Ledger.open(options.url or f"{folder}/feedback.sqlite")
        fill(ledger, round(options.rate * options.seconds) + 10)
        result: dict[str, Any] = {"cores": os.cpu_count(), "load_average": os.getloadavg()[0]}
        result["at_rate"] = at_rate(ledger, options.rate, options.seconds, take=True)
        rates = [appends_per_s(ledger, 200) for _ in range(3)]
        bare = [bare_commits_per_s(Path(folder) / f"bare{n}.sqlite", 200) for n in range(3)]
        result["appends_per_s"] = round(statistics.median(rates), 1)
        result["bare_sqlite_commits_per_s"] = round(statistics.median(bare), 1)
        result["ratio"] = round(statistics.median(rates) / statistics.median(bare), 3)
        ledger.close()
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()

"""The ledger among threads, processes, SIGKILL and arbitrary histories."""

import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from robofeed.data.errors import DataError
from robofeed.data.feedback import Feedback, Query, Remark, Retraction, Skip, Stamp
from robofeed.data.ledger import Ledger

WRITER = """
import sys, threading, uuid
from robofeed.data.feedback import Remark, Stamp
from robofeed.data.ledger import Ledger

ledger, again = Ledger.open(sys.argv[1]), sys.argv[2:]
printing = threading.Lock()

def say(*words):
    with printing:
        print(*words, flush=True)

def write():
    while True:
        # A client that never heard back sends the same record again.
        try:
            name = again.pop()
        except IndexError:
            name = str(uuid.uuid4())
        say("sending", name)
        receipt = ledger.append(Remark(Stamp(name, "anna", "test"), "x" * 2000))
        say("stored", receipt.uuid, receipt.sequence)

for _ in range(4):
    threading.Thread(target=write).start()
"""


@pytest.mark.soak
def test_kill_9_of_a_writer_loses_and_doubles_nothing(ledger_url, load_share):
    kills, rng = round(200 * load_share), random.Random(7)
    stored: dict[str, int] = {}
    in_doubt: list[str] = []
    for _ in range(kills):
        command = [sys.executable, "-c", WRITER, ledger_url, *in_doubt]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        # After so many lines and a moment, so that a slow machine too is killed in every phase.
        lines = [child.stdout.readline() for _ in range(rng.randint(1, 40))]
        time.sleep(rng.uniform(0.0, 0.02))
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.readlines()
        child.wait()
        child.stdout.close()
        for line in lines:
            match line.split():
                case ["sending", name] if line.endswith("\n"):
                    in_doubt = [*dict.fromkeys([*in_doubt, name])]
                case ["stored", name, sequence] if line.endswith("\n"):
                    assert stored.setdefault(name, int(sequence)) == int(sequence)
                    in_doubt = [each for each in in_doubt if each != name]
    ledger = Ledger.open(ledger_url)
    assert ledger.verify().problems == ()
    entries = ledger.since()
    ledger.close()
    found = {entry.feedback.stamp.uuid: entry.sequence for entry in entries}
    assert len(entries) == len(found), "none is there twice"
    assert len(stored) > kills, "the writers wrote"
    assert stored.items() <= found.items(), "every acknowledged record, at its sequence"
    assert found.keys() - stored.keys() <= set(in_doubt), "and none that was never sent"


OPENER = """
import sys
from robofeed.data.feedback import Remark, Stamp
from robofeed.data.ledger import Ledger
import alembic.command, uuid

print("ready", flush=True)
sys.stdin.readline()
ledger = Ledger.open(sys.argv[1])
for _ in range(5):
    ledger.append(Remark(Stamp(str(uuid.uuid4()), "anna", "test"), ""))
print(ledger.verify().problems, flush=True)
"""


def test_processes_that_open_a_new_ledger_at_once_migrate_it_once(tmp_path):
    path = tmp_path / "feedback.sqlite"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", OPENER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        said, _ = child.communicate()
        assert (said, child.returncode) == ("()\n", 0)
    ledger = Ledger.open(path)
    assert [entry.sequence for entry in ledger.since()] == list(range(1, 21))
    ledger.close()


def test_threads_that_append_and_read_see_one_order_without_gaps(tmp_path):
    ledger = Ledger.open(tmp_path / "feedback.sqlite")
    failures, seen = [], []

    def write(person):
        try:
            for _ in range(20):
                ledger.append(Remark(Stamp(str(uuid.uuid4()), person, "test"), ""))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(f"person {n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    # A reader with a cursor must never find out later about a record before it.
    while len(seen) < 120 and not failures:
        seen += [entry.sequence for entry in ledger.since(seen[-1] if seen else 0)]
    for thread in threads:
        thread.join()
    ledger.close()
    assert failures == []
    assert seen == list(range(1, 121))


MEMORY = Path("/dev/shm")


class History(RuleBasedStateMachine):
    """Any history of appending, repeating, contradicting and retracting, against plain lists."""

    records = Bundle("records")

    def __init__(self) -> None:
        super().__init__()
        # In memory where there is such a folder: what survives a power cut is not the subject here.
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.path = Path(self.folder.name) / "feedback.sqlite"
        self.ledger = Ledger.open(self.path)
        self.said: list[Feedback] = []
        self.asked: list[Query] = []

    def teardown(self) -> None:
        self.ledger.close()
        self.folder.cleanup()

    @rule(target=records, record=st.from_type(Feedback))
    def append(self, record):
        same = [each for each in self.said if each.stamp.uuid == record.stamp.uuid]
        if same and same != [record]:
            with pytest.raises(DataError, match="is there already"):
                self.ledger.append(record)
            return same[0]
        if not same:
            self.said.append(record)
        assert self.ledger.append(record).sequence == self.said.index(record) + 1
        return record

    @rule(record=records)
    def repeat(self, record):
        assert self.ledger.append(record).sequence == self.said.index(record) + 1

    @rule(record=records, query_id=st.text(max_size=3))
    def contradict(self, record, query_id):
        other = Skip(record.stamp, query_id)
        if other != record:
            with pytest.raises(DataError, match="is there already"):
                self.ledger.append(other)

    @rule(target=records, record=records, number=st.uuids(version=4))
    def retract(self, record, number):
        undo = Retraction(Stamp(str(number), "anna", "test"), record.stamp.uuid)
        return self.append(undo)

    @rule(queries=st.lists(st.from_type(Query), max_size=3))
    def ask(self, queries):
        known = {query.id: query for query in self.asked}
        fresh = []
        for query in queries:
            if known.setdefault(query.id, query) != query:
                with pytest.raises(DataError, match="was asked already"):
                    self.ledger.add_queries(queries)
                return
            if query not in self.asked and query not in fresh:
                fresh.append(query)
        self.ledger.add_queries(queries)
        self.asked += fresh

    @rule()
    def reopen(self):
        self.ledger.close()
        self.ledger = Ledger.open(self.path)

    @invariant()
    def the_ledger_tells_the_history(self):
        assert [entry.feedback for entry in self.ledger.since()] == self.said
        assert [entry.sequence for entry in self.ledger.since(1)] == list(
            range(2, len(self.said) + 1)
        )
        assert self.ledger.queries() == self.asked
        standing = [entry.feedback for entry in self.ledger.standing()]
        assert standing == [record for record in self.said if self._stands(record)]
        answered = {getattr(record, "query_id", None) for record in standing}
        assert self.ledger.open_queries() == [q for q in self.asked if q.id not in answered]
        assert self.ledger.verify().problems == ()

    def _stands(self, record):
        return not isinstance(record, Retraction) and not self._taken_back(record)

    def _taken_back(self, record):
        """By a retraction that was not itself taken back by a later one."""
        place = self.said.index(record)
        return any(
            isinstance(undo, Retraction)
            and undo.retracts == record.stamp.uuid
            and (later > place or not isinstance(record, Retraction))
            and not self._taken_back(undo)
            for later, undo in enumerate(self.said)
            if undo is not record
        )


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)

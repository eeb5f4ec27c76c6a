"""Leases: nobody is asked what another is busy with, and nothing is lost where two answer."""

import tempfile
import threading
import uuid
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from robofeed.data.episode import Segment
from robofeed.data.errors import ConfigError
from robofeed.data.feedback import REPEAT, Query, Ranking, Retraction, Skip, Stamp
from robofeed.data.ledger import Ledger

SECOND_NS = 1_000_000_000


def query(number, reason="uniform", of=None):
    segments = tuple(Segment(f"e{number if of is None else of}", at, at + 5) for at in (0, 9))
    return Query(f"q{number}", segments, (0, 1), reason)


def ids(queries):
    return [query.id for query in queries]


def answer(ledger, person, query_id, skip=False):
    stamp = Stamp(str(uuid.uuid4()), person, "test")
    ledger.append(Skip(stamp, query_id) if skip else Ranking(stamp, query_id, ((0,), (1,))))
    return stamp.uuid


@pytest.fixture
def ledger(ledger_url):
    ledger = Ledger.open(ledger_url)
    ledger.add_queries([query(number) for number in range(4)])
    yield ledger
    ledger.close()


def test_people_get_different_questions_in_the_order_they_were_asked(ledger):
    leases = ledger.leases()
    assert ids(leases.take("p1", 2, 0)) == ["q0", "q1"]
    assert ids(leases.take("p2", 9, 0)) == ["q2", "q3"]
    assert leases.take("p3", 1, 0) == []


def test_taking_again_gives_what_is_held_and_then_more(ledger):
    leases = ledger.leases()
    leases.take("p1", 2, 0)
    assert ids(leases.take("p1", 2, 0)) == ["q0", "q1"]
    assert ids(leases.take("p1", 3, 0)) == ["q0", "q1", "q2"]
    answer(ledger, "p1", "q0")
    assert ids(leases.take("p1", 2, 0)) == ["q1", "q2"]
    assert not leases.holds("p1", "q0", 0)


def test_a_lease_ends_with_its_time_and_the_late_answer_is_an_extra_label(ledger):
    leases = ledger.leases(hold_s=10.0)
    leases.take("p1", 1, 0)
    before, after = 10 * SECOND_NS - 1, 10 * SECOND_NS
    assert leases.holds("p1", "q0", before)
    assert "q0" not in ids(leases.take("p2", 1, before))
    assert not leases.holds("p1", "q0", after)
    assert ids(leases.take("p2", 2, after)) == ["q1", "q0"], "what they held already comes first"
    answer(ledger, "p1", "q0")
    answer(ledger, "p2", "q0")
    people = [entry.feedback.stamp.person for entry in ledger.standing()]
    assert people == ["p1", "p2"], "both are kept"
    assert "q0" not in ids(leases.take("p3", 9, after))


def test_taking_in_time_holds_on(ledger):
    leases = ledger.leases(hold_s=10.0)
    leases.take("p1", 1, 0)
    leases.take("p1", 1, 8 * SECOND_NS)
    assert leases.holds("p1", "q0", 15 * SECOND_NS)


def test_what_is_given_back_goes_to_others(ledger):
    leases = ledger.leases()
    leases.take("p1", 2, 0)
    leases.release("p1", ["q0", "q3"])
    assert ids(leases.take("p2", 1, 0)) == ["q0"]
    leases.release("p1", ["q0"])
    assert leases.holds("p2", "q0", 0), "only one's own"


def test_overlap_asks_so_many_people_and_no_more(ledger):
    leases = ledger.leases(overlap=2)
    assert ids(leases.take("p1", 1, 0)) == ids(leases.take("p2", 1, 0)) == ["q0"]
    assert ids(leases.take("p3", 1, 0)) == ["q1"]
    answer(ledger, "p1", "q0")
    assert "q0" not in ids(leases.take("p3", 4, 0)), "p2 still holds it"
    leases.release("p2", ["q0"])
    assert "q0" in ids(leases.take("p3", 4, 0))
    answer(ledger, "p3", "q0", skip=True)
    assert "q0" not in ids(leases.take("p4", 4, 0)), "cannot tell is an answer"
    assert "q0" not in ids(leases.take("p1", 4, 0))


def test_an_undo_opens_the_question_again(ledger):
    leases = ledger.leases()
    leases.take("p1", 1, 0)
    uuid_ = answer(ledger, "p1", "q0")
    assert ids(leases.take("p2", 1, 0)) == ["q1"]
    ledger.append(Retraction(Stamp(str(uuid.uuid4()), "p1", "test"), uuid_))
    assert ids(leases.take("p1", 1, 0)) == ["q0"]


def test_a_question_put_again_goes_to_who_had_it_first(ledger):
    ledger.add_queries([query(4, REPEAT, of=0)])
    leases = ledger.leases()
    answer(ledger, "p1", "q0")
    assert ids(leases.take("p2", 4, 0)) == ["q1", "q2", "q3", "q4"], "to others last"
    leases.release("p2", ["q1", "q2", "q3", "q4"])
    assert ids(leases.take("p1", 4, 0)) == ["q1", "q2", "q3", "q4"]


def test_leases_are_those_of_the_ledger_not_of_a_process(ledger, ledger_url):
    other = Ledger.open(ledger_url)
    assert ids(ledger.leases().take("p1", 2, 0)) == ["q0", "q1"]
    assert ids(other.leases().take("p2", 2, 0)) == ["q2", "q3"]
    other.close()


@pytest.mark.parametrize(("overlap", "hold_s"), [(0, 1.0), (1, 0.0), (1, float("nan"))])
def test_settings_without_sense_are_refused(ledger, overlap, hold_s):
    with pytest.raises(ConfigError, match="more than 0"):
        ledger.leases(overlap, hold_s)


def test_people_who_take_at_once_never_hold_the_same_question(ledger):
    ledger.add_queries([query(number) for number in range(4, 60)])
    leases = ledger.leases()
    start, lent, failures = threading.Barrier(4), [], []

    def work(person):
        try:
            start.wait()
            for _ in range(7):
                for each in leases.take(person, 2, 0):
                    lent.append(each.id)
                    answer(ledger, person, each.id)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"p{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(lent) == 4 * 7 * 2
    assert max(Counter(lent).values()) == 1


class LendingMachine(RuleBasedStateMachine):
    """Any history of taking, answering, undoing and waiting, against what a lease promises."""

    PEOPLE = st.sampled_from(["p1", "p2", "p3"])
    QUERIES = st.integers(0, 3)

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.ledger = Ledger.open(f"{self.folder.name}/feedback.sqlite")
        self.ledger.add_queries([query(number) for number in range(4)])
        self.overlap = 2
        self.leases = self.ledger.leases(self.overlap, hold_s=10.0)
        self.now_ns = 0
        self.answers: dict[str, tuple[str, str]] = {}
        self.held: dict[tuple[str, str], int] = {}

    def teardown(self):
        self.ledger.close()
        self.folder.cleanup()

    def answered(self, query_id):
        return {person for person, answered in self.answers.values() if answered == query_id}

    @rule(person=PEOPLE, count=st.integers(0, 4))
    def take(self, person, count):
        for key in list(self.held):
            if self.held[key] <= self.now_ns or (
                key[0] == person and person in self.answered(key[1])
            ):
                del self.held[key]
        free = set()
        for each in (f"q{number}" for number in range(4)):
            busy = {who for who, held in self.held if held == each} | self.answered(each)
            if person not in self.answered(each) and len(busy - {person}) < self.overlap:
                free.add(each)
        lent = ids(self.leases.take(person, count, self.now_ns))
        assert len(set(lent)) == len(lent) == min(count, len(free))
        assert set(lent) <= free
        self.held.update(((person, each), self.now_ns + 10 * SECOND_NS) for each in lent)

    @rule(person=PEOPLE, number=QUERIES)
    def answer(self, person, number):
        self.answers[answer(self.ledger, person, f"q{number}")] = (person, f"q{number}")

    @rule(data=st.data())
    def undo(self, data):
        if self.answers:
            uuid_ = data.draw(st.sampled_from(sorted(self.answers)))
            person, _ = self.answers.pop(uuid_)
            self.ledger.append(Retraction(Stamp(str(uuid.uuid4()), person, "test"), uuid_))

    @rule(seconds=st.integers(1, 12))
    def wait(self, seconds):
        self.now_ns += seconds * SECOND_NS

    @invariant()
    def what_was_lent_is_held_until_its_time(self):
        for (person, query_id), until_ns in self.held.items():
            holds = self.leases.holds(person, query_id, self.now_ns)
            assert holds == (until_ns > self.now_ns)


TestAnyHistory = LendingMachine.TestCase
TestAnyHistory.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)

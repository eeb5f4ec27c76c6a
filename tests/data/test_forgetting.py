"""Forgetting a person: gone from what the ledger says and from its bytes, and nobody else is."""

import sqlite3
import uuid

import pytest

from robofeed.data.episode import Segment
from robofeed.data.errors import Busy, ConfigError
from robofeed.data.feedback import (
    Consent,
    Forgotten,
    Query,
    Ranking,
    Remark,
    Retraction,
    Skip,
    Stamp,
    from_payload,
    to_payload,
)
from robofeed.data.ledger import Ledger

PERSON, SHOWN_NS = "p-guinevere", 1_777_000_000_000_000_000
WORDS = "I live at number seven"


def stamp(number, person=PERSON, taken_ns=3_000_000_000):
    name = str(uuid.UUID(int=number))
    return Stamp(name, person, "web", SHOWN_NS + number, SHOWN_NS + number + taken_ns)


RECORDS = [
    Consent(stamp(1), "1", "I agree."),
    Ranking(stamp(2), "q0", ((1,), (0,))),
    Remark(stamp(3), WORDS),
    Ranking(stamp(4, "p-other"), "q0", ((0,), (1,))),
    Skip(stamp(5), "q1"),
    Ranking(stamp(6), "q1", ((1,), (0,))),
    Retraction(stamp(7), stamp(5).uuid),
]


def fill(ledger):
    segments = (Segment("e0", 0, 5), Segment("e1", 0, 5))
    ledger.add_queries([Query("q0", segments, (0, 1)), Query("q1", segments, (1, 0))])
    ledger.people.add(PERSON, "label")
    ledger.people.add("p-other", "label")
    ledger.leases(overlap=3).take(PERSON, 2, 0)
    for record in RECORDS:
        ledger.append(record)


@pytest.fixture
def ledger(ledger_url):
    ledger = Ledger.open(ledger_url)
    fill(ledger)
    yield ledger
    ledger.close()


def test_labels_stay_under_a_name_that_leads_to_nobody(ledger):
    done = ledger.forget(PERSON)
    assert (done.anonymised, done.emptied) == (4, 2)
    assert done.pseudonym.startswith("forgotten-") and PERSON not in done.pseudonym
    consent, ranking, remark, others, skip, second, undo = (e.feedback for e in ledger.since())
    assert isinstance(consent, Forgotten) and isinstance(remark, Forgotten)
    assert others == RECORDS[3]
    for left, before in ((ranking, RECORDS[1]), (skip, RECORDS[4]), (second, RECORDS[5])):
        assert left.stamp.person == done.pseudonym
        assert (left.stamp.uuid, left.query_id) == (before.stamp.uuid, before.query_id)
        taken_ns = left.stamp.answered_at_ns - left.stamp.shown_at_ns
        assert taken_ns == 3_000_000_000, "how long it took is kept, when it was is not"
        assert left.stamp.shown_at_ns < 10
    assert ranking.order == RECORDS[1].order
    assert undo.retracts == skip.stamp.uuid
    assert [entry.sequence for entry in ledger.standing()] == [1, 2, 3, 4, 6]
    assert ledger.verify().problems == ()


def test_labels_go_too_where_that_is_wanted(ledger):
    done = ledger.forget(PERSON, delete_labels=True)
    assert (done.anonymised, done.emptied) == (0, 6)
    kept = [entry for entry in ledger.since() if not isinstance(entry.feedback, Forgotten)]
    assert [(entry.sequence, entry.feedback) for entry in kept] == [(4, RECORDS[3])]
    assert ledger.verify().problems == ()
    assert ledger.count_answers() == 1
    assert [query.id for query in ledger.open_queries()] == ["q1"]


def test_their_link_lease_and_place_in_the_list_end(ledger):
    link = ledger.people.add("p-third", "label")
    ledger.leases().take("p-third", 1, 0)
    ledger.forget("p-third")
    assert ledger.people.by_token(link.token) is None
    assert [person.pseudonym for person in ledger.people.list()] == [PERSON, "p-other"]


def test_the_ledger_goes_on_and_is_append_only_as_before(ledger, ledger_url):
    ledger.forget(PERSON, delete_labels=True)
    assert ledger.append(Skip(stamp(8, "p-other"), "q1")).sequence == 8
    reader = ledger.since(7)
    assert [entry.sequence for entry in reader] == [8]
    if ledger_url.startswith("sqlite"):
        stranger = sqlite3.connect(ledger_url.removeprefix("sqlite:///"))
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            stranger.execute("UPDATE feedback SET person = 'x'")
        stranger.close()


@pytest.mark.parametrize("delete_labels", [False, True])
def test_no_byte_of_them_is_left_in_any_file(tmp_path, delete_labels):
    ledger = Ledger.open(tmp_path / "feedback.sqlite")
    fill(ledger)
    other = Ledger.open(tmp_path / "feedback.sqlite")
    assert len(other.since()) == len(RECORDS)

    def bytes_in_files():
        return b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert PERSON.encode() in bytes_in_files() and WORDS.encode() in bytes_in_files()
    ledger.forget(PERSON, delete_labels)
    for trace in (PERSON, WORDS, str(SHOWN_NS)[:9]):
        found = bytes_in_files().count(trace.encode())
        assert found == (1 if trace in str(SHOWN_NS) else 0) * 2, trace  # the other person's times
    ledger.close()
    other.close()


def test_a_reader_in_the_middle_of_something_is_named_and_doing_it_again_helps(tmp_path):
    path = tmp_path / "feedback.sqlite"
    ledger = Ledger.open(path, lock_timeout_s=0.1)
    fill(ledger)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM feedback").fetchall()
    with pytest.raises(Busy):
        ledger.forget(PERSON)
    assert PERSON not in {entry.feedback.stamp.person for entry in ledger.since()}
    reader.execute("ROLLBACK")
    reader.close()
    with pytest.raises(ConfigError, match="nobody called"):
        ledger.forget(PERSON)
    assert PERSON.encode() not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
    ledger.close()


def test_a_slip_of_the_pen_changes_nothing(ledger):
    before = ledger.since()
    with pytest.raises(ConfigError, match=f"did you mean '{PERSON}'"):
        ledger.forget(PERSON + "e")
    assert ledger.since() == before


def test_what_was_forgotten_is_not_taken_in_again(ledger):
    from robofeed.data.errors import Conflict

    ledger.forget(PERSON, delete_labels=True)
    with pytest.raises(Conflict):
        ledger.append(RECORDS[1])


def test_an_empty_record_survives_being_stored():
    record = Forgotten(Stamp(str(uuid.UUID(int=1)), "forgotten", ""))
    assert from_payload(to_payload(record)) == record

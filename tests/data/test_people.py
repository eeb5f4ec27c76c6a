"""People: who they are comes from the ledger, and their tokens cannot be read out of it."""

import sqlite3
import uuid

import pytest

from robofeed.data.episode import Segment
from robofeed.data.errors import ConfigError
from robofeed.data.feedback import Consent, Query, Retraction, Stamp
from robofeed.data.ledger import Ledger
from robofeed.data.people import Person, Role


def consent(number, person="p1", version="1"):
    return Consent(Stamp(str(uuid.UUID(int=number)), person, "test"), version, "I agree.")


@pytest.fixture
def ledger(ledger_url):
    ledger = Ledger.open(ledger_url)
    yield ledger
    ledger.close()


def test_a_token_leads_to_its_person(ledger):
    links = {role: ledger.people.add(f"p-{role}", role) for role in Role}
    for role, link in links.items():
        assert ledger.people.by_token(link.token) == Person(f"p-{role}", role)
        assert len(link.token) >= 22, "128 bits or more"
    assert len({link.token for link in links.values()}) == len(Role)
    assert {person.pseudonym for person in ledger.people.list()} == {f"p-{role}" for role in Role}


@pytest.mark.parametrize("token", ["", "x", "\ud800", "' OR 1=1 --", "a" * 100_000])
def test_a_wrong_token_leads_to_nobody(ledger, token):
    ledger.people.add("p1", Role.ADMIN)
    assert ledger.people.by_token(token) is None


def test_tokens_are_in_no_file_and_not_in_what_is_printed(tmp_path):
    ledger = Ledger.open(tmp_path / "feedback.sqlite")
    links = [ledger.people.add("p1", "label"), ledger.people.operator_link()]
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for link in links:
        assert link.token.encode() not in files
        assert link.token not in repr(link)
    assert b"p1" in files
    ledger.close()


def test_who_was_removed_is_out_at_once_everywhere_and_can_be_added_anew(ledger_url, ledger):
    elsewhere = Ledger.open(ledger_url)
    first = ledger.people.add("p1", "label")
    assert elsewhere.people.by_token(first.token) == Person("p1", Role.LABEL)
    elsewhere.people.remove("p1")
    assert ledger.people.by_token(first.token) is None
    assert ledger.people.get("p1") is None
    again = ledger.people.add("p1", "view")
    assert ledger.people.by_token(first.token) is None
    assert elsewhere.people.by_token(again.token) == Person("p1", Role.VIEW)
    elsewhere.close()


def test_the_operator_is_an_admin_whose_link_is_kept_nowhere(ledger_url, ledger):
    link = ledger.people.operator_link()
    assert ledger.people.by_token(link.token) == link.person == ledger.people.get("operator")
    assert link.person.role is Role.ADMIN
    assert ledger.people.list() == []
    elsewhere = Ledger.open(ledger_url)
    assert elsewhere.people.by_token(link.token) is None
    elsewhere.close()


def test_a_role_may_what_those_before_it_may():
    assert [Role.DRIVE.may(role) for role in Role] == [True, True, True, False]
    assert all(Role.ADMIN.may(role) for role in Role)
    assert [Role.VIEW.may(role) for role in Role] == [True, False, False, False]


@pytest.mark.parametrize("name", ["", "anna smith", "../p", "-p", "p\n", "ä", "x" * 65, "operator"])
def test_a_name_that_is_no_plain_word_is_refused(ledger, name):
    with pytest.raises(ConfigError, match="pseudonym"):
        ledger.people.add(name, "label")
    assert ledger.people.list() == []


def test_wrong_roles_and_names_are_named(ledger):
    ledger.people.add("p1", "label")
    with pytest.raises(ConfigError, match="no role 'labels'; did you mean 'label'"):
        ledger.people.add("p2", "labels")
    with pytest.raises(ConfigError, match="'p1' is there already"):
        ledger.people.add("p1", "view")
    with pytest.raises(ConfigError, match="nobody called 'p11'; did you mean 'p1'"):
        ledger.people.remove("p11")


def test_the_consent_that_counts_is_the_last_not_withdrawn(ledger):
    link = ledger.people.add("p1", "label")
    assert link.person.consent_version is None
    ledger.append(consent(1))
    ledger.append(consent(2, version="2"))
    ledger.append(consent(3, person="p2", version="3"))
    assert ledger.people.by_token(link.token) == Person("p1", Role.LABEL, "2")
    ledger.append(Retraction(Stamp(str(uuid.UUID(int=4)), "p1", "test"), consent(2).stamp.uuid))
    assert ledger.people.get("p1") == Person("p1", Role.LABEL, "1")


def test_removing_a_person_frees_what_they_held(ledger):
    ledger.add_queries([Query("q0", (Segment("e", 0, 5), Segment("e", 5, 9)), (0, 1))])
    ledger.people.add("p1", "label")
    leases = ledger.leases()
    assert len(leases.take("p1", 1, now_ns=0)) == 1
    assert leases.take("p2", 1, now_ns=0) == []
    ledger.people.remove("p1")
    assert len(leases.take("p2", 1, now_ns=0)) == 1


def test_a_database_from_before_there_were_people_is_brought_up_to_date(tmp_path):
    path = tmp_path / "feedback.sqlite"
    Ledger.open(path).close()
    old = sqlite3.connect(path)
    for statement in (
        "DROP TABLE people",
        "DROP TABLE leases",
        "DROP INDEX ix_feedback_person_kind",
        "UPDATE alembic_version SET version_num = '0001'",
    ):
        old.execute(statement)
    old.commit()
    old.close()
    ledger = Ledger.open(path)
    link = ledger.people.add("p1", "label")
    assert ledger.people.by_token(link.token) == Person("p1", Role.LABEL)
    ledger.close()

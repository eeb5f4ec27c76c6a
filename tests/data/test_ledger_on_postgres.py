"""A ledger in PostgreSQL keeps the same promises, and says clearly why it cannot be reached."""

import subprocess
import sys
import threading
import time
import uuid

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from robofeed.data.episode import Segment
from robofeed.data.errors import Busy, ConfigError, DataError, without_passwords
from robofeed.data.feedback import Query, Remark, Stamp
from robofeed.data.ledger import Ledger
from robofeed.data.ledger_url import own_schema

PASSWORD = "correct-horse"


def remark(number):
    return Remark(Stamp(str(uuid.UUID(int=number)), "p1", "test"), f"remark {number}")


@pytest.fixture
def url(postgres):
    return postgres.fresh_url()


@pytest.fixture
def connect(postgres, url):
    """Makes plain connections, as another program would, to the schema of `url`."""
    opened = []

    def connect(autocommit=True):
        schema = url.rpartition("=")[2]
        connection = psycopg.connect(
            host=str(postgres.folder), user="tester", dbname="postgres", autocommit=autocommit
        )
        connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(schema)))
        connection.commit()
        opened.append(connection)
        return connection

    yield connect
    for connection in opened:
        connection.close()


@pytest.mark.needs("postgres")
def test_who_has_seen_2_has_seen_1(url):
    """Two transactions at once: the second waits for the first, so it cannot become visible
    before it. With a bigserial it would take 2, commit, and be seen while 1 is still open.
    """
    ledger, other = Ledger.open(url), Ledger.open(url)
    receipts = []
    second = threading.Thread(target=lambda: receipts.append(other.append(remark(2))))
    with ledger._database.writing() as first:
        ledger._insert(first, remark(1), 1)
        second.start()
        deadline_s = time.monotonic() + 60.0
        while not waiting(first):
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
        assert receipts == [], "the second has no sequence yet"
        assert ledger.since() == [], "a reader sees neither, and does not wait"
    second.join()
    assert receipts[0].sequence == 2
    assert [entry.feedback for entry in ledger.since()] == [remark(1), remark(2)]
    ledger.close()
    other.close()


def waiting(connection):
    return connection.scalar(
        sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    )


@pytest.mark.needs("postgres")
def test_a_transaction_that_is_undone_leaves_no_gap(url):
    ledger = Ledger.open(url)
    with pytest.raises(RuntimeError), ledger._database.writing() as first:
        ledger._insert(first, remark(1), 1)
        raise RuntimeError
    assert ledger.append(remark(2)).sequence == 1
    ledger.close()


WRITER = """
import sys, uuid
from robofeed.data.feedback import Remark, Stamp
from robofeed.data.ledger import Ledger

ledger = Ledger.open(sys.argv[1])
for _ in range(25):
    ledger.append(Remark(Stamp(str(uuid.uuid4()), "p1", "test"), ""))
"""


@pytest.mark.needs("postgres")
def test_processes_that_open_it_at_once_and_write_make_one_order_without_gaps(url):
    children = [subprocess.Popen([sys.executable, "-c", WRITER, url]) for _ in range(3)]
    assert [child.wait() for child in children] == [0, 0, 0]
    ledger = Ledger.open(url)
    assert [entry.sequence for entry in ledger.since()] == list(range(1, 76))
    assert ledger.verify().problems == ()
    ledger.close()


@pytest.mark.needs("postgres")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE feedback SET person = 'p2'",
        "DELETE FROM feedback",
        "TRUNCATE feedback",
        "INSERT INTO feedback SELECT 'x', 7, kind, person, source, query_id, payload, 0, 0, 0, 1 "
        "FROM feedback",
        "UPDATE queries SET reason = 'x'",
        "DELETE FROM queries",
    ],
)
def test_the_database_itself_refuses_to_change_what_was_said(url, connect, statement):
    ledger = Ledger.open(url)
    ledger.append(remark(1))
    ledger.add_queries([Query("q0", (Segment("e", 0, 5), Segment("e", 5, 9)), (0, 1))])
    with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
        connect().execute(statement)
    assert [entry.feedback for entry in ledger.since()] == [remark(1)]
    assert len(ledger.queries()) == 1
    ledger.close()


@pytest.mark.needs("postgres")
def test_the_migrations_lead_to_the_tables_of_the_code(url, postgres):
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    from robofeed.data.ledger_tables import METADATA

    ledger = Ledger.open(url)
    with ledger._database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    ledger.close()


@pytest.mark.needs("postgres")
def test_runs_that_share_a_database_do_not_see_each_other(postgres):
    first, second = (Ledger.open(own_schema(postgres.url(), "Reach 1")) for _ in range(2))
    first.append(remark(1))
    assert second.append(remark(1)).sequence == 1
    assert second.append(remark(2)).sequence == 2
    assert len(first.since()) == 1
    first.close()
    second.close()


@pytest.mark.needs("postgres")
def test_a_commit_is_on_the_disk_whatever_the_servers_setting(url, connect):
    connect().execute("ALTER ROLE tester SET synchronous_commit = off")
    ledger = Ledger.open(url)
    with ledger._database.writing() as connection:
        assert connection.scalar(sa.text("SHOW synchronous_commit")) == "on"
    ledger.close()
    connect().execute("ALTER ROLE tester RESET synchronous_commit")


@pytest.mark.needs("postgres")
def test_a_locked_ledger_says_so_and_takes_the_record_afterwards(url):
    holder, ledger = Ledger.open(url), Ledger.open(url, lock_timeout_s=0.2)
    with holder._database.writing():
        with pytest.raises(Busy, match=r"another process held it for 0.2 s; try again"):
            ledger.append(remark(1))
        assert ledger.since() == []
    assert ledger.append(remark(1)).sequence == 1
    holder.close()
    ledger.close()


@pytest.mark.needs("postgres")
def test_a_server_that_went_away_says_so_and_the_record_goes_in_when_it_is_back(postgres, url):
    ledger = Ledger.open(url)
    ledger.append(remark(1))
    postgres.stop()
    try:
        with pytest.raises(Busy, match="is the server running"):
            ledger.append(remark(2))
    finally:
        postgres.start()
    assert ledger.append(remark(2)).sequence == 2
    assert [entry.feedback for entry in ledger.since()] == [remark(1), remark(2)]
    ledger.close()


@pytest.mark.needs("postgres")
def test_a_password_comes_from_the_environment_and_is_in_no_message(postgres, connect, monkeypatch):
    connect().execute(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'")
    connect().execute("GRANT CREATE ON DATABASE postgres TO guarded")
    postgres.allow_only_with_password("guarded")
    url = postgres.url("guarded_run", user="guarded")
    with pytest.raises(DataError, match=r"PGPASSWORD or ~/\.pgpass"):
        Ledger.open(url)
    monkeypatch.setenv("PGPASSWORD", "wrong-horse")
    with pytest.raises(DataError, match="authentication failed") as caught:
        Ledger.open(url)
    assert "wrong-horse" not in str(caught.value)
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    ledger = Ledger.open(url)
    assert ledger.append(remark(1)).sequence == 1
    ledger.close()


def test_a_server_that_does_not_answer_is_named_with_what_to_do():
    with pytest.raises(Busy, match=r"127\.0\.0\.1.*is the server running") as caught:
        Ledger.open("postgresql://p1@127.0.0.1:1/robofeed")
    assert caught.value.exit_code == 4
    assert "\n" not in str(caught.value)


@pytest.mark.needs("postgres")
def test_a_database_that_does_not_exist_is_named(postgres):
    with pytest.raises(DataError, match='database "nowhere" does not exist'):
        Ledger.open(postgres.url(database="nowhere"))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"postgresql://p1:{PASSWORD}@host/db", "holds a password"),
        (f"postgresql://p1@host/db?password={PASSWORD}", "unknown key 'password'"),
        (f"postgresql://p1:{PASSWORD}@host:port/db", "not a database URL"),
        (f"postgresql+psycopg2://p1:{PASSWORD}@host/db", "holds a password"),
        (f"mysql://p1:{PASSWORD}@host/db", "kept in a SQLite file or in PostgreSQL"),
        ("postgresql+asyncpg://host/db", "write postgresql://"),
        ("postgresql://host", "names no database"),
        ("postgresql://host/db?schema=A-B", "a schema is"),
        ("postgresql://host/db?sslmod=require", "did you mean 'sslmode'"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_repeating_a_password(url, said):
    with pytest.raises(ConfigError, match=said) as caught:
        Ledger.open(url)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:///runs/feedback.sqlite", "always in the run's folder"),
        ("postgresql://host/db?schema=mine", "every run gets its own"),
    ],
)
def test_a_runs_url_is_a_database_for_several_runs(url, said):
    with pytest.raises(ConfigError, match=said):
        own_schema(url, "reach")


def test_passwords_are_hidden_in_any_text():
    text = f"at postgresql://p1:{PASSWORD}@host/db, and x://p1:p@{PASSWORD}@h?PASSWORD={PASSWORD}"
    assert PASSWORD not in without_passwords(text)
    assert "p1" in without_passwords(text)
    assert without_passwords("at 10:30 mail a@b.org") == "at 10:30 mail a@b.org"

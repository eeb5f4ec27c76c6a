"""The ledger's promises: nothing said is lost, doubled, replaced or out of order."""

import dataclasses
import resource
import sqlite3
import uuid

import pytest

from robofeed.data.episode import Segment
from robofeed.data.errors import Busy, ConfigError, Conflict, DataError, Full
from robofeed.data.feedback import Query, Ranking, Remark, Retraction, Skip, Stamp
from robofeed.data.ledger import Ledger


def stamp(number, person="anna"):
    return Stamp(str(uuid.UUID(int=number)), person, "test")


def ranking(number, query_id="q000000", order=((1,), (0,))):
    return Ranking(stamp(number), query_id, order)


def query(number):
    segments = tuple(Segment(f"e{number:06}", start, start + 5) for start in (0, 9))
    return Query(f"q{number:06}", segments, (1, 0), "disagreement")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "feedback.sqlite"


@pytest.fixture
def ledger(ledger_url):
    ledger = Ledger.open(ledger_url)
    yield ledger
    ledger.close()


@pytest.fixture
def file_ledger(path):
    ledger = Ledger.open(path)
    yield ledger
    ledger.close()


# --- records --------------------------------------------------------------------------------------


def test_the_same_record_again_gives_the_same_receipt(ledger):
    first, second = ledger.append(ranking(1)), ledger.append(ranking(2))
    assert (first.sequence, second.sequence) == (1, 2)
    assert ledger.append(ranking(1)) == first
    assert [entry.feedback for entry in ledger.since()] == [ranking(1), ranking(2)]


def test_the_same_uuid_with_another_content_is_a_conflict_that_changes_nothing(ledger):
    ledger.append(ranking(1))
    with pytest.raises(Conflict, match=f"{ranking(1).stamp.uuid} is there already"):
        ledger.append(ranking(1, order=((0,), (1,))))
    with pytest.raises(DataError, match="is there already"):
        ledger.append(Skip(stamp(1), "q000000"))
    assert [entry.feedback for entry in ledger.since()] == [ranking(1)]


def test_since_gives_what_is_new_in_commit_order(ledger):
    for number in (5, 3, 9):
        ledger.append(ranking(number))
    assert [(entry.sequence, entry.feedback) for entry in ledger.since(1)] == [
        (2, ranking(3)),
        (3, ranking(9)),
    ]
    assert ledger.since(3) == []


def test_a_retraction_takes_back_and_can_be_taken_back(ledger):
    ledger.append(ranking(1))
    ledger.append(ranking(2))
    undo = Retraction(stamp(3), stamp(1).uuid)
    ledger.append(undo)
    assert [entry.feedback for entry in ledger.standing()] == [ranking(2)]
    assert ledger.since(2)[0].feedback == undo, "retractions are records themselves"
    ledger.append(Retraction(stamp(4), stamp(3).uuid))
    assert [entry.sequence for entry in ledger.standing()] == [1, 2]
    assert [entry.sequence for entry in ledger.standing(1)] == [2]


def test_an_undo_that_arrives_before_its_record_counts(ledger):
    ledger.append(Retraction(stamp(2), stamp(1).uuid))
    ledger.append(ranking(1))
    assert ledger.standing() == []


def test_answers_are_counted_as_questions_about_two_clips(ledger):
    ledger.append(ranking(1))
    ledger.append(ranking(2, order=((2,), (0, 3), (1,))))
    ledger.append(Skip(stamp(3), "q000001"))
    ledger.append(Remark(stamp(4), "a nice arm"))
    ledger.append(Retraction(stamp(5), stamp(1).uuid))
    assert ledger.count_answers() == 1 + 3 + 1


@pytest.mark.parametrize(
    "record",
    [
        dataclasses.replace(ranking(1), stamp=Stamp(stamp(1).uuid, "a\ud800", "test")),
        dataclasses.replace(ranking(1), stamp=Stamp(stamp(1).uuid, "a", "test", 2**63)),
    ],
)
def test_what_the_database_cannot_hold_is_refused_whole(ledger, record):
    with pytest.raises(DataError, match=r"cannot write to the ledger .*(feedback|postgresql)"):
        ledger.append(record)
    assert ledger.since() == []
    assert ledger.append(ranking(1)).sequence == 1


# --- queries --------------------------------------------------------------------------------------


def test_queries_come_back_and_adding_them_again_changes_nothing(ledger):
    asked = [query(2), query(1)]
    ledger.add_queries(asked)
    ledger.add_queries([*asked, query(3)])
    assert ledger.queries() == [query(2), query(1), query(3)]
    assert ledger.query("q000001") == query(1)
    with pytest.raises(DataError, match="no query q000009"):
        ledger.query("q000009")


def test_a_query_id_with_another_question_is_a_conflict_and_none_of_the_batch_is_kept(ledger):
    ledger.add_queries([query(1)])
    other = dataclasses.replace(query(1), reason="uniform")
    with pytest.raises(Conflict, match="q000001 was asked already"):
        ledger.add_queries([query(2), other])
    assert ledger.queries() == [query(1)]


def test_a_query_is_open_until_a_standing_answer(ledger):
    ledger.add_queries([query(number) for number in range(4)])
    ledger.append(ranking(1, "q000001"))
    ledger.append(Skip(stamp(2), "q000002"))
    assert ledger.open_queries() == [query(0), query(3)]
    assert [ledger.has_answer(query(number).id) for number in range(4)] == [
        False,
        True,
        True,
        False,
    ]
    ledger.append(Retraction(stamp(3), stamp(1).uuid))
    assert ledger.open_queries() == [query(0), query(1), query(3)]
    assert not ledger.has_answer("q000001")
    assert ledger.has_answer("q000002")
    ledger.append(Retraction(stamp(4), stamp(3).uuid))
    assert ledger.has_answer("q000001"), "the retraction itself was taken back"


def test_a_second_persons_answer_stands_when_the_first_is_taken_back(ledger):
    ledger.add_queries([query(1)])
    ledger.append(ranking(1, "q000001"))
    ledger.append(ranking(2, "q000001"))
    ledger.append(Retraction(stamp(3), stamp(1).uuid))
    assert ledger.has_answer("q000001")
    assert ledger.open_queries() == []


# --- append-only ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE feedback SET person = 'bert'",
        "DELETE FROM feedback",
        "INSERT OR REPLACE INTO feedback SELECT uuid, 2, kind, 'bert', source, query_id, payload, "
        "0, 0, 0, 1 FROM feedback",
        "INSERT OR REPLACE INTO feedback SELECT 'x', 1, kind, 'bert', source, query_id, payload, "
        "0, 0, 0, 1 FROM feedback",
        "INSERT INTO feedback SELECT 'x', 7, kind, person, source, query_id, payload, 0, 0, 0, 1 "
        "FROM feedback",
        "UPDATE queries SET reason = 'x'",
        "DELETE FROM queries",
        "INSERT OR REPLACE INTO queries SELECT id, 2, segments, shown_order, 'x', 0 FROM queries",
    ],
)
def test_the_database_itself_refuses_to_change_what_was_said(path, file_ledger, statement):
    file_ledger.append(ranking(1))
    file_ledger.add_queries([query(1)])
    stranger = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        stranger.execute(statement)
    stranger.close()
    assert [entry.feedback for entry in file_ledger.since()] == [ranking(1)]
    assert file_ledger.queries() == [query(1)]


# --- what can go wrong ----------------------------------------------------------------------------


def test_a_locked_ledger_says_so_and_takes_the_record_afterwards(path):
    ledger = Ledger.open(path, lock_timeout_s=0.05)
    stranger = sqlite3.connect(path, isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy, match=r"feedback\.sqlite: database is locked; another process"):
        ledger.append(ranking(1))
    assert ledger.since() == [], "readers do not wait"
    stranger.execute("ROLLBACK")
    stranger.close()
    assert ledger.append(ranking(1)).sequence == 1
    ledger.close()


def test_a_full_disk_loses_nothing_and_the_record_goes_in_once_there_is_room(path, file_ledger):
    """The limit on file sizes stands for the full disk."""
    file_ledger.append(ranking(1))
    long = Remark(stamp(2), "a long story " * 100_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(Full, match="nothing is half-written; free some space"):
            file_ledger.append(long)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert file_ledger.verify().problems == ()
    assert [entry.feedback for entry in file_ledger.since()] == [ranking(1)]
    assert file_ledger.append(long).sequence == 2


def test_what_is_not_a_ledger_is_refused_by_name_and_left_as_it_was(tmp_path):
    noise = tmp_path / "noise.sqlite"
    noise.write_bytes(b"not a database, " * 100)
    foreign = tmp_path / "foreign.sqlite"
    other = sqlite3.connect(foreign)
    other.execute("CREATE TABLE songs (name TEXT)")
    other.commit()
    other.close()
    for file, expected in ((noise, "not a database"), (foreign, "not a ledger of robofeed")):
        before = file.read_bytes()
        with pytest.raises(DataError, match=expected) as caught:
            Ledger.open(file)
        assert str(file) in str(caught.value)
        assert file.read_bytes() == before
    with pytest.raises(DataError, match="unable to open"):
        Ledger.open(tmp_path / "no_folder" / "feedback.sqlite")


@pytest.mark.parametrize("url", ["mysql://host/name", "sqlite://", ":memory:", "", "x://", "://"])
def test_only_files_and_postgresql_are_accepted(url):
    with pytest.raises(ConfigError, match=r"ledger is kept in|not a database URL"):
        Ledger.open(url)


def test_a_ledger_that_is_not_there_is_made_only_where_it_may_be(ledger_url):
    with pytest.raises(DataError, match="there is no ledger at"):
        Ledger.open(ledger_url, make=False)
    Ledger.open(ledger_url).close()
    Ledger.open(ledger_url, make=False).close()


def test_a_url_of_a_file_is_accepted(path):
    Ledger.open(f"sqlite:///{path}").close()
    assert path.is_file()


def test_a_ledger_of_a_newer_robofeed_is_refused(path, file_ledger):
    stranger = sqlite3.connect(path)
    stranger.execute("UPDATE alembic_version SET version_num = '9999'")
    stranger.commit()
    stranger.close()
    with pytest.raises(DataError, match=r"written by a newer robofeed.*9999"):
        Ledger.open(path)


def test_the_migrations_lead_to_the_tables_of_the_code(path, file_ledger):
    import sqlalchemy as sa
    from alembic.autogenerate import compare_metadata
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    from robofeed.data.ledger_tables import HEAD, METADATA

    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()
    config = Config()
    config.set_main_option("script_location", "robofeed.data:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def damage(path, *statements):
    """Do what the triggers would refuse."""
    stranger = sqlite3.connect(path)
    triggers = stranger.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for statement in (*(f"DROP TRIGGER {name}" for (name,) in triggers), *statements):
        stranger.execute(statement)
    stranger.commit()
    stranger.close()


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("DELETE FROM feedback WHERE sequence = 2", "has sequence 3, not 2"),
        ("UPDATE feedback SET payload = '{' WHERE sequence = 2", "record 2"),
        ("UPDATE feedback SET payload = '[]' WHERE sequence = 2", "record 2"),
        ("UPDATE feedback SET person = 'bert' WHERE sequence = 2", "payload differ"),
        ("DELETE FROM queries WHERE sequence = 1", "query q000002 has sequence 2, not 1"),
        ("UPDATE queries SET shown_order = '[0, 0]'", "query q000001"),
        ("UPDATE queries SET segments = '3'", "query q000001"),
    ],
)
def test_verify_finds_damage(path, file_ledger, statement, expected):
    for number in (1, 2, 3):
        file_ledger.append(ranking(number))
    file_ledger.add_queries([query(1), query(2)])
    assert (file_ledger.verify().records, file_ledger.verify().queries) == (3, 2)
    assert file_ledger.verify().problems == ()
    damage(path, statement)
    assert any(expected in problem for problem in file_ledger.verify().problems)

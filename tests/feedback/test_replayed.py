from dataclasses import replace

import pytest

from robofeed.data.errors import ConfigError, DataError
from robofeed.data.feedback import Ranking, Retraction, Skip
from robofeed.data.ledger import Ledger
from robofeed.feedback.replayed import read_answers


@pytest.fixture
def path(tmp_path):
    return tmp_path / "feedback.sqlite"


@pytest.fixture
def recorded(path, make_query, make_stamp):
    """Three questions; the first was answered twice, once taken back, the last not at all."""
    ledger = Ledger.open(path)
    ledger.add_queries([make_query(number) for number in range(3)])
    ledger.append(Ranking(make_stamp(1), "q000000", ((0,), (1,))))
    ledger.append(Ranking(make_stamp(2), "q000000", ((1,), (0,))))
    ledger.append(Retraction(make_stamp(3), make_stamp(2).uuid))
    ledger.append(Skip(make_stamp(4), "q000001"))
    ledger.close()


def test_each_query_gets_the_answer_that_stands(path, recorded, make_query, make_stamp, desk):
    answers = read_answers(str(path))
    assert answers.prompt
    with pytest.raises(RuntimeError, match="before open"):
        answers.ask([make_query(0)])
    answers.open(desk)
    answers.ask([make_query(1), make_query(0)])
    answers.close()
    assert desk.records == [
        Skip(make_stamp(4), "q000001"),
        Ranking(make_stamp(1), "q000000", ((0,), (1,))),
    ]


def test_a_query_without_an_answer_is_named(path, recorded, make_query, desk):
    answers = read_answers(str(path))
    answers.open(desk)
    for number in (2, 7):
        with pytest.raises(DataError, match=f"no answer to query q00000{number}"):
            answers.ask([make_query(number)])


def test_a_query_about_other_clips_gets_no_answer(path, recorded, make_query, desk):
    answers = read_answers(str(path))
    answers.open(desk)
    with pytest.raises(DataError, match="q000000"):
        answers.ask([replace(make_query(0), segments=make_query(0, 5, 6).segments)])
    assert desk.records == []


def test_a_recording_that_is_not_there_or_is_none_is_refused(tmp_path, path):
    with pytest.raises(ConfigError, match="no such file"):
        read_answers(str(path))
    path.write_bytes(b"not a database at all")
    with pytest.raises(DataError, match=r"feedback\.sqlite"):
        read_answers(str(path))


def test_an_answer_to_a_question_that_was_never_put_is_named(path, make_stamp):
    ledger = Ledger.open(path)
    ledger.append(Skip(make_stamp(1), "q000009"))
    ledger.close()
    with pytest.raises(DataError, match="record 1 answers query q000009"):
        read_answers(str(path))

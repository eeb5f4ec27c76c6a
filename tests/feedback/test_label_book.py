from dataclasses import dataclass

import numpy as np
import pytest

from robofeed.data.feedback import (
    Demonstration,
    Feedback,
    Ranking,
    Remark,
    Retraction,
    Skip,
)
from robofeed.data.ledger import Ledger
from robofeed.feedback.footage import FootageLibrary
from robofeed.feedback.label_book import LabelBook, Tally


@dataclass
class Row:
    sequence: int
    feedback: Feedback


class Sheet:
    """A ledger in a list, with queries that may not have been asked yet."""

    def __init__(self, library):
        self.rows, self.queries = [], {}
        self.asked = set()
        self.book = self.open(library)
        self.library = library

    def open(self, library):
        return LabelBook(self.since, self.queries.__getitem__, self.asked.__contains__, library)

    def since(self, cursor):
        return self.rows[cursor:]

    def put(self, *queries, asked=True):
        for query in queries:
            self.queries[query.id] = query
            if asked:
                self.asked.add(query.id)

    def say(self, *records):
        self.rows += [Row(len(self.rows) + n + 1, record) for n, record in enumerate(records)]


@pytest.fixture
def sheet(make_episode, make_query):
    library = FootageLibrary(lambda episode_id: make_episode(int(episode_id[1:])))
    sheet = Sheet(library)
    sheet.put(*(make_query(number) for number in range(5)))
    return sheet


@pytest.fixture
def rank(make_stamp):
    def make(number, query, order=((0,), (1,))):
        return Ranking(make_stamp(number), f"q{query:06d}", order)

    return make


def uuids(book):
    return [int(label.feedback.stamp.uuid[-12:], 16) for label in book.labels]


def test_a_ranking_comes_with_the_clips_of_its_query(sheet, rank, make_query):
    sheet.put(make_query(7, 3, 8, 1, start=2))
    sheet.say(rank(1, 7, ((2,), (0, 1))))
    assert sheet.book.read() == 1
    (label,) = sheet.book.labels
    assert label.sequence == 1
    assert [clip.observation[0].tolist() for clip in label.clips] == [[3, 3], [8, 3], [1, 3]]
    assert label.clips[0].action[:, 0].tolist() == [302, 303, 304, 305, 306]


def test_answers_are_counted_as_people_spend_their_time(sheet, rank, make_query, make_stamp):
    sheet.put(make_query(7, 1, 2, 3, 4))
    sheet.put(make_query(8, 1, 2, 3, 4, 5))
    sheet.say(
        rank(1, 0),
        rank(2, 7, ((0,), (1, 2), (3,))),
        Skip(make_stamp(3), "q000001"),
        Skip(make_stamp(4), "q000008"),
        rank(5, 0, ((1,), (0,))),
        Demonstration(make_stamp(6), "d000000"),
        Remark(make_stamp(7), "hm"),
        Retraction(make_stamp(8), make_stamp(1).uuid),
    )
    assert sheet.book.read() == 8
    # 1 + 3 + 1 + 1 + 1: K - 1 a ranking, 1 a skip whatever its clips, repeats and retracted too.
    assert sheet.book.tally == Tally(answers=7, rankings=3, skips=2, demonstrations=1, forgone=3)
    assert sheet.book.answered == 4
    assert uuids(sheet.book) == [2, 5]


def test_reading_goes_on_where_it_stopped(sheet, rank):
    sheet.say(rank(1, 0), rank(2, 1))
    assert sheet.book.read() == 2
    assert sheet.book.read() == 0
    sheet.say(rank(3, 2))
    assert sheet.book.read() == 1
    assert sheet.book.cursor == 3
    assert uuids(sheet.book) == [1, 2, 3]


def test_what_was_taken_back_no_longer_labels(sheet, rank, make_stamp):
    sheet.say(rank(1, 0), rank(2, 1))
    sheet.book.read()
    sheet.say(Retraction(make_stamp(3), make_stamp(1).uuid))
    sheet.book.read()
    assert uuids(sheet.book) == [2]
    assert sheet.book.tally.answers == 2
    sheet.say(Retraction(make_stamp(4), make_stamp(3).uuid))
    sheet.book.read()
    assert uuids(sheet.book) == [1, 2], "the retraction was taken back"


def test_answers_to_questions_not_yet_put_wait_for_them(sheet, rank, make_query):
    sheet.put(make_query(5), make_query(6), asked=False)
    sheet.say(rank(1, 5), rank(2, 0), rank(3, 6))
    assert sheet.book.read() == 1
    assert (uuids(sheet.book), sheet.book.tally.answers, sheet.book.cursor) == ([2], 1, 3)
    assert sheet.book.read() == 0
    sheet.asked.add("q000006")
    assert sheet.book.read() == 1
    assert uuids(sheet.book) == [2, 3]
    sheet.asked.add("q000005")
    assert sheet.book.read() == 1
    assert uuids(sheet.book) == [1, 2, 3], "in commit order all the same"
    assert sheet.book.read() == 0


def test_an_answer_taken_back_while_it_waits_never_labels(sheet, rank, make_query, make_stamp):
    sheet.put(make_query(5), asked=False)
    sheet.say(rank(1, 5), Retraction(make_stamp(2), make_stamp(1).uuid))
    sheet.book.read()
    sheet.asked.add("q000005")
    sheet.book.read()
    assert uuids(sheet.book) == []
    assert sheet.book.tally.answers == 1, "but it took a person's time"


def test_a_resumed_book_is_what_it_was_at_the_cursor(sheet, rank, make_query, make_stamp):
    sheet.put(make_query(5), asked=False)
    sheet.say(rank(1, 0), rank(2, 5), rank(3, 1), Skip(make_stamp(4), "q000002"))
    sheet.say(Retraction(make_stamp(5), make_stamp(1).uuid))
    resumed = sheet.open(sheet.library)
    assert resumed.read(up_to=3) == 2
    assert (uuids(resumed), resumed.cursor) == ([1, 3], 3)
    assert resumed.read() == 2
    sheet.book.read()
    assert uuids(resumed) == uuids(sheet.book) == [3]
    assert resumed.tally == sheet.book.tally


def test_the_book_agrees_with_the_ledger_about_what_stands(
    tmp_path, make_episode, make_query, rank, make_stamp
):
    rng = np.random.default_rng(4)
    ledger = Ledger.open(tmp_path / "feedback.sqlite")
    library = FootageLibrary(lambda episode_id: make_episode(int(episode_id[1:])))
    ledger.add_queries([make_query(number) for number in range(6)])
    book = LabelBook(ledger.since, ledger.query, lambda query_id: True, library)
    for number in range(1, 60):
        kind = rng.integers(3)
        if kind == 0 and number > 3:
            ledger.append(Retraction(make_stamp(number), make_stamp(rng.integers(1, number)).uuid))
        elif kind == 1:
            ledger.append(Skip(make_stamp(number), f"q{rng.integers(6):06d}"))
        else:
            ledger.append(rank(number, int(rng.integers(6))))
        if number % 7 == 0:
            book.read()
    book.read()
    standing = [e.feedback for e in ledger.standing() if isinstance(e.feedback, Ranking)]
    assert [label.feedback for label in book.labels] == standing
    assert 0 < len(standing) < book.tally.rankings
    assert book.tally.answers == ledger.count_answers()
    ledger.close()

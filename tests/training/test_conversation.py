"""Asking and hearing, with a person who answers when it suits them."""

import uuid

import numpy as np
import pytest

from robofeed.data.episode import Episode
from robofeed.data.feedback import Ranking, Remark, Retraction, Skip, Stamp
from robofeed.data.ledger import Ledger
from robofeed.data.observation import Ended
from robofeed.feedback.footage import FootageLibrary
from robofeed.feedback.interviewer import Interviewer, Sessions
from robofeed.feedback.label_book import LabelBook
from robofeed.feedback.queries import QueryMaker
from robofeed.stop_rules import Progress, label_budget
from robofeed.training.conversation import Conversation
from robofeed.training.patience import PatientCollector


class Person:
    """Is asked, and says nothing yet."""

    prompt = False

    def ask(self, queries):
        pass


def episode(number, steps=30):
    return Episode(
        id=f"e{number:06d}",
        observations=np.full((steps + 1, 2), number),
        time_ns=np.arange(steps + 1),
        proposed=np.zeros((steps, 1)),
        executed=np.zeros((steps, 1)),
        gates=np.zeros(steps),
        mode=np.zeros(steps),
        policy_version=np.zeros(steps),
        scene=np.zeros((steps + 1, 0)),
        ended=Ended.TRUNCATED,
        seed=number // 5,
        spec_hash="",
    )


def stamp(number):
    return Stamp(str(uuid.UUID(int=number)), "anna", "test")


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger.open(tmp_path / "feedback.sqlite")
    yield ledger
    ledger.close()


@pytest.fixture
def talk(ledger):
    """A conversation about three clips a question, and what it told."""

    def make(fit_every_answers=1, budget=20, most_open=None):
        library = FootageLibrary(lambda episode_id: episode(int(episode_id[1:])))
        for number in range(10):
            library.add(episode(number))
        interviewer = Interviewer(
            Sessions(0, 10, first_answers=6, answers=4, budget=budget, most_open=most_open),
            QueryMaker("seed", "uniform", 5, 10, clips=3),
            library,
            Person(),
            ledger.add_queries,
            ledger.has_answer,
            np.random.default_rng(1),
        )
        told = []
        book = LabelBook(ledger.since, ledger.query, interviewer.has_asked, library)
        return (
            Conversation(interviewer, book, lambda: None, fit_every_answers, told.append),
            told,
        )

    return make


def ranking(number, query):
    return Ranking(stamp(number), f"q{query:06d}", ((0,), (1,), (2,)))


def test_what_was_heard_is_counted_and_told(talk, ledger):
    conversation, told = talk()
    progress = Progress(steps=100)
    conversation.ask(progress)
    assert not conversation.hear(progress), "nobody has answered yet"
    assert told == []
    ledger.append(ranking(1, 0))
    ledger.append(Skip(stamp(2), "q000001"))
    progress.steps = 140
    assert conversation.hear(progress)
    assert (progress.answers, progress.step_of_last_answer) == (3, 140)
    (event,) = told
    assert (event.answers, event.rankings, event.skips, event.new) == (3, 1, 1, 2)
    assert event.open_queries == 1


def test_a_fit_waits_for_enough_answers_and_for_something_to_learn_from(talk, ledger):
    conversation, _ = talk(fit_every_answers=3)
    progress = Progress()
    conversation.ask(progress)
    ledger.append(ranking(1, 0))
    assert not conversation.hear(progress), "two answers"
    ledger.append(ranking(2, 1))
    assert conversation.hear(progress), "four"
    assert not conversation.hear(progress)
    ledger.append(Skip(stamp(3), "q000002"))
    assert not conversation.hear(progress), "one more since"


def test_skips_alone_teach_nothing(talk, ledger):
    conversation, _ = talk()
    conversation.ask(Progress())
    ledger.append(Skip(stamp(1), "q000000"))
    assert not conversation.hear(Progress())


def test_an_answer_taken_back_is_learned_from_as_well(talk, ledger):
    conversation, _ = talk()
    progress = Progress()
    conversation.ask(progress)
    ledger.append(ranking(1, 0))
    ledger.append(ranking(2, 1))
    assert conversation.hear(progress)
    ledger.append(Retraction(stamp(3), stamp(2).uuid))
    progress.steps = 50
    assert conversation.hear(progress), "the model still believes what was taken back"
    assert progress.step_of_last_answer == 0, "but that is no answer"
    assert not conversation.hear(progress)


def test_words_that_are_no_answers_do_not_put_off_the_end(talk, ledger):
    conversation, _ = talk()
    progress = Progress(steps=10)
    conversation.ask(progress)
    ledger.append(ranking(1, 0))
    conversation.hear(progress)
    ledger.append(Remark(stamp(2), "nice arm"))
    progress.steps = 90
    conversation.hear(progress)
    assert label_budget(2, 80)(progress) is not None


def test_with_skips_the_label_budget_is_still_reached_to_the_last_answer(talk, ledger):
    conversation, _ = talk(budget=20)
    progress = Progress()
    answered = 0
    for round_number in range(40):
        progress.steps = 10 * round_number
        conversation.ask(progress)
        for query in ledger.open_queries():
            answered += 1
            clips = len(query.segments)
            order = tuple((index,) for index in range(clips))
            if answered % 2:
                ledger.append(Skip(stamp(answered), query.id))
            else:
                ledger.append(Ranking(stamp(answered), query.id, order))
        conversation.hear(progress)
    assert progress.answers == ledger.count_answers() == 20
    assert label_budget(20, 10)(progress) is not None


class Rounds:
    """Episodes of ten steps on one arm."""

    def __init__(self, progress):
        self.progress, self.held = progress, 0

    def round(self):
        self.held += 1
        self.progress.steps += 10
        yield "steps"


def test_training_goes_on_a_little_and_then_waits_for_people(talk, ledger):
    conversation, told = talk(most_open=1)
    progress = Progress()
    rounds, naps = Rounds(progress), []
    patient = PatientCollector(rounds, conversation, 30, progress, nap=naps.append)

    def go(count):
        for _ in range(count):
            conversation.ask(progress)
            conversation.hear(progress)
            list(patient.round())

    go(20)
    assert conversation.interviewer.next_id == 3, "the first session, and no other on top of it"
    assert progress.steps == 10 + 30, "due at 10, and 30 steps beyond that"
    assert len(naps) == 16
    (waiting,) = told
    assert waiting.waiting and waiting.open_queries == 3 and waiting.new == 0

    ledger.append(ranking(1, 0))
    ledger.append(ranking(2, 1))
    go(1)
    assert progress.steps == 50 and not told[-1].waiting
    go(1)
    assert conversation.interviewer.next_id == 5, "one was open: the next session was held"


def test_whoever_is_at_the_controls_is_not_kept_waiting_for_answers(talk):
    conversation, _ = talk(most_open=1)
    progress = Progress()
    there, naps = [True, True, False], []
    patient = PatientCollector(
        Rounds(progress), conversation, 0, progress, lambda: there.pop(0), nap=naps.append
    )
    conversation.ask(progress)
    for _ in range(4):
        list(patient.round())
    assert progress.steps == 30 and len(naps) == 1, "the first round was due anyway"


def test_the_last_questions_of_the_budget_are_waited_for(talk, ledger):
    conversation, _ = talk(budget=6, most_open=1)
    progress = Progress()
    naps = []
    patient = PatientCollector(Rounds(progress), conversation, 0, progress, nap=naps.append)
    conversation.ask(progress)
    ledger.append(ranking(1, 0))
    ledger.append(ranking(2, 1))
    conversation.hear(progress)
    for _ in range(5):
        list(patient.round())
    assert progress.steps == 10 and len(naps) == 4
    ledger.append(ranking(3, 2))
    conversation.hear(progress)
    for _ in range(5):
        list(patient.round())
    assert progress.steps == 60


def test_who_answers_at_once_is_never_waited_for(talk, ledger):
    conversation, _ = talk()
    progress = Progress()
    naps = []
    patient = PatientCollector(Rounds(progress), conversation, 0, progress, nap=naps.append)
    for _ in range(20):
        conversation.ask(progress)
        list(patient.round())
    assert progress.steps == 200 and not naps

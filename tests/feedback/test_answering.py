"""Answers are put together by the same rules everywhere, and mean what was on the screen."""

from __future__ import annotations

import itertools
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed.data.episode import Segment
from robofeed.data.errors import DataError
from robofeed.data.feedback import Query, Ranking, taken_back
from robofeed.feedback.answering import Draft, Groups, Respondent, ranking_order


def respondent() -> Respondent:
    numbers = itertools.count()
    return Respondent(
        "ada", "test", lambda: str(uuid.UUID(int=next(numbers))), lambda: 1_000 + next(numbers)
    )


def query(clips: int, shown_order: tuple[int, ...] | None = None) -> Query:
    segments = tuple(Segment(f"e{number:06d}", 0, 5) for number in range(clips))
    return Query("q000007", segments, shown_order or tuple(range(clips)))


def press(draft: Draft, keys: str) -> Draft:
    """Digits place, = ties, . ties the rest, < goes back."""
    for key in keys:
        moves = {"=": draft.tie, ".": draft.rest, "<": draft.back}
        draft = moves[key]() if key in moves else draft.place(int(key) - 1)
    return draft


@pytest.mark.parametrize(
    ("clips", "keys", "groups"),
    [
        (2, "1", ((0,), (1,))),
        (2, "2", ((1,), (0,))),
        (2, "=", ((0, 1),)),
        (3, "31", ((2,), (0,), (1,))),
        (3, "2=1", ((1, 0), (2,))),
        (3, "2=13", ((1, 0), (2,))),
        (3, "1.", ((0,), (1, 2))),
        (3, "=", ((0, 1, 2),)),
        (3, "1=.", ((0, 1, 2),)),
        (4, "12=3", ((0,), (1, 2), (3,))),
        (5, "5=4=3.", ((4, 3, 2), (0, 1))),
        (5, "54<32=.", ((4,), (2,), (1, 0, 3))),
        (3, "1<", None),
        (3, "1=", None),
        (3, ".", None),
        (3, "", None),
    ],
)
def test_keys_make_an_order(clips: int, keys: str, groups: Groups | None) -> None:
    assert press(Draft(clips), keys).finished == groups


def test_keys_that_mean_nothing_change_nothing() -> None:
    assert press(Draft(3), "1147") == press(Draft(3), "1")
    assert press(Draft(3), "1==") == press(Draft(3), "1=")
    assert press(Draft(2), "12=") == press(Draft(2), "1")
    assert press(Draft(3), "<<") == Draft(3)


def weak_orders(clips: int) -> st.SearchStrategy[Groups]:
    """Every order with ties of so many clips."""

    @st.composite
    def made(draw: st.DrawFn) -> Groups:
        left = draw(st.permutations(range(clips)))
        groups: list[tuple[int, ...]] = []
        while left:
            size = draw(st.integers(1, len(left)))
            groups.append(tuple(left[:size]))
            left = left[size:]
        return tuple(groups)

    return made()


@given(st.integers(2, 5).flatmap(weak_orders))
def test_every_order_with_ties_can_be_said(groups: Groups) -> None:
    clips = sum(len(group) for group in groups)
    draft = Draft(clips)
    for place, group in enumerate(groups):
        last = place == len(groups) - 1
        if last and draft.finished is None:
            draft = draft.rest() if draft.steps else draft.tie()
            break
        for number, position in enumerate(group):
            if number:
                draft = draft.tie()
            draft = draft.place(position)

    assert draft.finished is not None
    assert [set(group) for group in draft.finished] == [set(group) for group in groups]


@given(st.integers(2, 5), st.text("12345=.<", max_size=30))
def test_whatever_is_pressed_an_answer_names_each_clip_once(clips: int, keys: str) -> None:
    draft = press(Draft(clips), keys)

    if draft.finished is None:
        assert len(draft.placed) < clips
    else:
        flat = sorted(position for group in draft.finished for position in group)
        assert flat == list(range(clips)) and all(draft.finished)


@given(st.integers(2, 5), st.text("12345=.", max_size=12), st.sampled_from("12345=."))
def test_back_undoes_one_step(clips: int, keys: str, key: str) -> None:
    before = press(Draft(clips), keys)
    after = press(before, key)

    if before.finished is None and after.steps != before.steps:
        assert after.back() == before


@given(st.integers(2, 5).flatmap(lambda n: st.tuples(weak_orders(n), st.permutations(range(n)))))
def test_an_order_on_the_screen_is_one_of_the_segments_shown(
    drawn: tuple[Groups, list[int]],
) -> None:
    groups, shown_order = drawn

    order = ranking_order(groups, shown_order)

    for shown, meant in zip(groups, order, strict=True):
        assert {shown_order[position] for position in shown} == set(meant)


@pytest.mark.parametrize("groups", [((0,),), ((0,), (0,), (1,)), ((0, 1), (2,)), ((1, 2),)])
def test_an_order_of_other_clips_is_refused(groups: Groups) -> None:
    with pytest.raises(DataError, match="exactly once"):
        ranking_order(groups, (1, 0))


def test_left_is_the_segment_that_stood_left() -> None:
    said = respondent().ranking(query(2, (1, 0)), ((0,), (1,)), shown_at_ns=5)

    assert said.order == ((1,), (0,))
    assert said.stamp.shown_order == (1, 0) and said.stamp.shown_at_ns == 5
    assert said.stamp.answered_at_ns >= 1_000 and said.stamp.person == "ada"


def test_ratings_outcomes_and_remarks_speak_of_what_was_shown() -> None:
    person, asked = respondent(), query(3, (2, 0, 1))

    assert person.rating(asked, 0, 4, 5).segment == asked.segments[2]
    assert person.outcome(asked, 1, False, 5).episode_id == "e000000"
    remark = person.remark(asked, "both stop short", 5)
    assert (remark.text, remark.about) == ("both stop short", "q000007")


def test_undo_takes_back_what_was_stored_last_and_then_what_was_before() -> None:
    person = respondent()
    assert person.undo() is None
    first = person.ranking(query(2), ((0,), (1,)), 1)
    second = person.skip(query(2), 2)
    person.stored(first)
    person.stored(second)
    lost = person.ranking(query(2), ((1,), (0,)), 3)  # the ledger never acknowledged it

    ledger = [first, second]
    for expected in (second, first):
        taken = person.undo()
        assert taken is not None and taken.retracts == expected.stamp.uuid
        ledger.append(taken)
        person.stored(taken)
    assert person.undo() is None and lost.stamp.uuid not in taken_back(ledger)
    assert taken_back(ledger) == {first.stamp.uuid, second.stamp.uuid}


def test_can_t_tell_is_no_tie() -> None:
    person = respondent()

    assert not isinstance(person.skip(query(2), 0), Ranking)
    assert person.ranking(query(2), ((0, 1),), 0).order == ((0, 1),)

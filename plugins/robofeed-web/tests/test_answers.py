"""Questions handed out and answers taken in, over HTTP, down to the ledger."""

from __future__ import annotations

import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed.data.errors import Busy, Full
from robofeed.data.feedback import Query, Ranking, Remark, Skip
from robofeed.data.people import Role
from robofeed_web.answers import read_said, record_of
from robofeed_web.refusal import Refusal

from . import conftest
from .conftest import Caller, Served, question, write_bar


def ranking(query: str, places: Any, **more: Any) -> dict[str, Any]:
    times = {"shown_at_ms": 1_000, "answered_at_ms": 3_500}
    return {"kind": "ranking", "uuid": str(uuid.uuid4()), "query": query, "places": places} | (
        times | more
    )


def test_an_answer_is_in_the_ledger_when_it_is_acknowledged(
    served: Served, operator: Caller
) -> None:
    asked = operator.said("POST", "/api/questions", {"count": 1})[1]["questions"][0]

    status, receipt = operator.said("POST", "/api/feedback", ranking(asked["id"], [[1], [0]]))

    (record,) = served.standing(Ranking)
    query = served.ledger.query(asked["id"])
    assert (status, receipt["late"]) == (200, False)
    assert record.stamp.uuid == receipt["uuid"]
    assert record.stamp.person == "operator"
    assert record.stamp.source == "web"
    assert record.stamp.shown_order == query.shown_order
    # The second place on the screen was best: whichever segment was shown there.
    assert record.order == ((query.shown_order[1],), (query.shown_order[0],))
    assert record.stamp.answered_at_ns - record.stamp.shown_at_ns == 2_500_000_000


def test_a_page_learns_nothing_of_what_it_shows(operator: Caller) -> None:
    status, _, body = operator("POST", "/api/questions", {"count": 3})

    assert status == 200
    for hint in (b"segment", b"episode", b"reason", b"order", b"e0000"):
        assert hint not in body


def test_the_same_answer_again_is_the_same_answer(served: Served, operator: Caller) -> None:
    said = ranking("q000001", [[0, 1]])

    first = operator.said("POST", "/api/feedback", said)
    again = operator.said("POST", "/api/feedback", said)

    assert first[1]["sequence"] == again[1]["sequence"]
    assert len(served.standing(Ranking)) == 1


def test_one_uuid_with_two_contents_is_a_conflict(served: Served, operator: Caller) -> None:
    said = ranking("q000001", [[0], [1]])
    operator.said("POST", "/api/feedback", said)

    status, body = operator.said("POST", "/api/feedback", said | {"places": [[1], [0]]})

    assert (status, body["error"]) == (409, "conflict")
    assert len(served.standing(Ranking)) == 1


def test_a_second_answer_needs_an_undo_first(served: Served, operator: Caller) -> None:
    first = ranking("q000001", [[0], [1]])
    operator.said("POST", "/api/feedback", first)

    status, body = operator.said("POST", "/api/feedback", ranking("q000001", [[1], [0]]))
    assert (status, body["error"]) == (409, "answered")

    undo = {"kind": "retraction", "uuid": str(uuid.uuid4()), "retracts": first["uuid"]}
    assert operator.said("POST", "/api/feedback", undo)[0] == 200
    assert operator.said("POST", "/api/feedback", ranking("q000001", [[1], [0]]))[0] == 200
    assert len(served.standing(Ranking)) == 1


def test_an_answer_without_a_lease_is_kept_as_an_extra_one(served: Served) -> None:
    people = served.ledger.people
    ann = Caller(served.port).enter(people.add("ann", Role.LABEL).token).agree()
    bob = Caller(served.port).enter(people.add("bob", Role.LABEL).token).agree()
    (asked,) = ann.said("POST", "/api/questions", {"count": 1})[1]["questions"]
    (other,) = bob.said("POST", "/api/questions", {"count": 1})[1]["questions"]
    assert asked["id"] != other["id"]

    assert bob.said("POST", "/api/feedback", ranking(asked["id"], [[0], [1]]))[1]["late"] is True
    assert ann.said("POST", "/api/feedback", ranking(asked["id"], [[0], [1]]))[1]["late"] is False
    assert {one.stamp.person for one in served.standing(Ranking)} == {"ann", "bob"}


@pytest.mark.parametrize(
    "places",
    [
        [],
        [[0]],
        [[0], [0]],
        [[0], [1], [2]],
        [[0], [-1]],
        [[0, 1], []],
        [[1, 1]],
        "01",
        [["0"]],
        None,
    ],
)
def test_a_malformed_ranking_is_refused_in_words(
    served: Served, operator: Caller, places: Any
) -> None:
    status, body = operator.said("POST", "/api/feedback", ranking("q000001", places))

    assert (status, body["error"]) == (422, "malformed")
    assert body["message"]
    assert served.standing(Ranking) == []


def test_an_unknown_question_is_said(operator: Caller) -> None:
    status, body = operator.said("POST", "/api/feedback", ranking("q999999", [[0], [1]]))

    assert (status, body["error"]) == (404, "unknown")
    assert "q999999" in body["message"]


@pytest.mark.parametrize(
    "clip",
    [
        "../../run.json",
        "%2e%2e%2frun.json",
        "..%2f..%2fetc%2fpasswd",
        "0" * 32,
        "x",
        "%00",
        "0" * 99,
    ],
)
def test_a_clip_id_never_becomes_a_path(operator: Caller, clip: str) -> None:
    status, headers, body = operator("GET", f"/clips/{clip}")

    assert status in (404, 422)
    assert headers["content-type"] == "application/json"
    assert b"reach" not in body


def test_nothing_is_answered_before_the_text_is_agreed_to(served: Served) -> None:
    caller = Caller(served.port).enter(served.token)

    status, body = caller.said("POST", "/api/feedback", ranking("q000001", [[0], [1]]))

    assert (status, body["error"]) == (403, "consent")
    caller.agree()
    assert caller.said("GET", "/api/me")[1]["consent"]["agreed"] is True


def test_a_consent_to_another_text_does_not_count(served: Served) -> None:
    caller = Caller(served.port).enter(served.token)
    said = {"kind": "consent", "uuid": str(uuid.uuid4()), "version": "1999"}

    assert caller.said("POST", "/api/feedback", said)[0] == 422
    assert caller.said("GET", "/api/me")[1]["consent"]["agreed"] is False


def test_only_ones_own_words_can_be_taken_back(served: Served, operator: Caller) -> None:
    said = ranking("q000001", [[0], [1]])
    operator.said("POST", "/api/feedback", said)
    other = Caller(served.port).enter(served.ledger.people.add("bob", Role.LABEL).token).agree()

    def undo(uuid_: str) -> tuple[int, Any]:
        record = {"kind": "retraction", "uuid": str(uuid.uuid4()), "retracts": uuid_}
        return other.said("POST", "/api/feedback", record)

    assert undo(said["uuid"])[1]["error"] == "foreign"
    assert undo(str(uuid.uuid4()))[1]["error"] == "unknown"
    assert len(served.standing(Ranking)) == 1


def test_skips_and_notes_are_kept_apart_from_rankings(served: Served, operator: Caller) -> None:
    stamp = {"uuid": str(uuid.uuid4())}
    assert (
        operator.said("POST", "/api/feedback", {"kind": "skip", "query": "q000002"} | stamp)[0]
        == 200
    )
    stamp = {"uuid": str(uuid.uuid4())}
    note = {"kind": "remark", "text": "it shakes", "about": "q000002"} | stamp
    assert operator.said("POST", "/api/feedback", note)[0] == 200

    assert [one.query_id for one in served.standing(Skip)] == ["q000002"]
    assert [one.text for one in served.standing(Remark)] == ["it shakes"]


def test_two_answers_of_one_person_at_once_to_one_question_are_one_answer(
    served: Served, operator: Caller
) -> None:
    """Whatever comes in one commit: the second may not be stored beside the first."""
    callers = [Caller(served.port, operator.cookie) for _ in range(8)]
    with ThreadPoolExecutor(len(callers)) as pool:
        said = [ranking("q000001", [[0], [1]]) for _ in callers]
        got = list(pool.map(lambda each: each[0].said("POST", "/api/feedback", each[1]),
                            zip(callers, said, strict=True)))  # fmt: skip

    assert sorted(status for status, _ in got) == [200] + 7 * [409]
    assert {body["error"] for status, body in got if status == 409} == {"answered"}
    assert len(served.standing(Ranking)) == 1


def test_a_wish_for_questions_that_is_none(operator: Caller) -> None:
    for body in ({"count": "many"}, {"count": 1, "of": "ann"}, [], b"{"):
        status, said = operator.said("POST", "/api/questions", body)
        assert (status, said["error"]) == (422, "malformed")


def test_nobody_who_answers_waits_for_those_who_wait_for_clips(
    served: Served, operator: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than the server has threads for its usual work."""
    drawn = threading.Event()

    def draw(path: Path, height: float) -> None:
        assert drawn.wait(60)
        write_bar(path, height)

    monkeypatch.setattr(conftest, "write_bar", draw)
    asked = operator.said("POST", "/api/questions", {"count": 20})[1]["questions"]
    names = [name for each in asked for name in each["clips"]]
    callers = [Caller(served.port, operator.cookie) for _ in range(2 * len(names))]
    with ThreadPoolExecutor(len(callers)) as pool:
        paths = [f"/clips/{name}" for name in names] * 2
        getting = [pool.submit(caller, "GET", path)
                   for caller, path in zip(callers, paths, strict=True)]  # fmt: skip
        try:
            for each in asked:
                answered = operator.said("POST", "/api/feedback", ranking(each["id"], [[0], [1]]))
                assert answered[0] == 200
            assert operator.said("GET", "/api/me")[0] == 200
            assert not any(each.done() for each in getting)
        finally:
            drawn.set()
        assert [each.result()[0] for each in getting] == [200] * len(getting)


@pytest.mark.parametrize(("error", "status"), [(Busy, 503), (Full, 507)])
def test_a_ledger_that_cannot_take_it_now_says_so_and_takes_it_later(
    served: Served,
    operator: Caller,
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception],
    status: int,
) -> None:
    from robofeed.data.ledger import Ledger

    said = ranking("q000001", [[0], [1]])

    def refuse(self: Ledger, records: Any) -> Any:
        return [error("not now; free some space, or try again") for _ in records]

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "append_all", refuse)
        got, body = operator.said("POST", "/api/feedback", said)
    assert got == status
    assert "not now" in body["message"]

    assert operator.said("POST", "/api/feedback", said)[0] == 200
    assert len(served.standing(Ranking)) == 1


def test_a_stop_where_no_arm_is_says_so(served: Served) -> None:
    viewer = Caller(served.port).enter(served.ledger.people.add("vera", Role.VIEW).token)

    status, body = viewer.said("POST", "/api/stop", {})

    assert (status, body["error"]) == (409, "no-arm")


def test_figures_of_people_count_labels_skips_and_repeats(served: Served, operator: Caller) -> None:
    asked = question(0)
    swapped = Query("q100000", asked.segments, asked.shown_order[::-1], "repeat")
    served.ledger.add_queries([swapped])
    operator.said("POST", "/api/feedback", ranking("q000000", [[0], [1]]))
    operator.said("POST", "/api/feedback", ranking("q100000", [[1], [0]]))

    row = operator.said("GET", "/api/people")[1]["people"]["operator"]

    assert (row["labels"], row["repeats"], row["consistency"]) == (2, 1, 1.0)
    assert row["median_s"] == 2.5
    assert row["consent"] is not None


# --- what a browser may send, whatever it sends ---------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = st.sampled_from(["kind", "uuid", "query", "places", "stars", "place", "retracts", "text"])
KINDS = st.sampled_from(["ranking", "skip", "rating", "remark", "retraction", "consent", "outcome"])


@given(st.dictionaries(FIELDS, JSON | KINDS | st.uuids().map(str), max_size=8))
def test_anything_is_a_record_or_refused(body: dict[str, Any]) -> None:
    try:
        record = record_of(read_said(json.dumps(body).encode()), "ann", lambda id_: question(1))
    except Refusal as refusal:
        assert refusal.status == 422
        assert refusal.message
    else:
        assert record.stamp.person == "ann"


@given(st.integers(2, 5), st.randoms())
def test_places_on_the_screen_become_segments(clips: int, random: Any) -> None:
    order = list(range(clips))
    random.shuffle(order)
    asked = question(3, clips, tuple(order))
    places = list(range(clips))
    random.shuffle(places)
    said = read_said(json.dumps(ranking(asked.id, [[place] for place in places])).encode())

    record = record_of(said, "ann", lambda id_: asked)

    assert isinstance(record, Ranking)
    assert [group[0] for group in record.order] == [order[place] for place in places]

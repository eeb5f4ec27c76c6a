"""Records of people as JSON: every one comes back, and nothing else passes for one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed.data.errors import DataError
from robofeed.data.feedback import Feedback, Kind, Query, Ranking, Stamp, from_payload, to_payload

UUID = "00000000-0000-4000-8000-000000000001"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.from_type(Feedback))
def test_every_record_survives_json(record):
    text = json.dumps(to_payload(record))
    assert from_payload(json.loads(text)) == record
    assert json.loads(text)["kind"] == record.kind


@given(st.from_type(Feedback), st.data())
def test_a_record_with_a_key_missing_or_too_many_is_refused(record, data):
    payload = to_payload(record)
    needed = sorted(payload.keys() - {"about"})
    lost = data.draw(st.sampled_from(needed))
    with pytest.raises(DataError):
        from_payload({key: value for key, value in payload.items() if key != lost})
    with pytest.raises(DataError):
        from_payload({**payload, "extra": 1})


@given(st.from_type(Feedback), st.data())
def test_whatever_stands_in_a_record_it_is_taken_or_refused_but_never_crashes(record, data):
    payload = {**to_payload(record)}
    key = data.draw(st.sampled_from(sorted(payload)))
    payload[key] = data.draw(JSON)
    try:
        from_payload(payload)
    except DataError:
        pass


def test_each_kind_has_a_record_of_its_own():
    made = {kind.kind for kind in Feedback.__args__}
    assert made == set(Kind)


@pytest.mark.parametrize(
    "order", [(), ((0,),), ((0,), (0,)), ((0,), (2,)), ((0, 1), ()), ((1, 2),)]
)
def test_a_ranking_names_each_clip_exactly_once(order):
    with pytest.raises(DataError, match="exactly once"):
        Ranking(Stamp(UUID, "anna", "web"), "q000000", order)


def test_a_ranking_of_k_clips_counts_k_minus_one_answers():
    stamp = Stamp(UUID, "anna", "web")
    assert Ranking(stamp, "q000000", ((1,), (0,))).answers == 1
    assert Ranking(stamp, "q000000", ((0, 1),)).answers == 1
    assert Ranking(stamp, "q000000", ((3,), (0, 1), (2,))).answers == 3


def test_a_query_shows_each_segment_once():
    with pytest.raises(DataError, match="not a permutation"):
        Query("q000000", (), (0,))


def test_a_stamp_has_a_uuid():
    with pytest.raises(DataError, match="is not a UUID"):
        Stamp("1", "anna", "web")

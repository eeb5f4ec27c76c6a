"""Events as lines of JSON: all of them come back, and a killed process costs at most the last."""

import json
import math
import resource
import typing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robofeed.data.batch import FitReport
from robofeed.data.errors import DataError
from robofeed.event_log import EventLog, decode, encode, read_events
from robofeed.events import (
    Corrected,
    EpisodeRecorded,
    Evaluated,
    Event,
    FeedbackReceived,
    RewardFitted,
    RunFinished,
    RunStarted,
    Updated,
)

FINITE = st.floats(allow_nan=False, allow_infinity=False)
FITS = st.builds(
    FitReport, reliability=st.lists(st.tuples(FINITE, FINITE, st.integers())).map(tuple)
)
EVENTS = st.one_of(
    st.builds(
        RunStarted,
        config=st.dictionaries(st.text(), st.dictionaries(st.text(), st.integers() | st.text())),
        resumed_from=st.none() | st.text(),
    ),
    st.builds(EpisodeRecorded, true_return=st.none() | FINITE, success=st.none() | st.booleans()),
    st.builds(FeedbackReceived),
    st.builds(RewardFitted, report=FITS),
    st.builds(Updated, metrics=st.dictionaries(st.text(), FINITE)),
    st.builds(Evaluated),
    st.builds(Corrected),
    st.builds(RunFinished, uses_true_success=st.booleans()),
)
RECEIVED = FeedbackReceived(1.5, 10, 3, 3, 0, 0, 3, 0)
FINISHED = RunFinished(2.0, 20, 3, "step budget", "20 of 20 steps")


def same(one, other):
    """Equality in which NaN equals NaN; infinities come back as NaN too."""
    return _comparable(one) == _comparable(other)


def _comparable(event):
    return json.dumps(json.loads(encode(event)), sort_keys=True)


@settings(deadline=None, max_examples=50)
@given(EVENTS)
def test_every_event_comes_back_as_it_was(event):
    line = encode(event)
    assert "\n" not in line
    again = decode(line)
    assert type(again) is type(event)
    assert same(again, event)


def test_every_kind_of_event_is_covered_here():
    made = {type(event) for event in (RECEIVED, FINISHED)} | {
        RunStarted,
        EpisodeRecorded,
        RewardFitted,
        Updated,
        Evaluated,
        Corrected,
    }
    assert made == set(typing.get_args(Event))


def test_what_is_not_finite_is_null_and_comes_back_as_nan():
    report = FitReport(3, 0.9, 0, math.nan, math.nan, math.nan, 1.0, ((0.5, math.nan, 2),))
    line = encode(RewardFitted(1.0, 2, 3, report))
    values = json.loads(line)
    assert values["event"] == "RewardFitted"
    assert values["report"]["held_out_accuracy"] is None
    again = decode(line)
    assert math.isnan(again.report.held_out_accuracy)
    assert math.isnan(again.report.reliability[0][1])
    assert again.report.reliability[0][2] == 2
    assert math.isnan(decode(encode(Updated(1.0, 2, 3, 4, "x", math.inf))).steps_per_s)


def test_numpys_numbers_are_numbers():
    event = Updated(
        np.float64(1.0), np.int64(2), 3, 4, "learning", np.float32(0.5), {"a": np.float32(2)}
    )
    assert decode(encode(event)) == Updated(1.0, 2, 3, 4, "learning", 0.5, {"a": 2.0})


def test_events_are_appended_and_read_in_order(tmp_path):
    assert read_events(tmp_path) == ()
    EventLog(tmp_path).append(RECEIVED)
    EventLog(tmp_path).append(FINISHED)
    assert read_events(tmp_path) == (RECEIVED, FINISHED)


def test_a_torn_last_line_is_left_out_and_the_next_event_starts_a_line(tmp_path):
    log = EventLog(tmp_path)
    log.append(RECEIVED)
    log.append(FINISHED)
    file = tmp_path / "events.jsonl"
    whole = file.read_bytes()
    second = whole.index(b"\n") + 1
    for length in range(second, len(whole)):
        file.write_bytes(whole[:length])
        assert read_events(tmp_path) == (RECEIVED,)
        EventLog(tmp_path).append(FINISHED)
        assert file.read_bytes() == whole


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "3",
        "{}",
        '{"event": "Exploded"}',
        '{"event": "RunFinished"}',
        '{"event": "FeedbackReceived", "wall_s": 1}',
        encode(FINISHED).replace('"stop_rule"', '"stop_role"'),
    ],
)
def test_a_damaged_line_is_refused_with_its_number(tmp_path, line):
    (tmp_path / "events.jsonl").write_text(f"{encode(RECEIVED)}\n{line}\n{encode(FINISHED)}\n")
    with pytest.raises(DataError, match=r"events\.jsonl, line 2: not an event"):
        read_events(tmp_path)


@pytest.mark.parametrize("room_bytes", [0, 10])
def test_a_full_disk_is_an_error_and_leaves_no_half_line(tmp_path, room_bytes):
    """The limit on file sizes stands for the full disk: the write is refused, or taken in part."""
    log = EventLog(tmp_path)
    log.append(RECEIVED)
    file = tmp_path / "events.jsonl"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + room_bytes, hard))
    try:
        with pytest.raises(DataError, match=r"events\.jsonl: .*All before it is safe"):
            log.append(FINISHED)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert read_events(tmp_path) == (RECEIVED,)
    log.append(FINISHED)
    assert read_events(tmp_path) == (RECEIVED, FINISHED)

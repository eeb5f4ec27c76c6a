"""Lines on the control socket: what goes out comes back, and no bytes do more than be refused."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed.data.control_messages import (
    Command,
    Do,
    Lines,
    LiveState,
    decode_command,
    decode_event,
    encode_command,
    encode_state,
)
from robofeed.data.errors import DataError
from robofeed.data.intervention import Driver


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"{", "not a line of JSON"),
        (b"[" * 60_000, "not a line of JSON"),
        (b"[1]", "a JSON object was expected, not list"),
        (b'{"do": "fly"}', "'do' is 'fly'; known: take"),
        (b'{"do": "move"}', "'action' must be a list"),
        (b'{"do": "move", "action": [1, "x"]}', "holds 'x', which is no number"),
        (b'{"do": "move", "action": [1e999, 0]}', "not finite"),
        (b'{"do": "move", "action": [NaN, 0]}', "not finite"),
        (b'{"do": "move", "action": [true, 0]}', "no number"),
        (b'{"do": "alive", "sent_ns": -1}', "'sent_ns' must be a whole number"),
        (b'{"do": "alive", "person": "a\\nb"}', "'person' must be 1 to 64 printable"),
        (b'{"do": "take", "over": 1}', "'over' must be true or false"),
    ],
)
def test_a_line_that_is_no_command_is_refused_in_words(line, complaint):
    with pytest.raises(DataError, match=complaint.replace("[", r"\[")):
        decode_command(line)


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(line):
    try:
        decode_command(line)
    except DataError:
        pass


@given(
    st.builds(
        Command,
        do=st.just(Do.MOVE),
        driver=st.builds(Driver, st.text("abcé7", min_size=1), st.just("web")),
        sent_ns=st.integers(0, 2**62),
        action=st.lists(st.floats(-10, 10), min_size=1, max_size=8).map(tuple),
        steps=st.integers(0, 1000),
    )
)
def test_a_command_comes_back_as_it_was(command):
    assert decode_command(encode_command(command)) == command


@given(st.lists(st.text('ab{}"é', max_size=12), max_size=8), st.data())
def test_lines_are_the_same_however_the_stream_is_cut(texts, data):
    stream = b"".join(json.dumps(text).encode() + b"\n" for text in texts)
    lines, received = Lines(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        received += lines.feed(stream[:size])
        stream = stream[size:]
    assert [json.loads(line) for line in received] == texts


def test_a_state_is_json_whatever_is_in_it():
    state = LiveState(
        0, "training", "e0", 0, "paused", None, 1, (0.1,), (0.0,), None, (1.0,), (2.0,)
    )
    odd = replace(state, joint_rad=(float("nan"), float("inf"), 0.5))
    assert json.loads(encode_state(odd))["joint_rad"] == [None, None, 0.5]
    assert decode_event(encode_state(odd))["mode"] == "paused"


@pytest.mark.parametrize("line", [b"{}", b"nonsense", b'{"is": 3}'])
def test_what_is_no_line_of_a_run_is_refused(line):
    with pytest.raises(DataError):
        decode_event(line)

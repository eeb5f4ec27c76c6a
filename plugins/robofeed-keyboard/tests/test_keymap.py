"""Bytes become keys, keys become steps; half an escape sequence becomes neither."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed_keyboard.keymap import COMMANDS, Jog, help_lines, jogs_for, keys_of


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"w", ["w"]),
        (b"\x1b[A\x1b[B\x1b[C\x1b[D", ["up", "down", "right", "left"]),
        (b"\x1bOA", ["up"]),
        (b"\r \x7f\x08", ["enter", "space", "backspace", "backspace"]),
        (b"\x1b[1;5Cw", ["w"]),
        (b"\x1b[200~w\x1b[201~", ["w"]),
        ("é".encode(), ["é"]),
        (b"\x00\x01\x02", []),
    ],
)
def test_keys_are_told_apart(data, keys):
    assert keys_of(data) == (keys, b"")


@pytest.mark.parametrize("data", [b"\x1b", b"\x1b[", b"\x1b[1;", b"\x1bO", b"\xc3"])
def test_half_a_key_waits_for_its_rest(data):
    assert keys_of(data) == ([], data)
    assert keys_of(b"a" + data) == (["a"], data)


@given(st.binary(max_size=40), st.data())
def test_however_bytes_arrive_the_keys_are_the_same(data, draw):
    whole, rest = keys_of(data)
    keys, pending = [], b""
    position = 0
    while position < len(data):
        size = draw.draw(st.integers(1, len(data) - position))
        pending += data[position : position + size]
        position += size
        new, pending = keys_of(pending)
        keys += new
    assert (keys, pending) == (whole, rest)


@pytest.mark.parametrize(
    "names",
    [
        ["x", "y", "z"],
        ["x", "y", "z", "gripper"],
        ["dx", "dy"],
        [f"joint_{number}" for number in range(7)],
        ["shoulder", "elbow", "gripper"],
        ["", ""],
    ],
)
def test_every_element_has_a_key_up_and_a_key_down_and_no_key_does_two_things(names):
    jogs = jogs_for(names)
    for element in range(len(names)):
        assert {jog.sign for jog in jogs.values() if jog.element == element} == {1, -1}
    assert not set(jogs) & set(COMMANDS)
    shown = "\n".join(help_lines(names))
    assert all(key in shown for key in jogs)


def test_more_elements_than_keys_are_said_to_have_none():
    names = [f"joint_{number}" for number in range(9)]
    assert "no keys left for it" in "\n".join(help_lines(names))


def test_the_hand_moves_as_the_eye_expects():
    jogs = jogs_for(["x", "y", "z", "gripper"])
    assert (jogs["up"], jogs["left"]) == (Jog(0, 1), Jog(1, 1))
    assert (jogs["r"], jogs["f"]) == (Jog(2, 1), Jog(2, -1))
    assert (jogs["o"], jogs["c"]) == (Jog(3, 1), Jog(3, -1))

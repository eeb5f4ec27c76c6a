"""Adapters that hear themselves talk."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from robofeed_serial.echo import EchoFilter

PING = b"\xff\xff\x01\x02\x01\xfb"
REPLY = b"\xff\xff\x01\x02\x00\xfc"


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(st.lists(st.integers(0, 50), max_size=4))
def test_an_echo_is_learned_from_the_first_request(cuts: list[int]) -> None:
    echo = EchoFilter()
    echo.sent(PING, asks=True)

    got = b"".join(echo.strip(piece) for piece in pieces(PING + REPLY, cuts))

    assert got == REPLY
    assert echo.echoes


@given(st.lists(st.integers(0, 50), max_size=4))
def test_no_byte_is_lost_where_there_is_no_echo(cuts: list[int]) -> None:
    echo = EchoFilter()
    echo.sent(PING, asks=True)

    got = b"".join(echo.strip(piece) for piece in pieces(REPLY, cuts))

    assert got + echo.release() == REPLY
    assert not echo.echoes


def test_a_reply_equal_to_the_request_is_given_back_in_the_end() -> None:
    """A servo with a voltage fault answers a ping with the ping's own bytes."""
    echo = EchoFilter()
    echo.sent(PING, asks=True)

    assert echo.strip(PING) == b""
    assert echo.release() == PING
    assert not echo.echoes


@given(
    st.binary(min_size=1, max_size=20),
    st.binary(min_size=1, max_size=20),
    st.lists(st.integers(0, 99)),
)
def test_once_known_everything_sent_is_taken_out(
    quiet: bytes, reply: bytes, cuts: list[int]
) -> None:
    echo = EchoFilter()
    echo.sent(PING, asks=True)
    echo.strip(PING + REPLY)
    echo.answered()
    echo.sent(quiet, asks=False)
    echo.sent(PING, asks=True)

    got = b"".join(echo.strip(piece) for piece in pieces(quiet + PING + reply, cuts))

    assert got + echo.release() == reply


def test_what_comes_before_an_echo_does_not_hide_it() -> None:
    """A late reply to an earlier request."""
    echo = EchoFilter()
    echo.sent(PING, asks=True)
    echo.strip(PING + REPLY)
    echo.answered()
    echo.sent(PING, asks=True)

    assert echo.strip(REPLY[3:] + PING + REPLY) == REPLY[3:] + REPLY


def test_a_spoilt_echo_does_not_swallow_the_next_reply() -> None:
    echo = EchoFilter()
    echo.sent(PING, asks=True)
    echo.strip(PING + REPLY)
    echo.answered()
    echo.sent(PING, asks=True)
    spoilt = echo.strip(b"\xff\xff\x09" + REPLY) + echo.release()
    echo.answered()
    echo.sent(PING, asks=True)

    assert spoilt == b"\xff\xff\x09" + REPLY
    assert echo.strip(PING + REPLY) + echo.release() == REPLY

"""Adapters that hear themselves talk."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from robofeed_serial.wire.echo import EchoFilter

PING = b"\xff\xff\x01\x02\x01\xfb"
REPLY = b"\xff\xff\x01\x02\x00\xfc"
CUTS = st.lists(st.integers(0, 50), max_size=4)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def on_a_port_that_echoes() -> EchoFilter:
    echo = EchoFilter()
    echo.asked(PING)
    echo.strip(PING + REPLY)
    echo.answered()
    return echo


@given(CUTS)
def test_an_echo_is_learned_from_the_first_request(cuts: list[int]) -> None:
    echo = EchoFilter()
    echo.asked(PING)

    got = b"".join(echo.strip(piece) for piece in pieces(PING + REPLY, cuts))

    assert got == REPLY
    assert echo.echoes


@given(CUTS)
def test_no_byte_is_lost_where_there_is_no_echo(cuts: list[int]) -> None:
    echo = EchoFilter()
    echo.asked(PING)

    got = b"".join(echo.strip(piece) for piece in pieces(REPLY, cuts))

    assert got + echo.release() == REPLY
    assert not echo.echoes


def test_a_reply_equal_to_the_request_is_given_back_in_the_end() -> None:
    """A servo with a voltage fault answers a ping with the ping's own bytes."""
    echo = EchoFilter()
    echo.asked(PING)

    assert echo.strip(PING) == b""
    assert echo.release() == PING
    assert not echo.echoes


@given(st.binary(max_size=20), st.binary(min_size=1, max_size=20), CUTS)
def test_what_comes_before_an_echo_is_no_reply(
    before: bytes, reply: bytes, cuts: list[int]
) -> None:
    """Echoes of what was not to be answered, and late replies to earlier requests."""
    echo = on_a_port_that_echoes()
    echo.asked(PING)
    stream = before + PING + reply
    if stream.index(PING) != len(before):
        return  # the bytes before happen to begin an echo

    assert b"".join(echo.strip(piece) for piece in pieces(stream, cuts)) == reply


def test_a_port_that_no_longer_echoes_is_believed_after_one_reply() -> None:
    echo = on_a_port_that_echoes()
    echo.asked(PING)
    first = echo.strip(REPLY) + echo.release()
    echo.asked(PING)

    assert first == REPLY
    assert echo.strip(REPLY) == REPLY


def test_silence_says_nothing_about_echoes() -> None:
    echo = on_a_port_that_echoes()
    echo.asked(PING)
    echo.release()

    assert echo.echoes

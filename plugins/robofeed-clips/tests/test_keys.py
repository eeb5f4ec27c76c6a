"""Bytes of terminals to keys, however they are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed_clips.keys import Attributes, CellSize, Key, KeyParser

SEQUENCES = {
    b"1": Key("1"),
    b"=": Key("="),
    b" ": Key("space"),
    b"\r": Key("enter"),
    b"\x7f": Key("backspace"),
    b"\x1b[A": Key("up"),
    b"\x1bOB": Key("down"),
    b"\x1b[1;5C": Key("right"),
    "é".encode(): Key("é"),
    "→".encode(): Key("→"),
    b"\x1b[?62;4;22c": Attributes((62, 4, 22)),
    b"\x1b[6;18;9t": CellSize(18, 9),
}
UNKNOWN = [b"\x1b[200~", b"\x1b[<0;3;4M", b"\x1b[?25;1$y", b"\x00", b"\xff"]


@given(st.lists(st.sampled_from([*SEQUENCES, *UNKNOWN]), max_size=12), st.data())
def test_pieces_of_any_size_give_the_same_keys(sequences: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(sequences)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    parser = KeyParser()

    events = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        events += parser.feed(stream[start:end])

    assert events == [SEQUENCES[each] for each in sequences if each in SEQUENCES]
    assert not parser.waiting


@given(st.binary(max_size=60))
def test_no_bytes_are_too_strange(data: bytes) -> None:
    parser = KeyParser()

    parser.feed(data)
    parser.flush()

    assert not parser.waiting
    assert parser.feed(b"s") == [Key("s")]


def test_escape_alone_is_the_escape_key() -> None:
    parser = KeyParser()

    assert parser.feed(b"\x1b") == [] and parser.waiting
    assert parser.flush() == [Key("escape")]
    assert parser.feed(b"\x1b\x1b[A") == [Key("escape"), Key("up")]


@pytest.mark.parametrize(
    ("reply", "sixel"),
    [((62, 4, 22), True), ((1, 2), False), ((4, 6), False), ((), False)],
)
def test_sixel_is_one_of_the_abilities_and_not_the_kind(
    reply: tuple[int, ...], sixel: bool
) -> None:
    assert Attributes(reply).sixel is sixel

"""The file with every byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from robofeed import DataError
from robofeed_serial.wire.trace import WireTrace

from .trace_lines import trace_lines


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "wire.txt"
    with WireTrace(path) as trace:
        trace.remark("opened")
        trace.sent(b"\xff\xff\x01")
        trace.received(b"\x00")
    with WireTrace(path) as trace:  # the next session goes on at its end
        trace.sent(b"\x02")

    lines = trace_lines(path)

    assert [line[1:] for line in lines] == [
        (">", b"\xff\xff\x01"),
        ("<", b"\x00"),
        (">", b"\x02"),
    ]
    assert lines[0][0] <= lines[1][0]
    assert path.read_text().splitlines()[0].endswith("# opened")


def test_a_trace_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    with WireTrace(tmp_path / "wire.txt") as trace:
        trace.sent(b"\x01\x02")

        assert trace_lines(trace.path)[0][2] == b"\x01\x02"


def test_where_nothing_can_be_written_the_message_says_what_to_do(tmp_path: Path) -> None:
    trace = WireTrace(tmp_path / "missing" / "wire.txt")

    with pytest.raises(DataError, match="go without the trace"):
        trace.sent(b"\x01")


@pytest.mark.only_where(Path("/dev/full").exists(), "Linux's /dev/full")
def test_a_full_disk_ends_the_trace_and_is_told_once() -> None:
    trace = WireTrace(Path("/dev/full"))

    with pytest.raises(DataError, match="Make room"):
        trace.sent(b"\x01")
    trace.sent(b"\x02")
    trace.received(b"\x03")
    trace.close()

"""The link on a pseudo-terminal: replies, silence, echoes, and ports that go away."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from robofeed_serial.wire.errors import BusTimeout, PortGone
from robofeed_serial.wire.link import Link
from robofeed_serial.wire.port_checks import SUPERVISOR
from robofeed_serial.wire.trace import WireTrace

from .conftest import Answer, PtyPeer
from .trace_lines import trace_lines

MakePeer = Callable[[Answer], PtyPeer]
BAUD = 1_000_000


class Until:
    """Content once `wanted` bytes have come; keeps them all."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.got = b""

    def __call__(self, data: bytes) -> bool:
        self.got += data
        return len(self.got) >= self.wanted


def silent(request: bytes) -> Sequence[tuple[float, bytes]]:
    return []


def echo_twice(request: bytes) -> Sequence[tuple[float, bytes]]:
    return [(0.001, request + request)]


def answer_hello(request: bytes) -> Sequence[tuple[float, bytes]]:
    return [(0.001, b"hel"), (0.003, b"lo")]


def test_a_reply_comes_in_pieces_and_is_handed_on_whole(peer: MakePeer) -> None:
    link = Link(peer(answer_hello).url, BAUD)
    link.open()

    assert link.exchange(b"?", Until(5), 1.0) == b"hello"
    assert link.statistics.requests == 1
    assert (link.statistics.latency_s(0.5) or 0.0) >= 0.003
    link.close()


def test_silence_is_a_time_out_that_says_what_to_check(peer: MakePeer) -> None:
    link = Link(peer(silent).url, BAUD)
    link.open()

    with pytest.raises(BusTimeout, match="Check power, cable, baud rate and id"):
        link.exchange(b"?", Until(5), 0.02)
    assert link.statistics.time_outs == 1
    link.close()


def test_half_a_reply_is_a_time_out_too(peer: MakePeer) -> None:
    link = Link(peer(lambda request: [(0.0, b"hel")]).url, BAUD)
    link.open()

    with pytest.raises(BusTimeout, match="3 bytes came"):
        link.exchange(b"?", Until(5), 0.02)
    link.close()


def test_what_came_before_the_request_is_thrown_away_and_counted(peer: MakePeer) -> None:
    other = peer(answer_hello)
    link = Link(other.url, BAUD)
    link.open()
    other.say(b"stale")
    time.sleep(0.05)

    assert link.exchange(b"?", Until(5), 1.0) == b"hello"
    assert link.statistics.drained_bytes == 5
    link.close()


def test_the_line_is_drained_until_it_is_quiet(peer: MakePeer) -> None:
    other = peer(lambda request: [(0.001 * n, b"x") for n in range(10)])
    link = Link(other.url, BAUD)
    link.open()
    link.send(b"go")
    time.sleep(0.002)

    assert link.drain_until_quiet() >= 8
    assert link.drain_until_quiet() == 0
    link.close()


def test_a_line_that_never_falls_silent_does_not_hold_the_owner(peer: MakePeer) -> None:
    other = peer(lambda request: [(0.0005 * n, b"x") for n in range(2000)])
    link = Link(other.url, BAUD)
    link.open()
    link.send(b"go")
    started_s = time.monotonic()
    link.drain_until_quiet()

    assert time.monotonic() - started_s < 0.5
    link.close()


def test_an_echo_is_not_a_reply(peer: MakePeer) -> None:
    link = Link(peer(lambda request: [(0.001, request + b"hello")]).url, BAUD)
    link.open()

    assert link.exchange(b"?", Until(5), 1.0) == b"hello"
    assert link.exchange(b"??", Until(5), 1.0) == b"hello"
    link.close()


def test_a_reply_that_only_repeats_the_request_still_arrives(peer: MakePeer) -> None:
    link = Link(peer(lambda request: [(0.001, request)]).url, BAUD)
    link.open()

    assert link.exchange(b"abc", Until(3), 0.05) == b"abc"
    link.close()


def test_a_reply_too_soon_for_a_new_rate_waits_for_a_newer_one(peer: MakePeer) -> None:
    """However soon such a reply came at the old one."""
    other = peer(lambda request: [(0.0, b"older")])
    link = Link(other.url, BAUD)
    link.open()
    for _ in range(3):
        link.exchange(b"?", Until(5), 1.0)
    other.answer = lambda request: [(0.0, b"older"), (0.002, b"newer")]
    link.set_baud(9600)

    assert link.exchange(b"?", Until(5), 1.0) == b"oldernewer"
    link.close()


def test_every_byte_is_in_the_trace(peer: MakePeer, tmp_path: Path) -> None:
    with WireTrace(tmp_path / "wire.txt") as trace:
        link = Link(peer(answer_hello).url, BAUD, trace=trace)
        link.open()
        link.exchange(b"?", Until(5), 1.0)
        link.close()

    lines = trace_lines(tmp_path / "wire.txt")
    assert [data for _, direction, data in lines if direction == ">"] == [b"?"]
    assert b"".join(data for _, direction, data in lines if direction == "<") == b"hello"


# --- ports that are not there ---------------------------------------------------------------------


def test_a_missing_port_is_named(tmp_path: Path) -> None:
    with pytest.raises(PortGone, match="There is no port"):
        Link(str(tmp_path / "no"), BAUD).open()


@pytest.mark.parametrize("what", ["device", "file", "folder"])
def test_what_is_no_port_is_told_so(what: str, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.touch()
    path = {"device": Path(os.devnull), "file": file, "folder": tmp_path}[what]

    with pytest.raises(PortGone, match="is no serial port"):
        Link(str(path), BAUD).open()


def test_an_url_nobody_knows_is_refused() -> None:
    with pytest.raises(PortGone, match="nonsense"):
        Link("nonsense://x", BAUD).open()


def test_a_port_has_one_owner(peer: MakePeer) -> None:
    url = peer(silent).url
    first = Link(url, BAUD)
    first.open()

    with pytest.raises(PortGone, match="is in use"):
        Link(url, BAUD).open()
    first.close()
    Link(url, BAUD).open()


def test_the_other_owner_is_named(peer: MakePeer) -> None:
    url = peer(silent).url
    code = f"import serial; p = serial.Serial({url!r}, exclusive=True); print(1); input()"
    with subprocess.Popen(
        [sys.executable, "-uc", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        try:
            with pytest.raises(PortGone, match=f"in use by process {holder.pid}"):
                Link(url, BAUD).open()
        finally:
            holder.communicate(b"\n")


HOLDS = "import serial, sys; p = serial.Serial(sys.argv[1], exclusive=True); print(1); input()"
TWIN = "import os, tty; m, s = os.openpty(); tty.setraw(s); print(os.ttyname(s)); input()"


def test_whom_to_end_is_named_by_the_command_that_was_typed(peer: MakePeer, tmp_path: Path) -> None:
    """The program, not the supervisor that owns the port for it."""
    program = tmp_path / "tidy_up.py"
    program.write_text(
        "import subprocess, sys\n"
        f"child = [sys.executable, '-uc', {HOLDS!r}, sys.argv[1], {SUPERVISOR!r}]\n"
        "subprocess.run(child)\n",
        "utf-8",
    )
    url = peer(silent).url
    with subprocess.Popen(
        [sys.executable, "-u", program, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as started:
        assert started.stdout is not None
        started.stdout.readline()
        try:
            with pytest.raises(
                PortGone, match=rf"by process {started.pid} \(tidy_up\.py {url}\)\."
            ):
                Link(url, BAUD).open()
        finally:
            started.communicate(b"\n")


def test_a_twin_is_not_among_those_who_use_its_port() -> None:
    run = [sys.executable, "-uc"]
    with subprocess.Popen(
        [*run, TWIN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as twin:
        assert twin.stdout is not None
        url = twin.stdout.readline().strip()
        with subprocess.Popen(
            [*run, HOLDS, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as holder:
            assert holder.stdout is not None
            holder.stdout.readline()
            try:
                with pytest.raises(PortGone, match=rf"by process {holder.pid} \(python[\d.]*\)\."):
                    Link(url, BAUD).open()
            finally:
                holder.communicate(b"\n")
                twin.communicate("\n")


@pytest.fixture
def nobody() -> Iterator[None]:
    """For root may open any port."""
    import grp  # noqa: F401 - nobody may not be allowed to load it

    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


def test_a_forbidden_port_is_told_so(peer: MakePeer, nobody: None) -> None:
    url = peer(silent).url
    os.chmod(url, 0)

    with pytest.raises(PortGone, match="No permission"):
        Link(url, BAUD).open()


def test_an_unplugged_port_is_gone_whatever_is_tried(peer: MakePeer) -> None:
    other = peer(silent)
    link = Link(other.url, BAUD)
    link.open()
    other.unplug()

    for attempt in (
        lambda: link.send(b"?"),
        lambda: link.exchange(b"?", Until(1), 0.1),
        lambda: link.exchange(b"?", Until(1), 0.1),
    ):
        with pytest.raises(PortGone, match="Plug the adapter in and start again"):
            attempt()
    link.close()
    link.close()


def test_unplugging_ends_a_wait_at_once(peer: MakePeer) -> None:
    other = peer(silent)
    other.answer = lambda request: other.vanish()
    link = Link(other.url, BAUD)
    link.open()
    started_s = time.monotonic()

    with pytest.raises(PortGone):
        link.exchange(b"?", Until(1), 5.0)

    assert time.monotonic() - started_s < 1.0


def test_a_port_that_comes_back_is_opened_anew_and_nothing_is_written(
    peer: MakePeer, tmp_path: Path
) -> None:
    name = tmp_path / "arm"
    first, second = peer(silent), peer(answer_hello)
    name.symlink_to(first.url)
    link = Link(str(name), BAUD)
    link.open()
    first.unplug()
    name.unlink()
    link.close()
    with pytest.raises(PortGone):
        link.open()

    name.symlink_to(second.url)
    link.open()

    assert second.heard == b""
    assert link.exchange(b"?", Until(5), 1.0) == b"hello"
    link.close()


def test_a_closed_link_says_so() -> None:
    with pytest.raises(PortGone, match="not open"):
        Link("/dev/null", BAUD).send(b"?")


def test_a_port_without_a_file_behind_it_works_too() -> None:
    """As URLs of pyserial can be; loop:// gives back what is sent, which is an echo alone."""
    link = Link("loop://", BAUD)
    link.open()

    assert link.exchange(b"abc", Until(3), 0.1) == b"abc"
    link.close()


@pytest.mark.parametrize("baud", [57_600, 128_000, 1_000_000, 4_000_000])
def test_the_rate_can_be_changed_while_open(baud: int, peer: MakePeer) -> None:
    link = Link(peer(answer_hello).url, 9600)
    link.open()
    link.set_baud(baud)

    assert link.baud == baud
    assert link.wire_s(100) == pytest.approx(1000 / baud)
    assert link.exchange(b"?", Until(5), 1.0) == b"hello"
    link.close()

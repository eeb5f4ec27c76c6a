"""Host side: answers matched, locks and stops, and one short move at a time."""

from __future__ import annotations

import math
import os
import time
import tty
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed_serial.gcode.arm import ArmRefused, Doing, GcodeState
from robofeed_serial.gcode.grbl import GRBL, MIROBOT, GrblArm
from robofeed_serial.gcode.one_move import OneMove
from robofeed_serial.gcode.patience import patiently
from robofeed_serial.gcode.text import LineReader, move_words
from robofeed_serial.gcode.uarm import Uarm
from robofeed_serial.twin.process import Twin
from robofeed_serial.wire.errors import BusTimeout
from robofeed_serial.wire.link import Link


def wait_until(holds: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 20.0
    while not holds():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def test_a_uarm_over_its_port() -> None:
    with Twin("uarm") as twin:
        arm = Uarm(Link(str(twin.port), 115_200))
        arm.open()
        try:
            assert arm.state().place == {"X": 200.0, "Y": 0.0, "Z": 150.0}
            arm.move({"X": 210.0, "Y": 0.0, "Z": 150.0}, 100.0)
            wait_until(lambda: arm.state().place["X"] == 210.0)
            with pytest.raises(ArmRefused, match="E22, the place is out of its reach"):
                arm.move({"X": 10.0, "Y": 0.0, "Z": 150.0}, 100.0)
            twin.fault("late:late_s=0.7")
            with pytest.raises(BusTimeout):
                arm.state()
            arm.move({"X": 220.0, "Y": 0.0, "Z": 150.0}, 100.0)
            time.sleep(0.4)  # the late answer has come by now, under a number that is over
            wait_until(lambda: arm.state().place["X"] == 220.0)
            assert arm.stop() is False
        finally:
            arm.close()


@pytest.mark.parametrize(("name", "profile"), [("grbl", GRBL), ("mirobot", MIROBOT)])
def test_a_grbl_arm_over_its_port(name: str, profile: object) -> None:
    assert profile in (GRBL, MIROBOT)
    with Twin(name) as twin:
        arm = GrblArm(Link(str(twin.port), 115_200), GRBL if name == "grbl" else MIROBOT)
        arm.open()
        try:
            assert arm.state().doing is Doing.LOCKED
            with pytest.raises(ArmRefused, match="it is locked"):
                arm.move({"X": 5.0}, 20.0)
            arm.home()
            arm.move({"X": 50.0}, 20.0)
            wait_until(lambda: arm.state().place["X"] > 1.0)

            assert arm.stop() is True

            stood = arm.state()
            assert stood.doing is Doing.IDLE, "it was reset before it had braked"
            assert 1.0 < stood.place["X"] < 50.0
            assert arm.state().place == stood.place
            with pytest.raises(ArmRefused, match="out of its range"):
                arm.move({"X": 5000.0}, 20.0)
        finally:
            arm.close()


@pytest.mark.parametrize("ends", [ArmRefused("no power"), KeyboardInterrupt()])
def test_an_arm_that_cannot_be_opened_gives_its_port_back(ends: BaseException) -> None:
    def refuse() -> None:
        raise ends

    far, near = os.openpty()
    try:
        tty.setraw(near)
        link, next_one = (Link(os.ttyname(near), 115_200) for _ in range(2))
        link.open()
        with pytest.raises(type(ends)):
            patiently(link, refuse)

        next_one.open()  # which is refused while somebody owns the port
        next_one.close()
    finally:
        os.close(far)
        os.close(near)


def test_grbl_places_of_a_work_offset_are_not_taken_for_the_machines() -> None:
    reports = [b"<Idle|WPos:1.000,2.000,3.000|FS:0,0>", b"<Hold:1|MPos:1.000,2.000,3.000|FS:0,0>"]

    matches = [GRBL.report.fullmatch(report.decode()) for report in reports]

    assert matches[0] is None
    assert matches[1] is not None
    assert "G53" in GRBL.move


class Pretend:
    """An arm that takes moves and arrives when told."""

    def __init__(self, *, says: bool, stops: bool = True) -> None:
        self.now_s = 0.0
        self.answer_s = 0.0
        """how long it takes to say that it has taken a move"""
        self.moves: list[Mapping[str, float]] = []
        self.place = {"X": 0.0, "Y": 0.0}
        self.doing: Doing | None = Doing.IDLE if says else None
        self._stops = stops

    def open(self) -> None: ...

    def close(self) -> None: ...

    def state(self) -> GcodeState:
        return GcodeState(round(self.now_s * 1e9), self.doing, dict(self.place))

    def move(self, place: Mapping[str, float], speed: float) -> None:
        self.moves.append(place)
        self.now_s += self.answer_s
        if self.doing is not None:
            self.doing = Doing.MOVING

    def stop(self) -> bool:
        return self._stops

    lets_go = False

    def engage(self) -> None: ...

    def relax(self) -> None: ...

    def arrive(self) -> None:
        self.place.update(self.moves[-1])
        if self.doing is not None:
            self.doing = Doing.IDLE


@pytest.mark.parametrize("says", [True, False])
def test_one_move_is_under_way_and_none_is_long(says: bool) -> None:
    arm = Pretend(says=says)
    follow = OneMove(arm, furthest=10.0, speed=100.0)
    follow.offer({"X": 30.0, "Y": 40.0})

    follow.poll()
    follow.poll()
    assert arm.moves == [{"X": 6.0, "Y": 8.0}]
    arm.arrive()
    follow.offer({"X": 6.0, "Y": 3.0})
    follow.poll()
    arm.arrive()
    follow.poll()
    follow.poll()

    assert arm.moves[1:] == [{"X": 6.0, "Y": 3.0}]
    assert not follow.is_under_way


def test_an_arm_that_was_slow_to_take_a_move_may_begin_late() -> None:
    """What it says at once, that it is idle, is not that it has arrived."""
    arm = Pretend(says=True)
    arm.answer_s = 0.3
    follow = OneMove(arm, furthest=10.0, speed=100.0)
    follow.offer({"X": 5.0, "Y": 0.0})
    follow.poll()

    arm.doing = Doing.IDLE
    follow.look()
    assert follow.is_under_way
    arm.now_s += 0.2
    follow.look()
    assert not follow.is_under_way


@given(
    goals=st.lists(
        st.tuples(st.floats(-300, 300), st.floats(-300, 300), st.booleans()), max_size=30
    )
)
def test_no_piece_is_longer_than_the_furthest(goals: list[tuple[float, float, bool]]) -> None:
    arm = Pretend(says=True)
    follow = OneMove(arm, furthest=10.0, speed=100.0)
    for x, y, arrives in goals:
        before, place = len(arm.moves), dict(arm.place)
        follow.offer({"X": x, "Y": y})
        follow.poll()
        for move in arm.moves[before:]:
            assert math.dist(place.values(), move.values()) <= 10.0 + 1e-9
        if arrives and arm.moves:
            arm.arrive()


def test_a_stop_forgets_the_goal() -> None:
    can, cannot = Pretend(says=True), Pretend(says=False, stops=False)
    for arm in (can, cannot):
        follow = OneMove(arm, furthest=10.0, speed=100.0)
        follow.offer({"X": 30.0, "Y": 0.0})
        follow.poll()

        assert follow.stop() is (arm is can)

        arm.arrive()
        follow.poll()
        assert len(arm.moves) == 1


def test_a_locked_arm_is_sent_nothing() -> None:
    arm = Pretend(says=True)
    arm.doing = Doing.LOCKED
    follow = OneMove(arm, furthest=10.0, speed=100.0)
    follow.offer({"X": 30.0, "Y": 0.0})

    with pytest.raises(ArmRefused, match="locked"):
        follow.poll()

    assert arm.moves == []


@given(
    lines=st.lists(st.text("ok$0123 XYZ", min_size=1).map(str.strip).filter(bool), max_size=9),
    sizes=st.lists(st.integers(1, 7), min_size=1, max_size=9),
)
def test_lines_come_in_any_pieces(lines: list[str], sizes: list[int]) -> None:
    data = "".join(f"{line}\r\n" for line in lines).encode()
    reader, read = LineReader(), list[str]()
    while data:
        read += reader.feed(data[: sizes[0]])
        data, sizes = data[sizes[0] :], sizes[1:] or [3]

    assert read == lines


@given(noise=st.binary(max_size=3000))
def test_noise_neither_stops_the_reader_nor_fills_it(noise: bytes) -> None:
    reader = LineReader()
    reader.feed(noise)

    assert reader.feed(b"\nok\n")[-1] == "ok"


@pytest.mark.parametrize(
    ("place", "speed"), [({"X": math.nan}, 1.0), ({"X": 1.0}, 0.0), ({"X": 1.0}, math.inf), ({}, 1)]
)
def test_what_is_no_move_is_refused(place: Mapping[str, float], speed: float) -> None:
    with pytest.raises(ValueError, match="a move needs"):
        move_words(place, speed)

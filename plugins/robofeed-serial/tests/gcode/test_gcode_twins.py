"""G-code twins as text in, text out, in virtual time."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robofeed_serial.gcode.text import LineReader
from robofeed_serial.twin.arm import SUBSTEP_NS
from robofeed_serial.twin.gcode.build import build_gcode
from robofeed_serial.twin.gcode.words import words

BAUD = 115_200


class Port:
    def __init__(self, name: str) -> None:
        self.arm, self.line = build_gcode(name)
        self.arm.advance(0)

    def say(self, text: str, baud: int = BAUD) -> list[str]:
        replies = self.line.receive(text.encode(), baud)
        return LineReader().feed(b"".join(reply.frame for reply in replies))

    def wait(self, seconds: float) -> None:
        end_ns = self.arm.log.time_ns + round(seconds * 1e9)
        while self.arm.log.time_ns < end_ns:
            self.arm.advance(min(end_ns, self.arm.log.time_ns + 100 * SUBSTEP_NS))


def test_a_uarm_answers_with_the_number_and_moves_at_the_speed() -> None:
    port = Port("uarm")

    assert port.say("#25 G0 X250 Y0 Z150 F3000\n") == ["$25 ok"]
    port.wait(0.5)
    (halfway,) = port.say("#26 P2220\n")
    port.wait(1.0)

    assert float(re.findall(r"X([\d.]+)", halfway)[0]) == pytest.approx(225, abs=2)
    assert port.say("#27 P2220\n") == ["$27 ok X250.00 Y0.00 Z150.00"]
    assert port.say("#1 P2220\n", baud=9600) == []


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("G0 X10 Y0 Z0 F100", "E22"),
        ("G0 X400 Y0 Z0 F100", "E22"),
        ("G0 X250 F0", "E21"),
        ("G0", "E21"),
        ("M9999", "E20"),
        ("nonsense!", "E20"),
    ],
)
def test_a_uarm_refuses(command: str, error: str) -> None:
    assert Port("uarm").say(f"#7 {command}\n") == [f"$7 {error}"]


def test_a_uarms_queue_has_an_end() -> None:
    port = Port("uarm")

    said = [port.say(f"#1 G0 X{250 + step} Y0 Z150 F60\n")[0] for step in range(10)]

    assert said == ["$1 ok"] * 8 + ["$1 E23"] * 2


def test_grbl_moves_only_once_it_is_unlocked_or_home() -> None:
    port = Port("grbl")

    assert port.say("?") == ["<Alarm|MPos:0.000,0.000,0.000|FS:0,0>"]
    assert port.say("G1 X10 F600\n") == ["error:9"]
    assert port.say("$X\n") == ["ok"]
    assert port.say("G90 G1 X10 F600\n") == ["ok"]
    assert port.say("?")[0].startswith("<Run|")
    port.wait(1.5)
    assert port.say("?") == ["<Idle|MPos:10.000,0.000,0.000|FS:0,0>"]
    assert port.say("G91 G1 X-1\n") == ["ok"]
    port.wait(1.0)
    assert port.say("?")[0].startswith("<Idle|MPos:9.000")


def test_a_hold_keeps_the_place_and_a_reset_forgets_the_rest() -> None:
    port = Port("grbl")
    port.say("$X\nG1 X100 F600\nG1 Y50\n")
    port.wait(1.0)

    port.say("!")
    assert port.say("?")[0].startswith("<Hold:1|MPos:10.0")
    port.wait(1.0)
    (held,) = port.say("?")

    assert held.startswith("<Hold:0|MPos:10.49")  # half a unit, at 10 a second, in 0.1 s
    assert port.say("?") == [held]
    assert port.say("\x18") == ["Grbl 1.1f ['$' for help]"]
    assert port.say("?")[0].startswith("<Idle|MPos:10.49")
    port.say("G1 X5\n")
    port.wait(2.0)
    port.say("G1 X50\n")
    port.wait(0.5)
    port.say("\x18")
    assert port.say("?")[0].startswith("<Alarm|")
    port.say("$X\nG1 X60\n")
    port.wait(0.1)
    port.say("!\x18")
    assert port.say("?")[0].startswith("<Alarm|"), "it had not braked yet"


def test_a_hold_at_the_end_of_a_move_is_one_at_once() -> None:
    port = Port("grbl")
    port.say("$X\nG1 X1 F600\n")
    port.wait(0.09)

    port.say("!")
    port.wait(0.03)

    assert port.say("?")[0].startswith("<Hold:0|MPos:1.000")
    port.say("\x18")
    assert port.say("?")[0].startswith("<Idle|MPos:1.000")


def test_a_mirobot_reports_its_joints() -> None:
    port = Port("mirobot")

    (reply,) = port.line.receive(b"$H\n", BAUD)
    assert reply.frame == b"ok\r\n"
    assert port.say("M21 G90 G1 X30 A-5 F1800\n") == ["ok"]
    port.wait(3.0)

    (report,) = port.say("?")
    assert report.startswith("<Idle,Angle(ABCDXYZ):-5.000,0.000,0.000,0.000,30.000,0.000,0.000,")


def test_homing_answers_when_it_would_have_arrived() -> None:
    port = Port("mirobot")
    port.say("$X\nM21 G90 G1 X60 F3600\n")
    port.wait(2.0)

    (reply,) = port.line.receive(b"$H\n", BAUD)

    assert reply.delay_ns == pytest.approx(2e9)


@given(noise=st.binary(max_size=400), name=st.sampled_from(["uarm", "grbl", "mirobot"]))
def test_no_noise_stops_them(noise: bytes, name: str) -> None:
    port = Port(name)

    port.line.receive(noise, BAUD)
    port.line.receive(b"\n", BAUD)

    asked, answer = ("#3 P2220\n", "$3 ok ") if name == "uarm" else ("?", "<")
    assert port.say(asked)[-1].startswith(answer)


@given(st.lists(st.tuples(st.sampled_from("GMXYZF"), st.integers(-999, 999)), max_size=8))
def test_words_are_read_as_they_are_written(pairs: list[tuple[str, int]]) -> None:
    text = " ".join(f"{letter}{value}" for letter, value in pairs)

    assert words(text) == [(letter, float(value)) for letter, value in pairs]
    assert words(text.replace(" ", "")) == words(text)


@pytest.mark.parametrize("text", ["G1 X", "X1..2", "5", "G1 (a)", "G1 X1_5"])
def test_what_is_no_word_is_seen(text: str) -> None:
    assert words(text) is None

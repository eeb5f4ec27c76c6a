"""Puts a twin together from its options and runs it."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from robofeed.data.errors import ConfigError
from robofeed_serial.arms.arm_file import load_arm
from robofeed_serial.twin.arm import TwinArm
from robofeed_serial.twin.build import build_arm, build_servos, make_new, twin_joints
from robofeed_serial.twin.camera import TwinCamera, pose_of
from robofeed_serial.twin.console import Console
from robofeed_serial.twin.control import ControlServer
from robofeed_serial.twin.fault import FaultFile, parse_fault, read_fault_file
from robofeed_serial.twin.fault_effects import FaultEffects
from robofeed_serial.twin.fault_script import FaultScript
from robofeed_serial.twin.gcode.build import GCODE_ARMS, GCODE_BAUD, build_gcode
from robofeed_serial.twin.server import TwinServer, Visitor
from robofeed_serial.twin.servo import Servo
from robofeed_serial.twin.terminal import TwinTerminal
from robofeed_serial.twin.transcript import Transcript
from robofeed_serial.twin.wire import Wire


@dataclass(frozen=True, slots=True)
class TwinOptions:
    """What `robofeed arm twin` can be told."""

    arm: str
    link: Path
    baud: int | None = None
    """None: the arm's own"""
    new: bool = False
    """servos as they are sold, with ids and rates still to be set"""
    control: Path | None = None
    paced: bool = True
    gravity: bool = True
    physics: Literal["kinematic", "pybullet"] = "kinematic"
    task: str | None = None
    """whose objects lie on the table, with `pybullet`; None: of reach"""
    faults: tuple[str, ...] = ()
    fault_file: Path | None = None
    seed: int | None = None
    """of the dice and of the task's layout; None: the fault file's, else 0"""
    transcript: Path | None = None
    camera_port: int | None = None
    """where its pictures are served on loopback; 0 = any port, None = nowhere"""
    until_input_ends: bool = False
    """stop when standard input is closed: a child ends with its parent, however that went"""


class InputEnd:
    """A visitor that stops the twin at the end of standard input."""

    def __init__(self, server: TwinServer) -> None:
        self._server = server

    def filenos(self) -> list[int]:
        """What to wait for."""
        return [sys.stdin.fileno()]

    def visit(self) -> None:
        """Stop where that is the end; what is written there is ignored."""
        if select.select([sys.stdin], [], [], 0)[0] and not os.read(sys.stdin.fileno(), 1024):
            self._server.stop()


def run_twin(options: TwinOptions) -> None:
    """Serve until SIGTERM, Ctrl-C or a request to stop. Says on standard output what it offers.

    Raises:
        ConfigError: unknown arm, impossible baud or fault, or paths that cannot be used.
    """
    script = read_fault_file(options.fault_file) if options.fault_file else FaultFile()
    faults = [*script.fault, *map(parse_fault, options.faults)]
    seed = script.seed if options.seed is None else options.seed
    with ExitStack() as stack:
        transcript = None
        if options.transcript is not None:
            transcript = stack.enter_context(Transcript(options.transcript))
        arm, wire, described, visitors, camera = _build(options, seed, stack)
        server = TwinServer(arm, wire, TwinTerminal(options.link), transcript)
        server.visitors += visitors
        effects = FaultEffects(arm, wire, server.terminal)
        for fault in faults:
            effects.check(fault)
        wire.adapter = running = FaultScript(np.random.default_rng(seed), effects, arm.log)
        server.on_tick = running.advance
        if camera is not None:
            server.on_tick = _both(running.advance, camera.show)
        if options.until_input_ends:
            server.visitors.append(InputEnd(server))
        if options.control is not None:
            actions = Console(server, running, effects).actions
            if camera is not None:
                actions["camera"] = camera.where
            control = ControlServer(options.control, actions)
            control.open()
            stack.callback(control.close)
            server.visitors.append(control)

        def plugged() -> None:
            running.add(faults, time.monotonic_ns())
            print(f"{described} at {options.link}", flush=True)
            if camera is not None:
                print(f"camera at {camera.url}", flush=True)
            if not server.terminal.tells_baud:
                print("this system does not tell the baud: it answers at any, unpaced", flush=True)

        server.on_plug = plugged
        signal.signal(signal.SIGTERM, lambda number, frame: server.stop())
        server.run()


def _both(one: Callable[[int], None], other: Callable[[int], None]) -> Callable[[int], None]:
    def tick(now_ns: int) -> None:
        one(now_ns)
        other(now_ns)

    return tick


def _refuse_what_does_nothing(options: TwinOptions) -> None:
    physics = options.physics != "kinematic"
    if options.task is not None and not physics:
        raise ConfigError("objects lie on the table with --physics pybullet only: leave out --task")
    if not options.gravity and physics:
        raise ConfigError("the simulator's arm always has its weight: leave out --no-gravity")
    if options.arm not in GCODE_ARMS:
        return
    asked = {
        "--baud": options.baud not in (None, GCODE_BAUD),
        "--physics": physics,
        "--no-gravity": not options.gravity,
        "--new": options.new,
        "--camera-port": options.camera_port is not None,
    }
    if vain := [name for name, is_asked in asked.items() if is_asked]:
        raise ConfigError(
            f"the twin of {options.arm} has {GCODE_BAUD} bit/s, no servos, no weight and no "
            f"pictures: leave out {', '.join(vain)}"
        )


def _build(
    options: TwinOptions, seed: int, stack: ExitStack
) -> tuple[TwinArm, Wire, str, list[Visitor], TwinCamera | None]:
    """The arm, the wire to it, what it is in a few words, who is to be visited, its camera."""
    _refuse_what_does_nothing(options)
    if options.arm in GCODE_ARMS:
        arm, line = build_gcode(options.arm)
        wire = Wire(line, paced=options.paced)
        return arm, wire, f"{options.arm}: G-code, {GCODE_BAUD} bit/s", [], None
    described = load_arm(options.arm)
    servos: Sequence[Servo]
    visitors: list[Visitor] = []
    if described.protocol == "rfp":
        from robofeed_serial.twin.firmware import FirmwareTwin

        board = stack.enter_context(FirmwareTwin(described, options.baud))
        servos, wire = board.servos, board.wire
        visitors.append(board)
    else:
        servos, line = build_servos(described, options.baud)
        wire = Wire(line, paced=options.paced)
    mechanics = camera = None
    if options.physics == "pybullet":
        from robofeed_serial.twin.physics import PybulletMechanics

        mechanics = PybulletMechanics(
            described.name,
            twin_joints(described),
            [servo.motor for servo in servos],
            task=options.task or "reach",
            seed=seed,
        )
        stack.callback(mechanics.close)
    if options.camera_port is not None:
        alone = pose_of(described, [servo.motor for servo in servos])
        scene = mechanics.scene if mechanics is not None else alone
        camera = TwinCamera(described.name, scene, options.camera_port)
        stack.callback(camera.close)
    arm = build_arm(described, servos, mechanics, gravity=options.gravity)
    if options.new:
        make_new(described, servos)
    text = f"{described.name}: {len(servos)} servos, {servos[0].baud} bit/s"
    return arm, wire, text, visitors, camera

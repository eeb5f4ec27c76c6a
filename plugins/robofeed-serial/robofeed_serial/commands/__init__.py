"""Find, set up, calibrate and drive real arms, or start one made of software."""

from __future__ import annotations

import typer

from robofeed_serial.commands import (
    calibrate,
    camera,
    fault,
    find,
    hand,
    home,
    park,
    scan,
    selftest,
    setup,
    teleop,
    twin,
)

command = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
"""`robofeed arm`. The modules of its subcommands import what is heavy when they are called."""

command.command("find")(find.command)
command.command("scan")(scan.command)
command.command("setup")(setup.command)
command.command("calibrate")(calibrate.command)
command.command("selftest")(selftest.command)
command.command("teleop")(teleop.command)
command.command("home")(home.command)
command.command("park")(park.park)
command.command("relax")(park.relax)
command.command("camera")(camera.command)
command.command("twin")(twin.command)
command.command("fault")(fault.command)
command.command("hand")(hand.command)

"""Find, set up, calibrate and drive real arms, or start one made of software."""

from __future__ import annotations

import typer

from robofeed_serial.commands import fault, twin

command = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
"""`robofeed arm`. The modules of its subcommands import what is heavy when they are called."""

command.command("twin")(twin.command)
command.command("fault")(fault.command)

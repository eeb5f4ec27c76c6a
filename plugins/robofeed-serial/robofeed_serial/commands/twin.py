"""Start an arm made of software on a port: real bytes, no hardware."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Physics(StrEnum):
    """What moves the twin's joints."""

    KINEMATIC = "kinematic"
    PYBULLET = "pybullet"


def command(
    name: Annotated[
        str,
        typer.Argument(
            help="so101, so100, koch, koch_leader, omx, rfp6, uarm, mirobot, grbl; or an arm file."
        ),
    ],
    link: Annotated[
        Path, typer.Option(help="Where to make the port, a link to a pseudo-terminal.")
    ],
    baud: Annotated[
        int | None, typer.Option(help="The only rate its servos understand. Default: the arm's.")
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="Servos as they are sold: all with id 1, for arm setup.")
    ] = False,
    control: Annotated[
        Path | None, typer.Option(help="A Unix socket to make, for faults and for looking inside.")
    ] = None,
    paced: Annotated[
        bool, typer.Option(help="Let every byte take its time on the wire, as in hardware.")
    ] = True,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="A fault, such as late:servo_id=3,at_s=2; may be repeated."),
    ] = None,
    faults: Annotated[
        Path | None, typer.Option(help="A TOML file of faults: docs/serial-faults.md.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of faults' dice and objects' places.")] = None,
    transcript: Annotated[
        Path | None, typer.Option(help="A file for every byte that passes, with its time.")
    ] = None,
    physics: Annotated[
        Physics,
        typer.Option(help="What is behind the servos: each joint alone, or the simulator's arm."),
    ] = Physics.KINEMATIC,
    task: Annotated[
        str | None,
        typer.Option(help="Whose objects lie on the table, with --physics pybullet. [reach]"),
    ] = None,
    camera_port: Annotated[
        int | None,
        typer.Option(
            help="Serve pictures of it on loopback, drawn by the simulator; 0 = any port.",
            min=0,
            max=65535,
        ),
    ] = None,
    gravity: Annotated[bool, typer.Option(help="Let the links weigh on the servos.")] = True,
    until_input_ends: Annotated[
        bool, typer.Option(help="Stop at the end of standard input, for use by a program.")
    ] = False,
) -> None:
    """Start an arm made of software on a port, until Ctrl-C."""
    from robofeed_serial.twin.run import TwinOptions, run_twin

    run_twin(
        TwinOptions(
            arm=name,
            link=link,
            baud=baud,
            new=new,
            control=control,
            paced=paced,
            gravity=gravity,
            physics=physics.value,
            task=task,
            faults=tuple(fault or ()),
            fault_file=faults,
            seed=seed,
            transcript=transcript,
            camera_port=camera_port,
            until_input_ends=until_input_ends,
        )
    )

"""Start an arm made of software on a port: real bytes, no hardware."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    name: Annotated[str, typer.Argument(help="Which arm: so101, so100, koch, omx.")],
    link: Annotated[
        Path, typer.Option(help="Where to make the port, a link to a pseudo-terminal.")
    ],
    baud: Annotated[
        int | None, typer.Option(help="The only rate its servos understand. Default: the arm's.")
    ] = None,
    control: Annotated[
        Path | None, typer.Option(help="A Unix socket to make, for faults and for looking inside.")
    ] = None,
    paced: Annotated[
        bool, typer.Option(help="Let every byte take its time on the wire, as in hardware.")
    ] = True,
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
            control=control,
            paced=paced,
            until_input_ends=until_input_ends,
        )
    )

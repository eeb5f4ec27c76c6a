"""`robofeed label RUN`: the page of a run, going on or finished, for people to answer in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    run: Annotated[Path, typer.Argument(help="The run's folder, such as runs/reach-seed0.")],
    port: Annotated[int, typer.Option(help="0 takes that of last time, 8765 or a free one.")] = 0,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    tls_certificate: Annotated[str, typer.Option(help="PEM file, with --tls-key.")] = "",
    tls_key: Annotated[str, typer.Option(help="PEM file, with --tls-certificate.")] = "",
    beyond_loopback: Annotated[
        bool, typer.Option("--beyond-loopback", help="Other machines may connect (needs TLS).")
    ] = False,
    motion_beyond_loopback: Annotated[
        bool, typer.Option("--motion-beyond-loopback", help="Other machines may move the arm.")
    ] = False,
    host_name: Annotated[
        list[str] | None, typer.Option(help="A name browsers may call it by; can be repeated.")
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="The link leads to the live view, to drive the arm.")
    ] = False,
) -> None:
    """Open the page of a run in which people answer; the first line says where it is."""
    from robofeed_web.config import WebConfig
    from robofeed_web.server import serve

    config = WebConfig(
        host=host,
        port=port,
        tls_certificate=tls_certificate,
        tls_key=tls_key,
        beyond_loopback=beyond_loopback,
        motion_beyond_loopback=motion_beyond_loopback,
        host_names=tuple(host_name or ()),
    )
    serve(run, config, _say_where_to_drive if live else _say)


def _say(url: str) -> None:
    typer.echo(f"answer at {url}")
    typer.echo("Ctrl-C ends it; what was answered is kept.")


def _say_where_to_drive(url: str) -> None:
    typer.echo(f"drive at {url}#live")
    typer.echo("Ctrl-C ends it.")

"""`robofeed people`: who may look at a run, answer, drive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from robofeed.cli.run_ledger import ledger_of

command = typer.Typer(no_args_is_help=True)
Run = Annotated[str, typer.Option("--run", help="The run's folder, or its ledger's URL.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_ADDRESS = "http://127.0.0.1:8765/"
"""Where a run's page is by default; a server that runs says where it is in web.url."""


@command.callback()
def people() -> None:
    """Say who may look at a run, answer and drive; each gets a personal link."""


@command.command("add")
def add(
    name: Annotated[str, typer.Argument(help="A pseudonym, such as p3: it is stored, so no name.")],
    run: Run,
    role: Annotated[
        str,
        typer.Option(help="view; label also answers; drive also moves the arm; admin: everything."),
    ] = "label",
    as_json: Json = False,
) -> None:
    """Add a person and print their link. It is shown this once: only its hash is stored."""
    with ledger_of(run) as ledger:
        link = ledger.people.add(name, role)
    address, known = _address(run)
    url = f"{address.rstrip('/')}/?token={link.token}"
    if as_json:
        typer.echo(json.dumps({"pseudonym": name, "role": str(link.person.role), "link": url}))
        return
    typer.echo(url)
    typer.echo(
        f"{name} may {link.person.role}. Hand the link to them alone; it is not shown again.",
        err=True,
    )
    if not known:
        typer.echo(
            f"No page is open just now: it is at {_ADDRESS} by default (`robofeed label {run}` "
            "opens it and prints its address).",
            err=True,
        )


@command.command("list")
def list_people(run: Run, as_json: Json = False) -> None:
    """List the people of a run, their roles and which consent they gave."""
    with ledger_of(run) as ledger:
        found = ledger.people.list()
    if as_json:
        rows = [
            {"pseudonym": p.pseudonym, "role": str(p.role), "consent": p.consent_version}
            for p in found
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    if not found:
        typer.echo("nobody was added yet; `robofeed people add NAME --run RUN` does")
    for person in found:
        consent = person.consent_version
        said = f"consent to version {consent}" if consent else "no consent yet"
        typer.echo(f"{person.pseudonym:20} {person.role:6} {said}")


@command.command("remove")
def remove(
    name: Annotated[str, typer.Argument(help="The pseudonym.")],
    run: Run,
) -> None:
    """End a person's link at once. What they said stays (`robofeed feedback forget`)."""
    with ledger_of(run) as ledger:
        ledger.people.remove(name)
    typer.echo(f"{name}'s link leads nowhere now; their answers stay")


def _address(run: str) -> tuple[str, bool]:
    """The address of the run's page, and whether a server says it is there."""
    try:
        written = (Path(run) / "web.url").read_text(encoding="utf-8").strip()
    except OSError:
        written = ""
    return written or _ADDRESS, bool(written)

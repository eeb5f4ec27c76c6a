"""`robofeed feedback`: what people said in a run: read it, take it elsewhere, check it, forget."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robofeed.cli.run_ledger import ledger_of
from robofeed.data.errors import DataError

if TYPE_CHECKING:
    from robofeed.feedback.agreement import PeopleSummary

command = typer.Typer(no_args_is_help=True)
Run = Annotated[str, typer.Argument(help="The run's folder, or its ledger's URL.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@command.callback()
def feedback() -> None:
    """Read, export, check and forget what people said in a run."""


@command.command("list")
def list_records(
    run: Run,
    people: Annotated[
        bool, typer.Option("--people", help="A line a person: answers, consistency, time taken.")
    ] = False,
    last: Annotated[int, typer.Option(min=0, help="Only the last so many records; 0 = all.")] = 20,
    as_json: Json = False,
) -> None:
    """List the records of a run, or its people and how far they agree."""
    with ledger_of(run) as ledger:
        if people:
            from robofeed.feedback.agreement import summarise_people

            standing = [entry.feedback for entry in ledger.standing()]
            _show_people(summarise_people(standing, ledger.queries()), as_json)
            return
        rows = ledger.table()
    shown = rows[-last:] if last else rows
    if as_json:
        typer.echo(json.dumps([_opened(row) for row in shown], indent=2))
        return
    if len(shown) < len(rows):
        typer.echo(f"the last {len(shown)} of {len(rows)} records (--last 0 shows all)")
    for row in shown:
        typer.echo(_line(row))
    if not rows:
        typer.echo("nobody has said anything yet")


@command.command("export")
def export(
    run: Run,
    file: Annotated[
        Path, typer.Argument(help="Where to: *.jsonl, *.csv or *.parquet; - = stdout.")
    ],
    file_format: Annotated[
        str | None, typer.Option("--format", help="jsonl, csv or parquet, whatever the name.")
    ] = None,
) -> None:
    """Write every record, with the question it answers, to a file."""
    from robofeed.data import ledger_export

    to_stdout = str(file) == "-"
    wanted = ledger_export.format_of(file, file_format or ("jsonl" if to_stdout else None))
    with ledger_of(run) as ledger:
        rows = ledger.table()
    if to_stdout:
        typer.get_binary_stream("stdout").write(ledger_export.encode(rows, wanted))
        return
    ledger_export.export(rows, file, wanted)
    typer.echo(f"{len(rows)} records in {file}")


@command.command("verify")
def verify(run: Run, as_json: Json = False) -> None:
    """Check the ledger: storage, order without gaps, every record readable. Exit code 4 if not."""
    with ledger_of(run) as ledger:
        audit = ledger.verify()
    if as_json:
        found = {"records": audit.records, "queries": audit.queries, "problems": audit.problems}
        typer.echo(json.dumps(found))
    else:
        typer.echo(f"{audit.records} records, {audit.queries} questions")
        for problem in audit.problems:
            typer.echo(problem)
    if audit.problems:
        raise DataError(
            f"the ledger of {run} has {len(audit.problems)} problems; keep a copy as it is, and "
            "restore a backup or export what can be read"
        )


@command.command("forget")
def forget(
    run: Run,
    person: Annotated[str, typer.Argument(help="The pseudonym.")],
    delete_labels: Annotated[
        bool, typer.Option("--delete-labels", help="Remove their answers too, not only their name.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Take a person out of a run for good: their pseudonym, words, consent, and answers if wanted.

    Says afterwards where else the person may be found.
    """
    from robofeed.data.person_traces import forget_in_folder, reach

    answers = "their answers are emptied" if delete_labels else "their answers stay, without a name"
    if not yes:
        typer.confirm(f"Forget {person} in {run}? This cannot be undone; {answers}.", abort=True)
    with ledger_of(run) as ledger:
        done = ledger.forget(person, delete_labels)
    typer.echo(
        f"{person} is forgotten: {done.anonymised} answers stay under {done.pseudonym}, "
        f"{done.emptied} records were emptied"
    )
    left = forget_in_folder(Path(run), person, done.pseudonym) if Path(run).is_dir() else ()
    for path in left:
        typer.echo(f"still in: {path}")
    typer.echo(reach())


def _opened(row: dict[str, Any]) -> dict[str, Any]:
    inner = {name: row[name] and json.loads(row[name]) for name in ("payload", "query")}
    return {**row, **inner}


def _line(row: dict[str, Any]) -> str:
    beside = {"kind", "stamp", "query_id"}
    said = {key: value for key, value in json.loads(row["payload"]).items() if key not in beside}
    content = " ".join(f"{key}={json.dumps(value)}" for key, value in said.items())
    gone = "  (taken back)" if row["taken_back"] else ""
    about = row["query_id"] or ""
    return f"{row['sequence']:6} {row['kind']:13} {row['person']:20} {about:9} {content}{gone}"


def _show_people(summary: PeopleSummary, as_json: bool) -> None:
    if as_json:
        from dataclasses import asdict

        people = [{**asdict(each), "consistency": each.consistency} for each in summary.people]
        typer.echo(json.dumps({**asdict(summary), "people": people}, indent=2))
        return
    if not summary.people:
        typer.echo("nobody has answered yet")
        return
    typer.echo(f"{'person':20} rankings  skips  same again  seconds an answer (median)")
    for each in summary.people:
        again = f"{each.agreed} of {each.repeats}" if each.repeats else "-"
        seconds = f"{each.median_s:.1f}" if each.median_s is not None else "-"
        typer.echo(f"{each.person:20} {each.rankings:8} {each.skips:6}  {again:>10}  {seconds:>7}")
    shared = summary.shared_pairs
    pairs = "1 pair of clips was" if shared == 1 else f"{shared} pairs of clips were"
    typer.echo(f"{pairs} judged by two people or more")
    if summary.alpha_nominal is not None and summary.alpha_ordinal is not None:
        typer.echo(
            f"Krippendorff's alpha: {summary.alpha_ordinal:.2f} ordinal, "
            f"{summary.alpha_nominal:.2f} nominal (1 = always agree, 0 = as if at random)"
        )
    elif shared:
        typer.echo("all alike, so that agreement cannot be told from chance")

"""The `robofeed` command: `main` finds the verb, imports that one, turns errors into exit codes.

`robofeed --help` imports no verb at all, so it stays quick however heavy the verbs are.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from robofeed.cli.failure import exit_code_of
from robofeed.cli.verbs import Verb, find_verbs

__all__ = ["main", "run"]

_HANDED_ON = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": list[str](),
}
"""For a verb whose arguments are somebody else's, `--help` included."""


def main() -> None:
    """Run the command line and exit with its code; the `robofeed` script calls this."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the command line given as `arguments` and return the exit code (docs/exit-codes.md)."""
    try:
        application(find_verbs(), called=_verb_called(arguments))(
            args=list(arguments), prog_name="robofeed"
        )
    except SystemExit as done:
        if _interrupted(done):
            return exit_code_of(KeyboardInterrupt())
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except BaseException as error:
        return exit_code_of(error)
    return 0


def _interrupted(done: BaseException) -> bool:
    """Whether Ctrl-C is behind it: typer makes an exit code of that, and says nothing."""
    behind: BaseException | None = done
    while behind is not None and not isinstance(behind, KeyboardInterrupt):
        behind = behind.__cause__ or behind.__context__
    return behind is not None


def application(verbs: Mapping[str, Verb], called: str | None = None) -> typer.Typer:
    """Return the typer application in which only the verb named `called` is loaded.

    The other verbs are there by name and one line of help, which is all that `--help`, completion
    and "did you mean" ask of them.
    """
    app = typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="Train robots from human feedback.",
    )
    app.callback()(_global_options)
    for name, verb in verbs.items():
        if name != called:
            app.command(name, help=verb.help)(_not_loaded)
            continue
        command = verb.load()
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name, help=verb.help)
        else:
            app.command(name, context_settings=_HANDED_ON if name == "label" else None)(command)
    return app


def _verb_called(arguments: Sequence[str]) -> str | None:
    """The first word: the options before it (`--help`, `--version`) take no value."""
    return next((word for word in arguments if not word.startswith("-")), None)


def _not_loaded() -> None:
    raise AssertionError("a verb that was not called was run")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"robofeed {version('robofeed')}")
        raise typer.Exit


def _global_options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass

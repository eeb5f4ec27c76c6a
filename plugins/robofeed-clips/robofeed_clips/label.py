"""Answer by keys in this terminal, over SSH and in tmux too, or in a window (--window)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from robofeed_clips.config import TerminalConfig


def command(
    run: Annotated[Path, typer.Argument(help="The run's folder, such as runs/reach-seed0.")],
    person: Annotated[
        str, typer.Option(help="Pseudonym that answers are stored under.")
    ] = "operator",
    window: Annotated[
        bool, typer.Option("--window", help="Show clips in a window of this machine's screen.")
    ] = False,
    colours: Annotated[str, typer.Option(help="auto, 24bit or 256.")] = "auto",
    sixel: Annotated[str, typer.Option(help="Sixel graphics: auto, on or off.")] = "auto",
    settings: Annotated[
        str, typer.Option(help="All of it as JSON, as [feedback.terminal] has it.", hidden=True)
    ] = "",
) -> None:
    """Answer a run's questions by keys, in the terminal or in a window."""
    from pydantic import ValidationError

    from robofeed import ConfigError
    from robofeed_clips.config import TerminalConfig

    try:
        if settings:
            config = TerminalConfig.model_validate_json(settings)
        else:
            config = TerminalConfig.model_validate(
                {"person": person, "window": window, "colours": colours, "sixel": sixel}
            )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"--{where}: {first['msg']}") from error
    stored = sit_down(run, config)
    again = f"robofeed label {run} --terminal{' --window' if config.window else ''}"
    typer.echo(f"{stored} answers stored; go on with: {again}")


def sit_down(run_dir: Path, config: TerminalConfig) -> int:
    """Answer until the person has had enough; how many answers they gave.

    Raises:
        ConfigError: no terminal, one too small, or no display for a window.
        DataError: no run there, or its ledger cannot be used.
    """
    from robofeed import ClipMaker, load_config
    from robofeed.data import consent
    from robofeed.data.feedback import Consent
    from robofeed.data.ledger import Ledger
    from robofeed.data.run_folder import open_run_folder
    from robofeed_clips.film_shelf import FilmShelf
    from robofeed_clips.run_news import RunNews
    from robofeed_clips.sitting import Sitting
    from robofeed_clips.terminal import Terminal, check_terminal
    from robofeed_clips.terminal_view import TerminalView

    if config.window:
        from robofeed_clips.window import Window, check_display

        check_display()
    else:
        check_terminal()
    folder = open_run_folder(run_dir)
    ledger = Ledger.open(folder.ledger)
    try:
        agreed = any(
            isinstance(entry.feedback, Consent)
            and entry.feedback.version == consent.VERSION
            and entry.feedback.stamp.person == config.person
            for entry in ledger.standing()
        )
        shared = load_config(file=folder.config_path).ledger
        leases = ledger.leases(shared.overlap, shared.hold_s)
        sitting = Sitting(
            config.person, ledger.append, leases, ledger.query, config.deeds(), agreed
        )
        news = RunNews(folder.path)
        try:
            with FilmShelf(ClipMaker(folder.path)) as shelf:
                if config.window:
                    with Window(sitting, shelf, news, config) as shown:
                        shown.run()
                else:
                    with Terminal() as terminal:
                        TerminalView(terminal, sitting, shelf, news, config).run()
        finally:
            held = (sitting.query, sitting.next_query)
            leases.release(config.person, [query.id for query in held if query is not None])
    finally:
        ledger.close()
    return sitting.stored

"""The ledger a verb is about: that of a run's folder, a SQLite file, or a database's URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from robofeed.data.run_folder import open_run_folder

if TYPE_CHECKING:
    from robofeed.data.ledger import Ledger


@contextmanager
def ledger_of(run: str) -> Iterator[Ledger]:
    """Open the ledger of `run` for as long as the context lasts.

    Raises:
        DataError: there is no such run or ledger.
        ConfigError: a URL that cannot be used.
    """
    from robofeed.data.ledger import Ledger

    place: Path | str = run
    if "://" not in run and not Path(run).is_file():
        place = open_run_folder(Path(run)).ledger
    ledger = Ledger.open(place, make=False)
    try:
        yield ledger
    finally:
        ledger.close()

"""The folder of one run: where each thing is, and what run.json says of it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from robofeed.data.atomic_file import write_atomically
from robofeed.data.errors import DataError

_ABOUT = "run.json"
_CONFIG = "config.toml"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths in a run's folder. The store keeps its episodes under `path`/episodes."""

    path: Path

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.path.name

    @property
    def config_path(self) -> Path:
        """The resolved configuration."""
        return self.path / _CONFIG

    @property
    def ledger(self) -> Path | str:
        """Where what people said is kept, for `Ledger.open`: a file here, or a database's URL.

        Raises:
            DataError: there is no file, and run.json, which may name a database, is damaged.
        """
        file = self.path / "feedback.sqlite"
        try:
            return str(self.about().get("ledger") or "") or file
        except DataError:
            if file.is_file():
                return file
            raise

    @property
    def checkpoints_path(self) -> Path:
        """One folder a checkpoint."""
        return self.path / "checkpoints"

    @property
    def clips_path(self) -> Path:
        """Videos for the report."""
        return self.path / "clips"

    @property
    def report_path(self) -> Path:
        """The report page."""
        return self.path / "report.html"

    def about(self) -> dict[str, Any]:
        """What run.json says.

        Raises:
            DataError: it is missing or damaged.
        """
        path = self.path / _ABOUT
        try:
            about = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{path} cannot be read: {error}") from error
        if not isinstance(about, dict):
            raise DataError(f"{path} is not a JSON object")
        return about

    def write_about(self, about: Mapping[str, Any]) -> None:
        """Replace run.json, whole or not at all.

        Raises:
            DataError: the disk refuses.
        """
        write_atomically(self.path / _ABOUT, json.dumps(dict(about), indent=2) + "\n")

    @property
    def steered(self) -> bool:
        """Whether a person ever had a hand in the run's episodes: then it cannot repeat itself."""
        return bool(self.about().get("steered", False))

    def note_steered(self) -> None:
        """A person has."""
        self.update_about(steered=True)

    def update_about(self, **changes: Any) -> None:
        """Change some entries of run.json, such as its status."""
        self.write_about({**self.about(), **changes})

    def discard(self) -> None:
        """Remove the folder of a run that never began."""
        shutil.rmtree(self.path)


def create_run_folder(
    out: Path, name: str = "", *, title: str = "run", seed: int = 0, now: datetime | None = None
) -> RunFolder:
    """Make the folder of a new run under `out`.

    Without a name it is called after `title`, the time and the seed, such as
    reach-20261123-0115-seed0, and a number where two start in one minute.

    Raises:
        DataError: the named folder holds something already, or cannot be made.
    """
    if name and (Path(name).name != name or name.startswith(".")):
        raise DataError(f"{name!r} is no name for a run: one plain folder name, please")
    if name:
        path = out / name
        _make(path, fresh=False)
        try:
            inside = sorted(entry.name for entry in path.iterdir())
        except OSError as error:
            raise DataError(f"cannot use {path}: {error.strerror}") from error
        if inside:
            raise DataError(
                f"{path} holds {inside[0]} already. `robofeed resume {path}` goes on with a run; "
                "a new one needs another name (--set run.name=...)"
            )
        return RunFolder(path)
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", title).strip("-") or "run"
    start = f"{plain}-{now or datetime.now():%Y%m%d-%H%M}-seed{seed}"
    number = 1
    while True:
        path = out / (start if number == 1 else f"{start}-{number}")
        if _make(path, fresh=True):
            return RunFolder(path)
        number += 1


def open_run_folder(path: Path) -> RunFolder:
    """Take the folder of an existing run.

    Raises:
        DataError: it is not one; the message says what was expected.
    """
    missing = [name for name in (_ABOUT, _CONFIG) if not (path / name).is_file()]
    if missing:
        what = "is not a folder" if not path.is_dir() else f"has no {' and no '.join(missing)}"
        raise DataError(
            f"{path} is not a run: it {what}. A run's folder, such as "
            f"runs/reach-20261123-0115-seed0, holds {_ABOUT} and {_CONFIG}; "
            "`robofeed runs` lists them"
        )
    folder = RunFolder(path)
    folder.about()
    return folder


def _make(path: Path, fresh: bool) -> bool:
    """Make a folder; False where it must be fresh and is there already."""
    try:
        path.mkdir(parents=True, exist_ok=not fresh)
    except FileExistsError as error:
        if fresh:
            return False
        raise DataError(f"{path} is a file, not a folder for a run") from error
    except OSError as error:
        raise DataError(f"cannot make {path}: {error.strerror}") from error
    return True

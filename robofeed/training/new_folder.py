"""The folder of a new run: its name, its configuration, and what run.json says of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from robofeed.config import ResolvedRun
from robofeed.data.atomic_file import write_atomically
from robofeed.data.ledger_url import own_schema
from robofeed.data.run_folder import RunFolder, create_run_folder
from robofeed.plugins import PluginRegistry
from robofeed.run_file import dump_toml


def begin_folder(
    resolved: ResolvedRun,
    registry: PluginRegistry,
    title: str,
    about: Mapping[str, Any] | None = None,
) -> RunFolder:
    """Make it, called as the configuration says or else after `title`.

    `about` is more to say in run.json.

    Raises:
        DataError: the name is taken or is none, or the disk refuses.
    """
    run = resolved.config.run
    folder = create_run_folder(Path(run.out), run.name, title=title, seed=run.seed)
    # Without the name, so that the saved configuration can be run again as it is.
    unnamed = resolved.config.model_copy(update={"run": run.model_copy(update={"name": ""})})
    write_atomically(folder.config_path, dump_toml(unnamed))
    folder.write_about({**_described(folder, resolved, registry), **(about or {})})
    return folder


def _described(
    folder: RunFolder, resolved: ResolvedRun, registry: PluginRegistry
) -> dict[str, Any]:
    """What run.json says of a new run."""
    import platform
    from importlib.metadata import version

    config = resolved.config
    url = config.ledger.url
    return {
        "name": folder.name,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "status": "running",
        "seed": config.run.seed,
        "task": config.run.preset,
        **({"ledger": own_schema(url, folder.name)} if url else {}),
        "python": platform.python_version(),
        "robofeed": version("robofeed"),
        "torch": version("torch"),
        "plugins": {row.distribution: row.version for row in registry.listing()},
    }

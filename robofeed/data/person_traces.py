"""What is left of a forgotten person in a run's folder, outside the ledger."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from robofeed.data.atomic_file import write_atomically
from robofeed.data.run_folder import RunFolder

_EVENTS = "events.jsonl"
_READABLE = {".json", ".jsonl", ".toml", ".html", ".csv", ".parquet", ".txt", ".log", ".url"}


def forget_in_folder(path: Path, person: str, pseudonym: str) -> tuple[Path, ...]:
    """Put `pseudonym` in the place of `person` in the run's events; list the files left over.

    The events of a run that is going on are left alone, since its trainer is writing them.

    Raises:
        DataError: run.json is damaged, or the disk refuses.
    """
    events = path / _EVENTS
    if events.is_file() and RunFolder(path).about().get("status") != "running":
        lines = events.read_text(encoding="utf-8").splitlines()
        write_atomically(
            events, "".join(f"{_renamed(line, person, pseudonym)}\n" for line in lines)
        )
    word = re.compile(rb"(?<![\w.-])" + re.escape(person.encode()) + rb"(?![\w.-])")
    files = (each for each in sorted(path.rglob("*")) if each.suffix in _READABLE)
    return tuple(each for each in files if each.is_file() and word.search(each.read_bytes()))


def reach() -> str:
    """Where a person may still be found, which no program can see to."""
    return (
        "Not reached: a trainer or server that is running (stop it before, start it after), "
        "reports already written (write them again), exports and copies taken earlier, backups, "
        "a file system's snapshots, PostgreSQL's own log until it is recycled, and what was "
        "learned from the answers: reward models and policies in checkpoints/; and what an arm's "
        "cameras saw: look, and delete episodes/*.frames.parquet of the episodes they are in, all "
        "of clips/, and report.html. See docs/people.md."
    )


def _renamed(line: str, person: str, pseudonym: str) -> str:
    if person not in line:
        return line
    try:
        event = json.loads(line)
    except ValueError:
        # The last line of a run that was killed; it is listed if the person is in it.
        return line
    return json.dumps(_replaced(event, person, pseudonym), ensure_ascii=False)


def _replaced(value: Any, person: str, pseudonym: str) -> Any:
    if isinstance(value, list):
        return [_replaced(each, person, pseudonym) for each in value]
    if isinstance(value, dict):
        return {
            key: pseudonym if key == "person" and inner == person
            else _replaced(inner, person, pseudonym)
            for key, inner in value.items()
        }  # fmt: skip
    return value

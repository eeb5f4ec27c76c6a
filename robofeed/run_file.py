"""Reading a run file, preset or TOML, with `--set` on top; and writing one."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from robofeed.config import KINDS, RunConfig, checked
from robofeed.data.errors import ConfigError, did_you_mean


def preset_names() -> tuple[str, ...]:
    """Names of the presets in the package, sorted."""
    folder = resources.files("robofeed") / "presets"
    names = (Path(entry.name) for entry in folder.iterdir())
    return tuple(sorted(name.stem for name in names if name.suffix == ".toml"))


def load_config(
    preset: str | None = None, *, file: Path | None = None, overrides: Sequence[str] = ()
) -> RunConfig:
    """Read a preset or a file, whichever is given, and apply `overrides` such as "run.seed=3".

    Raises:
        ConfigError: an unknown preset, a file that cannot be read, or a key or value not accepted.
    """
    if (preset is None) == (file is None):
        raise ConfigError("give a preset or a run file (--config), one of the two")
    if file is not None:
        values, source = _read(file), str(file)
    else:
        values, source = _read_preset(str(preset)), f"preset {preset}"
    for override in overrides:
        path, value = parse_override(override)
        _put(values, path, value, override)
    run = values.setdefault("run", {})
    if isinstance(run, dict):
        run.setdefault("preset", str(file or preset))
    config: RunConfig = checked(RunConfig, values, source=source, sources=origins(overrides))
    return config


def origins(overrides: Sequence[str]) -> dict[str, str]:
    """Name, for each dotted key and the tables above it, the last override that set it."""
    sources: dict[str, str] = {}
    for override in overrides:
        path, _ = parse_override(override)
        for depth in range(1, len(path) + 1):
            sources[".".join(path[:depth])] = f"--set {override}"
    return sources


def parse_override(text: str) -> tuple[tuple[str, ...], Any]:
    """Split "a.b=value" into its path and its value: TOML syntax, bare words are strings.

    Raises:
        ConfigError: no key, no "=", or a malformed value.
    """
    key, equals, value = text.partition("=")
    path = tuple(part.strip() for part in key.split("."))
    if not equals or not all(path):
        raise ConfigError(f"--set {text}: write it as table.key=value")
    try:
        parsed = tomllib.loads(f"value = {value}\n")
    except tomllib.TOMLDecodeError as error:
        word = value.strip()
        if not word or word[0] in "[{\"'" or not word.isprintable():
            raise ConfigError(f"--set {text}: {value!r} is not a TOML value: {error}") from error
        return path, word
    if parsed.keys() != {"value"}:
        raise ConfigError(f"--set {text}: one value, please")
    return path, parsed["value"]


def dump_toml(config: RunConfig) -> str:
    """Return `config` as TOML that `load_config` reads back as an equal configuration."""
    import tomli_w

    values = config.model_dump()
    for name, table in values.items():
        if name not in KINDS:
            # A limit that is switched off must stay so where its default is not "none".
            table.update({key: "none" for key, value in table.items() if value is None})
    return tomli_w.dumps(values)


def _read_preset(name: str) -> dict[str, Any]:
    names = preset_names()
    if name not in names:
        raise ConfigError(
            f"no preset named {name!r}{did_you_mean(name, names)} (presets: {', '.join(names)})"
        )
    text = (resources.files("robofeed") / "presets" / f"{name}.toml").read_text(encoding="utf-8")
    return _parse(text, f"preset {name}")


def _read(file: Path) -> dict[str, Any]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: cannot read the run file: {error.strerror}") from error
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(f"{file}, line {line}: not UTF-8, so not TOML") from error
    return _parse(text, str(file))


def _parse(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        found = re.search(r" \(at line (\d+), column \d+\)$", said)
        # Otherwise the text ended too early.
        line = int(found[1]) if found else len(text.splitlines()) or 1
        reason = said[: found.start()] if found else said.removesuffix(" (at end of document)")
        raise ConfigError(f"{source}, line {line}: malformed TOML: {reason}") from error


def _put(values: dict[str, Any], path: tuple[str, ...], value: Any, override: str) -> None:
    table = values
    for part in path[:-1]:
        inner = table.setdefault(part, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"--set {override}: {part!r} is a value, not a table")
        table = inner
    table[path[-1]] = value

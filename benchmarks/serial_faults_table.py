"""The figures of `serial_faults.py` as tables of a page, between two marks that stay in it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

BEGIN = "<!-- made by benchmarks/serial_faults.py: begin -->"
END = "<!-- made by benchmarks/serial_faults.py: end -->"

Figures = dict[str, Any]


def write_tables(
    page: Path, found: Figures, arms: Sequence[str], watchdogs: Sequence[float]
) -> None:
    """Replace what is between the marks of `page`. Raises ValueError where it has none."""
    text = page.read_text("utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} lacks the marks {BEGIN} and {END}")
    lines = "\n".join(tables(found, arms, watchdogs))
    page.write_text(f"{before}{BEGIN}\n\n{lines}\n\n{END}{after}", encoding="utf-8")


def tables(found: Figures, arms: Sequence[str], watchdogs: Sequence[float]) -> Iterator[str]:
    yield f"Measured on {os.cpu_count()} cores with a mean load of {found['load']:g}."
    codes = found["exit_codes"]
    yield from ("", "From the start, before anything moves:", "")
    yield from head("fault", *arms, "a run ends with")
    for name, by_arm in found["from_start"].items():
        cells = [by_arm[arm]["how"] for arm in arms]
        yield row(name, *cells, code(codes.get(name, {}), "from_start"))
    for watchdog_s in watchdogs:
        yield from ("", f"In motion, `watchdog_s = {watchdog_s:g}`:", "")
        yield from head("fault", *arms, "a run ends with")
        for name, by_arm in found["in_motion"].items():
            cells = [motion(by_arm[arm].get(str(watchdog_s), {"how": "-"})) for arm in arms]
            yield row(name, *cells, code(codes.get(name, {}), "in_motion"))
    yield from ("", "What the operator is told:", "")
    for (case, when), told in sorted(messages(found).items()):
        for text, who in told.items():
            yield f"- {case}, {when} ({', '.join(who)}): {text}"


def motion(cell: Figures) -> str:
    """`told 21 ms; 4 mm, 0.02 rad; rest 115 ms`, or why there are no figures."""
    if "travel_mm" not in cell:
        return str(cell["how"]) + ("" if not cell.get("too_early") else " (machine too busy)")
    told = "" if cell["told_ms"] is None else f"told {cell['told_ms']} ms; "
    fell = "; torque off" if cell["torque_off"] else ""
    back = ""
    if "opens_again" in cell:
        again = "opens" if cell["opens_again"] else "does not open"
        back = f"; back: {cell['moved_when_back']} goals by itself, {again} anew"
    return (
        f"{told}{cell['travel_mm']} mm, {cell['travel_rad']:g} rad; rest {cell['rest_ms']} ms"
        f"{fell}{back}"
    )


def messages(found: Figures) -> dict[tuple[str, str], dict[str, list[str]]]:
    """What was told, times taken out, and on which arms."""
    said: dict[tuple[str, str], dict[str, list[str]]] = {}
    for part, when in (("from_start", "from the start"), ("in_motion", "in motion")):
        for name, by_arm in found[part].items():
            for arm, cell in by_arm.items():
                first = cell if part == "from_start" else next(iter(cell.values()))
                if first["told"] and first["how"] not in ("has none", "too early"):
                    text = re.sub(r"\d+ ms", "... ms", first["told"])
                    said.setdefault((name, when), {}).setdefault(text, []).append(arm)
    return said


def code(codes: Figures, when: str) -> str:
    if when not in codes:
        return ""
    value = codes[when]
    return "goes on" if value is None else f"exit code {value}" if value >= 0 else "killed"


def head(*names: str) -> tuple[str, str]:
    return row(*names), row(*["---"] * len(names))


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"

"""How long robofeed takes to start, beside a Python that does nothing.

Prints `{"import_ratio": .., "help_s": .., "help_ratio": .., "pass_s": ..}`: medians of runs that
take turns, so that what else the machine does falls on all alike. Wanted: import_ratio at most 3,
help_s below 0.35.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "pass": ["-c", "pass"],
    "import": ["-c", "import robofeed"],
    "help": ["-m", "robofeed", "--help"],
}


def seconds(arguments: list[str]) -> float:
    """Wall time of one run of a fresh interpreter."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def measure(rounds: int) -> dict[str, float]:
    """Medians over `rounds`, after one round that fills the disk cache and counts for nothing."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for round_number in range(rounds + 1):
        for name, arguments in COMMANDS.items():
            taken = seconds(arguments)
            if round_number:
                times[name].append(taken)
    median = {name: statistics.median(values) for name, values in times.items()}
    return {
        "import_ratio": median["import"] / median["pass"],
        "help_ratio": median["help"] / median["pass"],
        "help_s": median["help"],
        "pass_s": median["pass"],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    figures = measure(options.rounds)
    if options.json:
        print(json.dumps({name: round(value, 4) for name, value in figures.items()}))
    else:
        for name, value in figures.items():
            print(f"{name:14}{value:8.3f}")


if __name__ == "__main__":
    main()

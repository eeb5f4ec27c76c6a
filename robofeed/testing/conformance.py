"""Whether a backend keeps the promises of `Backend`: one suite for simulators, twins and real arms.

Three tiers. *Still* opens nothing. *Twin* opens, moves and stops: for simulators and for twins,
where nothing can break. *Bench* is a real arm: it moves only where that is allowed in so many
words, at a tenth of its actions, inside a box, after it has shown that it holds still.

    report = check_twin(lambda: MyBackend(settings))
    assert report.passed, report.text()
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from robofeed.data.errors import SafetyStop
from robofeed.data.spec import FloatArray
from robofeed.testing import moving_checks, still_checks, witnessed_checks
from robofeed.testing.trial import GoldenTool, MakeBackend, NotChecked, Trial
from robofeed.testing.witness import Witness

ALLOW_MOTION = "ROBOFEED_ALLOW_MOTION"
"""Set to yes, or `--robofeed-allow-motion`, by somebody who stands beside the arm."""

Outcome = Literal["ok", "failed", "not checked"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one check."""

    check: str
    outcome: Outcome
    detail: str = ""


@dataclass(slots=True)
class Conformance:
    """What came of a tier."""

    findings: list[Finding] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing failed. What could not be checked has not failed."""
        return all(each.outcome != "failed" for each in self.findings)

    @property
    def not_checked(self) -> dict[str, str]:
        """What could not be checked here, and why."""
        return {each.check: each.detail for each in self.findings if each.outcome == "not checked"}

    def text(self) -> str:
        """All of it, a line each."""
        return "\n".join(
            f"{each.outcome:12s}{each.check}{': ' + each.detail if each.detail else ''}"
            for each in self.findings
        )


def check_still(make: MakeBackend, golden: Sequence[GoldenTool] = ()) -> Conformance:
    """What can be known without a device. `golden`: see `check_twin`."""
    return _run(still_checks.CHECKS, Trial(make, golden=golden))


def check_twin(
    make: MakeBackend,
    still_rad: float = 1e-6,
    settle_s: float = 0.0,
    witness: Witness | None = None,
    golden: Sequence[GoldenTool] = (),
) -> Conformance:
    """Everything: for a simulator, or a driver on a twin.

    Args:
        make: Makes the backend, closed.
        still_rad: An arm that stands still moves less than this between two looks.
        settle_s: How long an arm takes to come to rest; 0 for a simulator.
        witness: Who sees the motors and can break the link to them: a twin. Without one, limits
            are only checked as far as the backend tells, and links are not broken.
        golden: Joint angles, and where another program says that the tool then is.
    """
    trial = Trial(make, still_rad, settle_s, witness=witness, golden=golden)
    report = _run(still_checks.CHECKS, trial)
    # The witness first: how an arm is switched on is best seen before anybody has.
    report.findings += _run(witnessed_checks.CHECKS, trial).findings
    report.findings += _run(moving_checks.CHECKS, trial).findings
    return report


def check_bench(
    make: MakeBackend,
    box_m: tuple[Sequence[float], Sequence[float]],
    still_rad: float = 0.03,
    settle_s: float = 0.5,
) -> Conformance:
    """A real arm, at a tenth of its actions, in `box_m` (lowest and highest corner of the tool).

    Its episodes must begin where it stands: one that drives home first is not moved on.

    Raises:
        SafetyStop: nobody has allowed it to move, it stands outside the box, or it does not hold
            still; nothing more is then moved.
    """
    if os.environ.get(ALLOW_MOTION) != "yes":
        raise SafetyStop(
            "this moves a real arm: clear its box, have the power switch in reach, and allow it "
            f"with --robofeed-allow-motion or {ALLOW_MOTION}=yes"
        )
    trial = Trial(make, still_rad, settle_s, action_share=0.1, box_m=_corners(box_m))
    report = _run(still_checks.CHECKS, trial)
    for first in (moving_checks.starts_where_it_stands, moving_checks.holds_still):
        report.findings += _run([first], trial).findings
        if not report.passed:
            raise SafetyStop(f"not fit to be moved, and nothing more is:\n{report.text()}")
    report.findings += _run(moving_checks.CHECKS, trial).findings
    return report


def _corners(box_m: tuple[Sequence[float], Sequence[float]]) -> tuple[FloatArray, FloatArray]:
    low, high = (np.asarray(corner, np.float32) for corner in box_m)
    return low, high


def _run(checks: Sequence[Callable[[Trial], None]], trial: Trial) -> Conformance:
    report = Conformance()
    for check in checks:
        name = (check.__doc__ or check.__name__).strip().splitlines()[0].rstrip(".")
        try:
            check(trial)
        except NotChecked as why:
            report.findings.append(Finding(name, "not checked", str(why)))
        except AssertionError as error:
            report.findings.append(Finding(name, "failed", _first_line(str(error))))
        except Exception as error:  # a backend may raise anything: then this check has failed
            said = f"{type(error).__name__}: {error}"
            report.findings.append(Finding(name, "failed", _first_line(said)))
        else:
            report.findings.append(Finding(name, "ok"))
    return report


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


__all__ = [
    "ALLOW_MOTION",
    "Conformance",
    "Finding",
    "check_bench",
    "check_still",
    "check_twin",
]

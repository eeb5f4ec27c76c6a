"""Do predicted probabilities come true? Temperature scaling and expected calibration error.

Guo et al. (2017), for pairs: `log_odds` of the better clip of each pair, positive where the model
orders the pair as the person did.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

TEMPERATURES = np.geomspace(0.05, 20.0, 241)
PRIOR_STRENGTH = 1.0
"""pull of log temperature to 0: a few perfectly ordered pairs must not give certainty"""


def log_loss(log_odds: Values) -> float:
    """Mean negative log-probability of what the person said; NaN without pairs."""
    return float(np.logaddexp(0.0, -log_odds).mean()) if len(log_odds) else float("nan")


def fit_temperature(log_odds: Values) -> float:
    """The divisor of scores under which held-out answers are likeliest; 1 without pairs."""
    losses = np.logaddexp(0.0, -log_odds[None, :] / TEMPERATURES[:, None]).sum(axis=1)
    losses += 0.5 * PRIOR_STRENGTH * np.log(TEMPERATURES) ** 2
    return float(TEMPERATURES[int(np.argmin(losses))])


def cross_fitted(log_odds: Values, fold: NDArray[np.int64]) -> Values:
    """Log-odds of each fold (0 or 1) under the temperature fitted on the other one."""
    calibrated = log_odds.copy()
    for side in (0, 1):
        calibrated[fold == side] /= fit_temperature(log_odds[fold != side])
    return calibrated


def reliability_table(
    log_odds: Values, first_is_better: NDArray[np.bool_], bins: int = 10
) -> tuple[tuple[float, float, int], ...]:
    """Per non-empty bin: mean predicted probability that the first clip is better, share, count."""
    signed = np.where(first_is_better, log_odds, -log_odds)
    predicted = 1.0 / (1.0 + np.exp(-np.clip(signed, -60.0, 60.0)))
    place = np.minimum((predicted * bins).astype(np.int64), bins - 1)
    return tuple(
        (float(predicted[here].mean()), float(first_is_better[here].mean()), int(here.sum()))
        for here in (place == index for index in range(bins))
        if here.any()
    )


def expected_calibration_error(table: tuple[tuple[float, float, int], ...]) -> float:
    """Mean distance between predicted probability and share that came true; NaN without pairs."""
    total = sum(count for _, _, count in table)
    if total == 0:
        return float("nan")
    return sum(abs(predicted - share) * count for predicted, share, count in table) / total

"""How sure a success rate is."""

from __future__ import annotations

import math

Z_95 = 1.959963984540054
"""Two-sided 95 % quantile of the standard normal distribution."""


def wilson_interval(successes: int, n: int, z: float = Z_95) -> tuple[float, float]:
    """Return the Wilson score interval of a rate of `successes` in `n` trials.

    Unlike the normal approximation it stays within [0, 1] and has a width at 0 and at `n`
    successes (Wilson, 1927, doi:10.1080/01621459.1927.10502953). No trials say nothing: (0, 1).

    Raises:
        ValueError: fewer than 0 successes, or more than trials.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes in {n} trials")
    if n == 0:
        return 0.0, 1.0
    rate = successes / n
    spread = z * z / n
    centre = rate + spread / 2
    margin = z * math.sqrt(rate * (1 - rate) / n + spread / (4 * n))
    low = 0.0 if successes == 0 else (centre - margin) / (1 + spread)
    high = 1.0 if successes == n else (centre + margin) / (1 + spread)
    return low, high

"""Temperature scaling makes overconfident log-odds honest, and the error measure notices."""

import numpy as np
import pytest

from robofeed.update.calibration import (
    cross_fitted,
    expected_calibration_error,
    fit_temperature,
    log_loss,
    reliability_table,
)


@pytest.fixture
def truth():
    """True log-odds that an answer agrees with the model, and answers drawn from them."""
    rng = np.random.default_rng(0)
    odds = rng.normal(0, 2, 4000)
    agrees = rng.random(4000) < 1 / (1 + np.exp(-odds))
    return np.where(agrees, odds, -odds), rng.random(4000) < 0.5


@pytest.mark.parametrize("overconfidence", [0.25, 1.0, 5.0])
def test_the_temperature_undoes_over_and_underconfidence(truth, overconfidence):
    odds, first = truth
    stated = overconfidence * odds
    temperature = fit_temperature(stated)
    assert temperature == pytest.approx(overconfidence, rel=0.15)
    assert log_loss(stated / temperature) <= log_loss(stated) + 1e-9
    calibrated = expected_calibration_error(reliability_table(stated / temperature, first))
    assert calibrated < 0.03
    if overconfidence != 1.0:
        assert expected_calibration_error(reliability_table(stated, first)) > 2 * calibrated


def test_a_few_perfect_pairs_do_not_give_certainty():
    assert fit_temperature(np.full(5, 2.0)) > 0.2
    assert fit_temperature(np.zeros(0)) == pytest.approx(1.0, abs=0.02)


def test_cross_fitting_uses_the_other_fold_only():
    odds = np.concatenate([np.full(50, 3.0), np.tile([3.0, -3.0], 25)])
    fold = np.repeat([0, 1], 50)
    calibrated = cross_fitted(odds, fold)
    assert calibrated[0] == pytest.approx(3.0 / fit_temperature(odds[50:]))
    assert calibrated[50] == pytest.approx(3.0 / fit_temperature(odds[:50]))
    assert calibrated[0] < calibrated[50]


def test_reliability_counts_every_pair_once(truth):
    odds, first = truth
    table = reliability_table(odds, first)
    assert sum(count for _, _, count in table) == len(odds)
    assert all(0 <= predicted <= 1 and 0 <= share <= 1 for predicted, share, _ in table)
    predicted = [row[0] for row in table]
    assert predicted == sorted(predicted)


def test_without_pairs_the_figures_are_not_numbers():
    assert np.isnan(log_loss(np.zeros(0)))
    assert reliability_table(np.zeros(0), np.zeros(0, bool)) == ()
    assert np.isnan(expected_calibration_error(()))


def test_log_loss_of_a_coin_and_of_great_certainty():
    assert log_loss(np.zeros(3)) == pytest.approx(np.log(2))
    assert log_loss(np.array([-1000.0])) == pytest.approx(1000.0)

"""One likelihood for pairs, ties and rankings: a distribution that holds the known models."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robofeed.update.ranked_clips import MAX_CLIPS, choices
from robofeed.update.ranking_likelihood import TIE_SIZES, log_likelihood

SCORES = st.lists(st.floats(-4, 4), min_size=2, max_size=4)
TIES = st.lists(st.floats(-2, 2), min_size=TIE_SIZES, max_size=TIE_SIZES)


def weak_orders(clips):
    """Every ranking with ties of these clips."""
    if not clips:
        yield ()
        return
    for size in range(1, len(clips) + 1):
        for group in itertools.combinations(clips, size):
            for rest in weak_orders(tuple(clip for clip in clips if clip not in group)):
                yield (group, *rest)


def log_probability(order, scores, ties=(0.0,) * TIE_SIZES, largest_tie=MAX_CLIPS, noise=0.0):
    stages = choices(order) + [(0, 0)] * (len(scores) - 1 - len(choices(order)))
    offered = torch.tensor([[offered for offered, _ in stages]])
    chosen = torch.tensor([[chosen for _, chosen in stages]])
    found = log_likelihood(
        torch.tensor([scores]), offered, chosen, torch.tensor(ties), largest_tie, noise
    )
    return float(found)


@given(SCORES, TIES, st.sampled_from([0.0, 0.2]))
def test_probabilities_of_all_rankings_with_ties_sum_to_one(scores, ties, noise):
    orders = list(weak_orders(tuple(range(len(scores)))))
    total = sum(math.exp(log_probability(order, scores, ties, noise=noise)) for order in orders)
    assert total == pytest.approx(1.0, abs=1e-4)


@given(SCORES)
def test_without_ties_it_is_plackett_luce(scores):
    for order in itertools.permutations(range(len(scores))):
        left = [math.exp(scores[index]) for index in order]
        expected = sum(math.log(left[k] / sum(left[k:])) for k in range(len(left)))
        found = log_probability(tuple((index,) for index in order), scores, largest_tie=1)
        assert found == pytest.approx(expected, abs=1e-4)


def test_a_pair_without_ties_is_bradley_terry():
    found = log_probability(((1,), (0,)), [0.5, 2.0], largest_tie=1)
    assert found == pytest.approx(-math.log(1 + math.exp(-1.5)), abs=1e-6)


def test_a_tied_pair_is_davidsons():
    a, b, weight = 0.5, 2.0, 0.7
    total = math.exp(a) + math.exp(b) + math.exp(weight + (a + b) / 2)
    ties = [weight] + [0.0] * (TIE_SIZES - 1)
    found = log_probability(((0, 1),), [a, b], ties)
    assert found == pytest.approx(weight + (a + b) / 2 - math.log(total), abs=1e-5)


def test_choices_of_a_ranking():
    assert choices(((1,), (0,))) == [(0b11, 0b10)]
    assert choices(((0, 1),)) == [(0b11, 0b11)]
    assert choices(((2,), (0, 1))) == [(0b111, 0b100), (0b011, 0b011)]
    assert choices(((0, 2), (1,))) == [(0b111, 0b101)]


def test_noise_bounds_what_a_wrong_answer_costs():
    sure = log_probability(((0,), (1,)), [-20.0, 20.0], largest_tie=1, noise=0.1)
    assert sure == pytest.approx(math.log(0.05), abs=1e-4)


def test_gradients_stay_finite_where_rankings_have_different_lengths():
    scores = torch.tensor([[1.0, 2.0, 0.0], [1e3, -1e3, 5.0]], requires_grad=True)
    ties = torch.zeros(TIE_SIZES, requires_grad=True)
    offered = torch.tensor([[0b011, 0], [0b111, 0b110]])
    chosen = torch.tensor([[0b001, 0], [0b001, 0b010]])
    log_likelihood(scores, offered, chosen, ties, 2, noise=0.1).sum().backward()
    assert bool(torch.isfinite(scores.grad).all()) and bool(torch.isfinite(ties.grad).all())
    assert float(scores.grad[0, 2]) == 0.0, "a clip that was not shown was pushed"


def test_it_compiles_into_one_graph():
    scores = torch.tensor([[1.0, 2.0, 0.0]], requires_grad=True)
    arguments = (
        torch.tensor([[0b111, 0b110]]),
        torch.tensor([[0b001, 0b010]]),
        torch.zeros(TIE_SIZES),
    )
    compiled = torch.compile(log_likelihood, fullgraph=True, backend="eager")
    expected = log_likelihood(scores, *arguments, 2, 0.1)
    torch.testing.assert_close(compiled(scores, *arguments, 2, 0.1), expected)

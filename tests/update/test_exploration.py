"""States unlike the stored ones earn more; no particle is counted that does not exist."""

import pytest
import torch

from robofeed.update.exploration import EntropyBonus, neighbour_distances, stratified_index

CPU = torch.device("cpu")


def test_distances_are_those_of_a_full_search():
    generator = torch.Generator().manual_seed(0)
    observations = torch.randn(20, 6, generator=generator)
    particles = torch.randn(50, 6, generator=generator)
    usable = torch.arange(50) < 30
    expected = torch.cdist(observations, particles[:30]).sort(dim=1).values[:, 4]
    found = neighbour_distances(observations, particles, usable, neighbour=5)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_with_fewer_particles_than_neighbours_there_is_no_bonus():
    found = neighbour_distances(torch.ones(2, 3), torch.zeros(8, 3), torch.arange(8) < 4, 5)
    assert found.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("size", [1, 7, 31, 32, 33, 1000])
def test_particles_are_distinct_rows_that_exist(size):
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        index, usable = stratified_index(32, torch.tensor([float(size)]), generator)
        rows = index[usable].tolist()
        assert len(set(rows)) == len(rows) == min(size, 32)
        assert min(rows) >= 0 and max(rows) < size


def test_a_far_state_earns_more_and_the_scale_does_not_matter():
    generator = torch.Generator().manual_seed(0)
    particles = torch.randn(64, 3, generator=generator)
    usable = torch.ones(64, dtype=torch.bool)
    states = torch.cat([torch.zeros(63, 3), torch.full((1, 3), 10.0)])
    small, large = EntropyBonus(5, 64, CPU), EntropyBonus(5, 64, CPU)
    bonus = small(states, particles, usable)
    assert float(bonus[-1]) > 5 * float(bonus[0]) > 0
    torch.testing.assert_close(bonus.mean(), torch.tensor(1.0))
    torch.testing.assert_close(
        large(100 * states, 100 * particles, usable), bonus, rtol=1e-2, atol=1e-2
    )

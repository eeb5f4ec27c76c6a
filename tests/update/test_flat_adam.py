"""Adam on a flat tensor takes the steps torch's own optimiser takes."""

import pytest
import torch

from robofeed.update.flat_adam import FlatAdam


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_steps_are_those_of_torch(weight_decay):
    generator = torch.Generator().manual_seed(0)
    flat, gradient = torch.randn(50, generator=generator), torch.zeros(50)
    theirs = flat.clone().requires_grad_()
    reference = torch.optim.AdamW([theirs], lr=1e-2, weight_decay=weight_decay)
    adam = FlatAdam(flat, gradient, 1e-2, weight_decay)
    for _ in range(20):
        gradient.copy_(torch.randn(50, generator=generator))
        theirs.grad = gradient.clone()
        adam.step()
        reference.step()
    torch.testing.assert_close(flat, theirs.detach())


def test_after_a_reset_it_knows_nothing_of_earlier_steps():
    gradient = torch.ones(4)
    flats = [torch.zeros(4), torch.zeros(4)]
    used, fresh = (FlatAdam(flat, gradient, 1e-2) for flat in flats)
    gradient.fill_(-3.0)
    used.step()
    used.reset()
    flats[0].zero_()
    gradient.fill_(1.0)
    for adam in (used, fresh):
        adam.step()
    assert torch.equal(*flats)

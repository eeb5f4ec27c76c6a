"""Stacked perceptrons compute what separate ones do, and their written-out gradients are right."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from robofeed.update.stacked_mlp import MlpShape, Parameters, Tape

CPU = torch.device("cpu")
SHAPES = [
    pytest.param(MlpShape(1, (5, 8, 3)), id="one member"),
    pytest.param(MlpShape(3, (5, 16, 16, 1)), id="three members, two hidden layers"),
    pytest.param(MlpShape(2, (5, 8, 8, 2), layer_norm=True), id="layer norm"),
    pytest.param(MlpShape(2, (20, 8, 1), slope=0.01), id="leaky, narrowing"),
]


def made(shape):
    parameters = Parameters(shape, CPU, extra=2)
    shape.initialise(torch.Generator().manual_seed(0), parameters.network)
    # gains and offsets that do something
    parameters.network.add_(0.05 * torch.randn(shape.count, generator=torch.Generator()))
    return parameters


def member_of(shape, views, member):
    """One member as torch would write it."""
    layers = []
    position = 0
    for layer, (inputs, outputs) in enumerate(zip(shape.sizes, shape.sizes[1:], strict=False)):
        linear = nn.Linear(inputs, outputs)
        linear.weight.data = views[position][member].clone()
        linear.bias.data = views[position + 1][member, 0].clone()
        position += 2
        layers.append(linear)
        if layer == shape.layers - 1:
            break
        if shape.layer_norm:
            norm = nn.LayerNorm(outputs)
            norm.weight.data = views[position][member, 0].clone()
            norm.bias.data = views[position + 1][member, 0].clone()
            position += 2
            layers.append(norm)
        layers.append(nn.LeakyReLU(shape.slope))
    return nn.Sequential(*layers)


@pytest.mark.parametrize("shape", SHAPES)
def test_members_compute_what_separate_networks_do(shape):
    parameters = made(shape)
    inputs = torch.randn(7, shape.sizes[0], generator=torch.Generator().manual_seed(1))
    expected = torch.stack(
        [member_of(shape, parameters.views, member)(inputs) for member in range(shape.members)]
    )
    torch.testing.assert_close(parameters.forward(inputs), expected)
    tape = Tape(shape, 7, CPU)
    torch.testing.assert_close(parameters.forward(inputs, tape), expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_equal_those_of_autograd(shape):
    parameters = made(shape)
    inputs = torch.randn(shape.members, 7, shape.sizes[0], generator=torch.Generator())
    weight = torch.randn(shape.members, 7, shape.sizes[-1], generator=torch.Generator())
    networks = [member_of(shape, parameters.views, member) for member in range(shape.members)]
    followed = inputs.clone().requires_grad_()
    sum((net(x) * w).sum() for net, x, w in zip(networks, followed, weight, strict=True)).backward()

    tape = Tape(shape, 7, CPU)
    parameters.forward(inputs, tape)
    first = shape.backward(parameters.views, inputs, tape, weight, parameters.gradient_views)
    expected = [list(net.parameters()) for net in networks]
    for position, view in enumerate(parameters.gradient_views):
        for member in range(shape.members):
            reference = expected[member][position].grad
            torch.testing.assert_close(view[member].view(reference.shape), reference)
    by_input = torch.bmm(first, parameters.views[0])
    torch.testing.assert_close(by_input, followed.grad)


def test_input_gradient_of_some_columns_sums_over_members():
    shape = MlpShape(2, (6, 8, 1))
    parameters = made(shape)
    inputs = torch.randn(5, 6, generator=torch.Generator()).requires_grad_()
    parameters.forward(inputs).sum().backward()
    tape = Tape(shape, 5, CPU)
    parameters.gradient.fill_(7.0)
    with torch.no_grad():
        parameters.forward(inputs, tape)
        first = shape.backward(parameters.views, inputs, tape, torch.ones(2, 5, 1), None)
    found = shape.input_gradient(parameters.views, first, slice(4, None))
    torch.testing.assert_close(found, inputs.grad[:, 4:])
    assert bool((parameters.gradient == 7.0).all()), "weight gradients were computed for nothing"


def test_one_members_flat_parameters_lie_as_a_policy_spec_wants_them():
    shape = MlpShape(1, (2, 3, 1))
    flat = torch.arange(shape.count, dtype=torch.float32)
    matrix, bias, last_matrix, last_bias = shape.views(flat)
    assert matrix[0].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert bias.flatten().tolist() == [6, 7, 8]
    assert last_matrix.flatten().tolist() == [9, 10, 11]
    assert last_bias.flatten().tolist() == [12]


def test_members_start_different_and_the_same_seed_starts_alike():
    shape = MlpShape(2, (4, 8, 1))
    first, second = Parameters(shape, CPU), Parameters(shape, CPU)
    for parameters in (first, second):
        shape.initialise(torch.Generator().manual_seed(3), parameters.network)
    assert torch.equal(first.flat, second.flat)
    assert not torch.equal(first.views[0][0], first.views[0][1])
    assert float(first.views[0].abs().max()) <= 4**-0.5


@pytest.mark.parametrize("layer_norm", [False, True])
def test_forward_and_backward_compile_into_one_graph(layer_norm):
    shape = MlpShape(2, (4, 8, 8, 1), layer_norm)
    parameters = made(shape)
    inputs = torch.randn(6, 4, generator=torch.Generator())
    tape = Tape(shape, 6, CPU)

    def square(inputs):
        values = parameters.forward(inputs, tape)
        parameters.backward(inputs, tape, 2 * values)
        return functional.mse_loss(values, torch.zeros_like(values))

    expected, gradient = square(inputs).clone(), None
    gradient = parameters.gradient.clone()
    parameters.gradient.zero_()
    compiled = torch.compile(square, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(inputs), expected)
    torch.testing.assert_close(parameters.gradient, gradient)

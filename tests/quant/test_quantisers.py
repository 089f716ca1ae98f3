"""Weights rounded by RTN, MSE and GPTQ, against arithmetic by hand, a reference in float64, and each other."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from envdoctor.kernels.rounding import rounded_codes, rounded_int4
from envdoctor.quant.gptq import Inputs, gptq
from envdoctor.quant.grid import Grid, fit
from envdoctor.quant.mse import fit_mse, mse
from envdoctor.quant.rtn import rtn

ROOT = Path(__file__).parent.parent.parent

GRIDS = [
    Grid(),
    Grid(group=32),
    Grid(symmetric=False),
    Grid(group=32, symmetric=False),
    Grid(numerics="absmax", group=64),
    Grid(numerics="torchao"),
    Grid(bits=2, group=16, symmetric=False),
    Grid(bits=3, group=48),
    Grid(bits=8, symmetric=False),
]


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def correlated(channels=96, rows=512, seed=1):
    """As activations are: a few directions have most of it, and some channels are large."""
    mixed = random(rows, channels // 4, seed=seed) @ random(channels // 4, channels, seed=seed + 1)
    return (mixed + 0.3 * random(rows, channels, seed=seed + 2)) * (1 + 4 * random(channels, seed=9).relu())


def inputs_of(*batches):
    inputs = Inputs(batches[0].shape[-1])
    for x in batches:
        inputs.add(x)
    return inputs


def assert_same(one, other):
    for name, left, right in zip(one._fields, one, other):
        assert torch.equal(torch.as_tensor(left), torch.as_tensor(right)), name


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_every_value_is_the_nearest_of_its_grid(grid):
    weight = random(24, 96)
    made = rtn(weight, grid)
    of = torch.arange(96) // grid.group_of(96)
    every = torch.arange(2**grid.bits)
    values = (every - made.zeros[of].float()[..., None]) * made.scales[of].float()[..., None]  # [K, N, codes]
    nearest = (values - weight.t()[..., None]).abs().amin(-1)
    torch.testing.assert_close((made.dequantized() - weight).abs().t(), nearest, rtol=1e-5, atol=1e-6)
    assert torch.equal(made.g_idx.long(), of)


def test_it_is_what_the_linears_of_the_kernels_round_to():
    weight = random(16, 80)
    values, of_channels = rounded_codes(weight, 32)
    made = rtn(weight, Grid(group=32, symmetric=False))
    for ours, theirs in zip(made[:3], values):
        assert torch.equal(ours, theirs)
    assert torch.equal(made.g_idx.long(), of_channels)
    codes, scale = rounded_int4(weight, 32)
    made = rtn(weight, Grid(group=32, numerics="absmax", scale_dtype=torch.float32))
    assert torch.equal(made.codes.short().t() - 8, codes.short())
    assert torch.equal(made.scales.t(), scale)


def test_numerics_of_torchao():
    """Half of all steps; what rounds to one more is clamped; float32."""
    made = rtn(torch.tensor([[7.5, -7.5, 2.4, 0.0], [0.0, 0.0, 0.0, 0.0]]), Grid(numerics="torchao"))
    assert made.codes.t().tolist() == [[15, 0, 10, 8], [8, 8, 8, 8]]
    assert made.scales.tolist() == [[1.0, torch.finfo(torch.float32).eps]]
    assert float(rtn(torch.tensor([[127.5, 1.0]]), Grid(bits=8, numerics="torchao")).scales) == 1.0


def test_a_row_without_negatives_uses_all_of_a_symmetric_grid():
    made = rtn(torch.linspace(0, 1, 16)[None], Grid())
    assert float((made.dequantized() - torch.linspace(0, 1, 16)).abs().max()) <= 0.5 / 7.5 + 1e-3


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_the_search_makes_no_group_worse_and_most_better(grid):
    weight = random(32, 96)
    of = torch.arange(96) // grid.group_of(96)
    errors = [
        torch.zeros(32, int(of[-1]) + 1).index_add_(1, of, (made.dequantized() - weight).square())
        for made in (rtn(weight, grid), mse(weight, grid))
    ]
    assert bool((errors[1] <= errors[0] * (1 + 1e-5)).all())
    assert grid.bits == 8 or float(errors[1].sum()) < 0.97 * float(errors[0].sum())


def test_a_2x2_hessian_by_hand():
    """Range 7.7 to -7.3 in 15 steps of 1, zero point 7: 7.7 becomes 8, and -7.3 takes up -0.3 * (-3 / 1)."""
    weight = torch.tensor([[7.7, -7.3]])
    inputs = inputs_of(torch.tensor([[3.0, -1.0], [1.0, 0.0]]))
    assert torch.equal(inputs.mean * 2, torch.tensor([[10.0, -3.0], [-3.0, 1.0]]))
    grid = Grid(symmetric=False)
    assert rtn(weight, grid).dequantized().tolist() == [[8.0, -7.0]]
    made = gptq(weight, inputs, grid, damping=0.0)
    assert made.dequantized().tolist() == [[8.0, -6.0]]
    assert made.zeros.tolist() == [[7]]
    # what is lost: 0.45 of 10 * 7.7^2 + 7.3^2 + 6 * 7.7 * 7.3, and 0.25 of it
    whole = 10 * 7.7**2 + 7.3**2 + 6 * 7.7 * 7.3
    assert inputs.error(weight, rtn(weight, grid).dequantized()) == pytest.approx(0.45 / whole, rel=1e-3)
    assert inputs.error(weight, made.dequantized()) == pytest.approx(0.25 / whole, rel=1e-3)


def reference(weight, hessian, grid, damping, order, static_groups):
    """The paper's, in float64 and column by column: after each, that channel is eliminated from the inverse."""
    weight, hessian = weight.double().clone(), hessian.double()
    channels, group = weight.shape[1], grid.group_of(weight.shape[1])
    static = [fit(weight[:, at : at + group].float(), grid) for at in range(0, channels, group)]
    inverse = torch.linalg.inv(hessian + damping * hessian.diagonal().mean() * torch.eye(channels))
    codes, g_idx = torch.zeros(weight.shape), [0] * channels
    for at, k in enumerate(order):
        if static_groups:
            g_idx[k] = k // group
        else:
            g_idx[k] = at // group
            if at % group == 0:
                static[at // group] = fit(weight[:, order[at : at + group]].float(), grid)
        scale, zero = static[g_idx[k]]
        codes[:, k] = ((weight[:, k] / scale).round() + zero).clamp(0, grid.highest)
        error = weight[:, k] - scale * (codes[:, k] - zero)
        weight -= error[:, None] * inverse[k] / inverse[k, k]
        inverse = inverse - inverse[:, k, None] * inverse[k] / inverse[k, k]
        inverse[k, k] = 1  # gone: its row and column are 0, and it is not asked again
    return codes, g_idx


@pytest.mark.parametrize("static_groups", [False, True])
@pytest.mark.parametrize("act_order", [False, True])
@pytest.mark.parametrize("block", [7, 128])
@pytest.mark.parametrize("grid", [Grid(), Grid(group=16), Grid(bits=3, group=20, symmetric=False)], ids=str)
def test_against_the_reference(grid, block, act_order, static_groups):
    weight, inputs = random(12, 48), inputs_of(correlated(48))
    order = list(range(48))
    if act_order:
        order = torch.argsort(inputs.mean.diagonal(), descending=True, stable=True).tolist()
    codes, g_idx = reference(weight, inputs.mean, grid, 0.01, order, static_groups)
    made = gptq(weight, inputs, grid, 0.01, act_order=act_order, static_groups=static_groups, block=block)
    assert made.g_idx.tolist() == g_idx
    # float32 may round a value between two codes to the other one, and its row goes on from there
    same = (made.codes.t() == codes).all(1)
    assert int(same.sum()) >= 11, same


@pytest.mark.parametrize("act_order", [False, True])
@pytest.mark.parametrize("static_groups", [False, True])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_the_layer_is_right_more_often_than_with_rtn(grid, act_order, static_groups):
    weight, x = random(64, 96), correlated()
    inputs = inputs_of(*x.split(100))
    made = gptq(weight, inputs, grid, act_order=act_order, static_groups=static_groups)
    plain = rtn(weight, grid)
    errors = [inputs.error(weight, each.dequantized()) for each in (plain, made)]
    assert errors[1] < 0.35 * errors[0], errors
    # also for inputs that it has not seen
    unseen = inputs_of(correlated(seed=1, rows=1024)[512:])
    errors = [unseen.error(weight, each.dequantized()) for each in (plain, made)]
    assert errors[1] < 0.7 * errors[0], errors
    assert static_groups is False or torch.equal(made.scales, plain.scales)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("static_groups", [False, True])
def test_without_correlation_it_is_rtn(grid, static_groups):
    weight = random(16, 96)
    inputs = inputs_of(torch.eye(96))
    assert_same(gptq(weight, inputs, grid, static_groups=static_groups), rtn(weight, grid))
    assert_same(gptq(weight, inputs, grid, fit=fit_mse), mse(weight, grid))


def test_act_order_gives_the_largest_inputs_a_group():
    x = random(256, 64) * torch.linspace(1, 4, 64)
    made = gptq(random(8, 64), inputs_of(x), Grid(group=16), act_order=True)
    counts = torch.bincount(made.g_idx.long())
    assert counts.tolist() == [16, 16, 16, 16]
    means = [float(x.square().mean(0)[made.g_idx == group].mean()) for group in range(4)]
    assert means == sorted(means, reverse=True)


def test_channels_that_are_never_used_are_zero_and_cost_nothing():
    weight, x = random(16, 64), correlated(64) / 1024
    x[:, 5::7] = 0
    inputs = inputs_of(x)
    for options in ({}, {"act_order": True}, {"static_groups": True}):
        made = gptq(weight, inputs, Grid(group=16), **options)
        assert not made.dequantized()[:, 5::7].any()
        # damping is of what is used: small inputs beside unused channels are as good as large ones
        assert_same(gptq(weight, inputs_of(1024 * x), Grid(group=16), **options), made)
    nothing = gptq(weight, inputs_of(torch.zeros(4, 64)), Grid())
    assert not nothing.dequantized().any()


def test_fewer_inputs_than_channels_are_damped_until_they_serve():
    weight, x = random(16, 96), random(3, 96)
    inputs = inputs_of(x)
    made = gptq(weight, inputs, Grid(), damping=0.0)
    assert inputs.error(weight, made.dequantized()) < inputs.error(weight, rtn(weight, Grid()).dequantized())


def test_inputs_come_in_any_parts_and_shapes():
    x = correlated(32, rows=120)
    whole, parts = inputs_of(x), inputs_of(x[:1], x[1:1], x[1:61].reshape(3, 20, 32), x[61], x[62:].double())
    assert whole.count == parts.count == 120
    torch.testing.assert_close(parts.mean, whole.mean)
    torch.testing.assert_close(whole.mean, (x.t() @ x) / 120)


SETTINGS = {
    "old": 'torch.set_float32_matmul_precision("medium")',
    "new": 'torch.backends.mkldnn.matmul.fp32_precision = "bf16"',
    "new, of CUDA": 'torch.backends.cuda.matmul.fp32_precision = "tf32"',
}


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_products_are_exact_whatever_the_process_allows(setting):
    """In a process of its own: torch does not take all settings back."""
    script = f"""if True:
        import torch
        from envdoctor.quant.gptq import Inputs
        {setting}
        inputs, x = Inputs(32), 1 + torch.randn(64, 32) / 1000
        before = x.t() @ x
        inputs.add(x)
        torch.testing.assert_close(inputs.mean.double(), x.double().t() @ x.double() / 64, rtol=1e-6, atol=1e-6)
        assert torch.equal(x.t() @ x, before)
    """
    new = hasattr(torch.backends.mkldnn, "matmul")
    if "fp32_precision" in setting and not new:
        pytest.skip("a setting of torch 2.9")
    subprocess.run([sys.executable, "-W", "error", "-c", script], cwd=ROOT, check=True, timeout=120)


def test_the_weight_stays_as_it_is():
    linear = torch.nn.Linear(32, 8)
    before = linear.weight.detach().clone()
    x = correlated(32)
    x[:, 3] = 0
    gptq(linear.weight, inputs_of(x), Grid(), act_order=True)
    assert torch.equal(linear.weight, before)


@pytest.mark.parametrize("grid", [*GRIDS[:5], *GRIDS[6:]], ids=str)
def test_a_linear_of_16_bit_activations(grid):
    weight, x = random(64, 96), correlated().half()
    made = gptq(weight, inputs_of(x), grid, act_order=True)
    bias = random(64)
    y = made.linear_w4a16(bias)(x)
    expected = x.float() @ made.dequantized().t() + bias
    torch.testing.assert_close(y.float(), expected, rtol=2e-3, atol=2e-3 * float(expected.abs().max()))


@pytest.mark.parametrize(
    "grid", [Grid(), Grid(group=32), Grid(group=32, symmetric=False), Grid(bits=3), GRIDS[5]], ids=str
)
def test_a_linear_of_int8_activations(grid):
    weight, x = random(64, 96), random(40, 96)
    made = gptq(weight, inputs_of(x), grid, act_order=True, static_groups=True)
    y = made.linear_w4a8(random(64))(x)
    expected = x @ made.dequantized().t() + random(64)
    assert float((y - expected).norm() / expected.norm()) < 0.02


def test_what_has_no_linear_of_int8_activations_is_said():
    weight, inputs = random(8, 64), inputs_of(correlated(64))
    for made, what in (
        (gptq(weight, inputs, Grid(group=32), act_order=True), "static groups"),
        (rtn(weight, Grid(bits=8)), "8 bits"),
        (rtn(weight, Grid(group=16)), "multiples of 32"),
    ):
        with pytest.raises(ValueError, match=what):
            made.linear_w4a8()


def test_what_does_not_fit_is_said():
    weight = random(8, 32)
    for call, what in (
        (lambda: Grid(bits=5), "bits must be"),
        (lambda: Grid(group=0), "group must be"),
        (lambda: Grid(numerics="half"), "numerics must be"),
        (lambda: Grid(numerics="torchao", symmetric=False), "symmetric"),
        (lambda: Grid(numerics="torchao", scale_dtype=torch.float16), "float32"),
        (lambda: rtn(weight[0], Grid()), r"\[N, K\]"),
        (lambda: rtn(weight / 0, Grid()), "infinity"),
        (lambda: rtn(weight * 1e6, Grid()), "scale_dtype"),
        (lambda: gptq(weight, Inputs(32), Grid()), "no inputs"),
        (lambda: gptq(weight, Inputs(16), Grid()), "16 channels"),
        (lambda: gptq(weight, inputs_of(torch.full((1, 32), float("nan"))), Grid()), "inputs must not"),
        (lambda: Inputs(32).add(torch.ones(3, 31)), "x must be"),
    ):
        with pytest.raises(ValueError, match=what):
            call()

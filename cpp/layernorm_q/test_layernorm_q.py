"""layernorm_q: the sum bit by bit, the levels against float64 within a bound that follows from the roundings."""

import pytest
import torch

from envdoctor.kernels import layernorm_q
from envdoctor.kernels.layernorm_q import forcing

DTYPES = [torch.float16, torch.bfloat16, torch.float32]
SIZES = [1, 3, 4, 8, 17, 64, 100, 256, 520, 768, 1000, 2048, 4096, 5121, 12288, 28672, 40000]
EPS, SCALE = 1e-5, 0.0007


def made(rows, k, dtype, parameters=torch.float32, offset=0.0, seed=0):
    """x, residual, gamma, beta."""
    how = torch.Generator().manual_seed(seed)
    x = torch.randint(-3000, 3000, (rows, k), dtype=torch.int32, generator=how)
    residual = (torch.randn(rows, k, generator=how) + offset).to(dtype)
    gamma = ((torch.rand(k, generator=how) + 0.5) * 40).to(parameters)
    return x, residual, gamma, (torch.randn(k, generator=how) * 10).to(parameters)


def sum_by_definition(x, scale, residual):
    """Product, addition and rounding to the type, each once."""
    return (residual.float() + x.float() * torch.tensor(scale, dtype=torch.float32)).to(residual.dtype)


def levels_and_bound(total, gamma, beta, eps):
    """LayerNorm of the sums in float64, clamped, and how far float32 may be from it.

    u is half a unit in the last place. A value passes through at most D additions (layernorm_q.h; and K), so each sum
    is off by D u times the sum of magnitudes. With e the error of the mean and d = s - mean:

    - e <= (D + 2) u * average |s|
    - the average of (d - e)^2 is var + e^2, since all d add up to 0: the variance is off by e^2 and, by its own
      roundings, by the factor 1 + (D + 4) u; so 1 / sqrt(var + eps) is by half of that and 3 u for add, root, division
    - deviation, two products and an addition round once each: 3 u of the product, u of the result

    All doubled for terms of second order, which here are far below a hundredth.
    """
    s, g, b = total.double(), gamma.double(), beta.double()
    u, k = 2.0**-24, s.shape[-1]
    additions = min(160 + k / 1024, k)
    eps = torch.tensor(eps, dtype=torch.float32).double()
    mean = s.mean(-1, keepdim=True)
    d = s - mean
    spread = (d * d).mean(-1, keepdim=True) + eps
    inverse = spread.rsqrt()
    y = d * inverse * g + b
    e = (additions + 2) * u * s.abs().mean(-1, keepdim=True)
    relative = ((additions + 4) * u + e * e / spread) / 2 + 6 * u
    bound = (e * inverse + (d * inverse).abs() * relative) * g.abs() + 2 * u * y.abs()
    return y.clamp(-128, 127), 2 * bound


def check_levels(q, total, gamma, beta, eps=EPS):
    assert q.dtype == torch.int8 and q.shape == total.shape
    y, bound = levels_and_bound(total, gamma, beta, eps)
    # Another level than the nearest one is right only so near to the edge between the two.
    assert ((q.double() - y).abs() <= 0.5 + bound).all()


def check(x, residual, gamma, beta, device, scale=SCALE, eps=EPS):
    total, q = layernorm_q(x.to(device), scale, residual.to(device), gamma.to(device), beta.to(device), eps)
    total, q = total.cpu(), q.cpu()
    wanted = sum_by_definition(x, scale, residual)
    assert total.dtype == residual.dtype and torch.equal(total, wanted)
    check_levels(q, wanted, gamma, beta, eps)
    return q


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("k", SIZES)
def test_sums_and_levels(k, dtype, device):
    for rows in (1, 5):
        check(*made(rows, k, dtype), device)


@pytest.mark.parametrize("k", SIZES)
def test_the_bound_says_something(k):
    x, residual, gamma, beta = made(5, k, torch.float16)
    assert levels_and_bound(sum_by_definition(x, SCALE, residual), gamma, beta, EPS)[1].max() < 0.02


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("parameters", DTYPES)
def test_parameters_of_every_type(parameters, dtype, device):
    for k in (64, 65, 3000):
        check(*made(3, k, dtype, parameters), device)
    x, residual, gamma, beta = made(3, 64, dtype, parameters)
    check(x, residual, gamma, beta.float() if parameters != torch.float32 else beta.half(), device)


def test_many_rows(device):
    for k in (64, 768, 4096):
        check(*made(700, k, torch.float16), device)


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_far_from_zero_and_rows_without_spread(dtype, device):
    check(*made(4, 512, dtype, offset=30.0), device)
    x, residual, gamma, beta = made(4, 512, dtype)
    x[0], residual[0] = 0, 0
    x[1], residual[1] = 7, 1.5
    q = check(x, residual, gamma, beta, device)
    assert torch.equal(q[0], beta.round().clamp(-128, 127).to(torch.int8))


def test_all_of_int32_and_saturation(device):
    x, residual, gamma, beta = made(3, 256, torch.float32)
    x[0, 0], x[0, 1], x[1, 5] = 2**31 - 1, -(2**31), 2**24 + 1
    q = check(x, residual, gamma, beta, device)
    assert q[0, 0] == 127 and q[0, 1] == -128


def test_edges_are_rounded_to_even(device):
    # Without spread the level is beta's.
    x, residual = torch.zeros(1, 600, dtype=torch.int32), torch.zeros(1, 600)
    beta = (torch.arange(600) - 300) / 2
    q = check(x, residual, torch.ones(600), beta, device)
    assert torch.equal(q[0], beta.clamp(-128, 127).round().to(torch.int8))


def test_what_is_not_finite(device):
    x, residual, gamma, beta = made(4, 96, torch.float16)
    residual[1, 3], residual[2, 90] = float("inf"), float("nan")
    beta[5] = float("nan")
    moved = [t.to(device) for t in (residual, gamma, beta)]
    total, q = (t.cpu() for t in layernorm_q(x.to(device), SCALE, *moved))
    wanted = sum_by_definition(x, SCALE, residual)
    assert torch.equal(total.nan_to_num(-7.0), wanted.nan_to_num(-7.0))
    assert not q[1:3].any() and not q[:, 5].any()
    y, bound = levels_and_bound(wanted[[0, 3]], gamma, beta, EPS)
    assert (((q[[0, 3]].double() - y).abs() <= 0.5 + bound) | y.isnan()).all()


def test_views_are_read_as_they_are(device):
    x, residual, gamma, beta = made(40, 96, torch.float16)
    for view in (
        lambda t: t[3:20:2, 5:69],
        lambda t: t[:, :64].t()[:, :40].t(),
        lambda t: t[:4, :64].expand(2, 4, 64),
        lambda t: t[:, 8:72],
        lambda t: t[:, ::3][:, :32],
        lambda t: t[0, :64],
    ):
        xs, rs = view(x), view(residual)
        k = xs.shape[-1]
        for first, second in ((xs, rs), (xs.contiguous(), rs)):
            check(first, second, gamma[:k], beta[:k], device)
    moved = [t.to(device) for t in (x, residual, gamma, beta)]
    # Parameters that are not aligned, and some that are not adjacent.
    for part in (slice(1, 65), slice(0, 96, 2)):
        k = len(range(96)[part])
        total, q = layernorm_q(moved[0][:, :k], SCALE, moved[1][:, :k], moved[2][part], moved[3][part])
        wanted = sum_by_definition(x, SCALE, residual)[:, :k]
        assert torch.equal(total.cpu(), wanted)
        check_levels(q.cpu(), wanted, gamma[part], beta[part])


@pytest.mark.parametrize("shape", [(0, 8), (3, 0), (0, 0), (2, 0, 5)])
def test_nothing_gives_nothing(shape, device):
    x, residual = torch.ones(shape, dtype=torch.int32, device=device), torch.ones(shape, device=device)
    parameters = torch.ones(shape[-1], device=device)
    total, q = layernorm_q(x, 1.0, residual, parameters, parameters)
    assert total.shape == q.shape == shape


def test_it_is_torchs_layer_norm():
    x, residual, gamma, beta = made(6, 256, torch.float32)
    total, q = layernorm_q(x, SCALE, residual, gamma, beta)
    y = torch.nn.functional.layer_norm(total, (256,), gamma, beta, EPS)
    assert (q.float() - y.clamp(-128, 127)).abs().max() < 0.501


def test_what_does_not_fit_is_said():
    x, residual, gamma, beta = made(2, 8, torch.float16)
    with pytest.raises(TypeError, match="x must be int32, not int8"):
        layernorm_q(x.to(torch.int8), 1.0, residual, gamma, beta)
    with pytest.raises(TypeError, match="residual must be float16, bfloat16 or float32, not float64"):
        layernorm_q(x, 1.0, residual.double(), gamma, beta)
    with pytest.raises(ValueError, match=r"must both be \[\.\.\., K\]"):
        layernorm_q(x, 1.0, residual[:1], gamma, beta)
    with pytest.raises(ValueError, match="must have 8 values, not"):
        layernorm_q(x, 1.0, residual, gamma, beta[:4])


@pytest.mark.parametrize(
    "variant",
    [
        pytest.param(name, marks=pytest.mark.gpu if name.startswith("cuda") else ())
        for name in forcing.variants()
    ],
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_variant_keeps_within_the_bound(variant, dtype):
    ran, device = 0, "cuda" if variant.startswith("cuda") else "cpu"
    for rows, k in [
        (1, 8),
        (3, 64),
        (37, 1000),
        (9, 256),
        (600, 520),
        (5, 4096),
        (3, 12288),
        (2, 28672),
        (3, 33333),
    ]:
        try:
            with forcing.to(variant):
                check(*made(rows, k, dtype), device)
                ran += 1
                check(*made(rows, k, dtype, torch.float16), device)
        except NotImplementedError:
            continue
    if not ran:
        pytest.skip("does not run on this device")


@pytest.mark.skipif(not hasattr(torch.library, "opcheck"), reason="torch has opcheck from 2.5 on")
def test_the_operator_is_well_made(device):
    x, residual, gamma, beta = (t.to(device) for t in made(6, 64, torch.float16))
    arguments = (x.view(2, 3, 64), SCALE, residual.view(2, 3, 64), gamma, beta, EPS)
    torch.library.opcheck(torch.ops.envdoctor.layernorm_q.default, arguments)


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_streams_graphs_and_compiled_code_on_a_gpu():
    on_cpu = made(5, 4096, torch.float16)
    x, residual, gamma, beta = (t.cuda() for t in on_cpu)
    wanted = sum_by_definition(on_cpu[0], SCALE, on_cpu[1])
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        total, q = layernorm_q(x, SCALE, residual, gamma, beta)
    stream.synchronize()
    assert torch.equal(total.cpu(), wanted)
    check_levels(q.cpu(), wanted, *on_cpu[2:])
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        first, _ = layernorm_q(x, SCALE, residual, gamma, beta)
        total, q = layernorm_q(x, SCALE, first, gamma, beta)  # may begin while the first one ends
    again = made(5, 4096, torch.float16, seed=7)
    x.copy_(again[0])
    residual.copy_(again[1])
    graph.replay()
    wanted = sum_by_definition(again[0], SCALE, sum_by_definition(again[0], SCALE, again[1]))
    assert torch.equal(total.cpu(), wanted)
    check_levels(q.cpu(), wanted, *on_cpu[2:])
    compiled = torch.compile(lambda x: layernorm_q(x + 1, SCALE, residual, gamma, beta)[0], fullgraph=True)
    assert torch.equal(compiled(x).cpu(), sum_by_definition(again[0] + 1, SCALE, again[1]))

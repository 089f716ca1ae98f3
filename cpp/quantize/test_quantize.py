"""quantize against plain torch formulas: every bit the same, since each rounding is defined."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from envdoctor.kernels import quantize_rows, quantize_static
from envdoctor.kernels.quantize import forcing

DTYPES = [torch.float16, torch.bfloat16, torch.float32]
# Pieces of 16 bytes are 8 or 4 elements: K on both sides of every step, odd, and beyond every shape's registers.
SIZES = [1, 3, 4, 8, 15, 16, 31, 64, 100, 256, 1000, 1024, 1032, 2056, 4096, 7168, 11008, 28672, 70000]


def numbers(*shape, dtype=torch.float16, seed=0):
    made = torch.Generator().manual_seed(seed)
    return (torch.randn(*shape, generator=made) * 3).to(dtype)


def rows_by_torch(x, smooth=None, levels=127):
    """The definition in float32: values, scale, sums."""
    value = x.float() / smooth if smooth is not None else x.float()
    largest = value.abs().amax(-1, keepdim=True) if x.shape[-1] else value.new_zeros((*x.shape[:-1], 1))
    if levels == 127:
        scale = largest.clamp(min=2.0**-100) / 127
    else:
        scale = (largest / 127.5).clamp(min=torch.finfo(torch.float32).eps)
    q = (value * (1 / scale)).round().clamp(-128, 127)
    q = torch.where(largest.isfinite(), q, torch.zeros(())).to(torch.int8)
    return q, scale[..., 0], q.sum(-1, dtype=torch.int32)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_shape(data, device):
    m, k, first = data.draw(st.integers(0, 300)), data.draw(st.integers(0, 700)), data.draw(st.integers(0, 9))
    levels, dtype = data.draw(st.sampled_from([127, 127.5])), data.draw(st.sampled_from(DTYPES))
    x = numbers(m, k + first, dtype=dtype, seed=m + k)[:, first:]
    found = quantize_rows(x.to(device), levels=levels, with_sums=True)
    for own, wanted in zip((found.values, found.scale, found.sums), rows_by_torch(x, levels=levels)):
        assert torch.equal(own.cpu(), wanted)


def static_by_torch(x, scale, zero=0):
    q = (x.float() * (1 / scale)).nan_to_num(0.0, float("inf"), float("-inf")).round()
    q = (q.double() + zero).clamp(-128, 127).to(torch.int8)
    return q, q.sum(-1, dtype=torch.int32)


def same(found, wanted):
    assert found.shape == wanted.shape and found.dtype == wanted.dtype
    assert torch.equal(found.cpu().nan_to_num(-7.0), wanted.nan_to_num(-7.0))


def check_rows(x, device, smooth=None, levels=127):
    found = quantize_rows(x.to(device), None if smooth is None else smooth.to(device), levels, with_sums=True)
    for part, wanted in zip(found, rows_by_torch(x, smooth, levels)):
        same(part, wanted)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("k", SIZES)
def test_rows(k, dtype, device):
    for rows in (1, 5):
        x = numbers(rows, k, dtype=dtype)
        check_rows(x, device)
        check_rows(x, device, levels=127.5)
        check_rows(x, device, smooth=torch.rand(k) + 0.1)


def test_many_rows(device):
    for k in (64, 1000, 4096):
        check_rows(numbers(700, k), device)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("levels", [127, 127.5])
def test_every_edge_between_levels_is_rounded_to_even(levels, dtype, device):
    # With a scale of one, halves are exactly between two levels.
    halves = torch.arange(-254, 255).float() / 2
    for largest in (levels, -levels):
        x = torch.cat([halves.clamp(-abs(levels), abs(levels)), torch.tensor([largest])])[None].to(dtype)
        check_rows(x, device, levels=levels)
        if levels == 127:
            assert torch.equal(
                quantize_rows(x.to(device)).values.cpu()[0, :-1], halves.round().to(torch.int8)
            )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("levels", [127, 127.5])
def test_zeros_one_side_and_what_is_not_finite(levels, dtype, device):
    x = numbers(12, 264, dtype=dtype)
    x[0] = 0
    x[1] = x[1].abs()
    x[2] = -x[2].abs()
    x[3, 7] = float("inf")
    x[4, 260] = float("-inf")
    x[5, 100] = float("nan")
    x[6, 3], x[6, 4] = float("nan"), float("inf")
    x[7] = -0.0
    x[8] = torch.finfo(dtype).max
    x[9] = torch.finfo(dtype).tiny
    x[10] = torch.finfo(dtype).smallest_normal / 4
    x[11, 0] = torch.finfo(dtype).min
    check_rows(x, device, levels=levels)
    values, scale, _ = quantize_rows(x.to(device), levels=levels)
    assert not values[0].any() and scale[0].isfinite() and scale[0] > 0
    assert not values[3:8].any() and scale[3:5].isinf().all() and scale[5:7].isnan().all()
    assert values[1].min() >= 0 and values[2].max() <= 0


def test_a_smoothing_that_divides_by_zero(device):
    x, smooth = numbers(3, 64), torch.ones(64)
    smooth[5], x[1, 5] = 0, 0
    check_rows(x, device, smooth=smooth)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_error_is_half_a_scale(dtype, device):
    x = numbers(20, 513, dtype=dtype)
    for levels in (127, 127.5):
        values, scale, _ = quantize_rows(x.to(device), levels=levels)
        back = values.cpu().double() * scale.cpu().double()[:, None]
        # Half a level, the half that 127.5 cuts off, and the roundings of inverse, product and scale.
        assert ((back - x.double()).abs() <= scale.cpu().double()[:, None] * (0.5 + 4 * 128 * 2.0**-24)).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("zero", [None, 0, 7, -128, 127, 1000, -(2**31)])
def test_static(zero, dtype, device):
    scale = torch.tensor([0.05])
    point = None if zero is None else torch.tensor([zero], dtype=torch.int32)
    for k in (1, 7, 64, 1000, 4096, 9001):
        x = numbers(6, k, dtype=dtype)
        x[0], x[1, 0], x[2, 0], x[3, 0] = 0, float("nan"), float("inf"), float("-inf")
        moved = None if point is None else point.to(device)
        found = quantize_static(x.to(device), scale.to(device), moved, with_sums=True)
        wanted = static_by_torch(x, scale, min(max(zero or 0, -128), 127))
        same(found.values, wanted[0])
        same(found.sums, wanted[1])
        assert quantize_static(x.to(device), scale.to(device), moved).sums is None


@pytest.mark.filterwarnings("ignore::UserWarning")  # newer ones call it deprecated
def test_static_agrees_with_torchs_own_quantiser(device):
    x = numbers(9, 500, dtype=torch.float32)
    wanted = torch.quantize_per_tensor(x, 0.03125, -3, torch.qint8).int_repr()
    zero = torch.tensor([-3], dtype=torch.int32, device=device)
    same(quantize_static(x.to(device), torch.tensor([0.03125], device=device), zero).values, wanted)


def test_static_ties_are_to_even_before_the_zero_point(device):
    x = torch.arange(-300, 301).float()[None] / 2
    for zero in (0, 1):
        found = quantize_static(
            x.to(device), torch.ones(1, device=device), torch.tensor([zero], dtype=torch.int32, device=device)
        )
        same(found.values, (x.round() + zero).clamp(-128, 127).to(torch.int8))


def test_views_are_read_as_they_are(device):
    whole = numbers(3, 40, 96)
    for view in (
        lambda t: t[:, 3:20:2, 5:69],
        lambda t: t.transpose(1, 2),
        lambda t: t[:, :, ::3],
        lambda t: t[:1, :2].expand(4, 2, 96),
        lambda t: t[..., 8:72],
        lambda t: t[0, 0],
        lambda t: t[0, 0, 5],
    ):
        x = view(whole)
        if x.dim() == 0:
            with pytest.raises(ValueError, match="at least one dimension"):
                quantize_rows(x.to(device))
            continue
        found = quantize_rows(view(whole.to(device)), with_sums=True)
        for part, wanted in zip(found, rows_by_torch(x)):
            same(part, wanted)
        one = quantize_static(view(whole.to(device)), torch.tensor([0.1], device=device))
        same(one.values, static_by_torch(x, torch.tensor([0.1]))[0])


@pytest.mark.parametrize("shape", [(0, 8), (3, 0), (0, 0), (2, 0, 5)])
def test_nothing_gives_nothing(shape, device):
    x = torch.ones(shape, device=device)
    values, scale, sums = quantize_rows(x, with_sums=True)
    assert values.shape == shape and scale.shape == sums.shape == shape[:-1]
    assert not sums.any() and (scale > 0).all()
    assert quantize_static(x, torch.ones(1, device=device)).values.shape == shape


def test_what_does_not_fit_is_said():
    x = numbers(2, 8)
    with pytest.raises(TypeError, match="must be float16, bfloat16 or float32"):
        quantize_rows(x.double())
    with pytest.raises(ValueError, match=r"levels must be 127 or 127\.5, not 128"):
        quantize_rows(x, levels=128)
    with pytest.raises(ValueError, match="smooth must have 8 values, not 5"):
        quantize_rows(x, torch.ones(5))
    with pytest.raises(TypeError, match="smooth must be float32, not float16"):
        quantize_rows(x, torch.ones(8).half())
    with pytest.raises(TypeError, match="zero must be int32"):
        quantize_static(x, torch.ones(1), torch.zeros(1))
    with pytest.raises(ValueError, match="scale must have 1 value, not 2"):
        quantize_static(x, torch.ones(2))


@pytest.mark.parametrize(
    "variant",
    [
        pytest.param(name, marks=pytest.mark.gpu if name.startswith("cuda") else ())
        for name in forcing.variants()
    ],
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_variant_gives_what_the_definition_says(variant, dtype):
    ran, device = 0, "cuda" if variant.startswith("cuda") else "cpu"
    for rows, k in [
        (1, 8),
        (3, 64),
        (37, 1000),
        (9, 1024),
        (600, 520),
        (5, 4096),
        (3, 7176),
        (2, 28672),
        (3, 33333),
    ]:
        x, smooth = numbers(rows, k, dtype=dtype), torch.rand(k) + 0.1
        x[-1, k // 2] = float("nan")
        try:
            with forcing.to(variant):
                check_rows(x, device)
                check_rows(x, device, levels=127.5)
                found = quantize_static(x.to(device), torch.full((1,), 0.04, device=device), with_sums=True)
                ran += 1
                same(found.values, static_by_torch(x, torch.tensor([0.04]))[0])
                same(found.sums, static_by_torch(x, torch.tensor([0.04]))[1])
                check_rows(x, device, smooth=smooth)
        except NotImplementedError:
            continue
    if not ran:
        pytest.skip("does not run on this device")


@pytest.mark.skipif(not hasattr(torch.library, "opcheck"), reason="torch has opcheck from 2.5 on")
@pytest.mark.parametrize("name", ["quantize_rows", "quantize_static"])
@pytest.mark.parametrize("with_sums", [False, True])
def test_the_operators_are_well_made(name, with_sums, device):
    x = numbers(2, 3, 64).to(device)
    arguments = {
        "quantize_rows": (x, torch.ones(64, device=device), 127.0, with_sums),
        "quantize_static": (x, torch.ones(1, device=device), None, with_sums),
    }
    torch.library.opcheck(getattr(torch.ops.envdoctor, name).default, arguments[name])


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_streams_graphs_and_compiled_code_on_a_gpu():
    x = numbers(5, 4096).cuda()
    wanted = rows_by_torch(x.cpu())
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        found = quantize_rows(x, with_sums=True)
    stream.synchronize()
    for part, right in zip(found, wanted):
        same(part, right)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(3):  # each may begin while the one before it ends
            found = quantize_rows(x * 2, with_sums=True)
    x.copy_(numbers(5, 4096, seed=7))
    graph.replay()
    for part, right in zip(found, rows_by_torch(x.cpu() * 2)):
        same(part, right)
    compiled = torch.compile(lambda x: quantize_rows(x + 1).values, fullgraph=True)
    same(compiled(x), rows_by_torch(x.cpu() + 1)[0])

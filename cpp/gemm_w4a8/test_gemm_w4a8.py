"""gemm_w4a8 against plain torch arithmetic: integers exactly; grouped sums within the rounding of their additions."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from envdoctor.kernels import int4_pairs, int4_values, linear_w4a8, pack_w4a8
from envdoctor.kernels.gemm_w4a8 import forcing

SHAPES = [
    *[
        (1, 1, 2),
        (1, 16, 32),
        (2, 3, 6),
        (1, 17, 30),
        (7, 33, 64),
        (8, 64, 128),
        (9, 48, 126),
        (16, 130, 130),
    ],
    *[(17, 16, 256), (33, 257, 72), (65, 65, 2), (128, 384, 320), (129, 100, 1040), (300, 520, 200)],
]
VARIANTS = [
    pytest.param(name, marks=pytest.mark.gpu if name.startswith("cuda") else ())
    for name in forcing.variants()
]


def activations(m, k):
    return torch.randint(-128, 128, (m, k), dtype=torch.int8, generator=torch.Generator().manual_seed(0))


def weights(n, k):
    """Of both signs."""
    return torch.randint(-8, 8, (n, k), dtype=torch.int8, generator=torch.Generator().manual_seed(1))


def exact(x, w):
    return (x.double() @ w.double().t()).long()


def test_pairs_hold_signed_values():
    values = weights(5, 16)
    pairs = int4_pairs(values)
    assert pairs.shape == (5, 8) and torch.equal(int4_values(pairs), values)
    assert int4_pairs(torch.tensor([[-8, 7, -1, 0]], dtype=torch.int8)).tolist() == [[0x78, 0x0F]]


@pytest.mark.parametrize("shape", SHAPES)
def test_sums_are_exact(shape, device):
    m, n, k = shape
    x, w = activations(m, k), weights(n, k)
    y = linear_w4a8(x.to(device), pack_w4a8(int4_pairs(w), device), out_dtype=torch.int32)
    assert torch.equal(y.cpu().long(), exact(x, w))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("out", [torch.int32, torch.float16, torch.bfloat16, torch.float32])
def test_every_variant_gives_what_the_definition_says(variant, out):
    ran, device = 0, "cuda" if variant.startswith("cuda") else "cpu"
    for m, n, k in [
        (1, 64, 128),
        (3, 200, 384),
        (17, 136, 528),
        (70, 320, 1040),
        (200, 512, 272),
        (600, 264, 640),
    ]:
        x, w = activations(m, k), weights(n, k)
        x_scale, w_scale, bias = torch.rand(m) * 0.01, torch.rand(n), torch.randn(n)
        value = exact(x, w).float() * x_scale[:, None] * w_scale + bias
        wanted = value.round().to(out) if out == torch.int32 else value.to(out)
        packed = pack_w4a8(int4_pairs(w), device)
        moved = [t.to(device) for t in (x, x_scale, w_scale, bias)]
        try:
            with forcing.to(variant):
                y = linear_w4a8(moved[0], packed, moved[1], moved[2], bias=moved[3], out_dtype=out)
        except NotImplementedError:
            continue
        ran += 1
        assert torch.equal(y.cpu(), wanted), (m, n, k)
    assert ran or "groups" in variant


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("group", [32, 64, 128, 256])
@pytest.mark.parametrize("m", [1, 5, 12, 30, 60, 200])
def test_groups(m, group, zeros, device):
    check_groups(activations(m, 576), 72, group, zeros, device)


def check_groups(x, n, group, zeros, device):
    m, k = x.shape
    groups = -(-k // group)
    w = weights(n, k)
    scale = torch.rand(n, groups) + 0.1
    zero = torch.randint(-8, 8, (n, groups), dtype=torch.int8) if zeros else None
    spread = scale.double().repeat_interleave(group, 1)[:, :k]
    shifted = w.double() - (0 if zero is None else zero.double().repeat_interleave(group, 1)[:, :k])
    wanted = x.double() @ (shifted * spread).t()
    # Each addition in float32, and the product before it, errs by half a unit in the last place of the sum so far.
    bound = (groups + 12) * 2.0**-23 * (x.double().abs() @ (shifted * spread).abs().t()) + 1e-30
    packed = pack_w4a8(int4_pairs(w), device, group, scale, zero)
    y = linear_w4a8(x.to(device), packed, out_dtype=torch.float32)
    assert ((y.cpu().double() - wanted).abs() <= bound).all()
    half = linear_w4a8(x.to(device), packed, out_dtype=torch.float16)
    assert torch.equal(half, y.half())
    x_scale = torch.rand(m, device=device)
    scaled = linear_w4a8(x.to(device), packed, x_scale, out_dtype=torch.float32)
    assert torch.equal(scaled, y * x_scale[:, None])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_shape(data, device):
    m, n, pairs = (data.draw(st.integers(1, most)) for most in (70, 150, 200))
    group, zeros = data.draw(st.sampled_from([0, 32, 96, 128, 160, 256])), data.draw(st.booleans())
    # Rows that are far apart, and begin anywhere.
    first, apart = data.draw(st.integers(0, 5)), data.draw(st.integers(0, 9))
    x = activations(m, 2 * pairs + first + apart)[:, first : first + 2 * pairs]
    if group:
        check_groups(x, n, group, zeros, device)
    else:
        w = weights(n, 2 * pairs)
        y = linear_w4a8(x.to(device), pack_w4a8(int4_pairs(w), device), out_dtype=torch.int32)
        assert torch.equal(y.cpu().long(), exact(x, w))


def test_zero_points_of_activations(device):
    x, w = activations(9, 64), weights(40, 64)
    zero = torch.tensor([-100], dtype=torch.int32)
    y = linear_w4a8(
        x.to(device), pack_w4a8(int4_pairs(w), device), x_zero=zero.to(device), out_dtype=torch.int32
    )
    assert torch.equal(y.cpu().long(), exact(x.long() - zero, w))


@pytest.mark.parametrize("shape", [(0, 4, 8), (3, 0, 8), (3, 4, 0)])
def test_nothing_gives_nothing(shape, device):
    m, n, k = shape
    x, w = activations(m, k), weights(n, k)
    y = linear_w4a8(x.to(device), pack_w4a8(int4_pairs(w), device), out_dtype=torch.int32)
    assert y.shape == (m, n) and not y.any()


@pytest.mark.parametrize("zero", ["x_zero", "w_zero"])
@pytest.mark.parametrize(("m", "n", "k"), [(1, 3, 1), (3, 40, 63), (70, 72, 257)])
def test_odd_k(m, n, k, zero, device):
    x, w, pairs = activations(m, k), weights(n, k), int4_pairs(weights(n, k))
    packed = pack_w4a8(pairs, device, k=k)
    assert packed.k == k and torch.equal(packed.sums.cpu(), w.sum(1, dtype=torch.int32))
    assert torch.equal(linear_w4a8(x.to(device), packed, out_dtype=torch.int32).cpu().long(), exact(x, w))
    y = linear_w4a8(
        x.to(device),
        packed,
        out_dtype=torch.int32,
        **{zero: torch.tensor([5], dtype=torch.int32, device=device)},
    )
    shifted = exact(x.long() - 5, w) if zero == "x_zero" else exact(x, w.long() - 5)
    assert torch.equal(y.cpu().long(), shifted)
    zeros = torch.tensor([5], dtype=torch.int32, device=device)
    with pytest.raises(ValueError, match="do not go together"):
        linear_w4a8(x.to(device), packed, x_zero=zeros, w_zero=zeros)


def test_what_k_must_be():
    pairs = int4_pairs(weights(3, 5))
    assert torch.equal(int4_values(pairs)[:, :5], weights(3, 5)) and not int4_values(pairs)[:, 5].any()
    for k in (4, 7, 0, -1):
        with pytest.raises(ValueError, match=f"k must be 6 or 5 with 3 pairs, not {k}"):
            pack_w4a8(pairs, k=k)
    for of_type in (torch.int8, torch.uint8):
        with pytest.raises(ValueError, match="where k is odd, 5, the last value of each row must be 0"):
            pack_w4a8((pairs | 0x10).to(of_type), k=5)
        assert torch.equal(pack_w4a8(pairs.to(of_type), k=5).data, pack_w4a8(pairs).data)


def test_what_does_not_fit_is_said():
    w = int4_pairs(weights(3, 64))
    with pytest.raises(ValueError, match=r"x must be \[\.\.\., 64\] on cpu, not \[2, 32\] on cpu"):
        linear_w4a8(activations(2, 32), pack_w4a8(w))
    with pytest.raises(ValueError, match="multiple of 32"):
        pack_w4a8(w, group=48, group_scale=torch.ones(3, 2))
    with pytest.raises(ValueError, match=r"group_scale must be \[3, 2\]"):
        pack_w4a8(w, group=32, group_scale=torch.ones(3, 1))
    with pytest.raises(TypeError, match="pairs must be int8"):
        pack_w4a8(w.float())


@pytest.mark.gpu
@pytest.mark.parametrize("variant", [name for name in forcing.variants() if name.startswith("cuda_sm90a")])
def test_several_tiles_for_each_block_and_long_pipelines(variant):
    for m, n, k in [
        (1, 40000, 256),
        (8, 20000, 4096),
        (700, 9000, 1280),
        (5000, 1160, 384),
        (3000, 6200, 2048),
    ]:
        x, w = activations(m, k).cuda(), weights(n, k)
        wanted = torch._int_mm(torch.nn.functional.pad(x, (0, 0, 0, 32)), w.cuda().t())[:m]
        packed = pack_w4a8(int4_pairs(w), "cuda")
        try:
            with forcing.to(variant):
                y = [
                    linear_w4a8(x, packed, out_dtype=out) for out in (torch.int32, torch.float16, torch.int32)
                ]
        except NotImplementedError:  # fewer blocks along k than share it, or a variant for groups
            continue
        assert torch.equal(y[0], wanted) and torch.equal(y[2], wanted)
        assert torch.equal(y[1], wanted.float().half())


@pytest.mark.skipif(not hasattr(torch.library, "opcheck"), reason="torch has opcheck from 2.5 on")
def test_the_operator_is_well_made(device):
    packed = pack_w4a8(int4_pairs(weights(24, 64)), device, 32, torch.rand(24, 2))
    rest = (torch.rand(1, device=device), None, None, None, None, 1.0, False, torch.float16)
    weight = (
        packed.data,
        packed.n,
        packed.k,
        packed.sums,
        packed.group,
        packed.group_scale,
        packed.group_zero,
    )
    x = activations(5, 64).to(device)
    torch.library.opcheck(torch.ops.envdoctor.linear_w4a8.default, (x, *weight, *rest))

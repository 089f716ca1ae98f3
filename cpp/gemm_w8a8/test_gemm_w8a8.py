"""gemm_w8a8 against plain torch arithmetic: integers exactly, floats exactly too, since each rounding is defined."""

import pytest
import torch

from envdoctor.kernels import bmm_w8a8, gemm_w8a8, linear_w8a8, pack_w8a8
from envdoctor.kernels.gemm_w8a8 import forcing

OUT = [torch.int8, torch.int32, torch.float16, torch.bfloat16, torch.float32]
# Odd sizes, one and several tiles of every variant in each direction, K on both sides of every step.
SHAPES = [
    *[
        (1, 1, 1),
        (1, 16, 16),
        (2, 3, 5),
        (1, 17, 31),
        (7, 33, 64),
        (8, 64, 128),
        (9, 48, 127),
        (16, 130, 129),
    ],
    *[
        (17, 16, 256),
        (33, 257, 72),
        (65, 65, 1),
        (130, 4096, 64),
        (128, 384, 320),
        (129, 100, 1040),
        (300, 520, 200),
    ],
]


def integers(*shape, generator=0, low=-128, device="cpu"):
    made = torch.Generator().manual_seed(generator)
    return torch.randint(low, 128, shape, dtype=torch.int8, generator=made).to(device)


def exact(x, w):
    """Sums of products, int64."""
    return (x.double().cpu() @ w.double().cpu().transpose(-1, -2)).long()


def rounded(value, dtype):
    """float32 values as the output has them."""
    if dtype == torch.int8:
        return value.round().clamp(-128, 127).to(torch.int8)
    if dtype == torch.int32:
        return value.double().round().clamp(-(2**31), 2**31 - 1).to(torch.int32)
    return value.to(dtype)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_sums_are_exact(shape, packed, device):
    m, n, k = shape
    x, w = integers(m, k, device=device), integers(n, k, generator=1, device=device)
    y = linear_w8a8(x, pack_w8a8(w), out_dtype=torch.int32) if packed else gemm_w8a8(x, w)
    assert torch.equal(y.cpu().long(), exact(x, w))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("out", OUT)
@pytest.mark.parametrize("m", [1, 5, 40, 130])
def test_scales_bias_and_relu(m, out, packed, device):
    n, k = 70, 200
    x, w = integers(m, k), integers(n, k, generator=1)
    x_scale, w_scale = torch.rand(m) * 0.01, torch.rand(n) * 0.01
    bias, factor = torch.randn(n) * 3, 0.7
    value = exact(x, w).float() * x_scale[:, None] * w_scale + torch.tensor(factor) * bias
    for relu in (False, True):
        wanted = rounded(value.clamp(min=0) if relu else value, out)
        moved = [t.to(device) for t in (x, x_scale, w_scale, bias)]
        weight = pack_w8a8(w, device) if packed else w.to(device)
        call = linear_w8a8 if packed else gemm_w8a8
        y = call(
            moved[0], weight, moved[1], moved[2], bias=moved[3], bias_scale=factor, relu=relu, out_dtype=out
        )
        assert torch.equal(y.cpu(), wanted)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("zeros", ["x", "w", "xw", "each"])
def test_zero_points(zeros, packed, device):
    m, n, k = 19, 35, 150
    # One-sided activations, as asymmetric quantisation is for.
    x, w = integers(m, k, low=90), integers(n, k, generator=1)
    x_zero = torch.tensor([-128], dtype=torch.int32) if zeros != "w" else None
    w_zero = torch.tensor([5], dtype=torch.int32) if zeros != "x" else None
    if zeros == "each":
        x_zero = torch.arange(m, dtype=torch.int32) - 100
        w_zero = torch.arange(n, dtype=torch.int32) - 17
    shifted_x = x.long() - (0 if x_zero is None else x_zero.long()[:, None])
    shifted_w = w.long() - (0 if w_zero is None else w_zero.long()[:, None])
    moved = [None if t is None else t.to(device) for t in (x_zero, w_zero)]
    weight = pack_w8a8(w, device) if packed else w.to(device)
    call = linear_w8a8 if packed else gemm_w8a8
    y = call(x.to(device), weight, x_zero=moved[0], w_zero=moved[1], out_dtype=torch.int32)
    assert torch.equal(y.cpu().long(), exact(shifted_x, shifted_w))


@pytest.mark.parametrize("k", [256, 272, 512, 4096, 16384, 131056])
@pytest.mark.parametrize("sign", [1, -1])
def test_accumulators_beyond_2_to_the_22(k, sign, device):
    x = torch.full((3, k), 127, dtype=torch.int8, device=device)
    w = torch.full((17, k), 127 * sign, dtype=torch.int8, device=device)
    total = 127 * 127 * k * sign
    for weight in (w, pack_w8a8(w)):
        call = gemm_w8a8 if weight is w else linear_w8a8
        assert (call(x, weight, out_dtype=torch.int32) == total).all()
        scale = torch.tensor([100 / total], device=device)
        assert (call(x, weight, x_scale=scale, out_dtype=torch.int8) == 100).all()


def test_int32_wraps_and_a_scaled_one_saturates(device):
    x, w = integers(2, 64), integers(3, 64, generator=1)
    bias = torch.tensor([2**31 - 1, -(2**31), 7], dtype=torch.int32)
    wrapped = (exact(x, w) + bias + 2**31) % 2**32 - 2**31
    moved = x.to(device), w.to(device)
    assert torch.equal(gemm_w8a8(*moved, bias=bias.to(device)).cpu().long(), wrapped)
    huge = torch.tensor([1e30], device=device)
    y = gemm_w8a8(*moved, x_scale=huge, out_dtype=torch.int32).cpu()
    assert set(y.flatten().tolist()) <= {2**31 - 1, -(2**31)}


@pytest.mark.parametrize("dtype", [torch.int8, torch.int32, torch.float16, torch.bfloat16, torch.float32])
def test_a_bias_of_every_type(dtype, device):
    x, w, bias = integers(4, 32), integers(24, 32, generator=1), (torch.arange(24) - 9).to(dtype)
    y = gemm_w8a8(
        x.to(device),
        w.to(device),
        torch.ones(1, device=device),
        bias=bias.to(device),
        bias_scale=0.5,
        out_dtype=torch.float32,
    )
    assert torch.equal(y.cpu(), exact(x, w).float() + 0.5 * bias.float())


@pytest.mark.parametrize(
    ("batch", "m", "n", "k"), [(1, 1, 1, 1), (3, 5, 7, 9), (2, 40, 64, 64), (4, 130, 33, 80)]
)
def test_batches(batch, m, n, k, device):
    x, w = integers(batch, m, k, device=device), integers(batch, n, k, generator=1, device=device)
    assert torch.equal(bmm_w8a8(x, w).cpu().long(), exact(x, w))
    scale = torch.tensor([0.003])
    y = bmm_w8a8(x, w, scale.to(device), torch.int8)
    assert torch.equal(y.cpu(), rounded(exact(x, w).float() * scale, torch.int8))


def test_views_are_read_as_they_are(device):
    whole = integers(40, 96, device=device)
    w = integers(48, 64, generator=1, device=device)
    for x in (whole[3:20:2, 5:69], whole[:, :64].t()[:, :40].t(), whole[:4, :64].expand(2, 4, 64)):
        for weight in (w, integers(64, 48, generator=2, device=device).t()):
            assert torch.equal(gemm_w8a8(x, weight).cpu().long(), exact(x, weight))
            assert torch.equal(
                linear_w8a8(x, pack_w8a8(weight), out_dtype=torch.int32).cpu().long(), exact(x, weight)
            )


@pytest.mark.parametrize("shape", [(0, 4, 8), (3, 0, 8), (3, 4, 0), (0, 0, 0)])
def test_nothing_gives_nothing(shape, device):
    m, n, k = shape
    x, w = integers(m, k, device=device), integers(n, k, device=device)
    for y in (gemm_w8a8(x, w), linear_w8a8(x, pack_w8a8(w), out_dtype=torch.int32)):
        assert y.shape == (m, n) and not y.any()
    assert bmm_w8a8(x[None][:0], w[None][:0]).shape == (0, m, n)


def test_what_does_not_fit_is_said():
    x, w = integers(2, 8), integers(3, 8)
    with pytest.raises(TypeError, match="must be int8"):
        gemm_w8a8(x.float(), w)
    with pytest.raises(ValueError, match="do not fit each other"):
        gemm_w8a8(x, w[:, :4])
    with pytest.raises(ValueError, match="x_scale must have 1 or 2 values, not 5"):
        gemm_w8a8(x, w, torch.ones(5))
    with pytest.raises(TypeError, match="out_dtype must be one of int8"):
        gemm_w8a8(x, w, out_dtype=torch.float64)
    with pytest.raises(ValueError, match="bias must have 3 values"):
        gemm_w8a8(x, w, bias=torch.ones(4))


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_streams_graphs_and_compiled_code_on_a_gpu():
    x, w = integers(5, 256, device="cuda"), integers(96, 256, generator=1, device="cuda")
    packed, wanted = pack_w8a8(w), exact(x, w)
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        y = linear_w8a8(x, packed, out_dtype=torch.int32)
    stream.synchronize()
    assert torch.equal(y.cpu().long(), wanted)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y = linear_w8a8(x, packed, out_dtype=torch.int32)
    x.copy_(integers(5, 256, generator=7))
    graph.replay()
    assert torch.equal(y.cpu().long(), exact(x, w))
    compiled = torch.compile(lambda x: linear_w8a8(x, packed, out_dtype=torch.int32) + 1, fullgraph=True)
    assert torch.equal(compiled(x).cpu().long(), exact(x, w) + 1)


@pytest.mark.skipif(not hasattr(torch.library, "opcheck"), reason="torch has opcheck from 2.5 on")
@pytest.mark.parametrize("op", ["gemm_w8a8", "linear_w8a8", "bmm_w8a8"])
def test_the_operators_are_well_made(op, device):
    x, w = integers(2, 5, 32, device=device), integers(2, 24, 32, generator=1, device=device)
    rest = (torch.rand(1, device=device), None, None, None, None, 1.0, False, torch.float16)
    packed = pack_w8a8(w[0])
    arguments = {
        "gemm_w8a8": (x, w[0], *rest),
        "linear_w8a8": (x, packed.data, packed.sums, packed.n, packed.k, *rest),
        "bmm_w8a8": (x, w, None, torch.int32),
    }
    torch.library.opcheck(getattr(torch.ops.envdoctor, op).default, arguments[op])


@pytest.mark.parametrize(
    "variant",
    [
        pytest.param(name, marks=pytest.mark.gpu if name.startswith("cuda") else ())
        for name in forcing.variants()
    ],
)
@pytest.mark.parametrize("out", [torch.int32, torch.float16, torch.bfloat16])
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
        x, w = integers(m, k), integers(n, k, generator=1)
        scale, bias = torch.rand(m) * 0.01, torch.randn(n)
        wanted = rounded(exact(x, w).float() * scale[:, None] + bias, out)
        moved = x.to(device), scale.to(device), bias.to(device)
        for call, weight in ((gemm_w8a8, w.to(device)), (linear_w8a8, pack_w8a8(w, device))):
            try:
                with forcing.to(variant):
                    y = call(moved[0], weight, x_scale=moved[1], bias=moved[2], out_dtype=out)
            except NotImplementedError:
                continue
            ran += 1
            assert torch.equal(y.cpu(), wanted), (m, n, k)
    if not ran:
        pytest.skip("does not run on this device")


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
        x, w = integers(m, k, device="cuda"), integers(n, k, generator=1, device="cuda")
        packed, wanted = pack_w8a8(w), torch._int_mm(torch.nn.functional.pad(x, (0, 0, 0, 32)), w.t())[:m]
        try:
            with forcing.to(variant):
                y = [
                    linear_w8a8(x, packed, out_dtype=dtype)
                    for dtype in (torch.int32, torch.float16, torch.int32)
                ]
        except NotImplementedError:
            continue
        assert torch.equal(y[0], wanted) and torch.equal(y[2], wanted)
        assert torch.equal(y[1], wanted.float().half())

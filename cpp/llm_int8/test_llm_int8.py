"""llm_int8: what x is taken apart into, exactly; then products against float64 within the rounding of their sums."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from envdoctor.kernels import linear_llm_int8, linear_w8a8, pack_llm_int8, pack_w8a8, quantize_rows
from envdoctor.kernels.llm_int8 import ask_llm_int8, forcing, take_apart
from envdoctor.kernels.variants import resolve

VARIANTS = [
    pytest.param(name, marks=pytest.mark.gpu if name.startswith("cuda") else ())
    for name in forcing.variants()
]
TYPES = [torch.float16, torch.bfloat16]


def activations(m, k, dtype=torch.float16, outliers=(), seed=0):
    """Below 6 but for the columns of outliers, each of which has some."""
    made = torch.Generator().manual_seed(seed)
    x = torch.randn(m, k, generator=made).clamp(-5.5, 5.5)
    for column in outliers:
        rows = torch.rand(m, generator=made) < 0.5
        rows[column % m] = True
        x[rows, column] = x[rows, column].sign() * (6 + 30 * torch.rand(int(rows.sum()), generator=made))
    return x.to(dtype)


def weights(n, k, seed=1):
    return torch.randn(n, k, generator=torch.Generator().manual_seed(seed)) * 0.05


def taken_apart(x, threshold):
    """The definition: values, scale, and which columns are outliers'."""
    magnitude = x.float().abs()
    outlier = magnitude >= torch.tensor(threshold, dtype=torch.float32) if threshold else magnitude < 0
    columns = outlier.any(0)
    below = magnitude.masked_fill(outlier, 0)
    largest = below.amax(1) if x.shape[1] else below.new_zeros(x.shape[0])
    scale = largest.clamp(min=2.0**-100) / 127
    q = (x.float() * (1 / scale)[:, None]).round()
    q = q.masked_fill(columns | ~largest.isfinite()[:, None], 0)
    return q.to(torch.int8), scale, columns


def check_parts(x, threshold, device):
    found, (q, scale, columns) = take_apart(x.to(device), threshold), taken_apart(x, threshold)
    assert torch.equal(found.values.cpu(), q)
    assert torch.equal(found.scale.cpu().nan_to_num(-7.0), scale.nan_to_num(-7.0))
    assert found.columns.tolist() == columns.nonzero()[:, 0].tolist()


def values_of(w):
    """Int8 weights and their scales, by the definition."""
    largest = w.float().abs().amax(1)
    q = (127 * w.float() / largest.clamp(min=1e-38)[:, None]).round()
    return q.to(torch.int8), largest / 127


def check_product(y, x, w, threshold, bias=None):
    """Within the rounding of float32 sums, at worst one after the other and cut off, and of y, twice."""
    (q, scale, columns), (levels, w_scale) = taken_apart(x, threshold), values_of(w)
    assert y.dtype == x.dtype and y.shape == (x.shape[0], w.shape[0])
    back = w_scale.double()
    inner = (q.double() @ levels.double().t()) * scale.double()[:, None] * back
    inner = inner if bias is None else inner + bias.double()
    outer = (x.double()[:, columns] @ levels.double()[:, columns].t()) * back
    size = (x.double().abs()[:, columns] @ levels.double().abs()[:, columns].t()) * back
    # The int8 part: of the sum, two scales, the bias. Outliers: an addition each and what fills a step up, the scale.
    unscaled = inner.abs() if bias is None else inner.abs() + 2 * bias.double().abs()
    rounding = 2.0**-23 * (4 * unscaled + (int(columns.sum()) + 20) * size)
    unit, tiny = (2.0**-11, 2.0**-25) if y.dtype == torch.float16 else (2.0**-8, 2.0**-134)
    wanted = inner + outer
    bound = rounding + unit * (inner.abs() + wanted.abs() + 2 * rounding) * (1 + unit) + 2 * tiny + 1e-30
    assert ((y.cpu().double() - wanted).abs() <= bound).all()


def check(x, w, device, threshold=6.0, bias=None):
    check_parts(x, threshold, device)
    packed, w_scale = pack_llm_int8(w, device)
    moved = None if bias is None else bias.to(device)
    check_product(linear_llm_int8(x.to(device), packed, w_scale, threshold, moved), x, w, threshold, bias)


# --- weights ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [*TYPES, torch.float32])
def test_weights_are_rounded_to_127_levels(dtype):
    w = weights(20, 33).to(dtype)
    w[3], w[4, 5], w[5, 6] = 0, -9, 9
    packed, scale = pack_llm_int8(w)
    levels, wanted = values_of(w)
    levels[3], wanted[3] = 0, 0
    assert torch.equal(packed.data, pack_w8a8(levels).data) and torch.equal(scale, wanted)
    assert packed.sums[3] == 0 and levels[4, 5] == -127 and levels[5, 6] == 127


def test_weights_that_do_not_fit_are_refused():
    with pytest.raises(TypeError, match="must be float16, bfloat16 or float32"):
        pack_llm_int8(weights(4, 4).double())
    with pytest.raises(ValueError, match=r"must be \[N, K\]"):
        pack_llm_int8(torch.ones(4))
    for value in (float("inf"), float("nan")):
        with pytest.raises(ValueError, match="infinity or NaN"):
            pack_llm_int8(torch.tensor([[1.0, value]]))


# --- what x is taken apart into ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", TYPES)
def test_values_at_the_threshold_and_beside_it(dtype, device):
    for threshold in (6.0, 0.1, 5.999, 6.001, 1e-6, 3e-8, 70000.0, 3.4e38, float("inf")):
        near = torch.tensor(threshold).to(dtype)
        bits = near.view(torch.int16).item()
        least, most = max(bits - 2, 0), min(bits + 3, 0x7C01 if dtype == torch.float16 else 0x7F81)
        edge = torch.arange(least, most, dtype=torch.int16).view(dtype)
        x = torch.zeros(3, 40, dtype=dtype)
        x[1, : len(edge)], x[2, 10 : 10 + len(edge)] = edge, -edge
        check_parts(x, threshold, device)


def test_only_values_that_reach_the_threshold_are_outliers(device):
    x = torch.tensor([[6.0, 5.996, -6.0, 1.0], [0.0, -5.996, 0.5, 2.0]]).half()
    parts = take_apart(x.to(device), 6.0)
    assert parts.columns.tolist() == [0, 2]
    # The second row's largest value stays where it is, whatever the first has in the column.
    assert parts.values.tolist() == [[0, 127, 0, 21], [0, -127, 0, 42]]


def test_the_largest_of_a_row_counts_below_the_threshold_in_outlier_columns_too(device):
    x = torch.tensor([[7.0, 1.0], [4.0, 1.0]]).half()
    parts = take_apart(x.to(device), 6.0)
    assert parts.columns.tolist() == [0] and parts.values.tolist() == [[0, 127], [0, 32]]
    assert parts.scale.tolist() == [torch.tensor(1 / 127.0).item(), torch.tensor(4 / 127.0).item()]


@pytest.mark.parametrize("dtype", TYPES)
def test_zeros_infinity_and_nan(dtype, device):
    x = activations(9, 137, dtype)
    x[0], x[1], x[2, 3], x[3, 130], x[4, 70] = 0, -0.0, float("inf"), float("-inf"), float("nan")
    x[5, 9], x[6] = torch.finfo(dtype).max, torch.finfo(dtype).smallest_normal / 4
    x[7, :] = 100
    for threshold in (6.0, 120.0, 0.0):
        check_parts(x, threshold, device)
    parts = take_apart(x[[2, 3, 4]].to(device), 6.0)
    assert parts.columns.tolist() == [3, 130]  # NaN is not an outlier, but its row is one
    assert parts.scale[:2].isfinite().all() and parts.scale[2].isnan() and not parts.values[2].any()


@pytest.mark.parametrize("columns", [0, 1, 15, 16, 17, 32, 33, 100, 250])
@pytest.mark.parametrize("dtype", TYPES)
def test_any_number_of_outliers(columns, dtype, device):
    chosen = torch.randperm(250, generator=torch.Generator().manual_seed(5))[:columns].tolist()
    check(activations(7, 250, dtype, chosen), weights(70, 250), device, bias=torch.randn(70))


# --- products ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("m", [1, 2, 31, 33, 130])
def test_shapes(m, dtype, device):
    for n, k in [(64, 128), (1, 1), (129, 67), (40, 1000), (200, 2056)]:
        outliers = sorted({0, k // 3, k - 1, min(k - 1, 64)})
        check(activations(m, k, dtype, outliers), weights(n, k), device, bias=torch.randn(n))


def test_long_rows(device):
    for k in (8191, 8200, 33000):
        check(activations(3, k, torch.float16, [0, k // 2, k - 1]), weights(24, k), device)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_shape(data, device):
    m, n, k = (data.draw(st.integers(1, most)) for most in (70, 150, 300))
    outliers = data.draw(st.sets(st.integers(0, k - 1), max_size=40))
    dtype, threshold = data.draw(st.sampled_from(TYPES)), data.draw(st.sampled_from([6.0, 2.5, 0.0, 1e-3]))
    check(activations(m, k, dtype, sorted(outliers), seed=m + n + k), weights(n, k), device, threshold)


@pytest.mark.parametrize("threshold", [0.0, None])
def test_without_a_threshold_it_is_quantize_and_gemm_w8a8(threshold, device):
    x, bias = activations(5, 96, outliers=[3]).to(device), torch.randn(40, device=device)
    packed, w_scale = pack_llm_int8(weights(40, 96), device)
    rows = quantize_rows(x)
    wanted = linear_w8a8(rows.values, packed, rows.scale, w_scale, bias=bias)
    assert torch.equal(linear_llm_int8(x, packed, w_scale, threshold, bias), wanted)


def test_without_outliers_it_is_quantize_and_gemm_w8a8(device):
    x = activations(40, 96).to(device)
    packed, w_scale = pack_llm_int8(weights(40, 96), device)
    rows = quantize_rows(x)
    for variant in ("cuda_block1", "cuda_block1_wide") if device == "cuda" else ("cpu_portable",):
        with forcing.to(variant):
            y = linear_llm_int8(x, packed, w_scale)
        assert torch.equal(y, linear_w8a8(rows.values, packed, rows.scale, w_scale))


def test_outliers_are_multiplied_as_they_are(device):
    # Weights of whole levels, and x of outliers alone: nothing is rounded.
    x = torch.tensor([[8.0, 0, -64.0, 0, 0, 7.5]]).half()
    w = torch.tensor([[127.0, 1, 2, 3, 4, -6], [1.0, 0, 0, 0, 0, 127]])
    packed, w_scale = pack_llm_int8(w, device)
    assert linear_llm_int8(x.to(device), packed, w_scale).tolist() == [[843.0, 960.5]]


def test_infinity_stays_in_its_row(device):
    x = activations(3, 64)
    x[1, 5] = float("inf")
    packed, w_scale = pack_llm_int8(weights(16, 64).abs() + 0.01, device)
    y = linear_llm_int8(x.to(device), packed, w_scale)
    assert (y[1] == float("inf")).all()
    x[1, 5] = 100.0
    assert torch.equal(linear_llm_int8(x.to(device), packed, w_scale)[[0, 2]], y[[0, 2]])


def test_views_and_more_dimensions(device):
    whole = activations(12, 219, outliers=range(0, 219, 20)).to(device)
    w = weights(40, 96)
    packed, w_scale = pack_llm_int8(w, device)
    for x in (whole[:, 1:97], whole[:, 100:196], whole[::2, 3:195:2], whole[:, :96].t().contiguous().t()):
        y = linear_llm_int8(x, packed, w_scale)
        check_product(y, x.cpu(), w, 6.0)
        assert torch.equal(linear_llm_int8(x[None, None], packed, w_scale)[0, 0], y)
    assert torch.equal(
        linear_llm_int8(whole[0, :96], packed, w_scale), linear_llm_int8(whole[:1, :96], packed, w_scale)[0]
    )


@pytest.mark.parametrize("shape", [(0, 32, 64), (3, 0, 64), (3, 32, 0), (0, 0, 0)])
def test_nothing_gives_nothing(shape, device):
    m, n, k = shape
    packed, w_scale = pack_llm_int8(torch.ones(n, k), device)
    y = linear_llm_int8(torch.ones(m, k, device=device).half(), packed, w_scale)
    assert y.shape == (m, n) and not y.any()
    assert take_apart(torch.ones(m, k, device=device).half()).values.shape == (m, k)


@pytest.mark.parametrize("dtype", [*TYPES, torch.float32])
def test_a_bias_of_any_type(dtype, device):
    x, w, bias = activations(3, 64, outliers=[9]), weights(16, 64), torch.randn(16).to(dtype)
    check(x, w, device, bias=bias)


def test_what_does_not_fit_is_said():
    x, (packed, w_scale) = activations(2, 64), pack_llm_int8(weights(16, 64))
    with pytest.raises(TypeError, match="x must be float16 or bfloat16, not float32"):
        linear_llm_int8(x.float(), packed, w_scale)
    with pytest.raises(ValueError, match=r"x must be \[\.\.\., 64\]"):
        linear_llm_int8(x[:, :32], packed, w_scale)
    with pytest.raises(ValueError, match=r"x must be \[\.\.\., 64\] on cpu, not \[\]"):
        linear_llm_int8(x[0, 0], packed, w_scale)
    with pytest.raises(ValueError, match="w_scale must have 16 values, not 5"):
        linear_llm_int8(x, packed, w_scale[:5])
    with pytest.raises(TypeError, match="w_scale must be float32, not float16"):
        linear_llm_int8(x, packed, w_scale.half())
    with pytest.raises(ValueError, match="bias must have 16 values, not 3"):
        linear_llm_int8(x, packed, w_scale, bias=torch.ones(3))
    with pytest.raises(TypeError, match="bias must be float16, bfloat16 or float32, not int64"):
        linear_llm_int8(x, packed, w_scale, bias=torch.ones(16).long())
    for threshold in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="must not be negative or NaN"):
            linear_llm_int8(x, packed, w_scale, threshold)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", TYPES)
def test_every_variant_gives_what_the_definition_says(variant, dtype):
    ran, device = 0, "cuda" if variant.startswith("cuda") else "cpu"
    for m, n, k in [
        (1, 64, 128),
        (3, 200, 384),
        (17, 136, 8200),
        (70, 72, 530),
        (200, 300, 272),
        (2, 40, 33000),
    ]:
        x, bias = activations(m, k, dtype, range(3, k, k // 23 + 1)), torch.randn(n)
        try:
            with forcing.to(variant):
                check(x, weights(n, k), device, bias=bias)
        except NotImplementedError:
            continue
        ran += 1
    if not ran:
        pytest.skip("does not run on this device")


@pytest.mark.skipif(not hasattr(torch.library, "opcheck"), reason="torch has opcheck from 2.5 on")
@pytest.mark.parametrize("threshold", [0.0, 6.0])
def test_the_operator_is_well_made(threshold, device):
    x = activations(6, 64, outliers=[7]).view(2, 3, 64).to(device)
    packed, w_scale = pack_llm_int8(weights(24, 64), device)
    arguments = (x, packed.data, w_scale, packed.n, packed.k, threshold, torch.ones(24, device=device))
    table = resolve(ask_llm_int8(packed, x.dtype), 8)
    torch.library.opcheck(torch.ops.envdoctor.linear_llm_int8.default, (*arguments, table))
    torch.library.opcheck(torch.ops.envdoctor.linear_llm_int8.default, arguments)


@pytest.mark.skipif(not hasattr(torch.library, "register_fake"), reason="operators are from torch 2.4 on")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiled_code(device):
    x, w = activations(5, 96, outliers=[3, 50]), weights(40, 96)
    packed, w_scale = pack_llm_int8(w, device)
    compiled = torch.compile(lambda x: linear_llm_int8(x * 2, packed, w_scale), fullgraph=True)
    check_product(compiled(x.to(device)), x * 2, w, 6.0)


@pytest.mark.gpu
def test_other_streams():
    x, w = activations(33, 4096, outliers=[3, 50]), weights(4096, 4096)
    packed, w_scale = pack_llm_int8(w, "cuda")
    moved, stream = x.cuda(), torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        ys = [linear_llm_int8(moved, packed, w_scale) for _ in range(5)]
    stream.synchronize()
    for y in ys:
        assert torch.equal(y, ys[0])
    check_product(ys[0], x, w, 6.0)


@pytest.mark.gpu
@pytest.mark.parametrize("m", [1, 17, 700])
def test_a_graph_finds_the_outliers_of_each_replay(m):
    w = weights(1032, 2048)
    packed, w_scale = pack_llm_int8(w, "cuda")
    x = activations(m, 2048).cuda()
    linear_llm_int8(x, packed, w_scale)  # loads the kernels
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(3):  # each may begin while the one before it ends
            y = linear_llm_int8(x * 2, packed, w_scale, threshold=12.0)
    for outliers in ([], [5, 2047], range(0, 2048, 3), [1000], []):
        own = activations(m, 2048, outliers=outliers, seed=len(outliers))
        x.copy_(own)
        graph.replay()
        check_product(y, own * 2, w, 12.0)


@pytest.mark.gpu
@pytest.mark.parametrize("m", [1, 8, 9, 40, 300])
def test_layers_that_overlap_give_what_they_give_one_by_one(m):
    weight = [pack_llm_int8(weights(2048, 2048, seed), "cuda") for seed in range(8)]

    def layers(x, between):
        for packed, w_scale in weight:
            x = linear_llm_int8(x, packed, w_scale, threshold=12.0)
            between()
        return x

    given = [activations(m, 2048, outliers=range(seed, 2048, 300), seed=seed).cuda() for seed in range(4)]
    wanted = [layers(x, torch.cuda.synchronize) for x in given]
    x = given[0].clone()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y = layers(x, lambda: None)
    for i in (0, 1, 2, 3) * 25:
        x.copy_(given[i])
        graph.replay()
        assert torch.equal(y, wanted[i])
        assert torch.equal(layers(given[i], lambda: None), wanted[i])

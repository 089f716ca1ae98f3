"""Linears as modules: what the functional calls say, before and after every way out of a module."""

import copy
import importlib
import io
import pickle

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from envdoctor.kernels import (
    LinearLlmInt8,
    LinearW4A8,
    LinearW4A16,
    LinearW8A8,
    gptq_pack,
    int4_pairs,
    linear_llm_int8,
    linear_w4a8,
    linear_w4a16,
    linear_w8a8,
    pack_llm_int8,
    pack_w4a8,
    pack_w4a16,
    pack_w8a8,
    quantize_rows,
    quantize_static,
)
from envdoctor.kernels.gemm_w4a16 import packed_for
from envdoctor.kernels.layouts import unpack_w4a8, unpack_w4a16, unpack_w8a8
from envdoctor.kernels.rounding import rounded_codes, rounded_int4, rounded_int8
from envdoctor.kernels.variants import variant_of

K, N = 192, 80
SCALE, ZERO = torch.tensor([0.02]), torch.tensor([7], dtype=torch.int32)


def source(seed=0, k=K, n=N, bias=True):
    """A linear to round, always the same."""
    made = torch.Generator().manual_seed(seed)
    linear = torch.nn.Linear(k, n, bias=bias)
    with torch.no_grad():
        linear.weight.copy_(torch.randn(n, k, generator=made))
        if bias:
            linear.bias.copy_(torch.randn(n, generator=made))
    return linear


def with_zeros_of_groups(linear, device):
    pairs = int4_pairs(rounded_int4(linear.weight)[0])
    groups = (
        torch.rand(N, K // 64, generator=torch.Generator().manual_seed(3)),
        torch.arange(N * K // 64).view(N, -1).to(torch.int8) % 8,
    )
    return LinearW4A8(pack_w4a8(pairs, device, 64, *groups), bias=linear.bias)


def with_zeros_of_weights(linear, device):
    """As of an asymmetric quantiser, on both sides."""
    zeros = torch.arange(N, dtype=torch.int32) - N // 2
    values, w_scale = rounded_int8(linear.weight)
    return LinearW8A8(pack_w8a8(values, device), w_scale, linear.bias, SCALE, ZERO, zeros)


def with_order(linear, device, bits=4):
    """A checkpoint whose channels are not sorted by group, so that x is gathered."""
    values, _ = rounded_codes(linear.weight, K // 3)
    stored = gptq_pack(*values, torch.arange(K) % 3, bits)
    return LinearW4A16(pack_w4a16(*stored, bits, True, device), linear.bias)


KINDS = {
    "w8a8": LinearW8A8.from_linear,
    "w8a8-static": lambda linear, device: LinearW8A8.from_linear(linear, device, SCALE),
    "w8a8-static-zero": lambda linear, device: LinearW8A8.from_linear(linear, device, SCALE, ZERO),
    "w8a8-zeros": with_zeros_of_weights,
    "w4a8": lambda linear, device: LinearW4A8.from_linear(linear, 0, device),
    "w4a8-static": lambda linear, device: LinearW4A8.from_linear(linear, 0, device, SCALE, ZERO),
    "w4a8-groups": lambda linear, device: LinearW4A8.from_linear(linear, 64, device),
    "w4a8-uneven": lambda linear, device: LinearW4A8.from_linear(linear, 128, device),
    "w4a8-zeros": with_zeros_of_groups,
    "w4a16": lambda linear, device: LinearW4A16.from_linear(linear, 64, device),
    "w4a16-uneven": lambda linear, device: LinearW4A16.from_linear(linear, 128, device),
    "w4a16-order": with_order,
    "llm-int8": lambda linear, device: LinearLlmInt8.from_linear(linear, 2.0, device),
    "llm-int8-plain": lambda linear, device: LinearLlmInt8.from_linear(linear, 0.0, device),
    "w4a16-order-8": lambda linear, device: with_order(linear, device, 8),
}


@pytest.fixture
def device(device):
    return torch.device(device)


@pytest.fixture(params=list(KINDS))
def kind(request):
    return request.param


@pytest.fixture
def linear(kind, device):
    return KINDS[kind](source(), device)


def activations(*shape, device="cpu", dtype=torch.float16):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5)).to(device, dtype)


# --- products ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("scale", [None, SCALE])
def test_w8a8_is_a_quantiser_and_a_product(dtype, scale, device):
    of, x = source(), activations(2, 5, K, device=device, dtype=dtype)
    values, w_scale = (each.to(device) for each in rounded_int8(of.weight))
    scale = None if scale is None else scale.to(device)
    q = quantize_rows(x) if scale is None else quantize_static(x, scale)
    wanted = linear_w8a8(
        q.values,
        pack_w8a8(values),
        q.scale,
        w_scale,
        bias=of.bias.detach().to(device),
        out_dtype=dtype,
    )
    assert torch.equal(LinearW8A8.from_linear(of, device, scale)(x), wanted)


@pytest.mark.parametrize("static", [False, True])
def test_w8a8_with_zero_points_of_weights(static, device):
    """Against float64: (x - x_zero) (w - w_zero), all in integers."""
    of, x = source(), activations(2, 5, K, device=device, dtype=torch.float32)
    values, w_scale = rounded_int8(of.weight)
    w_zero = torch.arange(N, dtype=torch.int32) * 3 - 100
    steps = (SCALE, ZERO) if static else (None, None)
    linear = LinearW8A8(pack_w8a8(values, device), w_scale, of.bias, *steps, w_zero)
    q = quantize_static(x, *(each.to(device) for each in steps)) if static else quantize_rows(x)
    rows = (q.values.cpu().double() - (7 if static else 0)) * q.scale.cpu().double().reshape(
        *q.scale.shape, 1
    )
    wanted = rows @ ((values.double() - w_zero[:, None]) * w_scale[:, None]).t() + of.bias.detach().double()
    torch.testing.assert_close(
        linear(x).cpu().double(), wanted, rtol=1e-5, atol=1e-5 * float(wanted.abs().max())
    )


@pytest.mark.parametrize("group", [0, 64])
def test_w4a8_is_a_quantiser_and_a_product(group, device):
    of, x = source(), activations(3, K, device=device)
    values, w_scale = (each.to(device) for each in rounded_int4(of.weight, group))
    weight = pack_w4a8(int4_pairs(values), device, group, w_scale if group else None)
    q, bias = quantize_rows(x), of.bias.detach().to(device)
    wanted = linear_w4a8(q.values, weight, q.scale, None if group else w_scale, bias=bias)
    assert torch.equal(LinearW4A8.from_linear(of, group, device)(x), wanted)


@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize("group", [0, 32])
@pytest.mark.parametrize("k", [1, 63, 65, 191])
def test_an_odd_number_of_features(k, group, static, device):
    """As one with a column of zeros more, before and after every way out of it."""
    of, wide = source(k=k), source(k=k + 1)
    with torch.no_grad():
        wide.weight.copy_(torch.nn.functional.pad(of.weight, (0, 1)))
        wide.bias.copy_(of.bias)
    scale = (SCALE,) if static else ()
    linear, other = (LinearW4A8.from_linear(each, group, device, *scale) for each in (of, wide))
    x = activations(3, k, device=device)
    y = linear(x)
    assert torch.equal(y, other(torch.nn.functional.pad(x, (0, 1)))) and linear.in_features == k
    with pytest.raises(ValueError, match="x must be"):
        linear(torch.nn.functional.pad(x, (0, 1)))
    state = linear.state_dict()
    assert state["weight"].shape == (N, (k + 1) // 2)
    another = LinearW4A8.from_linear(source(1, k=k), group, device, *scale)
    another.load_state_dict(state)
    for copied in (another, copy.deepcopy(linear), pickle.loads(pickle.dumps(linear))):
        assert torch.equal(copied(x), y) and torch.equal(copied.state_dict()["weight"], state["weight"])
    state["weight"] = state["weight"] | 0x30
    with pytest.raises(RuntimeError, match="the last value of each row must be 0"):
        another.load_state_dict(state)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_w4a16_is_a_product(dtype, device):
    values, g_idx = rounded_codes(source().weight, 64)
    weight = pack_w4a16(*gptq_pack(*values, g_idx), device=device)
    of, x = source(), activations(3, K, device=device, dtype=dtype)
    wanted = linear_w4a16(x, weight, of.bias.detach().to(device))
    assert torch.equal(LinearW4A16.from_linear(of, 64, device)(x), wanted)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("threshold", [0.0, 2.0])
def test_llm_int8_is_a_product(dtype, threshold, device):
    of, x = source(), activations(2, 5, K, device=device, dtype=dtype)
    wanted = linear_llm_int8(x, *pack_llm_int8(of.weight, device), threshold, of.bias.detach().to(device))
    linear = LinearLlmInt8.from_linear(of, threshold, device)
    assert torch.equal(linear(x), wanted)
    assert torch.equal(linear(x.half().float()), linear(x.half()).float())


@pytest.mark.parametrize(
    ("kind", "most"),
    [("llm-int8", 0.02), ("w8a8", 0.02), ("w4a8", 0.25), ("w4a8-groups", 0.2), ("w4a16", 0.15)],
)
def test_rounding_keeps_the_product(kind, most):
    of, x = source(), activations(64, K)
    y, wanted = KINDS[kind](of, torch.device("cpu"))(x).float(), of(x.float())
    assert (y - wanted).norm() / wanted.norm() < most


@pytest.mark.parametrize("rows", [(), (1,), (0,), (2, 0), (3, 5), (513,), (2, 1, 300)])
def test_any_leading_dimensions(rows, kind, linear, device):
    x = activations(*rows, K, device=device)
    y = linear(x)
    assert y.shape == (*rows, N) and y.dtype == x.dtype
    each = [linear(row) for row in x.reshape(-1, K)[:3]]
    # What another row makes an outlier column is not rounded.
    most = 0.5 if kind == "llm-int8" else 1e-2
    assert all(torch.allclose(a, b, rtol=1e-2, atol=most) for a, b in zip(each, y.reshape(-1, N)))


def test_rows_that_do_not_lie_where_the_table_wants_them(linear, device):
    whole = activations(9, K + 24, device=device)
    for x in (whole[:, 1 : K + 1], whole[::2, 3 : K + 3], whole[:, :K]):
        assert torch.allclose(linear(x), linear(x.contiguous()), rtol=1e-2, atol=1e-2)


def test_no_bias_and_nothing_in_the_weights(device):
    of = source(bias=False)
    with torch.no_grad():
        of.weight.zero_()
    for kind in (LinearW8A8, LinearW4A8, LinearW4A16, LinearLlmInt8):
        made = kind.from_linear(of, device=device)
        assert made.bias is None and not made(activations(3, K, device=device)).any()


@pytest.mark.skipif(
    not hasattr(torch.device, "__enter__"), reason="torch.device is a context from torch 2.0 on"
)
def test_where_new_tensors_are_made_makes_no_difference(linear, device):
    """As in a model that is built on a GPU, or on none."""
    of, x = source(), activations(3, K, device=device)
    rounded = type(linear).from_linear(of, device=device)(x)
    with torch.device("meta"):
        copied, made = copy.deepcopy(linear), type(linear).from_linear(of, device=device)
        example = copied.example(2, torch.float16)
    assert torch.equal(copied(x), linear(x)) and torch.equal(made(x), rounded)
    assert example.device.type == device.type


# --- the table --------------------------------------------------------------------------------------------------------


def test_the_table_is_what_the_library_takes(linear, device):
    names = ["auto", *linear.forcing.variants()]
    table = linear.variants[torch.float16]
    assert table[-1] == 0 and variant_of(table, 100_000) == 0
    for rows in (1, 8, 9, 70, 512):
        x = activations(rows, K, device=device)
        chosen = variant_of(table, rows)
        assert names[chosen].startswith("cuda" if device.type == "cuda" else ("cpu", "reference"))
        resolved, linear.variants = linear.variants, {torch.float16: (0,)}
        by_library = linear(x)
        linear.variants = resolved
        assert torch.equal(linear(x), by_library)


def test_nothing_is_asked_in_a_call(linear, device, monkeypatch):
    for family in ("gemm_w8a8", "gemm_w4a8", "gemm_w4a16", "llm_int8"):
        monkeypatch.setattr(importlib.import_module(f"envdoctor.kernels.{family}"), "_variant", None)
    linear(activations(3, K, device=device))


# --- the weight as other code sees it ---------------------------------------------------------------------------------


def test_the_weight_is_what_a_call_multiplies_with(kind, linear, device):
    weight = linear.weight
    sixteen = kind.startswith("w4a16")
    assert (
        isinstance(weight, torch.Tensor) and weight.shape == (N, K) and weight.device == linear.packed.device
    )
    assert weight.dtype == (torch.float16 if sixteen else torch.int8) and not weight.requires_grad
    scale = torch.ones(N, K)
    if sixteen or (kind.startswith("w4a8") and linear.group):
        groups, zeros = linear.plain().get("group_scale"), linear.plain().get("group_zero")
        if groups is not None:
            of = torch.arange(K) // linear.group
            scale = groups.cpu().float()[:, of]
            weight = weight - (0 if zeros is None else zeros[:, of])
    else:
        scale = linear.w_scale.cpu()[:, None]
    x = torch.eye(K, dtype=torch.float16, device=device)
    if linear._buffers.get("x_scale") is None:  # every row of x is one value, which no quantiser rounds
        wanted = weight.cpu().float() * scale + linear.bias.cpu()[:, None].float()
        assert torch.allclose(linear(x).cpu().float(), wanted.t(), rtol=2e-3, atol=2e-3)


def test_the_weight_lies_in_memory_as_it_is_packed(linear):
    weight, plain = linear.weight, linear.weight_values()
    assert torch.equal(weight[3:5] * 1.0, plain[3:5] * 1.0) and torch.equal(weight.to("cpu"), plain.cpu())
    assert type(weight.detach()) is torch.Tensor and repr(weight) == repr(plain)
    assert torch.equal(copy.deepcopy(weight), plain) and torch.equal(
        pickle.loads(pickle.dumps(weight)), plain
    )
    assert not any(tensor is weight for tensor in linear.state_dict().values())
    with pytest.raises(RuntimeError, match="not written to"):
        weight.zero_()
    with pytest.raises((AttributeError, KeyError)):
        linear.weight = torch.nn.Parameter(torch.zeros(N, K))


@pytest.mark.skipif(not hasattr(torch.library, "register_fake"), reason="operators are from torch 2.4 on")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_code_that_asks_for_it_is_compiled_whole(device):
    linear = KINDS["w8a8"](source(), device)

    def asking(x):
        return (
            linear(x if linear.weight.dtype == torch.int8 else x.to(linear.weight.dtype))
            * linear.weight.shape[0]
        )

    torch.compiler.reset()
    x = activations(2, K, device=device)
    assert torch.equal(torch.compile(asking, fullgraph=True)(x), asking(x))


# --- ways out of a module ---------------------------------------------------------------------------------------------


def test_a_state_goes_into_another_linear(kind, linear, device):
    x = activations(4, K, device=device)
    stream = io.BytesIO()
    torch.save(linear.state_dict(), stream)
    stream.seek(0)
    other = KINDS[kind](source(1), device)
    assert not torch.equal(other(x), linear(x))
    other.load_state_dict(torch.load(stream))
    assert torch.equal(other(x), linear(x))
    for name, tensor in other.state_dict().items():
        assert torch.equal(tensor, linear.state_dict()[name])


def test_a_state_within_a_model(device):
    def model(seed):
        return torch.nn.Sequential(KINDS["w8a8"](source(seed), device), torch.nn.Linear(N, 3).to(device))

    one, other = model(0), model(1)
    x = activations(2, K, device=device, dtype=torch.float32)
    assert sorted(one.state_dict()) == ["0.bias", "0.w_scale", "0.weight", "1.bias", "1.weight"]
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(x), other(x))


def test_what_a_state_lacks_or_has_too_much_is_said():
    linear = LinearW8A8.from_linear(source())
    state = linear.state_dict()
    with pytest.raises(RuntimeError, match=r"Missing key\(s\).*w_scale"):
        linear.load_state_dict({name: state[name] for name in state if name != "w_scale"})
    with pytest.raises(RuntimeError, match=r"Unexpected key\(s\).*x_scale"):
        linear.load_state_dict({**state, "x_scale": SCALE})
    with pytest.raises(RuntimeError, match=r"Missing key\(s\).*w_zero"):
        KINDS["w8a8-zeros"](source(), "cpu").load_state_dict({**state, "x_scale": SCALE, "x_zero": ZERO})
    with pytest.raises(
        RuntimeError, match=r"\(96, 80\) features in and out do not go into a linear of \(192, 80\)"
    ):
        linear.load_state_dict(LinearW8A8.from_linear(source(k=96)).state_dict())
    with pytest.raises(RuntimeError, match="weight must be int8"):
        linear.load_state_dict({**state, "weight": state["weight"].float()})
    grouped = LinearW4A8.from_linear(source(), 64)
    with pytest.raises(RuntimeError, match=r"group_scale must be \[80, 3\]"):
        grouped.load_state_dict(LinearW4A8.from_linear(source(), 32).state_dict())
    with pytest.raises(RuntimeError, match="are not of 3 groups of 64"):
        LinearW4A16.from_linear(source(), 64).load_state_dict(
            LinearW4A16.from_linear(source(), 32).state_dict()
        )


def test_an_order_that_does_not_fit_is_refused():
    linear = KINDS["w4a16-order"](source(), torch.device("cpu"))
    state = linear.state_dict()
    for channels, said in (
        (state["channels"] + 1, "each of 0 to 191"),
        (state["channels"].clamp(min=1), "each of 0 to 191"),
        (state["channels"][None], r"channels must be \[192\], not \[1, 192\]"),
        (state["channels"].int(), "channels must be int64, not int32"),
    ):
        with pytest.raises(RuntimeError, match=said):
            linear.load_state_dict({**state, "channels": channels})


def test_a_checkpoint_brings_its_order_along(device):
    plain, ordered = KINDS["w4a16"](source(), device), KINDS["w4a16-order"](source(), device)
    x = activations(2, K, device=device)
    plain.load_state_dict(ordered.state_dict())
    assert torch.equal(plain(x), ordered(x))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("rows", [3, 100, 300])
def test_x_of_another_type_than_the_scales(rows, dtype, device):
    of = source(n=512).to(dtype)
    linear, (values, g_idx) = LinearW4A16.from_linear(of, 64, device), rounded_codes(of.weight, 64)
    weight = (values.codes.float() - values.zeros.float()[g_idx]) * values.scales.float()[g_idx]
    for type_of_x in (torch.float16, torch.bfloat16):
        x = activations(rows, K, dtype=type_of_x)
        y, wanted = linear(x.to(device)).cpu().float(), x.float() @ weight + of.bias.detach().float()
        assert (y - wanted).norm() / wanted.norm() < 0.005


def test_scales_of_another_type_are_taken(device):
    of, x = source(), activations(2, K, device=device)
    wide = LinearW4A16.from_linear(source(1).bfloat16(), 64, device)
    half = LinearW4A16.from_linear(of.half(), 64, device)
    half.load_state_dict(wide.state_dict())
    assert torch.equal(half(x), wide(x))


@pytest.mark.parametrize("way", [copy.deepcopy, lambda linear: pickle.loads(pickle.dumps(linear))])
def test_copies_are_on_their_own(way, linear, device):
    x = activations(4, K, device=device)
    wanted, other = linear(x), way(linear)
    assert torch.equal(other(x), wanted) and other.variants == linear.variants
    other.bias.zero_()
    assert torch.equal(linear(x), wanted)


def test_what_it_was_made_of_may_change(device):
    of = source().to(device)
    linear, x = LinearW8A8.from_linear(of), activations(4, K, device=device)
    wanted = linear(x)
    with torch.no_grad():
        of.bias.zero_()
    assert torch.equal(linear(x), wanted)


def test_other_types_of_a_model_do_not_reach_its_scales(linear, device):
    x = activations(4, K, device=device)
    wanted, before = linear(x), dict(linear.named_buffers())
    linear.half().to(torch.bfloat16).double()
    assert torch.equal(linear(x), wanted)
    assert all(torch.equal(held, before[name]) for name, held in linear.named_buffers())


def test_a_device_without_kernels_is_refused(linear):
    with pytest.raises(NotImplementedError, match="not for meta"):
        linear.to("meta")
    assert linear.packed.device.type != "meta"


@pytest.mark.gpu
def test_there_and_back_again(kind):
    here, there = (KINDS[kind](source(), torch.device(name)) for name in ("cpu", "cuda"))
    x = activations(4, K)
    wanted = here(x), there(x.cuda())
    there.cpu()
    here.cuda()
    assert torch.equal(there(x), wanted[0]) and torch.equal(here(x.cuda()), wanted[1])
    stream = io.BytesIO()
    torch.save(here, stream)
    stream.seek(0)
    assert torch.equal(torch.load(stream, map_location="cpu", weights_only=False)(x), wanted[0])


@pytest.mark.parametrize("layout", ["cpu", "cuda"])
@pytest.mark.parametrize(("n", "k"), [(1, 2), (64, 128), (100, 130), (17, 34), (129, 514)])
def test_layouts_are_unpacked(n, k, layout):
    """Those of GPUs too: they are packed on the CPU."""
    place = -1 if layout == "cpu" else 0
    families = {name: importlib.import_module(f"envdoctor.kernels.gemm_{name}") for name in ("w8a8", "w4a8")}
    for name, unpack, columns in (("w8a8", unpack_w8a8, k), ("w4a8", unpack_w4a8, k // 2)):
        made = torch.randint(-128, 128, (n, columns), dtype=torch.int8)
        data = torch.empty(families[name]._packed_bytes(n, k, place), dtype=torch.int8)
        assert families[name]._pack(made.data_ptr(), columns, n, k, place, data.data_ptr()) == 0
        assert torch.equal(unpack(data, n, k, layout), made)
    for bits in (4, 8):
        codes = torch.randint(0, 2**bits, (k, n), dtype=torch.uint8)
        data = packed_for(codes, bits, torch.device(layout))
        assert torch.equal(unpack_w4a16(data, n, k, bits, layout), codes)


# --- how torch runs it ------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(torch.library, "register_fake"), reason="operators are from torch 2.4 on")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiled_whole_for_any_number_of_rows(linear, device):
    torch.compiler.reset()  # which counts what it compiled for other linears
    compiled = torch.compile(torch.nn.Sequential(linear, torch.nn.ReLU()), fullgraph=True, dynamic=True)
    for rows in (2, 7, 40):
        x = activations(rows, K, device=device)
        assert torch.equal(compiled(x), linear(x).relu())


@pytest.mark.skipif(not hasattr(torch.library, "opcheck"), reason="torch has opcheck from 2.5 on")
def test_the_operators_are_well_made_with_a_table(device):
    linear, x = KINDS["w8a8"](source(), device), activations(4, K, device=device)
    q, rest = quantize_rows(x), (1.0, False, torch.float16, linear.variants[torch.float16])
    weight = (linear.packed, linear.sums, N, K, q.scale, linear.w_scale, None, None, linear.bias)
    torch.library.opcheck(torch.ops.envdoctor.linear_w8a8.default, (q.values, *weight, *rest))
    linear = KINDS["w4a16-order"](source(), device)
    weight = (linear.packed, N, linear.k, 4, 64, linear.scale_zero, torch.float16, K, linear.channels, None)
    torch.library.opcheck(torch.ops.envdoctor.linear_w4a16.default, (x, *weight, linear.variants[x.dtype]))


@pytest.mark.skipif(not hasattr(torch.library, "opcheck"), reason="torch has opcheck from 2.5 on")
@pytest.mark.parametrize("kind", ["w8a8-zeros", "w4a8-groups"], indirect=True)
def test_one_operator_quantises_and_multiplies(linear, device):
    """Each costs a call as much as a small kernel."""
    called = []

    class Calls(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, arguments=(), named=None):
            called.append((function, arguments))
            return function(*arguments, **(named or {}))

    with Calls():
        linear(activations(4, K, device=device))
    names = [str(function) for function, _ in called if str(function).startswith("envdoctor")]
    family = "w8a8" if isinstance(linear, LinearW8A8) else "w4a8"
    assert names == [f"envdoctor.linear_{family}_of_floats.default"]
    torch.library.opcheck(*next(each for each in called if str(each[0]) == names[0]))


@pytest.mark.gpu
def test_a_graph_holds_it(kind):
    linear, x = KINDS[kind](source(), torch.device("cuda")), activations(4, K, device="cuda")
    linear(x)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y = linear(x)
    x.neg_()
    graph.replay()
    assert torch.equal(y, linear(x))


# --- what does not fit ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float64, torch.int8])
def test_x_of_another_type_is_refused(dtype, linear, device):
    with pytest.raises((TypeError, ValueError), match="must be float16"):
        linear(torch.zeros(2, K, dtype=dtype, device=device))


def test_what_does_not_fit_is_said():
    weight = pack_w8a8(rounded_int8(source().weight)[0])
    with pytest.raises(ValueError, match="w_scale must have 80 values, not 1"):
        LinearW8A8(weight, torch.ones(1))
    with pytest.raises(ValueError, match="x_zero goes with x_scale"):
        LinearW8A8(weight, torch.ones(N), x_zero=ZERO)
    with pytest.raises(ValueError, match="w_zero must have 80 values, not 1"):
        LinearW8A8(weight, torch.ones(N), w_zero=ZERO)
    with pytest.raises(TypeError, match="w_zero must be int32, not float32"):
        LinearW8A8(weight, torch.ones(N), w_zero=torch.ones(N))
    with pytest.raises(ValueError, match="no zero point"):
        LinearW4A8.from_linear(source(), 64, x_scale=SCALE, x_zero=ZERO)
    for threshold in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="threshold must not be negative or NaN"):
            LinearLlmInt8.from_linear(source(), threshold)
    broken = source()
    with torch.no_grad():
        broken.weight[1, 1] = float("nan")
    for kind in ("w8a8", "w4a8", "w4a16", "llm-int8"):
        with pytest.raises(ValueError, match="infinity or NaN"):
            KINDS[kind](broken, torch.device("cpu"))


def test_it_says_what_it_is():
    assert repr(LinearLlmInt8.from_linear(source())) == (
        "LinearLlmInt8(in_features=192, out_features=80, threshold=6.0, bias=True, device=cpu)"
    )
    assert repr(LinearW4A16.from_linear(source())) == (
        "LinearW4A16(in_features=192, out_features=80, group=128, bits=4, bias=True, device=cpu)"
    )

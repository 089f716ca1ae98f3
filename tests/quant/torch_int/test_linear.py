"""torch-int's linears: their results, what is in their states, and that a weight is packed once and never stale."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from envdoctor.quant.torch_int.nn import int8_linear
from envdoctor.quant.torch_int.nn.linear import (
    W8A8B8O8Linear,
    W8A8B8O8LinearReLU,
    W8A8B32O32Linear,
    W8A8B32O32LinearWithoutScaling,
    W8A8BFP32OFP32Linear,
    W8A16Linear,
    W8FakeA8Linear,
)
from tests.quant.torch_int.arithmetic import int8, saturated, scaled, sums

K, N = 96, 40
SCALED = [W8A8B8O8Linear, W8A8B8O8LinearReLU, W8A8B32O32Linear]
INT8 = [*SCALED, W8A8BFP32OFP32Linear, W8A8B32O32LinearWithoutScaling]


def source(k=K, n=N, bias=True, dtype=torch.float32, seed=0):
    torch.manual_seed(seed)
    return torch.nn.Linear(k, n, bias=bias).to(dtype)


def rounded(kind, linear, x_scale=0.02, y_scale=0.01, **options):
    scales = (x_scale,) if kind is W8A8BFP32OFP32Linear else (x_scale, y_scale)
    return kind.from_float(linear, *scales, **options)


def made(kind, device="cpu", seed=0):
    """With a state of its own."""
    torch.manual_seed(seed)
    if kind is W8A8B32O32LinearWithoutScaling:
        linear = kind(K, N, device=device)
        linear.bias = torch.randint(-1000, 1000, (1, N), dtype=torch.int32).to(device)
        return linear
    linear = rounded(kind, source(seed=seed), device=device)
    linear.bias = linear.bias + 1
    return linear


def expected(linear, x):
    """By the definition, from the state."""
    state = {name: value.cpu() for name, value in linear.state_dict().items()}
    acc, bias = sums(x, state["weight"]), state["bias"].reshape(-1)
    if "a" not in state:
        return (acc + bias).to(torch.int32)
    y = scaled(acc, state["a"].item(), bias, state["b"].item() if "b" in state else 1.0)
    if linear.OUT.is_floating_point:
        return y
    return saturated(y, linear.OUT, low=0 if linear.RELU else None)


@pytest.mark.parametrize("kind", INT8)
@pytest.mark.parametrize("leading", [(), (7,), (2, 5), (0,), (2, 3, 4)])
def test_results(kind, leading, device):
    linear, x = made(kind, device), int8(*leading, K, seed=5)
    y = linear(x.to(device))
    assert y.dtype == kind.OUT and y.device.type == device
    assert torch.equal(y.cpu(), expected(linear, x))


@pytest.mark.parametrize("kind", INT8)
def test_buffers_are_those_of_torch_int(kind):
    without = {W8A8BFP32OFP32Linear: "b", W8A8B32O32LinearWithoutScaling: "ab"}.get(kind, "")
    linear = kind(K, N)
    state = linear.state_dict()
    assert list(state) == [name for name in ("weight", "bias", "a", "b") if name not in without]
    assert state["weight"].shape == (N, K) and state["weight"].dtype == torch.int8
    assert state["bias"].shape == (1, N) and state["bias"].dtype == kind.BIAS
    assert not [name for name in ("a", "b") if name in state and (state[name].dim() or state[name] != 1)]
    assert not list(linear.parameters())
    linear(int8(2, K))
    after = linear.state_dict()
    assert list(after) == list(state) and all(torch.equal(after[name], state[name]) for name in state)


def test_from_float_is_as_near_to_the_linear_as_torch_int_is():
    """The relative squared errors that torch-int's own test prints are .0002, .0002, .0002 and .0001."""
    for seed in range(4):
        linear = source(512, 1024, seed=seed).requires_grad_(False)
        x = torch.randn(128, 512)
        x_scale = x.abs().max() / 127
        q = (x / x_scale).round().to(torch.int8)
        for kind in [*SCALED, W8A8BFP32OFP32Linear]:
            y = linear(x).relu() if kind is W8A8B8O8LinearReLU else linear(x)
            y_scale = y.abs().max() / 127
            got = rounded(kind, linear, x_scale, y_scale)(q)
            got = got if kind is W8A8BFP32OFP32Linear else got * y_scale
            error = ((got - y).square().mean() / y.square().mean()).item()
            assert error < (1.6e-4 if kind is W8A8BFP32OFP32Linear else 3e-4)


def test_from_float_keeps_the_scales_that_torch_int_keeps():
    linear = rounded(W8A8B32O32Linear, source())
    assert (linear.input_scale, linear.output_scale) == (0.02, 0.01)
    assert linear.a == torch.tensor(0.02) * linear.weight_scale / 0.01
    assert linear.b == linear.bias_scale / 0.01
    linear = rounded(W8A8BFP32OFP32Linear, source())
    assert linear.a == linear.input_scale * linear.weight_scale


# --- packing ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def packings(monkeypatch):
    """One entry for each time that a weight is packed."""
    done = []
    pack = int8_linear.pack_w8a8
    monkeypatch.setattr(int8_linear, "pack_w8a8", lambda weight: done.append(1) or pack(weight))
    return done


@pytest.mark.parametrize("kind", INT8)
def test_the_weight_is_packed_once_and_held_once(kind, packings, device):
    linear, x = made(kind, device), int8(3, K, seed=5).to(device)
    for _ in range(3):
        linear(x)
        linear.state_dict()
        assert repr(linear) == f"{kind.__name__}(in_features={K}, out_features={N})"
    assert len(packings) == 1
    large = [buffer for buffer in linear.buffers() if buffer.numel() >= N * K]
    assert len(large) == 1


def test_a_changed_weight_is_packed_again(packings, device):
    linear, x = made(W8A8B8O8Linear, device), int8(3, K, seed=5).to(device)
    linear(x)
    linear.weight = -linear.weight
    assert torch.equal(linear(x).cpu(), expected(linear, x))
    linear.weight[3:] = 1
    assert torch.equal(linear(x).cpu(), expected(linear, x))
    linear.weight.data.fill_(2)
    assert torch.equal(linear(x).cpu(), expected(linear, x))
    linear.weight = torch.nn.Parameter(torch.full_like(linear.weight, 3), requires_grad=False)
    assert torch.equal(linear(x).cpu(), expected(linear, x))
    assert not list(linear.parameters())
    assert len(packings) == 5


def test_changed_biases_and_scales_are_noticed(device):
    linear, x = made(W8A8B8O8Linear, device), int8(3, K, seed=5).to(device)
    bias, a, b = linear.bias, linear.a, linear.b
    for change in (
        lambda: bias.fill_(100),
        lambda: b.mul_(3),
        lambda: a.mul_(0.5),
        lambda: setattr(linear, "b", torch.tensor(0.25)),
        lambda: setattr(linear, "bias", int8(N, seed=9).to(device)),
        lambda: linear.load_state_dict(made(W8A8B8O8Linear, seed=1).state_dict()),
    ):
        linear(x)
        before = expected(linear, x)
        change()
        assert not torch.equal(before, expected(linear, x))
        assert torch.equal(linear(x).cpu(), expected(linear, x))


@pytest.mark.parametrize("called", [False, True])
@pytest.mark.parametrize("kind", INT8)
def test_copies_pickles_and_states_are_plain(kind, called):
    linear, x = made(kind), int8(3, K, seed=5)
    y = expected(linear, x)
    if called:
        linear(x)
    loaded = made(kind, seed=1)
    loaded(x)
    loaded.load_state_dict(linear.state_dict())
    pickled = pickle.dumps(linear)
    for other in (copy.deepcopy(linear), pickle.loads(pickled), loaded, linear):
        assert torch.equal(other(x), y)
        assert torch.equal(other.weight, linear.weight)
    assert b"packed" not in pickled


def test_threads_that_call_first_at_the_same_time():
    x = int8(3, K, seed=5)
    for _ in range(20):
        linear = made(W8A8B8O8Linear)
        y = expected(linear, x)
        with ThreadPoolExecutor(8) as pool:
            assert all(torch.equal(got, y) for got in pool.map(linear, [x] * 16))


def test_made_and_called_in_inference_mode():
    x = int8(3, K, seed=5)
    with torch.inference_mode():
        linear = made(W8A8B8O8Linear)
        for _ in range(2):
            assert torch.equal(linear(x), expected(linear, x))
            linear.bias += 1
    called = made(W8A8B8O8Linear)
    with torch.inference_mode():
        called(x)
        assert called.weight.any()
        called(x)
    called.load_state_dict(made(W8A8B8O8Linear, seed=1).state_dict())
    assert torch.equal(called(x), expected(called, x))


def test_a_weight_of_another_shape_and_no_bias():
    linear = made(W8A8BFP32OFP32Linear)
    linear(int8(3, K))
    linear.weight, linear.bias = int8(N + 8, K + 16), None
    y = linear(int8(3, K + 16))
    assert torch.equal(y, scaled(sums(int8(3, K + 16), linear.weight), linear.a.item()))
    assert (linear.out_features, linear.in_features) == (N + 8, K + 16)


@pytest.mark.gpu
@pytest.mark.parametrize("kind", INT8)
def test_a_graph_holds_all_calls_but_the_first(kind):
    linear, x = made(kind, "cuda"), int8(3, K, seed=5).cuda()
    linear(x)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        held = linear(x)
    graph.replay()
    assert torch.equal(held.cpu(), expected(linear, x))


@pytest.mark.skipif(not hasattr(torch, "compiler"), reason="this torch does not compile modules")
@pytest.mark.parametrize("called", [False, True])
@pytest.mark.parametrize("kind", INT8)
def test_compiled_whole(kind, called):
    linear, x = made(kind), int8(3, K, seed=5)
    if called:
        linear(x)
    torch.compiler.reset()
    compiled = torch.compile(
        torch.nn.Sequential(linear, torch.nn.ReLU()), fullgraph=True, backend="aot_eager"
    )
    assert torch.equal(compiled(x), expected(linear, x).relu())


def test_on_the_meta_device_until_a_state_comes():
    linear = W8A8B8O8Linear(K, N, device="meta")
    assert linear.weight.is_meta and linear.a.is_meta
    linear.to_empty(device="cpu").load_state_dict(made(W8A8B8O8Linear).state_dict())
    x = int8(3, K, seed=5)
    assert torch.equal(linear(x), expected(linear, x))


# --- what torch-int did wrong -----------------------------------------------------------------------------------------


def test_the_largest_bias_wrapped():
    for seed in range(20):
        module = source(16, 16, seed=seed)
        linear = W8A8B32O32Linear.from_float(module, 1.0, 1.0)
        back = linear.bias.double() * linear.bias_scale.double()
        assert torch.allclose(back.float().reshape(-1), module.bias, rtol=2e-7, atol=0)


@pytest.mark.parametrize("kind", [*SCALED, W8A8BFP32OFP32Linear])
def test_from_float_changed_the_module(kind):
    module = source()
    before = copy.deepcopy(module.state_dict())
    linear = rounded(kind, module)
    linear.bias.add_(1)
    after = module.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert module.weight.requires_grad and not linear.bias.requires_grad


@pytest.mark.parametrize("kind", [*SCALED, W8A8BFP32OFP32Linear, W8A16Linear, W8FakeA8Linear])
def test_modules_without_a_bias_crashed(kind):
    module = source(bias=False)
    if kind in (W8A16Linear, W8FakeA8Linear):
        linear, x = kind.from_float(module), torch.randn(3, K)
        assert linear.bias is None and torch.allclose(linear(x), module(x), atol=0.02)
        return
    linear, x = rounded(kind, module), int8(3, K, seed=5)
    assert not linear.bias.any() and linear.bias.shape == (1, N)
    assert torch.equal(linear(x), expected(linear, x))


@pytest.mark.parametrize("kind", [*SCALED, W8A8BFP32OFP32Linear])
def test_zeros_were_divided_by_zero(kind):
    module = source()
    torch.nn.init.zeros_(module.weight)
    torch.nn.init.zeros_(module.bias)
    linear = rounded(kind, module)
    assert not linear.weight.any() and not linear.bias.any() and linear.a == 0
    assert not linear(int8(3, K)).any()


@pytest.mark.parametrize("kind", INT8)
def test_half_and_to_changed_int8_and_rounded_scales(kind, device):
    linear = made(kind, device)
    before = {name: value.clone() for name, value in linear.state_dict().items()}
    for change in (
        linear.half,
        lambda: linear.to(torch.float16),
        lambda: linear.to(device, torch.bfloat16),
        linear.double,
    ):
        change()
        after = linear.state_dict()
        assert all(value.dtype == before[name].dtype for name, value in after.items())
        assert all(torch.equal(value, before[name]) for name, value in after.items())


@pytest.mark.parametrize("kind", INT8)
def test_states_of_from_float_did_not_fit_the_constructor(kind):
    linear, x = made(kind), int8(3, K, seed=5)
    state = linear.state_dict()
    for view in ((N,), (1, N)):
        other = kind(K, N)
        other.load_state_dict({**state, "bias": state["bias"].reshape(view)})
        assert torch.equal(other(x), expected(linear, x))
    assert state["bias"].shape == (1, N)


@pytest.mark.parametrize("kind", [*INT8, W8A16Linear, W8FakeA8Linear])
def test_weights_of_a_checkpoint_that_is_not_quantised_became_zeros(kind):
    with pytest.raises(RuntimeError, match="weight must be int8, not float16: from_float quantises"):
        torch.nn.Sequential(kind(K, N)).load_state_dict({"0.weight": torch.randn(N, K).half()}, strict=False)


@pytest.mark.parametrize("kind", [*SCALED, W8A8BFP32OFP32Linear])
def test_scales_of_half_modules_had_half_their_digits(kind):
    module = source(dtype=torch.float16)
    linear = rounded(kind, module, 3e-5, 1.0)
    assert linear.a.dtype == torch.float32
    weight_scale = (module.weight.abs().max() / 127).float()
    assert linear.a == torch.tensor(3e-5) * weight_scale


# --- int8 weights, 16-bit activations ---------------------------------------------------------------------------------


@pytest.mark.parametrize("quant", ["per_channel", "per_tensor"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_w8a16(quant, dtype, device):
    module = source().to(device)
    linear, x = W8A16Linear.from_float(module, quant), torch.randn(2, 3, K, device=device, dtype=dtype)
    weight = linear.weight.to(dtype).mul_(linear.weight_scales.reshape(-1, 1))
    assert torch.equal(linear(x), torch.nn.functional.linear(x, weight, linear.bias.reshape(-1).to(dtype)))
    assert (linear(x).float() - module(x.float())).abs().max() < 0.05
    assert linear.weight_scales.shape == ((N, 1) if quant == "per_channel" else ())
    assert list(linear.state_dict()) == ["weight", "bias", "weight_scales"]
    assert linear.bias.dtype == torch.float16


@pytest.mark.parametrize("quant", ["per_token", "per_tensor"])
def test_w8_fake_a8(quant, device):
    module = source().to(device)
    linear, x = W8FakeA8Linear.from_float(module, quant), torch.randn(2, 3, K, device=device)
    kept = x.clone()
    assert (linear(x) - module(x)).abs().max() < 0.05
    assert torch.equal(x, kept)


@pytest.mark.parametrize("kind", [W8A16Linear, W8FakeA8Linear])
def test_scales_that_came_with_a_state_were_those_of_columns(kind):
    torch.manual_seed(0)
    module = torch.nn.Linear(N, N)
    linear, x = kind.from_float(module), torch.randn(3, N)
    for view in ((N,), (N, 1)):
        other = kind(N, N)
        state = {name: value.clone() for name, value in linear.state_dict().items()}
        other.load_state_dict({**state, "weight_scales": state["weight_scales"].reshape(view)})
        assert torch.equal(other(x), linear(x))


def test_unknown_ways_to_quantise():
    with pytest.raises(ValueError, match="per_channel or per_tensor"):
        W8A16Linear.from_float(source(), "per_row")
    with pytest.raises(ValueError, match="per_token or per_tensor"):
        W8FakeA8Linear(K, N, act_quant="per_channel")

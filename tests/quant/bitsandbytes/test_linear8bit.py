"""Linear8bitLt: what it computes, when its weight becomes int8, and its states, which are bitsandbytes's."""

import copy
import io
import pickle

import pytest
import torch

from envdoctor.quant.bitsandbytes import nn
from tests.quant.bitsandbytes.reference import activations, near, product, source

K, N = 64, 48
EPSILON = {torch.float16: 1e-3, torch.bfloat16: 8e-3, torch.float32: 1e-3}


def unmoved(linear, threshold=6.0, **options):
    """As scripts begin: a module with the values of a linear."""
    made = nn.Linear8bitLt(K, N, linear.bias is not None, False, threshold, **options)
    made.load_state_dict(linear.state_dict())
    return made.eval()


@pytest.fixture
def linear():
    return source()


@pytest.fixture
def int8(linear, device):
    return unmoved(linear).to(device)


# --- products ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", EPSILON)
@pytest.mark.parametrize("threshold", [0.0, 6.0])
@pytest.mark.parametrize("rows", [(5,), (2, 3), (1, 1, 4)])
@torch.no_grad()
def test_products(rows, threshold, dtype, linear, device):
    x = activations(*rows, K)
    y = unmoved(linear, threshold).to(device)(x.to(device, dtype))
    assert y.dtype == dtype and y.shape == (*rows, N)
    wanted = product(x.view(-1, K), linear.weight.detach(), threshold, linear.bias.detach())
    assert near(y.view(-1, N), wanted, EPSILON[dtype])


@torch.no_grad()
def test_outliers_are_why_there_is_a_threshold(linear, device):
    x = activations(9, K)
    exact = (x.double() @ linear.weight.double().t() + linear.bias.double()).detach()
    with_it, without = (unmoved(linear, each).to(device)(x.to(device).half()) for each in (6.0, 0.0))
    assert near(with_it, exact, 0.01) and not near(without, exact, 0.01)


@torch.no_grad()
def test_a_threshold_set_later(linear, device):
    x = activations(4, K).to(device).half()
    int8 = unmoved(linear, 0.0).to(device)
    int8(x)
    int8.state.threshold = 6.0
    assert torch.equal(int8(x), unmoved(linear).to(device)(x))


@torch.no_grad()
def test_no_rows(int8, device):
    assert int8(torch.empty(2, 0, K, device=device, dtype=torch.float16)).shape == (2, 0, N)


@torch.no_grad()
def test_rows_of_zeros(linear, device):
    """bitsandbytes divides by zero."""
    linear.weight[3] = 0
    int8 = unmoved(linear).to(device)
    y = int8(activations(4, K).to(device).half())
    assert int8.weight.SCB[3] == 0 and not int8.weight.data[3].any()
    assert torch.equal(y[:, 3].cpu(), linear.bias[3].half().expand(4))


@torch.no_grad()
def test_activations_beyond_float16(linear, device):
    """bitsandbytes makes float16 of them first."""
    x = activations(4, K) * 2.0**16
    y = unmoved(linear).to(device)(x.to(device).bfloat16())
    assert near(y, product(x, linear.weight.detach(), 6.0, linear.bias.detach()), 8e-3)


@torch.no_grad()
def test_the_bias_keeps_its_digits(linear, int8, device):
    """bitsandbytes leaves it rounded to the type of the last x."""
    int8(activations(4, K).to(device).half())
    assert int8.bias.dtype == torch.float32 and torch.equal(int8.bias.cpu(), linear.bias)


# --- when the weight becomes int8 -------------------------------------------------------------------------------------


def test_moved_it_is_int8(linear, device):
    int8 = unmoved(linear)
    assert int8.weight.dtype == torch.float32 and int8.weight.SCB is None
    assert int8.half().weight.dtype == torch.float16 and int8.half().float().weight.dtype == torch.float32
    int8 = int8.to(device)
    assert int8.weight.dtype == torch.int8 and int8.weight.device.type == device
    largest = linear.weight.detach().abs().amax(1)
    assert torch.equal(int8.weight.SCB.cpu(), largest) and torch.equal(int8.weight.CB, int8.weight.data)
    assert torch.equal(int8.weight.CB.cpu(), (127 * linear.weight / largest[:, None]).round().to(torch.int8))


@pytest.mark.parametrize(
    "move", [lambda module: module.cpu(), lambda module: torch.nn.Sequential(module).to("cpu")[0]]
)
def test_to_the_cpu_too(move, linear):
    assert move(unmoved(linear)).weight.dtype == torch.int8


@torch.no_grad()
def test_never_moved_it_is_int8_from_the_first_call_on(linear, int8, device):
    here, x = unmoved(linear), activations(3, K).half()
    assert torch.equal(here(x), unmoved(linear).cpu()(x)) and here.weight.dtype == torch.int8


@torch.no_grad()
def test_the_weight_lies_in_memory_once_and_is_still_there(linear, int8, device):
    before = int8.weight.data.clone()
    int8(activations(3, K).to(device).half())
    weight = int8.weight
    assert isinstance(weight, nn.Int8Params) and isinstance(weight, torch.nn.Parameter)
    assert (weight.shape, weight.dtype, weight.device.type) == ((N, K), torch.int8, device)
    assert not weight.data_ptr() if hasattr(weight, "untyped_storage") else True
    for plain in (weight.data, weight.detach(), weight.CB[:], int8.state.CB.clone()):
        assert type(plain) is torch.Tensor and torch.equal(plain, before)
    assert torch.equal(weight[2:4] * weight.SCB[2:4, None], before[2:4] * int8.state.SCB[2:4, None])
    assert repr(weight) == repr(before) and torch.equal(weight.to(torch.float32), before.float())
    assert [name for name, _ in int8.named_parameters()] == ["weight", "bias"]
    with pytest.raises(RuntimeError, match="not written to"):
        weight.zero_()


@torch.no_grad()
def test_another_weight_is_taken(linear, int8, device):
    x = activations(3, K).to(device).half()
    int8(x)
    other = source(seed=7)
    int8.weight = nn.Int8Params(other.weight.detach(), requires_grad=False).to(device)
    wanted = unmoved(other)
    wanted.bias.copy_(linear.bias)
    assert torch.equal(int8(x), wanted.to(device)(x))
    int8._parameters["weight"] = nn.Int8Params(linear.weight.detach(), requires_grad=False).to(device)
    assert torch.equal(int8(x), unmoved(linear).to(device)(x))


# --- states -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("called", [False, True])
@torch.no_grad()
def test_states_are_those_of_bitsandbytes(called, linear, int8, device):
    x = activations(4, K).to(device).half()
    y = int8(x)
    int8 = int8 if called else unmoved(linear).to(device)
    state = int8.state_dict()
    assert {name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in state.items()} == {
        "weight": (torch.int8, (N, K)),
        "bias": (torch.float32, (N,)),
        "SCB": (torch.float32, (N,)),
        "weight_format": (torch.uint8, ()),
    }
    assert state["weight_format"] == 0 and torch.equal(state["SCB"].cpu(), linear.weight.abs().amax(1))
    stream = io.BytesIO()
    torch.save(state, stream)
    stream.seek(0)
    state = torch.load(stream)
    for other in (unmoved(source(seed=5)), unmoved(source(seed=5)).to(device)):
        other.load_state_dict(state)
        assert torch.equal(other.to(device)(x), y)


@torch.no_grad()
def test_a_state_that_bitsandbytes_saved(device):
    """bitsandbytes 0.50.2, CPU, float16 x, threshold 6: `weight`, `SCB`, x and what came out."""
    weight = torch.tensor([[127, -64, 32, 0], [-20, 60, -127, 7]], dtype=torch.int8)
    state = {
        "weight": weight,
        "SCB": torch.tensor([0.5, 2.0]),
        "weight_format": torch.tensor(0, dtype=torch.uint8),
    }
    linear = nn.Linear8bitLt(4, 2, False, False, 6.0)
    linear.load_state_dict(state)
    x = torch.tensor([[1.0, -2.0, 0.5, 8.0], [0.25, 3.0, -1.0, 0.0]], dtype=torch.float16)
    y = torch.tensor([[1.0712890625, -2.33203125], [-0.7509765625, 4.73828125]])
    assert torch.allclose(linear.to(device)(x.to(device)).cpu().float(), y, rtol=2e-3)


@torch.no_grad()
def test_a_state_of_floats_is_rounded(linear, int8, device):
    """bitsandbytes copies them into int8, which makes zeros of them."""
    x = activations(4, K).to(device).half()
    int8(x)
    other = source(seed=5)
    int8.load_state_dict(other.state_dict())
    assert torch.equal(int8(x), unmoved(other).to(device)(x))


def test_states_that_do_not_fit(linear):
    state = unmoved(linear).cpu().state_dict()
    for given, said in (
        ({"weight_format": torch.tensor(2, dtype=torch.uint8)}, r"must be 0 \(row\), not 2 \(col_turing\)"),
        ({"weight_format": "col32"}, r"must be 0 \(row\), not col32"),
        ({"SCB": state["SCB"][:5]}, r"SCB must be \[48\], not \[5\]"),
        ({"weight": state["weight"][:5]}, r"weight must be \[48, 64\], not \[5, 64\]"),
        ({"weight": linear.weight}, "an int8 weight goes with SCB"),
        ({"more": state["SCB"]}, r"Unexpected key\(s\).*more"),
    ):
        for module in (unmoved(linear), unmoved(linear).cpu()):
            with pytest.raises(RuntimeError, match=said):
                module.load_state_dict({**state, **given})
    for missing, said in (("SCB", "an int8 weight goes with SCB"), ("bias", r"Missing key\(s\).*bias")):
        with pytest.raises(RuntimeError, match=said):
            unmoved(linear).load_state_dict({name: state[name] for name in state if name != missing})
    rest = {"bias": state["bias"]}
    with pytest.raises(RuntimeError, match=r"Missing key\(s\).*weight"):
        unmoved(linear).load_state_dict(rest)
    unmoved(linear).load_state_dict(rest, strict=False)
    with pytest.raises(RuntimeError, match="has_fp16_weights=False"):
        nn.Linear8bitLt(K, N).load_state_dict(state)


@pytest.mark.parametrize("way", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
@torch.no_grad()
def test_copies(way, int8, device):
    x = activations(4, K).to(device).half()
    before, y = way(int8), int8(x)
    other = way(int8)
    assert torch.equal(other(x), y) and torch.equal(before(x), y)
    other.load_state_dict(unmoved(source(seed=5)).cpu().state_dict())
    assert torch.equal(int8(x), y)


def test_a_pickle_has_the_weight_once(linear):
    int8 = unmoved(linear).cpu()
    before = len(pickle.dumps(int8))
    with torch.no_grad():
        int8(activations(1, K))
    assert len(pickle.dumps(int8)) < before + N * K / 2


@torch.no_grad()
def test_a_weight_that_became_a_plain_parameter(linear, int8, device):
    """What pickles of bitsandbytes have: its scales are an attribute, or in the state alone."""
    x = activations(4, K).to(device).half()
    wanted, plain, largest = int8(x), int8.weight.data, int8.weight.SCB
    for place in ("SCB", "state", None):
        other = unmoved(linear).to(device)
        weight = torch.nn.Parameter(plain, requires_grad=False)
        other._parameters["weight"] = weight
        if place == "SCB":
            weight.SCB = largest
        other.state.SCB = largest if place == "state" else None
        if place is not None:
            other.to(device)
        if place is None:
            with pytest.raises(ValueError, match="has no SCB"):
                other(x)
        else:
            assert torch.equal(other(x), wanted) and torch.equal(other.to(device)(x), wanted)


@pytest.mark.gpu
@torch.no_grad()
def test_there_and_back_again(linear):
    int8, x = unmoved(linear).cpu(), activations(4, K).half()
    here = int8(x)
    there = int8.cuda()(x.cuda())
    assert torch.equal(there, unmoved(linear).cuda()(x.cuda())) and int8.weight.SCB.is_cuda
    assert torch.equal(int8.cpu()(x), here)


# --- gradients, and how torch runs it ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_gradients_of_activations_and_bias(dtype, linear, int8, device):
    x = activations(2, 3, K).to(device, dtype).requires_grad_()
    y = int8(x)
    with torch.no_grad():
        assert torch.equal(int8(x), y)
    grad = torch.randn(2, 3, N, generator=torch.Generator().manual_seed(3)).to(device, dtype)
    y.backward(grad)
    weight = int8.weight.data.double() * int8.weight.SCB.double()[:, None] / 127
    assert x.grad.dtype == dtype and near(x.grad, (grad.double() @ weight).cpu(), 1e-3)
    assert near(int8.bias.grad, grad.double().sum((0, 1)).cpu(), 1e-3) and int8.weight.grad is None


@pytest.mark.skipif(not hasattr(torch.library, "register_fake"), reason="operators are from torch 2.4 on")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@torch.no_grad()
def test_compiled_whole_after_a_first_call(int8, device):
    torch.compiler.reset()
    x = activations(5, K).to(device).half()
    y = int8(x)
    compiled = torch.compile(torch.nn.Sequential(int8, torch.nn.ReLU()), fullgraph=True, dynamic=True)
    assert torch.equal(compiled(x), y.relu()) and torch.equal(compiled(x[:2]), int8(x[:2]).relu())


@pytest.mark.gpu
@torch.no_grad()
def test_a_graph_holds_it(linear):
    int8, x = unmoved(linear).cuda(), activations(4, K).cuda().half()
    int8(x)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y = int8(x)
    x.neg_()
    graph.replay()
    assert torch.equal(y, int8(x))


def test_what_does_not_fit_is_said(int8, device):
    with pytest.raises(ValueError, match=r"x must be \[..., 64\]"):
        int8(torch.zeros(2, K + 1, device=device, dtype=torch.float16))
    with pytest.raises(TypeError, match="x must be float16 or bfloat16"):
        int8(torch.zeros(2, K, device=device, dtype=torch.int8))
    broken = source()
    with torch.no_grad():
        broken.weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match="infinity or NaN"):
        unmoved(broken).cpu()

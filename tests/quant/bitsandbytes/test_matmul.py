"""matmul and training: the products of a weight that stays 16 or 32 bits, and the gradients of both."""

import copy

import pytest
import torch

from envdoctor.quant.bitsandbytes import MatmulLtState, matmul, nn
from tests.quant.bitsandbytes.reference import activations, near, product, source

K, N = 64, 48


@pytest.fixture
def linear():
    return source()


def training(linear, device, threshold=6.0):
    made = nn.Linear8bitLt(K, N, linear.bias is not None, True, threshold)
    made.load_state_dict(linear.state_dict())
    return made.to(device)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("threshold", [0.0, 6.0])
@pytest.mark.parametrize("rows", [(5,), (2, 3), ()])
@torch.no_grad()
def test_products(rows, threshold, dtype, linear, device):
    """In training as in evaluation, on a CPU as on a GPU; on CPUs bitsandbytes rounds no activations in training."""
    x = activations(*rows, K)
    module = training(linear, device, threshold)
    y = module(x.to(device, dtype))
    assert y.dtype == dtype and y.shape == (*rows, N) and torch.equal(module.eval()(x.to(device, dtype)), y)
    wanted = product(x.view(-1, K), linear.weight.detach(), threshold, linear.bias.detach())
    assert near(y.view(-1, N), wanted, 8e-3 if dtype == torch.bfloat16 else 1e-3)


def test_it_stays_what_it_is(linear, device):
    module = training(linear, device)
    module(activations(3, K).to(device))
    assert module.weight.dtype == torch.float32 and module.weight.requires_grad
    assert sorted(module.state_dict()) == ["bias", "weight"] and module.half().weight.dtype == torch.float16
    assert torch.equal(copy.deepcopy(module).weight, module.weight)


@pytest.mark.parametrize("threshold", [0.0, 6.0])
@pytest.mark.parametrize("rows", [(40,), (4, 10)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_gradients(dtype, rows, threshold, linear, device):
    """Those of the weight also where rows of gradients differ much, and in columns of outliers.

    bitsandbytes multiplies levels of rows with scales of columns, and counts the small values beside outliers twice.
    """
    x = activations(*rows, K).to(device, dtype).requires_grad_()
    module = training(linear, device, threshold).to(dtype)
    made = torch.Generator().manual_seed(3)
    sizes = 10.0 ** -torch.rand(*rows, 1, generator=made)
    grad = (torch.randn(*rows, N, generator=made) * sizes).to(device, dtype)
    module(x).backward(grad)
    flat, of = grad.double().view(-1, N).cpu(), linear.weight.detach().double()
    assert near(x.grad.view(-1, K), flat @ of, 0.02) and x.grad.dtype == dtype
    exact = flat.t() @ x.detach().double().view(-1, K).cpu()
    assert near(module.weight.grad, exact, 0.02) and module.weight.grad.dtype == dtype
    if threshold:  # columns of outliers are not rounded
        assert near(module.weight.grad[:, [3, 50]], exact[:, [3, 50]], 2e-3)
    assert near(module.bias.grad, flat.sum(0), 2e-3)


def test_no_gradient_that_nobody_asked_for(linear, device):
    module = training(linear, device)
    module.weight.requires_grad_(False)
    module(activations(5, K).to(device)).sum().backward()
    assert module.weight.grad is None and torch.equal(module.bias.grad, torch.full((N,), 5.0, device=device))


def test_a_step_of_an_optimizer_is_seen(linear, device):
    """Also while gradients are kept, and in evaluation: bitsandbytes goes on with the weight of before."""
    module, x = training(linear, device), activations(16, K).to(device)
    optimizer = torch.optim.SGD(module.parameters(), 0.5)
    for _ in range(2):
        module(x).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        fresh = nn.Linear8bitLt(K, N, True, True, 6.0)
        fresh.load_state_dict(module.state_dict())
        assert torch.equal(module(x), fresh.to(device)(x))
        assert torch.equal(module.eval()(x), fresh(x))
        module.train()


def test_training_learns(device):
    """What a linear of floats learns."""
    of, x = source(seed=4), activations(256, K).to(device)
    target = of.to(device)(x).detach()
    module = training(source(), device)
    optimizer = torch.optim.Adam(module.parameters(), 0.01)
    losses = []
    for _ in range(150):
        loss = (module(x) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 100


@torch.no_grad()
def test_the_function(linear, device):
    x, weight = activations(5, K).to(device).half(), linear.weight.detach().to(device).half()
    wanted = product(x.cpu(), linear.weight.detach(), 6.0)
    state = MatmulLtState()
    y = matmul(x, weight, state=state, threshold=6.0)
    assert near(y, wanted, 1e-3) and state.idx.tolist() == [3, 50]
    assert state.CB.dtype == torch.int8 and torch.equal(state.SCB, weight.abs().amax(1).float())
    out = torch.empty_like(y)
    assert matmul(x, weight, out, threshold=6.0) is out and torch.equal(out, y)
    # As servers call it: the state alone has the weight.
    state.has_fp16_weights = state.is_training = False
    assert torch.equal(matmul(x, torch.empty(0), state=state, bias=None), y)
    state.reset_grads()
    assert state.CB is None and state.SCB is None


@torch.no_grad()
def test_the_state_of_a_module_that_is_packed(linear, device):
    module = nn.Linear8bitLt(K, N, False, False, 6.0)
    module.weight = nn.Int8Params(linear.weight.detach(), requires_grad=False)
    module, x = module.to(device), activations(5, K).to(device).half()
    y = module(x)
    assert near(matmul(x, module.weight, state=module.state), y.double().cpu(), 1e-3)


def test_weights_that_are_written_to_by_the_back_door(linear, device):
    """As some optimizers do it, which torch does not count."""
    module, x = training(linear, device), activations(5, K).to(device)
    before = module(x)
    module.weight.data.mul_(2)
    assert near(module(x) - module.bias, (before - module.bias).detach().double().cpu() * 2, 1e-3)
    with torch.inference_mode():
        assert torch.equal(module(x), module(x.clone()))
        assert matmul(x, module.weight * 2).shape == (5, N)


@torch.no_grad()
def test_nothing_to_multiply(linear, device):
    assert training(linear, device)(torch.empty(0, K, device=device)).shape == (0, N)

"""The operators of `_CUDA` against sums in int64 and the float32 arithmetic of their definition, with ==."""

import pytest
import torch

from envdoctor.quant.torch_int import _CUDA
from tests.quant.torch_int.arithmetic import int8, saturated, scaled, sums

M, N, K = 33, 48, 80
ALPHA, BETA = 0.0013, 0.71


@pytest.fixture
def operands(device):
    return int8(M, K).to(device), int8(N, K, seed=1).to(device)


@pytest.mark.parametrize("view", [(N,), (1, N), (N, 1)])
def test_linear_b8_o8(operands, view):
    x, weight = operands
    bias = int8(*view, seed=2).to(x.device)
    y = scaled(sums(x, weight), ALPHA, bias, BETA)
    got = _CUDA.linear_a8_w8_b8_o8(x, weight, bias, ALPHA, BETA)
    assert torch.equal(got.cpu(), saturated(y, torch.int8))
    got = _CUDA.linear_relu_a8_w8_b8_o8(x, weight, bias, ALPHA, BETA)
    assert torch.equal(got.cpu(), saturated(y, torch.int8, low=0))


def test_linear_b32_o32(operands):
    x, weight = operands
    bias = torch.randint(-(2**31), 2**31, (N,), dtype=torch.int32, generator=torch.Generator().manual_seed(3))
    got = _CUDA.linear_a8_w8_b32_o32(x, weight, bias.to(x.device))
    assert torch.equal(got.cpu(), (sums(x, weight) + bias).to(torch.int32))  # modulo 2^32
    for alpha, beta in ((0.01, 0.0001), (3.0, 1.0)):
        got = _CUDA.linear_a8_w8_b32_o32_with_scaling(x, weight, bias.to(x.device), alpha, beta)
        assert torch.equal(got.cpu(), saturated(scaled(sums(x, weight), alpha, bias, beta), torch.int32))


def test_linear_bfp32_ofp32(operands):
    x, weight = operands
    bias = torch.randn(N, generator=torch.Generator().manual_seed(4))
    got = _CUDA.linear_a8_w8_bfp32_ofp32(x, weight, bias.to(x.device), ALPHA, 1)
    assert torch.equal(got.cpu(), scaled(sums(x, weight), ALPHA, bias))


def test_bmm(device):
    a, b = int8(5, M, K).to(device), int8(5, N, K, seed=1).to(device)
    acc = sums(a, b)
    assert torch.equal(_CUDA.bmm_s8t_s8n_s32t(a, b).cpu(), acc.to(torch.int32))
    assert torch.equal(_CUDA.bmm_s8t_s8n_f32t(a, b, ALPHA).cpu(), scaled(acc, ALPHA))
    assert torch.equal(_CUDA.bmm_s8t_s8n_s8t(a, b, ALPHA).cpu(), saturated(scaled(acc, ALPHA), torch.int8))


def test_a_scale_may_be_a_tensor(operands):
    x, weight = operands
    bias = int8(N, seed=2).to(x.device)
    by_number = _CUDA.linear_a8_w8_b8_o8(x, weight, bias, ALPHA, BETA)
    by_tensor = _CUDA.linear_a8_w8_b8_o8(x, weight, bias, torch.tensor(ALPHA), torch.tensor(BETA))
    assert torch.equal(by_number, by_tensor)


@pytest.mark.parametrize("k", [256, 272, 512, 4096, 16384, 131056])
@pytest.mark.parametrize("sign", [1, -1])
def test_sums_beyond_2_to_the_22_were_wrong(device, k, sign):
    x = torch.full((2, k), 127, dtype=torch.int8, device=device)
    weight = torch.full((16, k), 127 * sign, dtype=torch.int8, device=device)
    bias = torch.zeros(16, dtype=torch.int8, device=device)
    alpha = 100 / (127 * 127 * k)
    y = scaled(sums(x, weight), alpha)
    assert torch.equal(_CUDA.linear_a8_w8_b8_o8(x, weight, bias, alpha, 1.0).cpu(), saturated(y, torch.int8))
    assert torch.equal(_CUDA.linear_a8_w8_bfp32_ofp32(x, weight, bias.float(), alpha, 1.0).cpu(), y)
    exact = _CUDA.linear_a8_w8_b32_o32(x, weight, bias.int())
    assert exact.unique().tolist() == [127 * 127 * sign * k]


@pytest.mark.parametrize(("m", "n", "k"), [(1, 1, 1), (3, 7, 13), (17, 5, 100), (0, 4, 16), (2, 0, 16)])
def test_k_and_n_had_to_be_multiples_of_16(device, m, n, k):
    x, weight, bias = int8(m, k).to(device), int8(n, k, seed=1).to(device), int8(n, seed=2).to(device)
    got = _CUDA.linear_a8_w8_b8_o8(x, weight, bias, 0.01, 0.5)
    assert torch.equal(got.cpu(), saturated(scaled(sums(x, weight), 0.01, bias, 0.5), torch.int8))
    got = _CUDA.bmm_s8t_s8n_s32t(x[None], weight[None])
    assert torch.equal(got.cpu(), sums(x, weight).to(torch.int32)[None])


def test_views_were_read_as_if_they_were_contiguous(device):
    x, weight, bias = int8(K, M).to(device).t(), int8(2 * N, K, seed=1).to(device)[::2], int8(N).to(device)
    y = scaled(sums(x, weight), 0.001, bias, 0.5)
    got = _CUDA.linear_a8_w8_b8_o8(x, weight, bias, 0.001, 0.5)
    assert torch.equal(got.cpu(), saturated(y, torch.int8))
    a, b = int8(3, K, M).to(device).transpose(1, 2), int8(3, K, N).to(device).transpose(1, 2)
    assert torch.equal(_CUDA.bmm_s8t_s8n_s32t(a, b).cpu(), sums(a, b).to(torch.int32))


def test_what_does_not_fit_was_computed():
    x, weight, bias = int8(M, K), int8(N, K), int8(N)
    with pytest.raises(TypeError, match="bias must be int8, not int32"):
        _CUDA.linear_a8_w8_b8_o8(x, weight, bias.int(), 1.0, 1.0)
    with pytest.raises(TypeError, match="int8"):
        _CUDA.linear_a8_w8_b8_o8(x.int(), weight, bias, 1.0, 1.0)
    with pytest.raises(ValueError, match=r"input must be \[M, K\]"):
        _CUDA.linear_a8_w8_b8_o8(x[None], weight, bias, 1.0, 1.0)
    with pytest.raises(ValueError, match="do not fit"):
        _CUDA.linear_a8_w8_b8_o8(x[:, 1:], weight, bias, 1.0, 1.0)
    with pytest.raises(ValueError, match="bias must have"):
        _CUDA.linear_a8_w8_b8_o8(x, weight, bias[1:], 1.0, 1.0)
    with pytest.raises(ValueError, match="do not fit"):
        _CUDA.bmm_s8t_s8n_s32t(x, weight)


@pytest.mark.gpu
def test_no_call_waits_for_the_device():
    x, weight, bias = int8(M, K).cuda(), int8(N, K, seed=1).cuda(), int8(N, seed=2).cuda()
    plain = _CUDA.linear_a8_w8_b8_o8(x, weight, bias, ALPHA, BETA)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        held = _CUDA.linear_a8_w8_b8_o8(x, weight, bias, ALPHA, BETA)
    graph.replay()
    assert torch.equal(held, plain)

"""Functions of bitsandbytes.functional against float64."""

import pytest
import torch

from envdoctor.quant.bitsandbytes import functional
from tests.quant.bitsandbytes.reference import activations, levels

M, K, N = 7, 64, 48


def int8(*shape, seed=0):
    made = torch.Generator().manual_seed(seed)
    return torch.randint(-127, 128, shape, generator=made, dtype=torch.int8)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("threshold", [0.0, 6.0])
@pytest.mark.parametrize("rows", [1, M])
def test_by_rows(rows, threshold, dtype, device):
    x = activations(rows, K).to(dtype)
    x[0, 5] = 0
    values, largest, columns = functional.int8_vectorwise_quant(x.to(device), threshold)
    outlier = x.abs() >= threshold if threshold else torch.zeros_like(x, dtype=torch.bool)
    wanted = x.double().masked_fill(outlier, 0).abs().amax(1)
    assert largest.dtype == torch.float32 and torch.equal(largest.cpu().double(), wanted)
    exact = 127 * x.double() / wanted[:, None]
    error = (values.cpu().double() - exact).masked_fill(outlier.any(0), 0).abs()
    assert values.dtype == torch.int8 and error.max() <= 0.5 + 1e-4
    if threshold:
        assert columns.dtype == torch.int64 and columns.tolist() == outlier.any(0).nonzero()[:, 0].tolist()
        assert not values[:, columns].any()
    else:
        assert columns is None


def test_rows_of_zeros(device):
    x = torch.zeros(3, K, device=device, dtype=torch.float16)
    for threshold in (0.0, 6.0):
        values, largest, _ = functional.int8_vectorwise_quant(x, threshold)
        assert not values.any() and not largest.any()
    found = functional.int8_double_quant(x)
    assert not any(part.any() for part in found[:4])


@pytest.mark.parametrize("threshold", [0.0, 6.0])
def test_by_rows_and_columns(threshold, device):
    x = activations(M, K).half()
    by_rows, by_columns, of_rows, of_columns, columns = functional.int8_double_quant(
        x.to(device), threshold=threshold
    )
    again = functional.int8_vectorwise_quant(x.to(device), threshold)
    assert torch.equal(by_rows, again[0]) and torch.equal(of_rows, again[1])
    assert columns is None if not threshold else torch.equal(columns, again[2])
    kept = x.double().masked_fill(x.abs() >= threshold, 0) if threshold else x.double()
    assert torch.equal(of_columns.cpu().double(), kept.abs().amax(0))
    exact = 127 * kept / of_columns.cpu().double().clamp(min=1e-30)
    assert by_columns.shape == x.shape and (by_columns.cpu().double() - exact).abs().max() <= 0.5 + 1e-4


@pytest.mark.parametrize("k", [1, 3, 64, 1501])
@pytest.mark.parametrize("leading", [(M,), (2, 3)])
def test_sums_are_exact(leading, k, device):
    """bitsandbytes makes float32 of them where K is no multiple of 4; sums beyond 2^24 then lose digits."""
    a, b = int8(*leading, k), int8(N, k, seed=1)
    a[0], b[0] = 127, 127
    wanted = a.double() @ b.double().t()
    y = functional.int8_linear_matmul(a.to(device), b.to(device))
    assert y.dtype == torch.int32 and torch.equal(y.cpu().double(), wanted)
    out = torch.empty_like(y)
    assert functional.int8_linear_matmul(a.to(device), b.to(device), out) is out and torch.equal(out, y)
    assert k != 1501 or wanted.abs().max() > 2**24


def test_back_from_sums(device):
    sums, bias = torch.randint(-(2**24), 2**24, (M, N), dtype=torch.int32), torch.randn(N).half()
    rows, columns = torch.rand(M), torch.rand(N)
    wanted = sums.double() * rows.double()[:, None] * columns.double() / 127**2 + bias.double()
    arguments = [each.to(device) for each in (sums, rows, columns)]
    y = functional.int8_mm_dequant(*arguments, bias=bias.to(device))
    assert y.dtype == torch.float16 and torch.allclose(y.cpu().double(), wanted, rtol=2**-10, atol=1e-3)
    out = torch.empty_like(y)
    assert functional.int8_mm_dequant(*arguments, out, bias.to(device)) is out and torch.equal(out, y)


def test_products_of_what_was_rounded(device):
    """The constant of bitsandbytes on a CPU is 1.8e-5 too large."""
    a, b, rows, columns = int8(M, K), int8(N, K, seed=1), torch.rand(M), torch.rand(N)
    sums = a.double() @ b.double().t()
    wanted = sums * rows.double()[:, None] * columns.double() / 127**2
    arguments = [each.to(device) for each in (a, b, rows, columns)]
    y = functional.int8_scaled_mm(*arguments, dtype=torch.float32).cpu().double()
    assert ((y - wanted).abs() <= 1e-6 * wanted.abs()).all()
    assert functional.int8_scaled_mm(*arguments).dtype == torch.float16


def test_back_from_int8(device):
    a, stats = int8(N, K), torch.rand(N)
    y = functional.int8_vectorwise_dequant(a.to(device), stats.to(device))
    wanted = a.double() * stats.double()[:, None] / 127
    assert y.dtype == torch.float32 and torch.allclose(y.cpu().double(), wanted, rtol=1e-6)
    largest = torch.tensor([0.0, 3.0]).to(device)
    rounded = functional.int8_vectorwise_dequant(
        torch.tensor([[1], [127]], dtype=torch.int8).to(device), largest
    )
    assert rounded.tolist() == [[0.0], [3.0]]
    assert levels(torch.tensor([[3.0]]), torch.tensor([3.0])).item() == 127


def test_what_does_not_fit_is_said():
    half = torch.ones(M, K).half()
    for call, error, said in (
        (lambda: functional.int8_vectorwise_quant(half.double()), TypeError, "A must be float16 or bfloat16"),
        (lambda: functional.int8_vectorwise_quant(half[0]), ValueError, r"A must be \[M, K\], not \[64\]"),
        (lambda: functional.int8_vectorwise_quant(half, -1.0), ValueError, "threshold must not be negative"),
        (lambda: functional.int8_double_quant(half, row_stats=half), ValueError, "row_stats must be None"),
        (lambda: functional.int8_linear_matmul(half, int8(N, K)), TypeError, "x must be int8"),
        (lambda: functional.int8_linear_matmul(int8(M, K), int8(N, 3)), ValueError, "do not fit each other"),
        (
            lambda: functional.int8_linear_matmul(int8(M, K), int8(N, K), dtype=torch.int8),
            ValueError,
            "int32",
        ),
        (lambda: functional.int8_linear_matmul(int8(M, K), int8(N, K), half), TypeError, "out must be int32"),
        (
            lambda: functional.int8_linear_matmul(int8(M, K), int8(N, K), half.int()),
            ValueError,
            r"out must be \[7, 48\], not \[7, 64\]",
        ),
        (lambda: functional.int8_mm_dequant(half, half[:, 0], half[0]), TypeError, "A must be int32"),
    ):
        with pytest.raises(error, match=said):
            call()

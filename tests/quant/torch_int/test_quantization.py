"""The quantisers in plain torch: what they give, and what they leave alone."""

import pytest
import torch

from envdoctor.quant.torch_int.functional import quantization

BY_TENSOR = quantization.quantize_per_tensor_absmax
BY_ROW = quantization.quantize_weight_per_channel_absmax
DYNAMIC = [
    quantization.dynamic_quantize_activation_per_tensor_absmax,
    quantization.dynamic_quantize_activation_per_token_absmax,
]
FAKE = [
    quantization.fake_quantize_activation_per_tensor_absmax,
    quantization.fake_quantize_activation_per_token_absmax,
]
ZEROPOINT = quantization.dynamic_quantize_activation_per_tensor_zeropoint
DTYPES = [torch.float32, torch.float16, torch.bfloat16]


@pytest.fixture(params=DTYPES, ids=str)
def values(request):
    return torch.randn(5, 64, generator=torch.Generator().manual_seed(0)).to(request.param)


@pytest.mark.parametrize("quantise", [BY_TENSOR, BY_ROW, *DYNAMIC])
def test_levels_are_nearest_and_the_scale_is_that_of_the_largest(quantise, values):
    q, scale = quantise(values)
    assert q.dtype == torch.int8 and scale.dtype == values.dtype
    one_for_all = quantise in (BY_TENSOR, DYNAMIC[0])
    assert scale.shape == (() if one_for_all else (5, 1))
    largest = values.float().abs().max() if one_for_all else values.float().abs().amax(1, keepdim=True)
    assert torch.allclose(scale.float(), largest / 127, rtol=torch.finfo(values.dtype).eps)
    exact = values.double() / scale.double()
    # The largest may lie beyond 127 by what the scale was rounded.
    assert (q - exact.clamp(-128, 127)).abs().max() < 0.50001


@pytest.mark.parametrize(("dynamic", "fake"), [*zip(DYNAMIC, FAKE)])
def test_fake_is_what_int8_would_give_back(dynamic, fake, values):
    q, scale = dynamic(values)
    assert torch.equal(fake(values), (q.float() * scale.float()).to(values.dtype))


@pytest.mark.parametrize("quantise", [BY_TENSOR, BY_ROW, *DYNAMIC, *FAKE, ZEROPOINT])
def test_arguments_were_changed_in_place(quantise, values):
    kept = values.clone()
    quantise(values)
    assert torch.equal(values, kept)


@pytest.mark.parametrize("quantise", [BY_TENSOR, BY_ROW, *DYNAMIC, ZEROPOINT])
@pytest.mark.parametrize("dtype", DTYPES)
def test_zeros_were_divided_by_zero(quantise, dtype):
    q, *scales = quantise(torch.zeros(3, 8, dtype=dtype))
    assert not q.any() and all(scale.isfinite().all() for scale in scales)


@pytest.mark.parametrize("fake", FAKE)
def test_rows_of_zeros_in_half_became_nan(fake):
    assert torch.equal(fake(torch.zeros(2, 8, dtype=torch.float16)), torch.zeros(2, 8, dtype=torch.float16))


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_largest_value_wrapped_to_minus_128(dtype):
    """Where rounding made the scale smaller than the largest value over 127.5."""
    for value in torch.linspace(1, 2, 300).tolist():
        q, _ = BY_TENSOR(torch.tensor([value, -value / 2], dtype=dtype))
        assert q[0] in (126, 127)


def test_the_zeropoint_quantiser_did_not_run():
    t = torch.rand(5, 64, generator=torch.Generator().manual_seed(0)) * 3 + 10
    q, scale, zp = ZEROPOINT(t)
    assert q.min() < -120 and q.max() > 120
    assert (q * scale + zp - t).abs().max() <= scale * 0.5001
    assert torch.allclose((zp / scale).round(), zp / scale, atol=1e-3)
    q, scale, zp = ZEROPOINT(torch.full((4,), 3.0))
    assert torch.equal(q * scale + zp, torch.full((4,), 3.0))


def test_dequantise():
    q = torch.randint(-9999, 9999, (3, 4), dtype=torch.int32, generator=torch.Generator().manual_seed(0))
    columns, rows = torch.rand(4), torch.rand(3, 1, dtype=torch.float32)
    got = quantization.dequantize_activation_w_per_channel_a_per_token(q, columns, rows)
    assert torch.equal(got, q.float() * columns * rows)
    got = quantization.dequantize_activation_w_per_channel_a_per_token(q, columns, rows.half())
    assert got.dtype == torch.float16
    got = quantization.dequantize_activation_w_per_channel_a_per_tensor(q, columns, rows[0])
    assert torch.equal(got, q.float() * columns * rows[0])
    sums = q.float()
    quantization.dequantize_activation_w_per_channel_a_per_token(sums, columns, rows)
    assert torch.equal(sums, q.float())

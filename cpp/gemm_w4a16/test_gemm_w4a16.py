"""gemm_w4a16: the checkpoint's format bit by bit, then products against float64 within the rounding of their sums."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from envdoctor.kernels import gptq_pack, gptq_values, linear_w4a16, pack_w4a16
from envdoctor.kernels.gemm_w4a16 import forcing, packed_for

VARIANTS = [
    pytest.param(name, marks=pytest.mark.gpu if name.startswith("cuda") else ())
    for name in forcing.variants()
]
TYPES = [torch.float16, torch.bfloat16]
BITS = [2, 3, 4, 8]


def quantised(k, n, group, bits, seed=0, scale_dtype=torch.float16):
    """Codes, zero points (none of 0) and scales."""
    made = torch.Generator().manual_seed(seed)
    groups = -(-k // group) if k else 1
    codes = torch.randint(0, 2**bits, (k, n), generator=made, dtype=torch.uint8)
    zeros = torch.randint(1, 2**bits, (groups, n), generator=made, dtype=torch.uint8)
    scales = (torch.rand(groups, n, generator=made) * 0.01 + 0.001).to(scale_dtype)
    return codes, zeros, scales, torch.arange(k) // group


def rounds_weights(variant):
    return variant.startswith("cuda_sm90a") and "sums" not in variant


def activations(m, k, dtype):
    return torch.randn(m, k, generator=torch.Generator().manual_seed(1)).to(dtype)


def check_product(y, x, quantities, bias=None, rounds_weights=False):
    """Within the rounding of float32 sums, at worst one after the other and cut off, then that of the output.

    Some variants round the scaled weights to the type of x before.
    """
    codes, zeros, scales, g_idx = quantities
    weight = (codes.double() - zeros.double()[g_idx]) * scales.double()[g_idx]
    wanted, size = x.double() @ weight, x.double().abs() @ weight.abs()
    if bias is not None:
        wanted, size = wanted + bias.double(), size + bias.double().abs()
    # For each k, group, of 8 warps an addition; a weight's own rounding; the bias.
    sums = (len(g_idx) + len(scales) + 12) * 2.0**-23 * size
    unit, tiny = (2.0**-11, 2.0**-25) if y.dtype == torch.float16 else (2.0**-8, 2.0**-134)
    if rounds_weights:
        sums = sums + unit * size + tiny * x.double().abs().sum(1, keepdim=True)
    bound = sums + unit * (wanted.abs() + sums) + tiny + 1e-30
    assert ((y.cpu().double() - wanted).abs() <= bound).all()


# --- the format -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("v2", [False, True])
@pytest.mark.parametrize("bits", BITS)
def test_what_is_packed_is_read(bits, v2):
    codes, zeros, scales, _ = quantised(96, 64, 32, bits)
    if v2:
        zeros[0, 3] = 0
    packed = gptq_pack(codes, zeros, scales, bits=bits, v2=v2)
    assert packed.qweight.shape == (96 * bits // 32, 64) and packed.qweight.dtype == torch.int32
    assert packed.qzeros.shape == (3, 64 * bits // 32) and packed.qzeros.dtype == torch.int32
    assert packed.g_idx.tolist() == [k // 32 for k in range(96)]
    read = gptq_values(*packed, bits=bits, v2=v2)
    assert torch.equal(read.codes, codes) and torch.equal(read.zeros, zeros)
    assert torch.equal(read.scales, scales)


def field_of_three_words(words, code):
    """As the format's description has it, case by case."""
    bit = [[word >> i & 1 for i in range(32)] for word in words]
    if code < 10:
        taken = bit[0][3 * code : 3 * code + 3]
    elif code == 10:
        taken = [bit[0][30], bit[0][31], bit[1][0]]
    elif code < 21:
        taken = bit[1][3 * (code - 11) + 1 : 3 * (code - 11) + 4]
    elif code == 21:
        taken = [bit[1][31], bit[2][0], bit[2][1]]
    else:
        taken = bit[2][3 * (code - 22) + 2 : 3 * (code - 22) + 5]
    return taken[0] + 2 * taken[1] + 4 * taken[2]


def test_three_bits_lie_in_three_words():
    codes, zeros, scales, _ = quantised(32, 32, 32, 3)
    packed = gptq_pack(codes, zeros, scales, bits=3, v2=True)
    for n in range(32):
        words = [int(word) & 0xFFFFFFFF for word in packed.qweight[:, n]]
        assert [field_of_three_words(words, k) for k in range(32)] == codes[:, n].tolist()
    words = [int(word) & 0xFFFFFFFF for word in packed.qzeros[0]]
    assert [field_of_three_words(words, n) for n in range(32)] == zeros[0].tolist()


@pytest.mark.parametrize("bits", BITS)
def test_fields_begin_at_the_lowest_bit(bits):
    codes = torch.zeros(32, 32, dtype=torch.uint8)
    codes[0, 5], codes[1, 6] = 1, 2**bits - 1
    packed = gptq_pack(codes, codes[:1] + 1, torch.ones(1, 32), bits=bits, v2=True)
    assert packed.qweight[0, 5] == 1 and packed.qweight[0, 6] == (2**bits - 1) << bits


def test_symmetric_words_of_both_formats():
    codes, scales = torch.zeros(8, 8, dtype=torch.uint8), torch.ones(1, 8)
    zeros = torch.full((1, 8), 8, dtype=torch.uint8)
    assert gptq_pack(codes, zeros, scales, v2=False).qzeros.item() == 0x77777777
    assert gptq_pack(codes, zeros, scales, v2=True).qzeros.item() & 0xFFFFFFFF == 0x88888888


@pytest.mark.parametrize("bits", BITS)
def test_a_zero_point_of_0_leaves_its_neighbours_alone(bits):
    codes, zeros, scales, _ = quantised(32, 32, 32, bits)
    zeros[0, 0] = 0
    with pytest.raises(ValueError, match="format v2 has zero points of 0"):
        gptq_pack(codes, zeros, scales, bits=bits, v2=False)
    assert torch.equal(
        gptq_values(*gptq_pack(codes, zeros, scales, None, bits, True), bits, True).zeros, zeros
    )
    # Others wrote a field of ones, which in v1 is a zero point of 0, and no carry.
    ones = gptq_pack(codes, torch.full_like(zeros, 2**bits - 1), scales, None, bits, True)
    assert not gptq_values(*ones, bits, False).zeros.any()


def test_eight_bits_have_zero_points_of_128(device):
    codes, zeros, scales, g_idx = quantised(64, 32, 32, 8)
    zeros[:] = 128
    packed = gptq_pack(codes, zeros, scales, bits=8, v2=False)
    assert (gptq_values(*packed, bits=8).zeros == 128).all()
    x = activations(3, 64, torch.float16)
    y = linear_w4a16(x.to(device), pack_w4a16(*packed, bits=8, device=device))
    check_product(y, x, (codes, zeros, scales, g_idx))


def code_in_blocks(data, bits, n, k, blocks_k):
    """As gemm_w4a16.h has it: where a thread of a GPU finds the code of a column and a k."""
    group = (n // 64 * blocks_k + k // 64) * 4 + n % 64 // 16
    thread, word = n % 8 * 4 + k % 8 // 2, k % 16 // 8 * 2 + n % 16 // 8
    step, neighbour = k % 64 // 16, k % 2
    if bits == 4:
        bit = step * 4 + neighbour * 16
        return data[group * 512 + thread * 16 + word * 4 + bit // 8] >> bit % 8 & 15
    half, at = step // 2, step % 2 + neighbour * 2
    return data[group * 1024 + half * 512 + thread * 16 + word * 4 + at]


@pytest.mark.parametrize("bits", [4, 8])
def test_blocks_for_gpus_are_what_threads_look_for(bits):
    k, n = 96, 72
    codes = quantised(k, n, 32, bits)[0]
    data = packed_for(codes, bits, torch.device("cuda")).tolist()
    assert len(data) == 128 * 128 * bits // 8
    for at_n in range(128):
        for at_k in range(128):
            wanted = int(codes[at_k, at_n]) if at_k < k and at_n < n else 0
            assert code_in_blocks(data, bits, at_n, at_k, 2) == wanted


# --- products ---------------------------------------------------------------------------------------------------------

SHAPES = [
    (1, 32, 32),
    (1, 72, 96),
    (2, 64, 64),
    (5, 136, 160),
    (8, 64, 1024),
    (9, 200, 416),
    (17, 40, 704),
    (33, 264, 288),
    (64, 128, 512),
    (130, 328, 1088),
]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("shape", SHAPES)
def test_products(shape, bits, dtype, device):
    m, n, k = shape
    n = -(-n // 32) * 32 if bits == 3 else n if bits > 2 else -(-n // 16) * 16
    quantities = quantised(k, n, 32, bits)
    x, bias = activations(m, k, dtype), torch.randn(n).to(dtype)
    packed = pack_w4a16(*gptq_pack(*quantities, bits=bits), bits=bits, device=device)
    assert packed.channels is None
    check_product(linear_w4a16(x.to(device), packed, bias.to(device)), x, quantities, bias)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("dtype", TYPES)
def test_every_variant_gives_what_the_definition_says(variant, bits, dtype):
    ran, device = 0, "cuda" if variant.startswith("cuda") else "cpu"
    for (m, n, k), group in [
        ((1, 64, 128), 128),
        ((3, 200, 384), 64),
        ((7, 72, 1088), 1088),
        ((17, 136, 544), 32),
        ((32, 72, 2304), 96),
        ((70, 320, 1056), 128),
        ((200, 520, 288), 288),
        ((1100, 1024, 128), 64),
    ]:
        quantities = quantised(k, n, group, bits, scale_dtype=dtype)
        x, bias = activations(m, k, dtype), torch.randn(n)
        packed = pack_w4a16(*gptq_pack(*quantities, bits=bits), bits=bits, device=device)
        try:
            with forcing.to(variant):
                y = linear_w4a16(x.to(device), packed, bias.to(device))
        except NotImplementedError:
            continue
        ran += 1
        check_product(y, x, quantities, bias, rounds_weights=rounds_weights(variant))
    assert ran or variant.startswith("cpu")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_shape(data, device):
    m, columns, words = (data.draw(st.integers(1, most)) for most in (64, 20, 12))
    bits, dtype = data.draw(st.sampled_from(BITS)), data.draw(st.sampled_from(TYPES))
    n, k = 32 * columns, 32 * words  # whole words of a checkpoint, whatever the bits
    group, first = data.draw(st.integers(1, k)), data.draw(st.integers(0, 9))
    quantities = quantised(k, n, group, bits)
    packed = pack_w4a16(*gptq_pack(*quantities, bits=bits), bits=bits, device=device)
    x = activations(m, k + first, dtype)[:, first:]
    check_product(linear_w4a16(x.to(device), packed), x, quantities)


@pytest.mark.parametrize("group", [16, 32, 48, 64, 128, 576])
@pytest.mark.parametrize("m", [1, 12, 60])
def test_groups_of_any_length(m, group, device):
    quantities = quantised(576, 64, group, 4)
    x = activations(m, 576, torch.float16)
    packed = pack_w4a16(*gptq_pack(*quantities), device=device)
    check_product(linear_w4a16(x.to(device), packed), x, quantities)


@pytest.mark.parametrize("bits", BITS)
def test_channels_in_the_order_of_their_activity(bits, device):
    codes, zeros, scales, g_idx = quantised(256, 64, 64, bits)
    quantities = (
        codes,
        zeros,
        scales,
        g_idx[torch.randperm(256, generator=torch.Generator().manual_seed(3))],
    )
    packed = pack_w4a16(*gptq_pack(*quantities, bits=bits, v2=False), bits=bits, device=device)
    assert packed.k == 256 and packed.group == 64
    x = activations(5, 256, torch.float16)
    check_product(linear_w4a16(x.to(device), packed), x, quantities)


def test_groups_of_any_channels(device):
    codes, zeros, scales, _ = quantised(160, 32, 32, 4)
    g_idx = torch.tensor([0, 4, 4, 1] * 30 + [3] * 40)  # none of group 2
    quantities = (codes, zeros, scales, g_idx)
    packed = pack_w4a16(*gptq_pack(*quantities), device=device)
    x = activations(5, 160, torch.float16)
    check_product(linear_w4a16(x.to(device), packed), x, quantities)


def test_views_and_more_dimensions(device):
    quantities = quantised(96, 40, 32, 4)
    packed = pack_w4a16(*gptq_pack(*quantities), device=device)
    wide = activations(12, 199, torch.float16).to(device)
    for x in (wide[:, 1:97], wide[:, 100:196], wide[::2, 3:195:2], wide[:, :96].t().contiguous().t()):
        check_product(linear_w4a16(x, packed), x.cpu(), quantities)
        assert torch.equal(linear_w4a16(x[None, None], packed)[0, 0], linear_w4a16(x, packed))
    assert torch.equal(linear_w4a16(wide[0, :96], packed), linear_w4a16(wide[:1, :96], packed)[0])


@pytest.mark.parametrize("dtype", TYPES)
def test_scales_of_either_type(dtype, device):
    codes, zeros, scales, g_idx = quantised(64, 32, 32, 4)
    for scale in (scales, scales.bfloat16(), scales.float(), scales.bfloat16().float()):
        packed = pack_w4a16(*gptq_pack(codes, zeros, scale), device=device)
        x = activations(3, 64, dtype)
        check_product(linear_w4a16(x.to(device), packed), x, (codes, zeros, scale, g_idx))
    with pytest.raises(ValueError, match=r"round the torch\.float32"):
        pack_w4a16(*gptq_pack(codes, zeros, scales.float() + 1e-7))


@pytest.mark.parametrize("shape", [(0, 32, 64), (3, 0, 64), (3, 32, 0)])
def test_nothing_gives_nothing(shape, device):
    m, n, k = shape
    packed = pack_w4a16(*gptq_pack(*quantised(k, n, 32, 4)), device=device)
    y = linear_w4a16(activations(m, k, torch.float16).to(device), packed)
    assert y.shape == (m, n) and not y.any()


def test_what_does_not_fit_is_said():
    codes, zeros, scales, g_idx = quantised(64, 32, 32, 4)
    stored = gptq_pack(codes, zeros, scales)
    packed = pack_w4a16(*stored)
    with pytest.raises(TypeError, match="x must be float16 or bfloat16, not float32"):
        linear_w4a16(torch.ones(2, 64), packed)
    with pytest.raises(ValueError, match=r"x must be \[\.\.\., 64\] on cpu, not \[2, 32\]"):
        linear_w4a16(torch.ones(2, 32).half(), packed)
    with pytest.raises(ValueError, match="bias must have 32 values, not 31"):
        linear_w4a16(torch.ones(2, 64).half(), packed, torch.ones(31))
    with pytest.raises(ValueError, match="bits must be 2, 3, 4 or 8"):
        gptq_values(*stored, bits=5)
    with pytest.raises(TypeError, match="qweight must be int32"):
        gptq_values(stored.qweight.long(), *stored[1:])
    with pytest.raises(ValueError, match="do not go with qweight"):
        gptq_values(stored.qweight[:, :16], *stored[1:])
    with pytest.raises(ValueError, match="g_idx must be from 0 to 1"):
        gptq_pack(codes, zeros, scales, g_idx + 1)
    with pytest.raises(ValueError, match="give g_idx"):
        gptq_values(stored.qweight, stored.qzeros.repeat(2, 1)[:3], scales.repeat(2, 1)[:3])
    with pytest.raises(ValueError, match="codes must be from 0 to 7"):
        gptq_pack(codes, zeros % 8, scales, bits=3)


@pytest.mark.parametrize("group", [16, 32, 64])
def test_x_of_another_width_is_refused_before_it_is_gathered(group, device):
    """Groups of 16 are filled up, so that more is gathered than x has."""
    codes, zeros, scales, g_idx = quantised(64, 32, group, 4)
    packed = pack_w4a16(*gptq_pack(codes, zeros, scales, g_idx.flip(0)), device=device)
    assert packed.in_features == 64 and (group == 64 or packed.channels is not None)
    assert linear_w4a16(torch.ones(2, 64, device=device).half(), packed).shape == (2, 32)
    for channels in (0, 1, 63, 65, 128):
        with pytest.raises(ValueError, match=r"x must be \[\.\.\., 64\] on"):
            linear_w4a16(torch.ones(2, channels, device=device).half(), packed)


@pytest.mark.skipif(not hasattr(torch.library, "opcheck"), reason="torch has opcheck from 2.5 on")
def test_the_operator_is_well_made(device):
    quantities = quantised(64, 32, 32, 4)
    shuffled = (*quantities[:3], quantities[3].flip(0))
    for of in (quantities, shuffled):
        packed = pack_w4a16(*gptq_pack(*of), device=device)
        x = activations(5, 64, torch.float16).to(device)
        torch.library.opcheck(
            torch.ops.envdoctor.linear_w4a16.default, (x, *packed, torch.ones(32, device=device))
        )

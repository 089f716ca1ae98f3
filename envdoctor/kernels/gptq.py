"""The tensors of a GPTQ checkpoint: codes packed along K, zero points along N, each a stream of bits in 32-bit words.

Source of the layout: cpp/gemm_w4a16/README.md.
"""

from typing import NamedTuple, Optional

import torch
from torch import Tensor

from envdoctor.kernels.calls import FLOATS, INT32, INTEGERS, check_matrix, check_type
from envdoctor.kernels.kinds import checked

BITS = (2, 3, 4, 8)


class GptqValues(NamedTuple):
    """weight[k, n] = scales[g, n] * (codes[k, n] - zeros[g, n]), where g is the group of channel k."""

    codes: Tensor  # uint8 [K, N]
    zeros: Tensor  # uint8 [groups, N]
    scales: Tensor  # [groups, N]


class GptqTensors(NamedTuple):
    """As a checkpoint stores them."""

    qweight: Tensor  # int32 [K * bits / 32, N]
    qzeros: Tensor  # int32 [groups, N * bits / 32]
    scales: Tensor  # [groups, N]
    g_idx: Tensor  # int32 [K]


@checked
def gptq_values(
    qweight: Tensor,
    qzeros: Tensor,
    scales: Tensor,
    g_idx: Optional[Tensor] = None,
    bits: int = 4,
    v2: bool = False,
) -> GptqValues:
    """What a checkpoint's tensors say. g_idx is the group of each channel; without it groups are equally long.

    In format v1 (`checkpoint_format: "gptq"`) a zero point is what is stored plus one, modulo 2^bits; in v2 it is what
    is stored. Raises TypeError and ValueError for what does not fit.
    """
    _check(bits)
    check_matrix(qweight, INT32, "qweight", "[K * bits / 32, N]")
    check_matrix(qzeros, INT32, "qzeros", "[groups, N * bits / 32]")
    check_matrix(scales, FLOATS, "scales", "[groups, N]")
    n, groups = qweight.shape[1], scales.shape[0]
    codes, zeros = _unpacked(qweight, bits), _unpacked(qzeros.t(), bits).t()
    if scales.shape[1] != n or zeros.shape[0] != groups or zeros.shape[1] < n:
        found = f"qzeros {list(qzeros.shape)} and scales {list(scales.shape)}"
        raise ValueError(f"{found} do not go with qweight {list(qweight.shape)} of {bits} bits")
    zeros = zeros[:, :n].contiguous()
    if not v2:
        zeros = (zeros + 1) & (2**bits - 1)  # uint8: 255 + 1 is 0
    group_of_channels(g_idx, codes.shape[0], groups)
    return GptqValues(codes, zeros, scales)


@checked
def gptq_pack(
    codes: Tensor,
    zeros: Tensor,
    scales: Tensor,
    g_idx: Optional[Tensor] = None,
    bits: int = 4,
    v2: bool = False,
) -> GptqTensors:
    """The opposite of gptq_values.

    A zero point of 0 has no place in format v1, whose writers let it destroy its neighbours and whose readers disagree:
    ValueError, as for whatever else does not fit.
    """
    _check(bits)
    check_matrix(codes, INTEGERS, "codes", "[K, N]")
    check_matrix(zeros, INTEGERS, "zeros", "[groups, N]")
    check_matrix(scales, FLOATS, "scales", "[groups, N]")
    k, n = codes.shape
    fields = _fields(bits)
    if k % fields or n % fields:
        raise ValueError(f"K and N must be multiples of {fields} for {bits} bits, not {k} and {n}")
    if zeros.shape != scales.shape or scales.shape[1] != n:
        raise ValueError(f"zeros {list(zeros.shape)} and scales {list(scales.shape)} must be [groups, {n}]")
    for name, values, least in (("codes", codes, 0), ("zeros", zeros, 0 if v2 else 1)):
        if values.numel() and not least <= int(values.min()) <= int(values.max()) < 2**bits:
            hint = "; format v2 has zero points of 0" if least else ""
            raise ValueError(f"{name} must be from {least} to {2**bits - 1}{hint}")
    groups = group_of_channels(g_idx, k, scales.shape[0]).to(torch.int32)
    stored = zeros.long() - (0 if v2 else 1)
    return GptqTensors(
        _packed(codes.long(), bits), _packed(stored.t(), bits).t().contiguous(), scales, groups
    )


def group_of_channels(g_idx: Optional[Tensor], k: int, groups: int) -> Tensor:
    """The group of each of k channels, int64 [k]; without g_idx groups are equally long and follow each other."""
    if g_idx is None:
        if groups < 1 or k % groups:
            raise ValueError(f"{k} channels are not {groups} equal groups: give g_idx")
        return torch.arange(k, device="cpu") // max(k // groups, 1)
    check_type(g_idx, INTEGERS, "g_idx")
    if g_idx.dim() != 1 or g_idx.numel() != k:
        raise ValueError(f"g_idx must have {k} values, not {list(g_idx.shape)}")
    if k and not 0 <= int(g_idx.min()) <= int(g_idx.max()) < groups:
        raise ValueError(f"g_idx must be from 0 to {groups - 1}")
    return g_idx.long()


def _check(bits: int) -> None:
    if bits not in BITS:
        raise ValueError(f"bits must be 2, 3, 4 or 8, not {bits}")


def _words(bits: int) -> int:
    """After how many words a field begins a word again."""
    return 3 if bits == 3 else 1


def _fields(bits: int) -> int:
    return 32 * _words(bits) // bits


def _unpacked(words: Tensor, bits: int) -> Tensor:
    """Fields of words [W, N] along W, uint8 [W * 32 / bits, N]: from the lowest bit on, those of 3 across words."""
    if words.shape[0] % _words(bits):
        raise ValueError(f"fields of 3 bits come in three words, of which {words.shape[0]} is no multiple")
    runs = words.reshape(words.shape[0] // _words(bits), _words(bits), words.shape[1]).long() & 0xFFFFFFFF
    fields = torch.empty(runs.shape[0], _fields(bits), words.shape[1], dtype=torch.uint8, device=words.device)
    for field in range(_fields(bits)):
        word, shift = divmod(field * bits, 32)
        value = runs[:, word] >> shift
        if shift + bits > 32:
            value = value | runs[:, word + 1] << (32 - shift)
        fields[:, field] = (value & (2**bits - 1)).to(torch.uint8)
    return fields.flatten(0, 1)


def _packed(values: Tensor, bits: int) -> Tensor:
    """The opposite of _unpacked, of int64 values; in 64 bits, so that no field reaches another."""
    fields = values.reshape(values.shape[0] // _fields(bits), _fields(bits), values.shape[1]) & (2**bits - 1)
    words = torch.zeros(
        fields.shape[0], _words(bits), values.shape[1], dtype=torch.int64, device=values.device
    )
    for field in range(_fields(bits)):
        word, shift = divmod(field * bits, 32)
        words[:, word] |= fields[:, field] << shift & 0xFFFFFFFF
        if shift + bits > 32:
            words[:, word + 1] |= fields[:, field] >> (32 - shift)
    signed = (words ^ 0x80000000) - 0x80000000
    return signed.to(torch.int32).flatten(0, 1)

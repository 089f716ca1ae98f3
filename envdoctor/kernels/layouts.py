"""Weights out of the layouts that they are packed in: what a linear that goes to another kind of device starts from.

Source of the layouts: the headers of the families, cpp/*/gemm_*.h. A layout is named by the type of its device, "cpu"
or "cuda".
"""

import torch
from torch import Tensor


def unpack_w8a8(data: Tensor, n: int, k: int, layout: str) -> Tensor:
    """int8 [n, k]."""
    if layout == "cpu":
        # Four values move at once, which takes a fiftieth of the time.
        panels = (data ^ -128).view(torch.int32).view(-(-n // 16), -(-k // 4), 16)
        rows = panels.permute(0, 2, 1).clone(memory_format=torch.contiguous_format)
        return _matrix(rows.view(torch.int8), 2, n, k)
    blocks = data.view(-(-n // 64), -(-k // 128), 64, 8, 16)
    column = torch.arange(64, device=data.device)[:, None]
    piece = torch.arange(8, device=data.device)[None] ^ column % 8
    return _matrix(blocks[:, :, column, piece].permute(0, 2, 1, 3, 4), 2, n, k)


def unpack_w4a8(data: Tensor, n: int, k: int, layout: str) -> Tensor:
    """Pairs, int8 [n, k / 2]."""
    if layout == "cpu":
        bytes_ = data.view(-(-n // 16), -(-k // 8), 16, 4)
        halves = (
            torch.stack([bytes_ & 15, bytes_ >> 4 & 15], 2) - 8
        )  # panel, eight k, four of them, column, k
        values = _matrix(halves.permute(0, 3, 1, 2, 4), 2, n, k)
        return values[:, ::2] & 15 | values[:, 1::2] << 4
    # Columns: block, group, 8, thread / 4. k: block, half, 32 (high or low), 16, thread % 4, byte.
    bytes_ = data.view(-(-n // 64), -(-k // 128), 4, 2, 8, 4, 2, 2, 4)
    halves = torch.stack([bytes_ & 15, bytes_ >> 4 & 15], -1)
    values = _matrix(halves.permute(0, 2, 7, 4, 1, 3, 9, 6, 5, 8), 4, n, k)
    return values[:, ::2] | values[:, 1::2] << 4


def unpack_w4a16(data: Tensor, n: int, k: int, bits: int, layout: str) -> Tensor:
    """Codes, uint8 [k, n]."""
    if layout == "cpu":
        return _matrix(data.view(-(-n // 64), k, 64).permute(1, 0, 2), 1, k, n)
    columns, blocks = -(-n // 64), -(-k // 64)
    if bits == 8:
        # k: block, 32, byte % 2, 8, thread % 4, byte / 2. Columns: block, group, 8, thread / 4.
        bytes_ = data.view(columns, blocks, 4, 2, 8, 4, 2, 2, 2, 2)
        return _matrix(bytes_.permute(1, 3, 9, 6, 5, 8, 0, 2, 7, 4), 6, k, n)
    # k: block, byte % 2, 16 (high or low), 8, thread % 4, byte / 2. Columns as above.
    bytes_ = data.view(columns, blocks, 4, 8, 4, 2, 2, 2, 2)
    halves = torch.stack([bytes_ & 15, bytes_ >> 4], -1)
    return _matrix(halves.permute(1, 8, 9, 5, 4, 7, 0, 2, 6, 3), 6, k, n)


def _matrix(pieces: Tensor, dimensions: int, rows: int, columns: int) -> Tensor:
    """Of which the first dimensions are those of the rows, without what fills it up."""
    height = pieces.shape[:dimensions].numel()
    return pieces.reshape(height, -1)[:rows, :columns].contiguous()

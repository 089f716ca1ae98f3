"""What torch-int's operators are, in plain torch: sums in int64, then float32, each operation rounded once."""

import torch


def int8(*shape, seed=0, low=-128, high=128):
    return torch.randint(low, high, shape, dtype=torch.int8, generator=torch.Generator().manual_seed(seed))


def sums(x, weight):
    """int64 [..., M, N]."""
    return x.cpu().long() @ weight.cpu().long().transpose(-1, -2)


def scaled(acc, alpha, bias=None, beta=1.0):
    """float32 of alpha * acc + beta * bias."""
    y = acc.float() * torch.tensor(alpha, dtype=torch.float32)
    return y if bias is None else y + bias.cpu().reshape(-1).float() * torch.tensor(beta, dtype=torch.float32)


def saturated(y, dtype, low=None):
    """To nearest, ties to even."""
    info = torch.iinfo(dtype)
    return y.double().round().clamp(info.min if low is None else low, info.max).to(dtype)

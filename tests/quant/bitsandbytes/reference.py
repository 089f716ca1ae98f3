"""LLM.int8() in float64, as its paper has it."""

import torch


def levels(x, largest):
    """round(127 x / largest), int8 values as float64."""
    by = torch.where(largest > 0, largest, torch.ones_like(largest))
    return (127 * x / by[:, None]).round()


def product(x, w, threshold=0.0, bias=None):
    """x [M, K] times w [N, K]; exact but for what is rounded to int8."""
    x, w = x.double(), w.double()
    outlier = x.abs() >= threshold if threshold else torch.zeros_like(x, dtype=torch.bool)
    columns = outlier.any(0)
    of_x, of_w = x.masked_fill(outlier, 0).abs().amax(1), w.abs().amax(1)
    qx, qw = levels(x, of_x).masked_fill(columns, 0), levels(w, of_w)
    y = (qx @ qw.t()) * of_x[:, None] * of_w / 127**2
    y = y + x[:, columns] @ (qw[:, columns] * of_w[:, None] / 127).t()
    return y if bias is None else y + bias.double()


def near(y, wanted, most):
    """Whether y is, of the size of all together, so near."""
    return bool((y.detach().double().cpu() - wanted).norm() <= most * wanted.norm())


def source(n=48, k=64, seed=0, bias=True):
    """A linear, always the same."""
    made = torch.Generator().manual_seed(seed)
    linear = torch.nn.Linear(k, n, bias=bias)
    with torch.no_grad():
        linear.weight.copy_(torch.randn(n, k, generator=made).half() * 0.125)
        if bias:
            linear.bias.copy_(torch.randn(n, generator=made))
    return linear


def activations(*shape, seed=1, columns=(3, 50)):
    """float32 of 16 bits with large values in some columns."""
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).clamp(-5, 5)
    x[..., list(columns)] *= 20
    return x.bfloat16().float()

"""GPTQ: a column is rounded, and the columns after it take up the error as far as the layer's inputs allow.

Source: Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers", 2022.
"""

import contextlib
from typing import Iterator, List, Optional, Tuple

import torch
from torch import Tensor

from envdoctor.quant.grid import Device, Fit, Grid, QuantizedWeight, fit, in_groups, usable
from envdoctor.quant.rtn import quantized

__all__ = ["Grid", "Inputs", "gptq"]

#: By how much damping grows where it was too little to make the Hessian positive definite.
_MORE_DAMPING = 0.01


class Inputs:
    """What is kept of the inputs of a layer: the mean of x x^T over all of them, float32 [K, K].

    That is half the Hessian of the layer's squared output error, for each row of its weight alike.
    """

    def __init__(self, channels: int, device: Device = None) -> None:
        self.mean = torch.zeros(channels, channels, device=device)
        self.count = 0

    def add(self, x: Tensor) -> None:
        """Take in more of them, [..., K]. Raises ValueError."""
        channels = self.mean.shape[0]
        if x.dim() < 1 or x.shape[-1] != channels:
            raise ValueError(f"x must be [..., {channels}], not {list(x.shape)}")
        # in parts, so that the copies in float32 are no larger than what is kept
        for rows in x.detach().reshape(-1, channels).split(max(channels, 1)):
            wide = rows.to(self.mean.device, torch.float32)
            total = self.count + wide.shape[0]
            if not total:
                continue
            with _exact_products():
                self.mean.mul_(self.count / total).addmm_(wide.t(), wide, alpha=1 / total)
            self.count = total

    def error(self, weight: Tensor, quantized: Tensor) -> float:
        """The squared error of the layer's outputs, over their square: both weights [N, K]."""
        weight = weight.detach().to(self.mean.device, torch.float32)
        difference = weight - quantized.to(self.mean.device, torch.float32)
        with _exact_products():
            lost, whole = (float(((each @ self.mean) * each).sum()) for each in (difference, weight))
        return lost / whole if whole else lost


def gptq(
    weight: Tensor,
    inputs: Inputs,
    grid: Grid,
    damping: float = 0.01,
    act_order: bool = False,
    static_groups: bool = False,
    block: int = 128,
    fit: Fit = fit,
    device: Device = None,
) -> QuantizedWeight:
    """The weight [N, K] of a linear, quantised for its inputs; on their device unless another one is named.

    act_order begins with the channels of the largest inputs, which then share groups, unless groups are static: fitted
    to neighbours before anything is rounded, so that channels keep the order of their groups. damping is a part of the
    mean of the Hessian's diagonal, and grows where it is too little. `fit` may be fit_mse. `block` changes how fast
    this is, and no result but by rounding: a group is fitted to what its columns have taken up by then, from those of
    its own block too, which AutoGPTQ leaves out in groups shorter than a block.
    """
    weight = usable(weight, device or inputs.mean.device)
    hessian = _hessian(inputs, weight)
    diagonal = hessian.diagonal().clone()
    weight[:, diagonal == 0] = 0  # no input ever: any value will do, and this one is cheapest to round
    order = torch.argsort(diagonal, descending=True, stable=True) if act_order else None
    of = torch.arange(weight.shape[1], device=weight.device) // grid.group_of(weight.shape[1])
    static = fit(in_groups(weight, grid.group_of(weight.shape[1])), grid) if static_groups else None
    if order is not None:
        weight, hessian = weight[:, order], hessian[order][:, order]
        of = of[order] if static_groups else of
    with _exact_products():
        factor = _factor(hessian, damping)
        codes, scales, zeros = _rounded(weight, factor, grid, of, static, max(block, 1), fit)
    if order is not None:
        back = torch.argsort(order)
        codes, of = codes[:, back], of[back]
    return quantized(codes, zeros, scales, of, grid)


def _hessian(inputs: Inputs, weight: Tensor) -> Tensor:
    channels = weight.shape[1]
    if inputs.mean.shape[0] != channels:
        raise ValueError(f"inputs have {inputs.mean.shape[0]} channels, the weight {channels}")
    if not inputs.count:
        raise ValueError("there are no inputs: add some, or round to nearest")
    if not bool(inputs.mean.isfinite().all()):
        raise ValueError("inputs must not have infinity or NaN in them")
    return inputs.mean.to(weight.device)


def _factor(hessian: Tensor, damping: float) -> Tensor:
    """Upper triangular U with U^T U = (H + damping)^-1.

    From H = R R^T with R upper triangular, which is the factor of H read backwards; U is the inverse of R.
    """
    diagonal = hessian.diagonal()
    alive = diagonal > 0
    mean = diagonal[alive].mean() if bool(alive.any()) else diagonal.new_ones(())
    while damping < 1:
        damped = hessian.clone()
        damped.diagonal().copy_(torch.where(alive, diagonal, mean) + damping * mean)
        lower, failed = torch.linalg.cholesky_ex(damped.flip(0, 1))
        if not int(failed):
            one = torch.eye(hessian.shape[0], device=hessian.device)
            return torch.linalg.solve_triangular(lower.flip(0, 1), one, upper=True)
        damping += _MORE_DAMPING
    raise ValueError("the Hessian of these inputs is not positive definite, with any damping below 1")


def _rounded(
    weight: Tensor,
    factor: Tensor,
    grid: Grid,
    of: Tensor,
    static: Optional[Tuple[Tensor, Tensor]],
    block: int,
    fit: Fit,
) -> Tuple[Tensor, Tensor, Tensor]:
    """Codes [N, K], scales and zero points [N, groups]; changes weight. `of` is the group of each channel."""
    channels, group = weight.shape[1], grid.group_of(weight.shape[1])
    codes, groups = torch.empty_like(weight), of.tolist()
    fitted: List[Tuple[Tensor, Tensor]] = []
    for begin, end in _blocks(channels, block, None if static else group):
        if static is None and begin % group == 0:
            fitted.append(fit(weight[:, begin : begin + group], grid))
        errors = torch.empty_like(weight[:, begin:end])
        for k in range(begin, end):
            if static is None:
                scale, zero = fitted[-1]
            else:
                scale, zero = (each[:, groups[k]] for each in static)
            column = weight[:, k]
            codes[:, k] = grid.codes(column, scale, zero)
            error = (column - (codes[:, k] - zero) * scale) / factor[k, k]
            weight[:, k + 1 : end].addr_(error, factor[k, k + 1 : end], alpha=-1)
            errors[:, k - begin] = error
        weight[:, end:].addmm_(errors, factor[begin:end, end:], alpha=-1)
    if static is not None:
        return codes, static[0], static[1]
    return codes, torch.stack([each[0] for each in fitted], 1), torch.stack([each[1] for each in fitted], 1)


def _blocks(channels: int, block: int, group: Optional[int]) -> Iterator[Tuple[int, int]]:
    """From where to where: a block ends where a group does, so that the next group sees all that it must take up."""
    begin = 0
    while begin < channels:
        end = min(begin + block, channels)
        if group is not None:
            end = min(end, (begin // group + 1) * group)
        yield begin, end
        begin = end


@contextlib.contextmanager
def _exact_products() -> Iterator[None]:
    """Float32 products without TF32 or bfloat16 in them, whatever the process allows elsewhere."""
    try:
        of = (torch.backends.cuda.matmul, torch.backends.mkldnn.matmul)
        before = [each.fp32_precision for each in of]
    except AttributeError:  # torch before 2.9, where one setting is for all
        with _all_highest():
            yield
        return
    # Only these: the old setting raises where a process has used the new ones.
    for each in of:
        each.fp32_precision = "ieee"
    try:
        yield
    finally:
        for each, precision in zip(of, before):
            each.fp32_precision = precision


@contextlib.contextmanager
def _all_highest() -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)

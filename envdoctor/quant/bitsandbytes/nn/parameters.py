"""The weight of Linear8bitLt: 16 bits until it is moved to a device, then int8, then packed for that device."""

from typing import Any, Dict, Optional

import torch
from torch import Tensor

from envdoctor.kernels import LinearLlmInt8, pack_w8a8
from envdoctor.kernels.calls import Device
from envdoctor.kernels.llm_int8 import levels_of
from envdoctor.kernels.seen_plain import SeenPlain


class Int8Params(torch.nn.Parameter):  # type: ignore[misc]
    """A weight [N, K]. Moved from a CPU to any device, a CPU too, it becomes int8, with `CB` (itself) and `SCB`.

    SCB is float32 [N], the largest magnitude of each row. With has_fp16_weights it stays what it is.
    """

    CB: Optional[Tensor]
    SCB: Optional[Tensor]
    has_fp16_weights: bool

    def __new__(
        cls,
        data: Optional[Tensor] = None,
        requires_grad: bool = True,
        has_fp16_weights: bool = False,
        CB: Optional[Tensor] = None,
        SCB: Optional[Tensor] = None,
        **_: Any,
    ) -> "Int8Params":
        """Others than these names are what callers found on another one."""
        data = torch.empty(0) if data is None else data
        made = torch.Tensor._make_subclass(cls, data, requires_grad)
        made.CB, made.SCB, made.has_fp16_weights = CB, SCB, has_fp16_weights
        return made  # type: ignore[no-any-return]

    @property
    def is_quantized(self) -> bool:
        """Whether it is int8."""
        return bool(self.dtype == torch.int8)

    def quantized(self, device: Device = None) -> "Int8Params":
        """Its int8 on a device; ValueError for infinity or NaN."""
        values, largest = levels_of(self.data.to(device or self.device))
        return quantized_params(values, largest)

    def to(self, *arguments: Any, **options: Any) -> "Int8Params":
        """As Tensor.to; see the class."""
        device, dtype, non_blocking, _ = torch._C._nn._parse_to(*arguments, **options)
        moves = device is not None and device.type != "meta" and self.device.type == "cpu"
        if moves and not self.is_quantized and not self.has_fp16_weights:
            return self.quantized(device)
        data = self.data.to(device, dtype, non_blocking)
        if data.dtype != torch.int8:
            return Int8Params(data, self.requires_grad, self.has_fp16_weights)
        return quantized_params(data, None if self.SCB is None else self.SCB.to(data.device))

    def cpu(self) -> "Int8Params":
        """to("cpu")."""
        return self.to("cpu")

    def cuda(self, device: Any = None, non_blocking: bool = False) -> "Int8Params":
        """To a GPU."""
        if device is None or isinstance(device, int):
            device = f"cuda:{torch.cuda.current_device() if device is None else device}"
        return self.to(device, non_blocking=non_blocking)

    def __deepcopy__(self, memo: Dict[int, Any]) -> "Int8Params":
        data, largest = self.data.clone(), None if self.SCB is None else self.SCB.clone()
        if self.is_quantized:
            return quantized_params(data, largest)
        return Int8Params(data, self.requires_grad, self.has_fp16_weights)

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self.is_quantized:
            return quantized_params, (self.data, self.SCB)
        return Int8Params, (self.data, self.requires_grad, self.has_fp16_weights)


def quantized_params(values: Tensor, largest: Optional[Tensor]) -> Int8Params:
    """Of int8 [N, K] and its SCB."""
    return Int8Params(values, requires_grad=False, CB=values, SCB=largest)


class PackedInt8Params(SeenPlain, Int8Params):
    """One that lies in memory as `product` has it, and is unpacked where it is used otherwise."""

    product: LinearLlmInt8

    @classmethod
    def of_plain(cls, plain: Int8Params, largest: Tensor) -> "PackedInt8Params":
        """Packed for the device that the weight is on; SCB float32 [N]."""
        weight = pack_w8a8(plain.data)
        product = LinearLlmInt8(weight, largest / 127)
        seen = (product.weight_values, plain.shape, torch.int8, plain.device)
        made = cls.of(*seen)
        made.product, made.CB, made.SCB, made.has_fp16_weights = product, SeenPlain.of(*seen), largest, False
        return made

    def unpacked(self) -> Int8Params:
        """The plain weight."""
        return quantized_params(self.unpack(), self.SCB)

    def to(self, *arguments: Any, **options: Any) -> Int8Params:
        """As of the plain weight."""
        return self.unpacked().to(*arguments, **options)

    __deepcopy__ = Int8Params.__deepcopy__
    __reduce_ex__ = Int8Params.__reduce_ex__


# What transformers, accelerate and PEFT know a quantised weight by.
PackedInt8Params.__name__ = Int8Params.__name__

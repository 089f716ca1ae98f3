"""What torch-int's int8 linears share: a weight that is packed once, and is seen from outside as plain int8."""

from typing import Any, Dict, Optional, Tuple

import torch
from torch import Tensor

from envdoctor.kernels import gemm_w8a8, linear_w8a8, pack_w8a8
from envdoctor.kernels.calls import Device
from envdoctor.kernels.gemm_w8a8 import PackedW8A8
from envdoctor.kernels.kinds import is_compiling
from envdoctor.kernels.layouts import unpack_w8a8
from envdoctor.quant.torch_int.nn.keeping_types import KeepingTypes, fit_state


class Int8Linear(KeepingTypes):
    """out = a * (x weight^T) + b * bias for int8 x [..., K]; buffers weight int8 [N, K], bias [1, N], and a and b.

    The first call packs the weight for its device and lets the plain one go, so it lies in memory once. States, copies
    and pickles have the plain one; so has who asks for `weight`: then the next call packs again, with what was changed.
    (Changes by way of a `weight` asked for before the last call are lost.) CUDA graphs hold any call but the first.
    """

    BIAS = torch.int8
    OUT = torch.int8
    RELU = False

    in_features: int
    out_features: int
    #: What b * bias was made of, and it.
    _scaled: Optional[Tuple[Tuple[Any, ...], Tensor]] = None

    def __init__(self, in_features: int, out_features: int, device: Device = None) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        sizes = (out_features, in_features)
        self.register_buffer("weight", torch.randint(-127, 127, sizes, dtype=torch.int8, device=device))
        self.register_buffer("bias", torch.zeros((1, out_features), dtype=self.BIAS, device=device))

    def forward(self, x: Tensor) -> Tensor:
        """int8 [..., K] to [..., N]."""
        held = self._buffers  # itself: each name of a module that is a buffer's costs a microsecond
        arguments: Dict[str, Any] = {"bias": self._bias(), "relu": self.RELU, "out_dtype": self.OUT}
        if "a" in held:
            arguments["x_scale"] = _at(held["a"], x)
        if is_compiling() and held["weight"] is not None:  # packing is no operator
            return gemm_w8a8(x, held["weight"], **arguments)
        if held["weight"] is not None:
            self._pack()
        packed = PackedW8A8(held["packed"], held["sums"], self.out_features, self.in_features)
        return linear_w8a8(x, packed, **arguments)

    def _bias(self) -> Optional[Tensor]:
        """b * bias, float32, made anew when one of them changed; bias itself where there is no b."""
        bias, b = self._buffers["bias"], self._buffers.get("b")
        if bias is None or b is None:
            return None if bias is None else bias.reshape(-1)
        if is_compiling() or bias.is_inference() or b.is_inference():  # the last two do not count changes
            return bias.reshape(-1) * _at(b, bias)
        made_of = (id(bias), bias.data_ptr(), bias._version, id(b), b.data_ptr(), b._version)
        if self._scaled is None or self._scaled[0][:6] != made_of:
            scaled = bias.reshape(-1) * _at(b, bias)
            self._scaled = ((*made_of, bias, b), scaled)  # both kept, so that no other one has their id
        return self._scaled[1]

    @torch.inference_mode(False)  # type: ignore[untyped-decorator]
    def _pack(self) -> None:
        """The first call's work. Other threads may do it, too, and find at any time a weight or what it became."""
        weight = self._buffers["weight"]
        if weight is None:
            return
        packed = pack_w8a8(weight)
        self.out_features, self.in_features = packed.n, packed.k  # some weight may have been put there
        self.register_buffer("packed", packed.data, persistent=False)
        self.register_buffer("sums", packed.sums, persistent=False)
        self._buffers["weight"] = None

    @torch.inference_mode(False)  # type: ignore[untyped-decorator]
    def _plain_weight(self) -> Tensor:
        weight = self._buffers["weight"]
        if weight is not None:
            return weight
        packed = self._buffers["packed"]
        return unpack_w8a8(packed, self.out_features, self.in_features, packed.device.type)

    def _unpack(self) -> None:
        self._scaled = None
        if "packed" in self._buffers:
            self._buffers["weight"] = self._plain_weight()
            del self.packed, self.sums

    # --- ways out and in: everywhere the weight is plain --------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        if name == "weight":
            self._unpack()
        return super().__getattr__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "weight":
            self._unpack()
        if isinstance(value, torch.nn.Parameter) and name in self.__dict__.get("_buffers", ()):
            value = value.detach()  # or it would stop being a buffer
        super().__setattr__(name, value)

    def _apply(self, *arguments: Any, **options: Any) -> "Int8Linear":
        self._unpack()
        super()._apply(*arguments, **options)
        return self

    def __getstate__(self) -> Dict[str, Any]:
        self._unpack()
        # What torch.compile keeps of a module is of this process.
        return {name: value for name, value in vars(self).items() if name != "_compiled_call_impl"}

    def _save_to_state_dict(self, destination: Dict[str, Any], prefix: str, keep_vars: bool) -> None:
        destination[prefix + "weight"] = self._plain_weight()
        super()._save_to_state_dict(destination, prefix, keep_vars)

    def _load_from_state_dict(self, state_dict: Dict[str, Any], prefix: str, *rest: Any) -> None:
        self._unpack()
        fit_state(state_dict, prefix, self._buffers["bias"], rest[-1])
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def extra_repr(self) -> str:
        """As of torch.nn.Linear."""
        return f"in_features={self.in_features}, out_features={self.out_features}"


def _at(scale: Tensor, x: Tensor) -> Tensor:
    """Usually the scale itself."""
    return scale if scale.device == x.device else scale.to(x.device)

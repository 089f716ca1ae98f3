"""Linear8bitLt: LLM.int8() as bitsandbytes has it."""

from typing import Any, Callable, Dict, List, Optional

import torch
from torch import Tensor

from envdoctor.kernels import LinearLlmInt8
from envdoctor.kernels.calls import Device
from envdoctor.kernels.kinds import is_compiling
from envdoctor.quant.bitsandbytes.autograd._functions import Frozen, MatmulLtState, matmul
from envdoctor.quant.bitsandbytes.nn.parameters import Int8Params, PackedInt8Params, quantized_params

__all__ = ["Int8Params", "Linear8bitLt"]

#: What `weight_format` of a state means, or is in old states. All but the first are tiled for one kind of GPU.
_FORMATS: Dict[Any, str] = {0: "row", 1: "col32", 2: "col_turing", 3: "col_ampere"}


class Linear8bitLt(torch.nn.Linear):  # type: ignore[misc]
    """A linear whose weight becomes int8 when it is moved to a device, in which columns of large activations do not.

    threshold 0: all do. With has_fp16_weights the weight stays as it is, for training, and is rounded in each call;
    else the first call packs it for its device, so that it lies in memory once: `weight` still has
    its values. Gradients are those of activations and bias, and of the weight with has_fp16_weights.
    """

    weight: Tensor
    #: The weight when it was packed, and what multiplies with it: they go as soon as there is another weight.
    _packed: Optional[PackedInt8Params] = None
    _product: Optional[LinearLlmInt8] = None

    def __init__(
        self,
        input_features: int,
        output_features: int,
        bias: bool = True,
        has_fp16_weights: bool = True,
        threshold: float = 0.0,
        index: Any = None,
        device: Device = None,
    ) -> None:
        super().__init__(input_features, output_features, bias, device)
        self.state, self.index = MatmulLtState(), index
        self.state.threshold, self.state.has_fp16_weights = threshold, has_fp16_weights
        self.weight = Int8Params(self.weight.data, has_fp16_weights, has_fp16_weights)

    def forward(self, x: Tensor) -> Tensor:
        """x [..., K] to [..., N] in the dtype of x."""
        state = self.state
        state.is_training = self.training
        if state.has_fp16_weights:
            return matmul(x, self.weight, state=state, bias=self.bias)
        if not is_compiling() and self._parameters["weight"] is not self._packed:
            self.init_8bit_state()
        product, bias = self._product, self._parameters["bias"]
        if product is None:
            raise RuntimeError(
                "call a Linear8bitLt once before torch.compile reads it: it then packs its weight"
            )
        if torch.is_grad_enabled() and (x.requires_grad or (bias is not None and bias.requires_grad)):
            made: Tensor = Frozen.apply(x, bias, product, state.threshold)
            return made
        return product.product(x, bias, state.threshold)

    @torch.inference_mode(False)  # type: ignore[untyped-decorator]
    def init_8bit_state(self) -> None:
        """What the first call does: round the weight where it is not yet int8, and pack it."""
        weight = self._plain()
        if not weight.is_quantized:
            weight = weight.quantized()
        if weight.SCB is None:
            raise ValueError("the weight is int8 and has no SCB, the largest magnitudes of its rows")
        packed = PackedInt8Params.of_plain(weight, weight.SCB.to(weight.device, torch.float32))
        self._parameters["weight"] = packed
        self.state.CB, self.state.SCB = packed.CB, packed.SCB
        # Not as torch sets what is a parameter or a module.
        self.__dict__.update(_packed=packed, _product=packed.product)

    def _plain(self) -> Int8Params:
        """The weight, whatever was put there: also a Parameter, which is what is left of Int8Params in a pickle."""
        weight = self._parameters["weight"]
        if isinstance(weight, PackedInt8Params):
            return weight.unpacked()
        if weight.dtype != torch.int8:
            return weight if isinstance(weight, Int8Params) else Int8Params(weight.data, requires_grad=False)
        return quantized_params(weight.data, self._largest())

    def _largest(self) -> Optional[Tensor]:
        largest = getattr(self._parameters["weight"], "SCB", None)
        return self.state.SCB if largest is None else largest

    def _unpack(self) -> None:
        if not self.state.has_fp16_weights:
            self._parameters["weight"] = self._plain()
        self.state.reset_grads()
        self.__dict__.update(_packed=None, _product=None)

    # --- ways out and in: everywhere the weight is plain --------------------------------------------------------------

    def _apply(self, fn: Callable[[Tensor], Tensor], *rest: Any, **options: Any) -> "Linear8bitLt":
        self._unpack()
        if self.state.has_fp16_weights:
            return super()._apply(fn, *rest, **options)  # type: ignore[no-any-return]
        weight = fn(self._parameters["weight"])
        if not isinstance(weight, Int8Params):
            weight = Int8Params(weight.detach(), requires_grad=False)
        self._parameters["weight"] = None  # torch would move its values and leave what belongs to them
        try:
            super()._apply(fn, *rest, **options)
        finally:
            self._parameters["weight"] = weight
        return self

    def __getstate__(self) -> Dict[str, Any]:
        # What torch.compile keeps of a module is of this process, and a packed weight of this device.
        left = ("_compiled_call_impl", "_packed", "_product")
        return {name: value for name, value in vars(self).items() if name not in left}

    def _save_to_state_dict(self, destination: Dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        largest = self._largest()
        if largest is not None and self._parameters["weight"].dtype == torch.int8:
            destination[prefix + "SCB"] = largest
            destination[prefix + "weight_format"] = torch.tensor(0, dtype=torch.uint8)

    def _load_from_state_dict(
        self,
        state_dict: Dict[str, Any],
        prefix: str,
        local_metadata: Dict[str, Any],
        strict: bool,
        missing_keys: List[str],
        unexpected_keys: List[str],
        error_msgs: List[str],
    ) -> None:
        mine = {name: state_dict[name] for name in state_dict if name.startswith(prefix)}
        keys = [prefix + name for name in ("weight", "SCB", "weight_format")]
        try:
            weight = self._weight_of(*(mine.get(key) for key in keys))
        except (TypeError, ValueError) as error:
            error_msgs.append(f"{prefix[:-1] or type(self).__name__}: {error}")
            return
        taken = keys if weight is not None else keys[1:]
        rest = {name: mine[name] for name in mine if name not in taken}
        arguments = (local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        super()._load_from_state_dict(rest, prefix, *arguments)
        if weight is not None:
            missing_keys[:] = [name for name in missing_keys if name != keys[0]]
            self._unpack()
            self._parameters["weight"] = weight

    def _weight_of(
        self, weight: Optional[Tensor], largest: Optional[Tensor], of_format: "Tensor | str | None"
    ) -> Optional[Int8Params]:
        """The int8 weight that a state makes; None where torch loads what there is, which has 16 or 32 bits."""
        self._check_state(weight, largest, of_format)
        mine = self._parameters["weight"]
        if weight is None or torch.int8 not in (weight.dtype, mine.dtype):
            return None
        device = weight.device if mine.device.type == "meta" else mine.device
        if largest is None:
            return Int8Params(weight.detach(), requires_grad=False).quantized(device)
        values, scb = weight.to(device, copy=True), largest.to(device, torch.float32, copy=True)
        return quantized_params(values, scb)

    def _check_state(
        self, weight: Optional[Tensor], largest: Optional[Tensor], of_format: "Tensor | str | None"
    ) -> None:
        found = of_format.item() if isinstance(of_format, Tensor) else of_format
        if found not in (None, 0, "row"):
            raise ValueError(f"weight_format must be 0 (row), not {found} ({_FORMATS.get(found, 'tiled')})")
        is_int8 = weight is not None and weight.dtype == torch.int8
        if is_int8 != (largest is not None) or (is_int8 and self.state.has_fp16_weights):
            raise ValueError("an int8 weight goes with SCB, and both with has_fp16_weights=False")
        shape = [self.out_features, self.in_features]
        for name, tensor, wanted in (("weight", weight, shape), ("SCB", largest, shape[:1])):
            if tensor is not None and list(tensor.shape) != wanted:
                raise ValueError(f"{name} must be {wanted}, not {list(tensor.shape)}")


def maybe_rearrange_weight(*_: Any) -> None:
    """The hook that is in pickles of bitsandbytes's modules; here the module itself looks at a state's format."""

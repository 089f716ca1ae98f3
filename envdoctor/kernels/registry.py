"""Operators of torch's namespace `envdoctor`."""

from typing import Any, Callable

import torch

from envdoctor.kernels.calls import inference_only


def _for_inference(fake: Callable[..., Any], name: str) -> Callable[..., Any]:
    """What torch.compile makes calls an operator without gradients: only its fake kernel can know of them.

    Nor does a call get further where one tensor of several is on `meta`: torch takes the fake kernel for all.
    """

    def checked(*arguments: Any) -> Any:
        tensors = [argument for argument in arguments if isinstance(argument, torch.Tensor)]
        for tensor in tensors:
            inference_only(tensor, f"an input of {name}")
        devices = sorted({str(tensor.device) for tensor in tensors})
        if len(devices) > 1:
            raise ValueError(f"the inputs of {name} must be on one device, not {' and '.join(devices)}")
        return fake(*arguments)

    return checked


class Registry:
    """Operators of the namespace `envdoctor`: one schema, one implementation for every device, one fake kernel.

    All are for inference only. Torch before 2.4 cannot be given a fake kernel: there nothing is registered.
    """

    def __init__(self) -> None:
        self._library = torch.library.Library("envdoctor", "DEF") if hasattr(torch, "library") else None

    def operator(self, schema: str, real: Callable[..., Any], fake: Callable[..., Any]) -> Callable[..., Any]:
        """Register and return what to call: the operator, or the plain function where torch is too old for one."""
        name = schema.partition("(")[0]
        if self._library is None or not hasattr(torch.library, "register_fake"):
            return real
        tags = (torch.Tag.pt2_compliant_tag,) if hasattr(torch.Tag, "pt2_compliant_tag") else ()
        self._library.define(schema, tags=tags)
        for key in ("CPU", "CUDA"):
            self._library.impl(name, real, key)
        torch.library.register_fake(f"envdoctor::{name}", _for_inference(fake, name), lib=self._library)
        return getattr(torch.ops.envdoctor, name).default  # type: ignore[no-any-return]


registry = Registry()

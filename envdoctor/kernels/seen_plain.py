"""A packed weight as the matrix that it is: type, shape and device cost nothing, values are unpacked when used."""

from typing import Any, Callable, Dict, Optional, Tuple, Type, TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

Self = TypeVar("Self", bound="SeenPlain")


class SeenPlain(Tensor):  # type: ignore[misc]
    """A tensor without memory of its own. Every operation gets what `unpack` gives; those that write are refused."""

    unpack: Callable[[], Tensor]
    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def of(
        cls: Type[Self],
        unpack: Callable[[], Tensor],
        shape: Tuple[int, ...],
        dtype: torch.dtype,
        device: torch.device,
    ) -> Self:
        """What `unpack` gives has this shape and type, and is on this device."""
        made = Tensor._make_wrapper_subclass(cls, shape, dtype=dtype, device=device)
        made.unpack = unpack
        return made  # type: ignore[no-any-return]

    @classmethod
    def __torch_dispatch__(
        cls,
        operator: Any,
        types: Any,
        arguments: Tuple[Any, ...] = (),
        options: Optional[Dict[str, Any]] = None,
    ) -> Any:
        if operator._schema.is_mutable and isinstance(arguments[0], SeenPlain):
            raise RuntimeError("a packed weight is not written to: load a state, or make the module anew")
        return operator(*tree_map(_plain, arguments), **tree_map(_plain, options or {}))

    def __deepcopy__(self, memo: Dict[int, Any]) -> Tensor:
        return self.unpack()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.unpack().__reduce_ex__(protocol)

    def __repr__(self, **options: Any) -> str:
        return repr(self.unpack())


def _plain(value: Any) -> Any:
    return value.unpack() if isinstance(value, SeenPlain) else value

"""What linears share: weights packed for their device, the table of its variants, and the way to another device."""

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Type, TypeVar

import torch
from torch import Tensor

from envdoctor.kernels.calls import vector
from envdoctor.kernels.forcing import Forcing
from envdoctor.kernels.kinds import is_compiling
from envdoctor.kernels.seen_plain import SeenPlain
from envdoctor.kernels.variants import Ask

Self = TypeVar("Self", bound="PackedLinear")


class PackedLinear(torch.nn.Module):  # type: ignore[misc]
    """A linear for inference whose weights lie in the layout of one kind of device.

    That layout is the library's own affair: what leaves the module (`state_dict`, pickle, a copy, `to` another device)
    are plain tensors, which are packed anew where they arrive. There the table of variants is resolved anew too.
    Nothing here follows `half()` and its like: an output has the dtype of x, and scales stay what they are.
    """

    #: Names in a state_dict: those that are buffers only where they are not None.
    STATE: Tuple[str, ...] = ()
    #: Of those, what a state brings along or not, whatever there was before.
    FREE: Tuple[str, ...] = ()

    #: What depends on the weights, and so goes with them.
    WITH_WEIGHTS: Tuple[str, ...] = ("variants",)
    #: Of its family.
    forcing: Forcing

    packed: Tensor
    bias: Optional[Tensor]
    in_features: int
    out_features: int
    #: For each dtype of x, which variant takes how many rows (envdoctor.kernels.variants).
    variants: Dict[torch.dtype, Tuple[int, ...]]

    @property
    def weight(self) -> Tensor:
        """[out_features, in_features], for code that asks a linear's weight for its type, shape or device.

        That costs nothing; values are unpacked where they are used, and cannot be written to.
        """
        if is_compiling():
            return self.weight_values()
        shape = (self.out_features, self.in_features)
        return SeenPlain.of(self.weight_values, shape, self.weight_dtype, self.packed.device)

    @property
    def weight_dtype(self) -> torch.dtype:
        """Of `weight`."""
        return torch.int8

    def weight_values(self) -> Tensor:
        """Those of `weight`, in new memory."""
        raise NotImplementedError

    def plain(self) -> Dict[str, Tensor]:
        """The state, in no device's layout."""
        raise NotImplementedError

    def made_of(self: Self, plain: Dict[str, Tensor], device: torch.device) -> Self:
        """Another one with this state on a device; ValueError or TypeError for what does not fit."""
        raise NotImplementedError

    @classmethod
    def restored(
        cls: Type[Self], sizes: Mapping[str, Any], plain: Dict[str, Tensor], device: torch.device
    ) -> Self:
        """The one whose sizes() and plain() these are; ValueError or TypeError for what does not fit."""
        blank = cls.__new__(cls)
        torch.nn.Module.__init__(blank)
        for name, size in sizes.items():
            setattr(blank, name, size)
        return blank.made_of(plain, device)

    def ask(self, dtype: torch.dtype) -> Ask:
        """What the library says of variants for x of a dtype."""
        raise NotImplementedError

    def _hold(
        self, tables: Dict[torch.dtype, List[int]], packed: Tensor, **tensors: Optional[Tensor]
    ) -> None:
        self.register_buffer("packed", packed, persistent=False)
        for name, tensor in tensors.items():
            # A copy: whom it came from may go on and change it.
            held = None if tensor is None else tensor.detach().to(packed.device, copy=True)
            self.register_buffer(name, None if held is None else held.contiguous(), persistent=False)
        self.variants = {dtype: tuple(table) for dtype, table in tables.items()}

    def _held(self, *names: str) -> Dict[str, Tensor]:
        return {name: self._buffers[name] for name in names if self._buffers[name] is not None}

    def _become(self, other: "PackedLinear") -> None:
        found = [(each.in_features, each.out_features) for each in (self, other)]
        if found[0] != found[1]:
            raise ValueError(f"{found[1]} features in and out do not go into a linear of {found[0]}")
        self._buffers.update(other._buffers)
        for name in self.WITH_WEIGHTS:
            setattr(self, name, getattr(other, name))

    def _apply(self, fn: Callable[[Tensor], Tensor], *rest: Any, **options: Any) -> "PackedLinear":
        device = fn(self.packed.new_empty(0)).device
        if device != self.packed.device:
            self._become(self.made_of(self.plain(), device))
            return self

        def keeping_type(tensor: Tensor) -> Tensor:
            made = fn(tensor)
            return made if made.dtype == tensor.dtype else tensor

        return super()._apply(keeping_type, *rest, **options)  # type: ignore[no-any-return]

    def _save_to_state_dict(self, destination: Dict[str, Any], prefix: str, keep_vars: bool) -> None:
        destination.update({prefix + name: tensor for name, tensor in self.plain().items()})

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
        given = {name[len(prefix) :]: state_dict[name] for name in state_dict if name.startswith(prefix)}
        names = [name for name in self.STATE if (name in given if name in self.FREE else self._has(name))]
        missing = [name for name in names if name not in given]
        missing_keys += [prefix + name for name in missing]
        if strict:
            unexpected_keys += [prefix + name for name in given if name not in names]
        if missing:
            return
        try:
            self._become(self.made_of({name: given[name] for name in names}, self.packed.device))
        except (TypeError, ValueError) as error:
            error_msgs.append(f"{prefix[:-1] or type(self).__name__}: {error}")

    def _has(self, name: str) -> bool:
        return name not in self._buffers or self._buffers[name] is not None

    def __getstate__(self) -> Dict[str, Any]:
        # What torch.compile keeps of a module is of this process.
        kept = {name: value for name, value in vars(self).items() if name != "_compiled_call_impl"}
        return {**kept, "_buffers": {}, "plain": self.plain()}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        plain = state.pop("plain")
        super().__setstate__(state)
        self._become(self.made_of(plain, plain["weight"].device))

    def sizes(self) -> Dict[str, float]:
        """Of the weights, as it says what it is."""
        return {"in_features": self.in_features, "out_features": self.out_features}

    def example(self, rows: int, dtype: torch.dtype) -> Tensor:
        """Some x to measure with, always the same."""
        made = torch.Generator().manual_seed(0)
        return torch.randn(rows, self.in_features, generator=made, device="cpu").to(self.packed.device, dtype)

    def signature(self) -> Dict[str, Any]:
        """All of it that decides, with a device, which variants run and are fast: all but the values."""
        with_weights = {name: str(getattr(self, name)) for name in self.WITH_WEIGHTS if name != "variants"}
        buffers = {
            name: f"{str(tensor.dtype)[6:]} {list(tensor.shape)}"
            for name, tensor in self._buffers.items()
            if tensor is not None
        }
        return {**self.sizes(), **with_weights, "buffers": buffers}

    def extra_repr(self) -> str:
        """As of torch.nn.Linear, and the device that it is packed for."""
        sizes = ", ".join(f"{name}={size}" for name, size in self.sizes().items())
        return f"{sizes}, bias={self.bias is not None}, device={self.packed.device}"


def flat(values: Optional[Tensor], count: int, dtypes: Sequence[torch.dtype], name: str) -> Optional[Tensor]:
    """So many, in one dimension; their device is not yet the linear's."""
    values = vector(values, count, dtypes, None, name)
    return None if values is None else values.reshape(-1)

"""The schemes: what becomes of a linear, what is asked of calibration for it, and the options that it has."""

from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import torch
from torch import nn

from envdoctor.kernels import LinearLlmInt8
from envdoctor.kernels.packed_linear import PackedLinear
from envdoctor.quant.families import GivenRow
from envdoctor.quant.gptq import Inputs, gptq
from envdoctor.quant.grid import Device, Grid, QuantizedWeight
from envdoctor.quant.mse import mse
from envdoctor.quant.rtn import rtn
from envdoctor.quant.smoothquant import w8a8_linear
from envdoctor.quant.statistics import LinearRange

#: An alpha that calibration finds (envdoctor.quant.alpha).
SEARCH = "search"


@dataclass(frozen=True)
class Options:
    """What a scheme can be told; a scheme takes those that its row names."""

    bits: int = 4
    group_size: int = 128  # -1: all of a row
    symmetric: bool = True
    act_order: bool = False
    static_groups: bool = False
    alpha: Union[float, str, None] = 0.5  # of smoothing; SEARCH: what is best for each norm; None: without
    feeds: Optional[Mapping[str, Sequence[str]]] = (
        None  # norms and what they feed; None: those of known families
    )
    threshold: float = 6.0  # from which on activations are outliers


#: What is known of a linear's inputs.
Seen = Union[Inputs, LinearRange, None]
#: From a linear of torch, what it has seen and where to pack, with options.
Make = Callable[[nn.Linear, Seen, Device, Options], PackedLinear]
#: What a scheme wants to be seen: nothing, products of inputs (Inputs), or their ranges (LinearRange).
NOTHING, INPUTS, RANGES = "nothing", "inputs", "ranges"


class Row(NamedTuple):
    """Of the table."""

    make: Make
    takes: Tuple[str, ...] = ()
    wants: str = NOTHING
    sixteen_bits: bool = False  # whether its activations must have them
    room: int = 21  # bytes for each weight of a linear while it is made, measured
    packed: float = 0.65  # and then: values, and scales of groups of 32
    default: Options = Options()
    smoothed: str = ""  # what it is called in envdoctor.quant.smoothquant, if calibration smooths it


@dataclass(frozen=True)
class Scheme:
    """A row of the table with its options decided."""

    name: str
    options: Options

    @property
    def row(self) -> Row:
        """What the table says."""
        return SCHEMES[self.name]

    @property
    def smooths(self) -> bool:
        """Whether norms and what they feed are changed before."""
        return bool(self.row.smoothed) and self.options.alpha is not None

    @property
    def rows(self) -> Optional[List[GivenRow]]:
        """Which norms feed what, where it is told."""
        return None if self.options.feeds is None else list(self.options.feeds.items())

    @property
    def packed(self) -> float:
        """Bytes for each weight of a packed linear, at most."""
        return 1.2 if "bits" in self.row.takes and self.options.bits == 8 else self.row.packed

    def make(self, linear: nn.Linear, seen: Seen, device: Device) -> PackedLinear:
        """The linear that takes its place, packed for a device. Raises ValueError."""
        return self.row.make(linear, seen, device, self.options)

    def document(self) -> Dict[str, Any]:
        """As files say it."""
        return {"scheme": self.name, **{name: getattr(self.options, name) for name in self.row.takes}}


def check_dtype(chosen: Scheme, dtype: torch.dtype) -> None:
    """ValueError where a model of that type cannot call the linears of a scheme."""
    if chosen.row.sixteen_bits and dtype == torch.float32:
        raise ValueError(
            f"{chosen.name} has activations of 16 bits, and the model is float32: name another dtype"
        )


def scheme(name: "str | Scheme", **options: Any) -> Scheme:
    """A scheme by its name, with options other than its own. Raises ValueError."""
    if isinstance(name, Scheme):
        own = name.document()
        return scheme(own.pop("scheme"), **{**own, **options})
    row = row_of(name)
    for option in options:
        if option not in row.takes:
            raise ValueError(
                f"{name} has no {option}" + (f"; it has {', '.join(row.takes)}" if row.takes else "")
            )
    return Scheme(name, _checked(replace(row.default, **options)))


def row_of(name: str) -> Row:
    """That of SCHEMES. Raises ValueError."""
    if name not in SCHEMES:
        raise ValueError(f"no scheme {name!r}; there are {', '.join(SCHEMES)}")
    return SCHEMES[name]


def _checked(options: Options) -> Options:
    group = options.group_size
    if group != -1 and (group < 32 or group % 32):
        raise ValueError(f"group_size must be a multiple of 32, or -1 for a whole row, not {group}")
    Grid(options.bits, group, options.symmetric)
    alpha = options.alpha
    if not (alpha in (None, SEARCH) or (isinstance(alpha, (int, float)) and 0 <= alpha <= 1)):
        raise ValueError(f"alpha must be from 0 to 1, or {SEARCH!r}, not {alpha!r}")
    if alpha is None and options.feeds is not None:
        raise ValueError("feeds are of smoothing, and alpha says that there is none")
    if not options.threshold >= 0:
        raise ValueError(f"threshold must not be negative or NaN, not {options.threshold}")
    return options


# --- how weights are rounded ------------------------------------------------------------------------------------------

Rounding = Callable[[nn.Linear, Seen, Grid, Options], QuantizedWeight]


def _rtn(linear: nn.Linear, seen: Seen, grid: Grid, options: Options) -> QuantizedWeight:
    return rtn(linear.weight, grid)


def _mse(linear: nn.Linear, seen: Seen, grid: Grid, options: Options) -> QuantizedWeight:
    return mse(linear.weight, grid)


def _gptq(linear: nn.Linear, seen: Seen, grid: Grid, options: Options) -> QuantizedWeight:
    if not isinstance(seen, Inputs) or not seen.count:  # a part of the model that no batch has reached
        return rtn(linear.weight, grid)
    order, static = options.act_order, options.static_groups
    weight = linear.weight
    return gptq(weight, seen, grid, act_order=order, static_groups=static, device=weight.device)


# --- what becomes of linears ------------------------------------------------------------------------------------------


def _w8a8(name: str) -> Make:
    def make(linear: nn.Linear, seen: Seen, device: Device, options: Options) -> PackedLinear:
        return w8a8_linear(linear, name, seen if isinstance(seen, LinearRange) else None, device)

    return make


def _llm_int8(linear: nn.Linear, seen: Seen, device: Device, options: Options) -> PackedLinear:
    return LinearLlmInt8.from_linear(linear, options.threshold, device)


def _w4a8(rounding: Rounding) -> Make:
    def make(linear: nn.Linear, seen: Seen, device: Device, options: Options) -> PackedLinear:
        numerics = "absmax" if options.symmetric else "gptq"  # which alone has zero points
        grid = Grid(4, options.group_size, options.symmetric, numerics, torch.float32)
        return rounding(linear, seen, grid, options).linear_w4a8(linear.bias, device)

    return make


def _int8adq(linear: nn.Linear, seen: Seen, device: Device, options: Options) -> PackedLinear:
    made = rtn(linear.weight, Grid(4, options.group_size, numerics="torchao"))
    return made.linear_w4a8(linear.bias, device, levels=127.5)


def _w4a16(rounding: Rounding) -> Make:
    def make(linear: nn.Linear, seen: Seen, device: Device, options: Options) -> PackedLinear:
        grid = Grid(options.bits, options.group_size, options.symmetric)
        return rounding(linear, seen, grid, options).linear_w4a16(linear.bias, device)

    return make


_GROUPS = ("group_size", "symmetric")
_GPTQ = ("act_order", "static_groups")
_WHOLE_ROWS = Options(group_size=-1)


def _smoothed_row(name: str) -> Row:
    return Row(_w8a8(name), ("alpha", "feeds"), RANGES, room=13, packed=1.1, smoothed=name)


SCHEMES: Dict[str, Row] = {
    # int8 weights and activations: each row with a scale when it comes, or static scales; with outliers apart
    "w8a8": Row(_w8a8("w8a8"), room=8, packed=1.1),
    "w8a8-smooth": _smoothed_row("w8a8"),
    "smq_q8i8f16_0": _smoothed_row("smq_q8i8f16_0"),
    "smq_q8i8f16_1": _smoothed_row("smq_q8i8f16_1"),
    "smq_q8i8f16_2": _smoothed_row("smq_q8i8f16_2"),
    "llm.int8": Row(_llm_int8, ("threshold",), room=8, packed=1.1),
    # int4 weights, activations as in w8a8
    "w4a8": Row(_w4a8(_rtn), default=_WHOLE_ROWS),
    "w4a8-gptq": Row(_w4a8(_gptq), ("act_order",), INPUTS, room=13, default=_WHOLE_ROWS),
    "w4a8-g128": Row(_w4a8(_rtn), _GROUPS),
    "w4a8-g128-gptq": Row(_w4a8(_gptq), (*_GROUPS, *_GPTQ), INPUTS, room=13),
    "int8adq-int4w-symm": Row(_int8adq, default=_WHOLE_ROWS),
    # weights of 2 to 8 bits, activations of 16: GPTQ checkpoints
    "w4a16-rtn": Row(_w4a16(_rtn), ("bits", *_GROUPS), sixteen_bits=True),
    "w4a16-mse": Row(_w4a16(_mse), ("bits", *_GROUPS), sixteen_bits=True),
    "w4a16-gptq": Row(
        _w4a16(_gptq), ("bits", *_GROUPS, *_GPTQ), INPUTS, room=13, sixteen_bits=True, packed=1.2
    ),
}

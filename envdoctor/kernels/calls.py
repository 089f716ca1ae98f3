"""How tensors reach the compiled library: pointers, devices, streams, and what its statuses are in Python."""

import contextlib
import ctypes
import functools
import math
from typing import Any, Callable, Optional, Sequence, Tuple, Type, Union

import torch

from envdoctor import library
from envdoctor.kernels.kinds import checked

#: Where tensors shall be; None: where they are.
Device = Union[torch.device, str, None]
CPU = -1
NONE = 0
#: A pointer of calls that are only asked about: not null, and aligned as what torch allocates.
ANYWHERE = 4096
TYPES = {torch.int8: 1, torch.int32: 2, torch.float16: 3, torch.bfloat16: 4, torch.float32: 5}
INT8, INT32, FLOAT32 = (torch.int8,), (torch.int32,), (torch.float32,)
FLOATS = (torch.float16, torch.bfloat16, torch.float32)
INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)

_NO_KERNELS = "there are kernels for CPUs and NVIDIA GPUs, not for {}"
_EXCEPTIONS = {
    library.INVALID_ARGUMENT: ValueError,
    library.NOT_SUPPORTED: NotImplementedError,
    library.NOT_BUILT: NotImplementedError,
}


def function(name: str, result: Optional[Type[Any]], *arguments: Type[Any]) -> Callable[..., Any]:
    """A function of the library with its types declared."""
    found = getattr(library.load(), name)
    found.restype, found.argtypes = result, list(arguments)
    return found  # type: ignore[no-any-return]


def check(status: int, what: str) -> None:
    """Raise what a status means: ValueError, NotImplementedError or RuntimeError."""
    if status:
        raise _EXCEPTIONS.get(status, RuntimeError)(f"{what}: {library.last_reason()}")


def chosen(variant: int, what: str) -> int:
    """A variant that the library names; NotImplementedError where it has none for a call."""
    if variant < 0:
        raise NotImplementedError(f"{what}: {library.last_reason()}")
    return variant


def place(tensor: torch.Tensor) -> Tuple[int, Optional[int]]:
    """Where a tensor's kernels run: device for the library (-1: CPU), and the stream that is current there."""
    if tensor.is_cpu:
        return CPU, None
    if not tensor.is_cuda or torch.version.hip:
        raise NotImplementedError(_NO_KERNELS.format(tensor.device))
    hand_in_driver()
    index = tensor.get_device()
    # What torch.cuda.current_stream(index).cuda_stream is, without an object around it: every call asks.
    return index, torch._C._cuda_getCurrentRawStream(index)


@functools.lru_cache(maxsize=None)
def hand_in_driver() -> None:
    """Give the library the driver that torch uses; raises NotImplementedError where it is too old."""
    driver = ctypes.CDLL("libcuda.so.1")
    with contextlib.suppress(AttributeError):
        address = ctypes.cast(driver.cuGetProcAddress_v2, ctypes.c_void_p)
        return check(use_driver(address), "CUDA driver")
    try:
        address = ctypes.cast(driver.cuGetProcAddress, ctypes.c_void_p)
    except AttributeError:
        raise NotImplementedError(
            "the NVIDIA driver is older than CUDA 11.3; `envdoctor check` says more"
        ) from None
    return check(use_driver(address), "CUDA driver")


use_driver = function("envdoctor_use_driver", ctypes.c_int, ctypes.c_void_p)


_set_threads = function("envdoctor_set_threads", None, ctypes.c_int)


@checked
def set_threads(count: int) -> None:
    """How many threads a call on the CPU may use; 0, the default: as many as processors that the process may use.

    More than those, or than 64, are never used.
    """
    _set_threads(count)


#: How many a call on the CPU uses.
threads = function("envdoctor_threads", ctypes.c_int)


def where(device: torch.device) -> int:
    """A device as functions that only prepare for it take it: all GPUs are alike to them."""
    if device.type not in ("cpu", "cuda"):
        raise NotImplementedError(_NO_KERNELS.format(device))
    return CPU if device.type == "cpu" else 0


def address(tensor: Optional[torch.Tensor]) -> int:
    """Of its first element; 0 for none."""
    return 0 if tensor is None else tensor.data_ptr()


def check_type(tensor: torch.Tensor, dtypes: Sequence[torch.dtype], name: str) -> None:
    """TypeError for a tensor of another one, and for what is none."""
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"{name} must be a tensor, not {type(tensor).__name__}")
    if tensor.dtype not in dtypes:
        *most, last = (str(dtype)[6:] for dtype in dtypes)
        allowed = f"{', '.join(most)} or {last}" if most else last
        raise TypeError(f"{name} must be {allowed}, not {str(tensor.dtype)[6:]}")


def check_matrix(tensor: torch.Tensor, dtypes: Sequence[torch.dtype], name: str, axes: str) -> None:
    """TypeError for another dtype, ValueError for another rank."""
    check_type(tensor, dtypes, name)
    if tensor.dim() != 2:
        raise ValueError(f"{name} must be {axes}, not {list(tensor.shape)}")


def inference_only(tensor: torch.Tensor, name: str) -> None:
    """RuntimeError where the gradient of an input would be lost.

    That is in the call, not in a backward pass: an int8 result cannot remember that it has none.
    """
    if tensor.requires_grad and torch.is_grad_enabled():
        raise RuntimeError(
            f"envdoctor.kernels are for inference only, and {name} requires grad: "
            f"call them under torch.no_grad(), or detach() {name}"
        )


def check_packed(weight: Any, kind: type, by: str) -> None:
    """TypeError for weights that were not packed."""
    if not isinstance(weight, kind):
        raise TypeError(f"weight must be what {by} gives, not {type(weight).__name__}")


def check_x(x: torch.Tensor, dtypes: Sequence[torch.dtype], k: int, packed: torch.Tensor) -> None:
    """TypeError for another dtype of activations, ValueError unless they are [..., k] where the weights are."""
    if x.dtype not in dtypes:  # here, as in `vector`, so that what fits costs no calls
        check_type(x, dtypes, "x")
    if x.requires_grad:
        inference_only(x, "x")
    shape = x.shape
    if not shape or shape[-1] != k or x.get_device() != packed.get_device():
        found = f"{list(shape)} on {x.device}"
        raise ValueError(f"x must be [..., {k}] on {packed.device}, not {found}")


def vector(
    values: Optional[torch.Tensor],
    count: int,
    dtypes: Sequence[torch.dtype],
    device: Optional[int],
    name: str,
    or_one: bool = False,
) -> Optional[torch.Tensor]:
    """Scales, zero points or a bias as a kernel can read them: so many next to each other, or one if that will do.

    TypeError for another dtype, ValueError for another number or device (as get_device has it; None: any, and nothing
    is computed yet), RuntimeError where a gradient would be lost.
    """
    if values is None:
        return None
    if values.dtype not in dtypes:
        check_type(values, dtypes, name)
    size = values.numel()
    if size != count and not (or_one and size == 1):
        wanted = f"1 or {count} values" if or_one else f"{count} value{'s' * (count != 1)}"
        raise ValueError(f"{name} must have {wanted}, not {size}")
    if device is not None:
        if values.get_device() != device:
            of_x = "cpu" if device == CPU else f"cuda:{device}"
            raise ValueError(f"{name} is on {values.device} and x on {of_x}")
        if values.requires_grad:
            inference_only(values, name)
    return values if values.is_contiguous() else values.contiguous()


def rows_adjacent(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor, or a copy where neighbours of its last dimension do not lie next to each other."""
    return tensor if tensor.stride(-1) == 1 or tensor.shape[-1] <= 1 else tensor.contiguous()


def rows_of(tensor: torch.Tensor, k: int) -> Tuple[torch.Tensor, int, int]:
    """A tensor [..., k] or a copy that a kernel can read, how many rows that is, and elements from row to row."""
    if tensor.is_contiguous() and k:
        return tensor, tensor.numel() // k, k
    flat = rows_adjacent(tensor.reshape(math.prod(tensor.shape[:-1]), k))
    return flat, flat.shape[0], flat.stride(0)


def rows_of_groups(values: torch.Tensor) -> torch.Tensor:
    """[groups, N] with each row filled up to a multiple of 64: so many columns has a block."""
    return torch.nn.functional.pad(values, (0, -values.shape[1] % 64)).contiguous()

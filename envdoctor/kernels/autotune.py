"""Times the variants of a linear on its own device and has it take the fastest, remembered in a file for each.

Optional, and never done unasked: a linear that is made takes what the tables in cpp/*/dispatch.cpp say.
"""

import contextlib
import functools
import hashlib
import json
import posixpath
import statistics
import time
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

import torch
from torch import Tensor

from envdoctor import library
from envdoctor.host import LocalHost, make_folder, write_whole
from envdoctor.kernels.calls import threads
from envdoctor.kernels.kinds import explained
from envdoctor.kernels.packed_linear import PackedLinear
from envdoctor.kernels.variants import variant_of

ROWS = (1, 4, 8, 16, 32, 64, 128, 256, 512)

#: Copies of the weights that a round goes through, so that they come from memory and not from a cache, as in a model:
#: so many bytes, not more than so many copies, and fewer where a round would take longer than that. Then no weights are
#: waited for anyway.
_COLD_BYTES, _MOST_COPIES, _ROUND_SECONDS = 128 << 20, 64, 0.05
_ROUNDS = 7
#: Of the fastest time, what counts as equally fast: clocks do not tell more.
_TIE = 1.02
#: What is so much slower than the fastest so far in a first call is not timed further.
_HOPELESS = 8.0


@explained
def autotune(
    linear: PackedLinear,
    rows: Sequence[int] = ROWS,
    dtype: torch.dtype = torch.float16,
    folder: Optional[str] = None,
) -> Dict[int, str]:
    """Give a linear the variant that is fastest at each of these numbers of rows for x of a dtype; returns their names.

    Between two of them the larger one decides, and beyond the last the library. What was measured before, with this
    library on a device of this name and for another linear like this one, is read from `folder`, by default
    envdoctor/autotune in XDG's cache folder; a file that cannot be read, or says something else or what does not run,
    is measured anew. On a CPU, call set_threads before this. The table goes when the linear goes to another
    device, is copied or loads weights. Raises ValueError for no rows, unsorted ones or a dtype that x cannot have.
    """
    if not isinstance(linear, PackedLinear):
        raise TypeError(f"linear must be one of envdoctor.kernels, not {type(linear).__name__}")
    if dtype not in linear.variants:
        raise ValueError(f"x of {type(linear).__name__} here has one of {list(linear.variants)}, not {dtype}")
    whole = all(isinstance(count, int) for count in rows)
    if not rows or not whole or list(rows) != sorted(set(rows)) or rows[0] < 1:
        raise ValueError(f"rows must be rising whole numbers from 1 on, not {list(rows)}")
    names = ["auto", *linear.forcing.variants()]
    key = _key(linear, rows, dtype)
    path = _path(folder, key)
    fastest = _read(path, key, names)
    if fastest is None or not _run(linear, dtype, zip(rows, map(names.index, fastest))):
        with torch.no_grad():
            fastest = [names[_fastest(linear, count, dtype, len(names))] for count in rows]
        _write(path, key, fastest)
    table: List[int] = []
    for name, count in zip(fastest, rows):
        table += [names.index(name), count]
    linear.variants[dtype] = (*table, 0)
    return dict(zip(rows, fastest))


# --- what is remembered -----------------------------------------------------------------------------------------------


def _key(linear: PackedLinear, rows: Sequence[int], dtype: torch.dtype) -> Dict[str, Any]:
    """All that the times depend on."""
    return {
        "library": _library(),
        "device": _device(linear.packed.device),
        **({} if linear.packed.is_cuda else {"level": library.cpu_level(), "threads": threads()}),
        "linear": type(linear).__name__,
        **linear.signature(),
        "dtype": str(dtype)[6:],
        "rows": list(rows),
    }


@functools.lru_cache(maxsize=None)
def _library() -> str:
    path = library.find()
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path else ""
    return f"{library.version()} {digest[:16]}"


@functools.lru_cache(maxsize=None)
def _device(device: torch.device) -> str:
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    text = LocalHost().try_text("/proc/cpuinfo") or ""
    lines = (line.partition(":") for line in text.splitlines())
    return next((value.strip() for name, _, value in lines if name.strip() == "model name"), "CPU")


def _path(folder: Optional[str], key: Dict[str, Any]) -> Optional[str]:
    """A file of its own for each key, so that processes that write at once do not undo each other's work."""
    if folder is None:
        cache = LocalHost().user_folder("XDG_CACHE_HOME", ".cache")
        if cache is None:
            return None
        folder = posixpath.join(cache, "envdoctor", "autotune")
    text = json.dumps(key, sort_keys=True)
    return posixpath.join(folder, hashlib.sha256(text.encode()).hexdigest()[:24] + ".json")


def _read(path: Optional[str], key: Dict[str, Any], names: Sequence[str]) -> Optional[List[str]]:
    """The fastest variant of each number of rows; None for anything else than what `_write` wrote for this key."""
    try:
        said = json.loads(LocalHost().read_text(path)) if path else None
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or said.get("key") != key:
        return None
    fastest = said.get("fastest")
    fits = isinstance(fastest, list) and len(fastest) == len(key["rows"]) and all(n in names for n in fastest)
    return fastest if fits else None


def _run(linear: PackedLinear, dtype: torch.dtype, table: Iterable[Tuple[int, int]]) -> bool:
    """Whether the library has each variant, for as many rows, for this linear: a file may say what it wants."""
    ask = linear.ask(dtype)
    try:
        return all(variant in (0, ask(rows, variant)) for rows, variant in table)
    except NotImplementedError:
        return False


def _write(path: Optional[str], key: Dict[str, Any], fastest: Sequence[str]) -> None:
    if path is None:
        return
    # A cache that cannot be written costs another measurement, and no more.
    with contextlib.suppress(OSError):
        make_folder(posixpath.dirname(path))
        write_whole(path, json.dumps({"key": key, "fastest": list(fastest)}, indent=1) + "\n")


# --- what is measured -------------------------------------------------------------------------------------------------


def _fastest(linear: PackedLinear, rows: int, dtype: torch.dtype, count: int) -> int:
    """The number of the fastest variant; of those that are equally fast, the linear's own, else the first."""
    own, packed = linear.variants, linear.packed
    preferred = variant_of(own[dtype], rows)
    x = linear.example(rows, dtype)
    try:
        runs = _runs(linear, x, [preferred, *(v for v in range(1, count) if v != preferred)])
        times = _times(runs)
    finally:
        linear.variants, linear.packed = own, packed
    least = min(times.values()) * _TIE
    equal = [variant for variant, spent in times.items() if spent <= least]
    return preferred if preferred in equal else min(equal)


def _runs(linear: PackedLinear, x: Tensor, variants: Sequence[int]) -> Dict[int, Callable[[], float]]:
    """For each variant that runs here, and is not hopeless, what does one round and says the seconds it took."""
    runs: Dict[int, Callable[[], float]] = {}
    copies: List[Tensor] = []
    least = float("inf")
    for variant in variants:
        linear.variants = {x.dtype: (variant,)}
        try:
            linear(x)  # a first call also loads code
        except NotImplementedError:
            if variant == variants[0]:  # the linear's own: nothing runs
                raise
            continue
        spent = min(_seconds(lambda: linear(x), x.device) for _ in range(2))
        if spent > least * _HOPELESS:
            continue
        least = min(least, spent)
        copies = copies or _copies(linear.packed, spent)
        runs[variant] = (_graph if x.is_cuda else _loop)(linear, x, copies)
    return runs


def _copies(packed: Tensor, spent: float) -> List[Tensor]:
    size = max(packed.numel() * packed.element_size(), 1)
    count = min(_COLD_BYTES // size + 1, _MOST_COPIES, int(_ROUND_SECONDS / spent) + 1)
    return [packed, *(packed.clone() for _ in range(count - 1))]


def _loop(linear: PackedLinear, x: Tensor, copies: List[Tensor]) -> Callable[[], float]:
    variants = linear.variants

    def all_copies() -> None:
        linear.variants = variants
        for packed in copies:
            linear.packed = packed
            linear(x)

    return lambda: _seconds(all_copies, x.device)


def _graph(linear: PackedLinear, x: Tensor, copies: List[Tensor]) -> Callable[[], float]:
    """Replayed, so that not Python's time is measured."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.device(x.device), torch.cuda.graph(graph):
        for packed in copies:
            linear.packed = packed
            linear(x)
    return lambda: _seconds(graph.replay, x.device)


def _seconds(call: Callable[[], Any], device: torch.device) -> float:
    if device.type != "cuda":
        begin = time.perf_counter()
        call()
        return time.perf_counter() - begin
    with torch.cuda.device(device):
        events = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
        events[0].record()
        call()
        events[1].record()
        events[1].synchronize()
        return float(events[0].elapsed_time(events[1])) / 1000


def _times(runs: Dict[int, Callable[[], float]]) -> Dict[int, float]:
    """The median over rounds in which all variants take turns, so that what disturbs one disturbs all."""
    if len(runs) == 1:
        return dict.fromkeys(runs, 0.0)
    rounds = [{variant: run() for variant, run in runs.items()} for _ in range(_ROUNDS)]
    return {variant: statistics.median(each[variant] for each in rounds) for variant in runs}

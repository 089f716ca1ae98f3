"""Times of methods, each a list of calls on different copies of the weights."""

import contextlib
import fnmatch
import math
import statistics
from functools import partial
from typing import Any, Callable, Dict, List, Sequence, Tuple

import torch

from envdoctor.kernels.forcing import Forcing

Call = Callable[[], Any]
Methods = Dict[str, List[Call]]
Times = Dict[str, float]
Run = Tuple[Call, int]  # what runs a number of calls, and the number

COLD = 256 << 20  # bytes of weights that a method goes through at least
LEAST = 600.0  # microseconds of a graph: to begin one takes about 8, which would be laid on its calls
HOPELESS = 5  # times as slow as the fastest so far: timed once, and no more
#: Operations a second of int8 tensor cores that nothing holds up: a loop of wgmma alone, at the clock that 700 W allow.
_MOST_OPERATIONS = {"NVIDIA H200": 1855e12}


def graph_of(calls: List[Call]) -> torch.cuda.CUDAGraph:
    """All calls one after the other."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for call in calls[:2]:
            call()
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        kept = [call() for call in calls]
    graph.kept = kept
    return graph


def times(methods: Methods, rounds: int) -> Times:
    """Microseconds for a call of each method: median over rounds in which the graphs of all are replayed in turn."""
    runs: Dict[str, Run] = {}
    hopeless: Times = {}
    least = math.inf
    for name, calls in methods.items():
        graph = graph_of(calls)
        graph.replay()
        once = elapsed(graph.replay)
        if once / len(calls) > least * HOPELESS:
            hopeless[name] = once / len(calls)
            continue
        least = min(least, once / len(calls))
        repeats = math.ceil(LEAST / once)
        if repeats > 1:
            graph = graph_of(calls * repeats)
        runs[name] = graph.replay, len(calls) * repeats
    return {**_in_turn(runs, rounds), **hopeless}


def time_of(call: Callable[[int], Any], copies: int) -> float:
    """Microseconds for one call, which is given the number of one of its copies each time."""
    return times({"": [partial(call, i) for i in range(copies)]}, 7)[""]


def times_outside_graphs(methods: Methods, rounds: int) -> Times:
    """The same of calls that no graph can hold, as they wait for the device: what the host does is part of it."""

    def run(calls: List[Call]) -> None:
        for call in calls:
            call()

    return _in_turn({name: (partial(run, calls), len(calls)) for name, calls in methods.items()}, rounds)


def _in_turn(runs: Dict[str, Run], rounds: int) -> Times:
    found: Dict[str, List[float]] = {name: [] for name in runs}
    for _ in range(rounds + 1):
        for name, (run, calls) in runs.items():
            found[name].append(elapsed(run) / calls)
    return {name: statistics.median(each[1:]) for name, each in found.items()}


def elapsed(run: Call) -> float:
    """Microseconds on the device."""
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    run()
    end.record()
    end.synchronize()
    return float(begin.elapsed_time(end)) * 1000


def add_ours(
    methods: Methods,
    name: str,
    family: Forcing,
    sweep: str,
    call: Callable[[Any], Any],
    weights: Sequence[Any],
) -> None:
    """What the table takes, with each of the weights, and in a sweep every variant that matches and runs."""
    matching = [name for pattern in sweep.split(",") for name in fnmatch.filter(family.variants(), pattern)]
    for variant in ["", *matching]:
        calls: List[Call] = [partial(_forced, family, variant, call, weight) for weight in weights]
        try:
            calls[0]()
        except NotImplementedError:
            continue
        methods[f"{name} {variant}".strip()] = calls


def _forced(family: Forcing, variant: str, call: Callable[[Any], Any], weight: Any) -> Any:
    with family.to(variant) if variant else contextlib.nullcontext():
        return call(weight)


def copies_of(packed: Any, bytes_of_one: float) -> List[Any]:
    """As many as are cold, with random bits instead of zeros: whatever they are, they are weights."""
    size, device = packed.data.shape, packed.data.device
    data = [
        torch.randint(-128, 128, size, dtype=torch.int8, device=device) for _ in range(copies(bytes_of_one))
    ]
    return [packed._replace(data=each.view(packed.data.dtype)) for each in data]


def copies(bytes_of_one: float) -> int:
    return max(2, math.ceil(COLD / bytes_of_one))


def most_operations() -> float:
    """Of this GPU, where that was measured; else no limit."""
    return _MOST_OPERATIONS.get(torch.cuda.get_device_name(), math.inf)


def floor(moved: float, operations: float, bandwidth: float) -> float:
    """Microseconds that no kernel beats: every byte once, or every operation."""
    return 1e6 * max(moved / bandwidth, operations / most_operations())


def read_bandwidth() -> float:
    """Bytes a second that this GPU reads, adding up 4 GiB."""
    values = torch.ones(1 << 30, device="cuda")
    microseconds = times({"sum": [values.sum] * 4}, 5)["sum"]
    return float(4e6 * values.numel() / microseconds)

"""Calibration: inputs run through a model once, and the range of each channel that its linears see is kept."""

import contextlib
from typing import Any, Callable, Dict, Iterable, Iterator, Mapping, Optional, Sequence

import torch
from torch import Tensor

from envdoctor.quant.batches import called
from envdoctor.quant.blocks import evaluated
from envdoctor.quant.grid import Device
from envdoctor.quant.statistics import LinearRange, Statistics, channel_range

__all__ = ["LinearRange", "Statistics", "calibrate", "check_finite", "keeping", "run", "watched"]

#: Told of a linear's name, its input [..., K] and its output.
Keep = Callable[[str, Tensor, Any], None]


def calibrate(
    model: torch.nn.Module,
    inputs: Iterable[Any],
    device: Device = None,
    outputs: bool = False,
) -> Statistics:
    """Run all inputs through a model (one linear will do) and keep what its linears see.

    An input is a tensor, a tuple or list of arguments, or a dict of keyword arguments. With `device` the model runs
    there and comes back; else where it is. With `outputs` the range of each linear's outputs is kept too. A linear
    costs two float32 [K] where it runs, however many inputs there are. Counted among linears is whatever has one weight
    of two dimensions and is given floating-point rows, such as a router. Raises ValueError, naming the linear, for
    infinity or NaN in what it sees, and TypeError for inputs of another kind.
    """
    seen: Dict[str, LinearRange] = {}
    run(model, inputs, keeping(seen, outputs), lambda: check_finite(seen), device)
    return Statistics(seen)


def keeping(seen: Dict[str, LinearRange], outputs: bool = False) -> Keep:
    """What adds to the ranges that linears have seen, and those of what they gave."""

    def keep(name: str, x: Tensor, y: Any) -> None:
        if x.numel():
            found = _range(x, y if outputs and isinstance(y, Tensor) else None)
            seen[name] = seen[name].merged(found) if name in seen else found

    return keep


def run(
    model: torch.nn.Module,
    inputs: Iterable[Any],
    keep: Keep,
    after: Callable[[], None] = lambda: None,
    device: Device = None,
) -> None:
    """Run all inputs as calibrate does; `keep` is told of each linear that runs, `after` is called after each input."""
    count = 0
    with evaluated(model), _on(model, device) as place, watched(model, keep):
        for batch in _batches(inputs):
            called(model, batch, place)
            after()
            count += 1
    if not count:
        raise ValueError("there are no inputs to run")


@contextlib.contextmanager
def watched(model: torch.nn.Module, keep: Keep) -> Iterator[None]:
    """While this lasts, `keep` is told of each linear of a model that runs."""

    def hook_of(name: str) -> Callable[..., None]:
        def hook(_: torch.nn.Module, given: Sequence[Any], named: Mapping[str, Any], output: Any) -> None:
            x = next(iter((*given, *named.values())), None)
            if isinstance(x, Tensor) and x.is_floating_point():
                keep(name, x.detach(), output)

        return hook

    hooks = [_hooked(module, hook_of(name)) for name, module in _linears(model)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _hooked(module: torch.nn.Module, hook: Callable[..., None]) -> Any:
    try:
        return module.register_forward_hook(hook, with_kwargs=True)
    except TypeError:  # torch before 2.0, which tells hooks nothing of what comes by keyword
        return module.register_forward_hook(lambda _, given, output: hook(_, given, {}, output))


def _linears(model: torch.nn.Module) -> Iterator["tuple[str, torch.nn.Module]"]:
    for name, module in model.named_modules():
        weight = getattr(module, "weight", None)
        if isinstance(weight, Tensor) and weight.dim() == 2 and not isinstance(module, torch.nn.Embedding):
            yield name, module


def _range(x: Tensor, y: Optional[Tensor]) -> LinearRange:
    of_x = channel_range(x)
    return of_x if y is None else of_x._replace(output_max=y.amax().float(), output_min=y.amin().float())


def check_finite(seen: Mapping[str, LinearRange]) -> None:
    """The first to see what is not finite is named: those after it see what it made of that."""
    if not seen:
        return
    place = next(iter(seen.values())).max.device
    parts = [[part.isfinite().all().to(place) for part in each if part is not None] for each in seen.values()]
    fine = torch.stack([torch.stack(each).all() for each in parts])  # one wait for the device
    if not bool(fine.all()):
        name = list(seen)[fine.tolist().index(False)]
        raise ValueError(f"{name or 'the linear'}: infinity or NaN in its inputs or outputs")


def _batches(inputs: Iterable[Any]) -> Iterable[Any]:
    if isinstance(inputs, (Tensor, Mapping, str)):
        kind = type(inputs).__name__
        raise TypeError(f"inputs must be several of them, a list with one in it for instance, not a {kind}")
    return inputs


@contextlib.contextmanager
def _on(model: torch.nn.Module, device: Device) -> Iterator[torch.device]:
    """Where inputs go: the device, to which the model moves while this lasts, or where the model begins."""
    tensors = [*model.parameters(), *model.buffers()]
    homes = list(dict.fromkeys(tensor.device for tensor in tensors)) or [torch.device("cpu")]
    target = torch.device(device) if device is not None else homes[0]
    if device is None or homes == [target]:
        yield target
        return
    if len(homes) > 1:
        places = " and ".join(map(str, homes))
        raise ValueError(f"the model is on {places}, so it cannot be moved to {target} and back")
    try:
        model.to(target)
        yield target
    finally:
        model.to(homes[0])

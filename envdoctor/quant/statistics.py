"""What linears saw in calibration: the range of each channel of their inputs; kept in a file, merged, smoothed."""

from typing import Any, Dict, Iterator, Mapping, NamedTuple, Optional

import torch
from torch import Tensor

from envdoctor.host import new_file_mode, replace_whole
from envdoctor.quant.gptq_config import CheckpointError
from envdoctor.quant.tensor_file import small_file
from envdoctor.quant.tensor_files import TensorFiles, told


def channel_range(x: Tensor) -> "LinearRange":
    """Of rows [..., K] of any floating-point type, of which there is one at least."""
    rows = x.detach().reshape(-1, x.shape[-1])
    return LinearRange(rows.amax(0).float(), rows.amin(0).float())


class LinearRange(NamedTuple):
    """Of a linear: the largest and the smallest value of each channel of its inputs, and of all its outputs."""

    max: Tensor  # float32 [K]
    min: Tensor  # float32 [K]
    output_max: Optional[Tensor] = None  # float32 []
    output_min: Optional[Tensor] = None  # float32 []

    def magnitudes(self) -> Tensor:
        """The largest of each channel, [K]."""
        return torch.maximum(self.max.abs(), self.min.abs())

    def merged(self, other: "LinearRange") -> "LinearRange":
        """Of all inputs of both, on the device of the first. Raises ValueError."""
        if self.max.shape != other.max.shape:
            raise ValueError(f"{self.max.numel()} channels and {other.max.numel()} are not of one linear")
        return LinearRange(
            _both(torch.maximum, self.max, other.max),
            _both(torch.minimum, self.min, other.min),
            _both(torch.maximum, self.output_max, other.output_max),
            _both(torch.minimum, self.output_min, other.output_min),
        )

    def smoothed(self, scales: Tensor) -> "LinearRange":
        """Of inputs that are divided by these, [K], and outputs that are not: exact, for they are above 0."""
        by = scales.to(self.max.device)
        return self._replace(max=self.max / by, min=self.min / by)


class Statistics(Mapping[str, LinearRange]):
    """By a linear's name in its model (a linear alone is "")."""

    def __init__(self, ranges: Mapping[str, LinearRange]) -> None:
        self._ranges = dict(ranges)

    def __getitem__(self, name: str) -> LinearRange:
        return self._ranges[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ranges)

    def __len__(self) -> int:
        return len(self._ranges)

    def merged(self, other: "Statistics") -> "Statistics":
        """Of both passes. Raises ValueError, naming the linear."""
        made = {**other, **self}
        for name in self._ranges.keys() & other.keys():
            try:
                made[name] = self[name].merged(other[name])
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        return Statistics(made)

    def save(self, path: str) -> None:
        """One safetensors file, whole or not at all. Raises CheckpointError, in one line."""
        tensors = [
            (f"{name}.{part}", tensor)
            for name, each in self.items()
            for part, tensor in each._asdict().items()
            if tensor is not None
        ]
        with told(path):
            replace_whole(path, small_file(tensors), new_file_mode(path))

    @classmethod
    def load(cls, path: str) -> "Statistics":
        """What save wrote, on the CPU. Raises CheckpointError, in one line."""
        parts: Dict[str, Dict[str, Tensor]] = {}
        files = TensorFiles(path)
        for key in files:
            name, _, part = key.rpartition(".")
            tensor = files.read(key)
            if part not in LinearRange._fields or tensor.dtype != torch.float32:
                raise CheckpointError(f"{path}: {key} ({tensor.dtype}) is nothing that statistics have")
            parts.setdefault(name, {})[part] = tensor.clone()
        for name, found in parts.items():
            _check(f"{path}: {name}", found)
        return cls({name: LinearRange(**found) for name, found in parts.items()})


def _check(place: str, found: Mapping[str, Tensor]) -> None:
    for high, low, dimensions in (("max", "min", 1), ("output_max", "output_min", 0)):
        if not dimensions and high not in found and low not in found:
            continue
        if high not in found or low not in found:
            raise CheckpointError(f"{place} has no {low if high in found else high}")
        shapes = [list(found[part].shape) for part in (high, low)]
        if shapes[0] != shapes[1] or len(shapes[0]) != dimensions:
            raise CheckpointError(f"{place}: {high} {shapes[0]} and {low} {shapes[1]} do not fit")
        if not bool(((found[low] <= found[high]) & (found[high] - found[low]).isfinite()).all()):
            raise CheckpointError(f"{place}: {low} to {high} is no range")


def _both(of: Any, one: Optional[Tensor], other: Optional[Tensor]) -> Any:
    return None if one is None or other is None else of(one, other.to(one.device))

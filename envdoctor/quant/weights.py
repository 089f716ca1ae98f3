"""The weights of a model where they are needed: read from files, part by part, and let go of again."""

from typing import Callable, Dict, Iterable, Iterator, List, Optional, Tuple

import torch
from torch import Tensor, nn

from envdoctor.kernels.packed_linear import PackedLinear
from envdoctor.quant.gptq_config import CheckpointError


class UnmatchedError(CheckpointError):
    """A checkpoint whose tensors are not those of the model."""


class Weights:
    """Of a model whose parameters are on the device meta at first, in tensors that `read` reads by their keys.

    Keys are the model's names, or differ from them by the prefix of its class. What is missing may be tied to what is
    there, or a buffer; with `every` only the former. Numbers that are not whole become `dtype` (None: what they are).
    Raises UnmatchedError.
    """

    def __init__(
        self,
        model: nn.Module,
        keys: Iterable[str],
        read: Callable[[str], Tensor],
        dtype: Optional[torch.dtype] = None,
        every: bool = False,
    ) -> None:
        self._model, self._read, self._dtype = model, read, dtype
        spelt, tensors = spellings(model, keys), dict(tensors_of(model))
        twins: Dict[int, List[str]] = {}  # tied parameters are one under several names
        for name, tensor in tensors.items():
            twins.setdefault(id(tensor), []).append(name)
        self._names = {names[0]: names for names in twins.values()}
        self.key_of: Dict[str, str] = {}
        for first, names in self._names.items():
            key = next((spelt[name] for name in names if name in spelt), None)
            if key is not None:
                self.key_of[first] = key
            elif every or tensors[first].is_meta:
                raise UnmatchedError(f"no tensor {first} in it")
        self._like = {name: (tensors[name].shape, tensors[name].is_floating_point()) for name in self.key_of}

    def names(self, prefix: str = "") -> List[str]:
        """Of a part of the model; tied ones once, by their first name, which may be of another part."""
        return [name for name in self.key_of if any(each.startswith(prefix) for each in self._names[name])]

    def twins(self, name: str) -> List[str]:
        """All names of a tensor, by its first."""
        return self._names.get(name, [name])

    def read(self, name: str) -> Tensor:
        """One of them, a copy. Raises CheckpointError where it is not like the model's."""
        found = self._read(self.key_of[name])
        if (found.shape, found.is_floating_point()) != self._like[name]:
            what, like = f"{str(found.dtype)[6:]} {list(found.shape)}", list(self._like[name][0])
            raise CheckpointError(
                f"{self.key_of[name]} is {what}, which does not go into {like} of the model"
            )
        wanted = self._dtype if found.is_floating_point() else None
        return found.to(wanted or found.dtype, copy=True)

    def load_all(self, device: torch.device) -> None:
        """Put all of them into the model, on a device."""
        self.load(self.names(), device)

    def load(self, names: Iterable[str], device: torch.device, prefix: str = "") -> None:
        """Put them into a part of the model, on a device."""
        for name in names:
            here = [each for each in self._names[name] if each.startswith(prefix)]
            put(self._model, here, self.read(name).to(device))


def put(model: nn.Module, names: Iterable[str], tensor: Tensor) -> None:
    """One tensor where a model has a parameter or a buffer, under each of its names."""
    made = nn.Parameter(tensor, requires_grad=False)
    for name in names:
        parent, _, leaf = name.rpartition(".")
        module = model.get_submodule(parent)
        if leaf in module._buffers:
            module._buffers[leaf] = tensor
        else:
            module._parameters[leaf] = made


def spellings(model: nn.Module, keys: Iterable[str]) -> Dict[str, str]:
    """Keys of a checkpoint by the names that a model may have for them: with and without the prefix of its class."""
    prefix = getattr(model, "base_model_prefix", "")
    found: Dict[str, str] = {}
    for key in keys:
        found[key] = key
        if prefix:
            bare = key[len(prefix) + 1 :] if key.startswith(prefix + ".") else f"{prefix}.{key}"
            found.setdefault(bare, key)
    return found


def drop(block: nn.Module) -> None:
    """Let go of all tensors of a block, which is not called any more."""
    for module in block.modules():
        for tensors in (module._parameters, module._buffers):
            tensors.update(dict.fromkeys(tensors))


def once(tensors: Iterable[Tuple[str, Tensor]]) -> Iterator[Tuple[str, Tensor]]:
    """Tied ones under the first of their names."""
    seen = set()
    for name, tensor in tensors:
        if id(tensor) not in seen:
            seen.add(id(tensor))
            yield name, tensor


def tensors_of(module: nn.Module, prefix: str = "") -> Iterator[Tuple[str, Tensor]]:
    """What files have of a module, by name, but for linears that are packed."""
    for path, each in module.named_modules(prefix=prefix):
        if isinstance(each, PackedLinear):
            continue
        hidden = each._non_persistent_buffers_set
        stored = {name: tensor for name, tensor in each._buffers.items() if name not in hidden}
        for name, tensor in {**each._parameters, **stored}.items():
            if tensor is not None:
                yield f"{path}.{name}" if path else name, tensor

"""Folders of models: quantised from one into another, block by block; written from memory; read."""

from typing import Any, Dict, Iterator, Optional, Sequence, Union

import torch
from torch import nn

from envdoctor.quant.blocks import names_of_blocks, replace
from envdoctor.quant.experts import unstack_experts
from envdoctor.quant.gptq_config import CheckpointError
from envdoctor.quant.grid import Device
from envdoctor.quant.packed_file import Described, PackedFiles, packed_files
from envdoctor.quant.pretrained import config_of, dtype_of, empty_model, whole_model, with_dtype
from envdoctor.quant.schemes import Scheme, scheme
from envdoctor.quant.tensor_file import Tensors
from envdoctor.quant.tensor_files import TensorFiles
from envdoctor.quant.weights import UnmatchedError, Weights, once, spellings, tensors_of
from envdoctor.quant.whole_folder import whole_folder
from envdoctor.quant.writing import Writer, copy_others, items_of


def save(model: nn.Module, folder: str, how: "str | Scheme", beside: Optional[str] = None) -> None:
    """A quantised model as a new folder, and what lies in `beside` (a tokenizer). Raises CheckpointError.

    `how` is what it was quantised by: the schemes of 16-bit activations (w4a16) become a GPTQ checkpoint, which others
    read too, the rest states of our own linears. The config.json is that of model.config, where there is one.
    """
    blocks = names_of_blocks(model)
    linears: Described = {}
    with whole_folder(folder) as whole:
        writer = Writer(whole, scheme(how), len(blocks) + 1)
        sizes = [
            writer.write(part, items_of(model, name, {}, writer, linears)) for part, name in enumerate(blocks)
        ]
        sizes.append(writer.write(len(blocks), rest_of(model, blocks)))
        writer.finish(sizes, linears, _config(model))
        if beside is not None:
            copy_others(beside, whole)


def _config(model: nn.Module) -> Optional[Dict[str, Any]]:
    if not hasattr(model, "config"):
        return None
    types = (tensor.dtype for _, tensor in tensors_of(model) if tensor.is_floating_point())
    return with_dtype(model.config.to_dict(), next(types, None))


def rest_of(model: nn.Module, blocks: Sequence[str]) -> Iterator[Tensors]:
    """What is outside of blocks, each tensor under its first name."""
    for name, tensor in once(tensors_of(model)):
        if not inside(name, blocks):
            yield [(name, tensor)]


def inside(name: str, blocks: Sequence[str]) -> bool:
    """Whether a tensor's name is one of a block's."""
    return any(not block or name.startswith(block + ".") for block in blocks)


def load(
    folder: str,
    device: Device = None,
    model: Optional[nn.Module] = None,
    dtype: Optional[torch.dtype] = None,
) -> nn.Module:
    """The model of a folder, quantised or not, on a device (default: the CPU), for inference. Raises CheckpointError.

    Without `model` it is what transformers makes of its config.json; with it, that one's linears are replaced and all
    its other tensors filled, and it is the one that is returned. `dtype` is of what is not quantised (default: what
    config.json says).
    """
    target, packed = torch.device(device or "cpu"), packed_files(folder)
    given, dtype = model, dtype or (dtype_of(config_of(folder)) if model is None else None)
    model = empty_model(folder, dtype) if given is None else given
    try:
        _fill(model, packed or TensorFiles(folder), dtype, target, every=given is not None)
    except UnmatchedError as error:
        if given is not None or packed is not None:
            raise CheckpointError(f"{folder}: {error}") from error
        model = whole_model(folder, dtype)  # transformers knows how to read it
    return model.requires_grad_(False).eval().to(target)


def _fill(
    model: nn.Module,
    files: Union[PackedFiles, TensorFiles],
    dtype: Optional[torch.dtype],
    device: torch.device,
    every: bool,
) -> None:
    if isinstance(files, PackedFiles):
        put_linears(model, files, device)
        Weights(model, files.others(), files.tensor, dtype, every).load_all(device)
    else:
        Weights(model, files, files.read, dtype, every).load_all(device)


def put_linears(model: nn.Module, files: PackedFiles, device: torch.device, block: str = "") -> None:
    """Put packed linears where a model has linears, or a block of it, which is all that is touched."""
    keys, modules = spellings(model, files.linears()), dict(model.named_modules())
    if not set(files.linears()) <= {keys[name] for name in keys if name in modules}:
        unstack_experts(model.get_submodule(block), check=False)  # as they were when they were quantised
        modules = dict(model.named_modules())
    names = [name for name in keys if name in modules]
    if len(names) != len(files.linears()):
        missing = sorted(set(files.linears()) - {keys[name] for name in names})
        raise CheckpointError(f"the model has no linear {missing[0]}")
    for name in names:
        replace(model, modules[name], files.linear(keys[name], device))

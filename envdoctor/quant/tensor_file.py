"""A safetensors file written tensor by tensor: what comes next need not be known, and is never held with what came.

The format: eight bytes with the length of a header, the header (JSON: type, shape and place of each tensor), the bytes.
"""

import ctypes
import itertools
import json
import sys
from typing import Dict, Iterable, Iterator, List, NamedTuple, Tuple

import torch
from torch import Tensor

from envdoctor.host import install
from envdoctor.quant.gptq_config import CheckpointError

#: What belongs together, and stays in one file.
Tensors = List[Tuple[str, Tensor]]

_CHUNK = 1 << 20
_TYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
    **{
        getattr(torch, name): code
        for name, code in (("float8_e4m3fn", "F8_E4M3"), ("float8_e5m2", "F8_E5M2"))
        if hasattr(torch, name)
    },
}


class _Entry(NamedTuple):
    name: str
    dtype: str
    shape: List[int]
    width: int  # bytes of a value
    at: int
    size: int


def write_tensors(path: str, spool: str, items: Iterator[Tensors], limit: int) -> Dict[str, int]:
    """A new file of the next items, until it has `limit` bytes or more. Returns the size of each tensor.

    `spool` is a path for as many bytes beside it, for a header says first where all is. Raises OSError.
    """
    entries: List[_Entry] = []
    install.write_chunks(spool, _bytes(items, entries, limit))
    # Readers look at the file as an array of a tensor's type: the widest come first, so that all are aligned.
    entries.sort(key=lambda entry: -entry.width)
    install.write_chunks(path, itertools.chain([_header(entries)], _copied(spool, entries)))
    return {entry.name: entry.size for entry in entries}


def small_file(tensors: Tensors) -> bytes:
    """All of a file whose tensors are of one type. Raises CheckpointError."""
    entries: List[_Entry] = []
    chunks = list(_bytes(iter([tensors]), entries, 0))
    return b"".join([_header(entries), *chunks])


def _bytes(items: Iterator[Tensors], entries: List[_Entry], limit: int) -> Iterator[bytes]:
    at = 0
    for tensors in items:
        tensor = plain = None
        for name, tensor in tensors:
            if tensor.dtype not in _TYPES:
                raise CheckpointError(f"{name}: safetensors files have no {tensor.dtype}")
            plain = tensor.detach().cpu().contiguous()
            size = plain.numel() * plain.element_size()
            shape = list(plain.shape)
            entries.append(_Entry(name, _TYPES[plain.dtype], shape, plain.element_size(), at, size))
            yield ctypes.string_at(plain.data_ptr(), size) if size else b""
            at += size
        del tensors, tensor, plain
        if at >= limit:
            return


def _header(entries: Iterable[_Entry]) -> bytes:
    if sys.byteorder != "little":
        raise CheckpointError("safetensors files are little-endian, and this machine is not")
    header: Dict[str, object] = {"__metadata__": {"format": "pt"}}
    at = 0
    for entry in entries:
        place = [at, at + entry.size]
        header[entry.name] = {"dtype": entry.dtype, "shape": entry.shape, "data_offsets": place}
        at += entry.size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _copied(spool: str, entries: Iterable[_Entry]) -> Iterator[bytes]:
    with open(spool, "rb") as stream:
        for entry in entries:
            stream.seek(entry.at)
            for begin in range(0, entry.size, _CHUNK):
                yield stream.read(min(_CHUNK, entry.size - begin))

"""A quantised model as a folder: a file of tensors for each block and one for the rest, and what says what they are."""

import posixpath
from typing import Any, Dict, Iterator, List, Mapping, Optional

from torch import nn

from envdoctor.host import LocalHost, install, remove
from envdoctor.kernels.packed_linear import PackedLinear
from envdoctor.quant.gptq_config import FILE as GPTQ_FILE
from envdoctor.quant.packed_file import FILE, Described, described, document, gptq_config, tensors_of_packed
from envdoctor.quant.schemes import Scheme
from envdoctor.quant.tensor_file import Tensors, write_tensors
from envdoctor.quant.tensor_files import INDEX, write_json
from envdoctor.quant.weights import once, tensors_of

_CHUNK = 1 << 20
#: Weights of any library, and programs: what is not taken along from one folder into another.
_WEIGHTS = (
    ".safetensors",
    ".bin",
    ".pt",
    ".pth",
    ".ckpt",
    ".h5",
    ".msgpack",
    ".gguf",
    ".onnx",
    ".index.json",
    ".py",
)
_WRITTEN = ("config.json", FILE, GPTQ_FILE)


class Writer:
    """Writes a folder that is empty, or has the files of some parts already."""

    def __init__(self, folder: str, chosen: Scheme, parts: int) -> None:
        self._folder, self._chosen, self._parts = folder, chosen, parts
        self.config = gptq_config(chosen)
        # Under another name than transformers looks for: it would take int8 values for weights.
        self._stem = "envdoctor" if self.config is None else "model"

    def path(self, part: int) -> str:
        """The file of a part."""
        name = f"{self._stem}-{part + 1:05}-of-{self._parts:05}.safetensors"
        return posixpath.join(self._folder, name)

    def write(self, part: int, items: Iterator[Tensors]) -> Dict[str, int]:
        """A part's file, anew; the size of each tensor in it. Raises OSError, CheckpointError."""
        spool = self.path(part) + ".spool"
        for path in (spool, self.path(part)):
            remove(path)
        try:
            return write_tensors(self.path(part), spool, items, 1 << 62)
        except BaseException:
            remove(self.path(part))
            raise
        finally:
            remove(spool)

    def finish(
        self,
        sizes: List[Dict[str, int]],
        linears: Described,
        config: Optional[Dict[str, Any]],
        alphas: Mapping[str, float] = {},
    ) -> None:
        """What says where tensors are, which linears and alphas there are; and config.json of a model that has one."""
        place = {
            key: posixpath.basename(self.path(part)) for part, found in enumerate(sizes) for key in found
        }
        total = sum(sum(found.values()) for found in sizes)
        index = {"metadata": {"total_size": total}, "weight_map": place}
        write_json(self._folder, self._stem + INDEX, index)
        if self.config is None:
            write_json(self._folder, FILE, document(self._chosen, linears, alphas))
        else:
            write_json(self._folder, GPTQ_FILE, self.config.document())
            config = None if config is None else {**config, "quantization_config": self.config.document()}
        if config is not None:
            write_json(self._folder, "config.json", config)


def items_of(
    model: nn.Module, prefix: str, keys: Dict[str, str], writer: Writer, linears: Described
) -> Iterator[Tensors]:
    """The tensors of a part of a model under their keys; what linears are packed is added to `linears`."""
    block = model.get_submodule(prefix)
    for name, module in block.named_modules(prefix=prefix):
        if isinstance(module, PackedLinear):
            key = keys.get(f"{name}.weight", f"{name}.weight")[: -len(".weight")]
            linears[key] = described(module)
            yield tensors_of_packed(key, module, writer.config)
    for name, tensor in once(tensors_of(block, prefix)):
        yield [(keys.get(name, name), tensor)]


def copy_others(source: str, target: str) -> None:
    """The tokenizer and whatever else lies beside the weights in a folder. Raises OSError."""
    host = LocalHost()
    for name in sorted(host.scan(source)):
        path, found = posixpath.join(source, name), host.stat(posixpath.join(source, name))
        if found is None or found.kind != "file" or name.startswith(".") or name in _WRITTEN:
            continue
        if not name.endswith(_WEIGHTS):
            remove(posixpath.join(target, name))
            install.write_chunks(posixpath.join(target, name), _chunks(host, path, found.size))


def _chunks(host: LocalHost, path: str, size: int) -> Iterator[bytes]:
    for begin in range(0, size, _CHUNK):
        yield host.read_range(path, begin, _CHUNK)

"""A folder of a model quantised into another one, a block at a time: read, quantised, written, let go of."""

import hashlib
import posixpath
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence

import torch
from torch import Tensor, nn

from envdoctor import __version__
from envdoctor.host import LocalHost, make_folder, remove
from envdoctor.progress import Progress
from envdoctor.quant.block_smoothing import check_smoothing
from envdoctor.quant.blocks import SKIP, evaluated, linears, names_of_blocks
from envdoctor.quant.folder import inside, put_linears, rest_of
from envdoctor.quant.gptq_config import CheckpointError
from envdoctor.quant.grid import Device
from envdoctor.quant.model import Alphas, batches_for, check_linears, quantised, quantize_block
from envdoctor.quant.packed_file import GptqFiles, OwnFiles, PackedFiles, packed_files
from envdoctor.quant.pretrained import config_of, dtype_of, empty_model, whole_model, with_dtype
from envdoctor.quant.replay import Replay
from envdoctor.quant.schemes import NOTHING, Scheme, check_dtype, scheme
from envdoctor.quant.tensor_file import Tensors
from envdoctor.quant.tensor_files import TensorFiles, read_json, write_json
from envdoctor.quant.weights import UnmatchedError, Weights, drop, put, tensors_of
from envdoctor.quant.whole_folder import resumed_folder
from envdoctor.quant.writing import Writer, copy_others, items_of

_JOB = "job.json"


class Source:
    """A model in a folder: one that is empty, and the weights of its parts; or, where they do not match, all of it."""

    def __init__(self, folder: str, dtype: Optional[torch.dtype] = None) -> None:
        self.folder, self.config = folder, config_of(folder)
        if packed_files(folder) is not None:
            raise CheckpointError(f"{folder}: it is quantised already")
        files = TensorFiles(folder)
        self.dtype = dtype or self.stored_dtype(folder)
        self.model = empty_model(folder, self.dtype)
        self.weights: Optional[Weights] = None
        try:
            self.weights = Weights(self.model, files, files.read, self.dtype)
        except UnmatchedError:
            self.model = whole_model(folder, self.dtype)
        self.keys = self.weights.key_of if self.weights else {}
        self.size = files.size()

    @staticmethod
    def stored_dtype(folder: str) -> torch.dtype:
        """Of the weights in a folder, as its config.json says, or as the first of them are stored."""
        told = dtype_of(config_of(folder))
        if told is not None:
            return told
        files = TensorFiles(folder)
        types = (files.read(key).dtype for key in files)
        return next((dtype for dtype in types if dtype.is_floating_point), torch.float32)

    def load(self, prefix: str, device: torch.device) -> None:
        """Have a block there, on a device."""
        if self.weights is not None:
            within = prefix + "." if prefix else ""
            self.weights.load(self.weights.names(within), device, within)
        self.model.get_submodule(prefix).to(device)

    def load_before_blocks(self, skip: Sequence[str], device: torch.device) -> None:
        """Have what calibration goes through outside of blocks there, on a device."""
        if self.weights is not None:
            self.weights.load(self.before_blocks(skip), device)
        else:
            self._move(self.before_blocks(skip), device)
        blocks = names_of_blocks(self.model)
        for path, module in self.model.named_modules():
            if not inside(path + ".", blocks):
                here = {
                    name: None if each is None else each.to(device) for name, each in module._buffers.items()
                }
                module._buffers.update(here)

    def _move(self, names: Sequence[str], device: torch.device) -> None:
        """Tensors that are there already, tied ones under all their names."""
        tensors = dict(tensors_of(self.model))
        for name in names:
            twins = [each for each, tensor in tensors.items() if tensor is tensors[name]]
            put(self.model, twins, tensors[name].detach().to(device))

    def width(self, tensor: Tensor) -> int:
        """Bytes of each value of one of its tensors."""
        dtype = self.dtype if tensor.is_floating_point() else tensor.dtype
        size: int = torch.empty(0, dtype=dtype).element_size()
        return size

    def drop(self, prefix: str) -> None:
        """Let go of it."""
        drop(self.model.get_submodule(prefix))

    def twins(self, name: str) -> List[str]:
        """All names of a tensor."""
        return [name] if self.weights is None else self.weights.twins(name)

    def before_blocks(self, skip: Sequence[str]) -> List[str]:
        """Tensors outside of blocks, but for heads, which calibration does not reach: linears in `skip`."""
        blocks, found = names_of_blocks(self.model), linears(self.model, ())
        heads = set(found) - set(linears(self.model, skip))
        every = self.keys if self.weights else dict(tensors_of(self.model))
        names = (name for name in every if not all(inside(each, blocks) for each in self.twins(name)))
        return [name for name in names if name.rpartition(".")[0] not in heads]

    def rest(self) -> Iterator[Tensors]:
        """What is outside of blocks, by keys."""
        blocks = names_of_blocks(self.model)
        if self.weights is None:
            yield from rest_of(self.model, blocks)
            return
        for name in self.weights.names():
            if not inside(name, blocks):
                yield [(self.keys[name], self.weights.read(name))]


class Written(NamedTuple):
    """What was written."""

    linears: int
    bytes_before: int
    bytes_after: int
    alphas: Alphas  # that were searched

    def document(self) -> Dict[str, Any]:
        """As JSON says it."""
        return {key: value for key, value in self._asdict().items() if key != "alphas" or value}


def quantize_folder(
    source: Source,
    folder: str,
    how: "str | Scheme",
    batches: Sequence[Dict[str, Any]] = (),
    skip: Sequence[str] = SKIP,
    device: Device = None,
    progress: Optional[Progress] = None,
    anew: bool = False,
) -> Written:
    """Write a model's folder with its linears quantised (see quantize_model). Raises CheckpointError, ValueError.

    One block is held at a time, on `device` (default: the CPU). Blocks that are done stay in FOLDER.part, from which
    the next call with the same arguments goes on, whatever ended this one; `anew` has it begin again.
    """
    chosen, target = scheme(how), torch.device(device or "cpu")
    check_dtype(chosen, source.dtype)
    check_linears(source.model, skip)
    check_smoothing(source.model, chosen)
    _check_apart(source.model)
    replay = Replay(source.model, batches_for(chosen, batches)) if chosen.row.wants != NOTHING else None
    with resumed_folder(folder) as whole, evaluated(source.model):
        progress = progress or Progress()
        job = _Job(source, whole, chosen)
        if not job.goes_on(_identity(source, chosen, batches, skip), anew):
            progress.note(f"{folder}.part is of another run: begun anew")
        written = job.run(replay, skip, target, progress)
        copy_others(source.folder, whole)
    return written


def _check_apart(model: nn.Module) -> None:
    """ValueError where two blocks have one module, which would be let go of with the first of them."""
    found: Dict[int, str] = {}
    for block in names_of_blocks(model):
        for name, module in model.get_submodule(block).named_modules(prefix=block):
            other = found.setdefault(id(module), name)
            # a function such as an activation has nothing to let go of
            if other != name and (module._parameters or module._buffers):
                raise ValueError(f"{name} is {other} too, and no block of a folder can be without the other")


class _Job:
    """What is done of one folder, and the rest of it."""

    def __init__(self, source: Source, whole: str, chosen: Scheme) -> None:
        self._source, self._chosen, self._whole = source, chosen, whole
        self._blocks = names_of_blocks(source.model)
        self._writer = Writer(whole, chosen, len(self._blocks) + 1)
        self._notes = posixpath.join(posixpath.dirname(whole), "finished")

    def goes_on(self, identity: Dict[str, Any], anew: bool) -> bool:
        """Keep what there is of this job, or begin it; False: what there was is of another one, and gone."""
        path = posixpath.join(self._notes, _JOB)
        found = read_json(path) if LocalHost().exists(path) else None
        if anew or found != identity:
            for folder in (self._whole, self._notes):
                remove(folder)
                make_folder(folder)
            write_json(self._notes, _JOB, identity)
        return found in (None, identity) or anew

    def run(
        self, replay: Optional[Replay], skip: Sequence[str], device: torch.device, progress: Progress
    ) -> Written:
        """Do what is not done."""
        if replay:
            self._source.load_before_blocks(skip, device)
        for part, name in enumerate(self._blocks):
            progress.start(f"block {part + 1} of {len(self._blocks)}")
            done = self._done(part)
            alphas: Alphas = {}
            if done is None:
                self._source.load(name, device)
                of = (self._source.model, name, self._chosen, replay, skip, device, progress)
                quantize_block(*of, alphas)
                self._write(part, name, alphas)
            elif replay:
                self._restore(part, done, device)
            if replay and part + 1 < len(self._blocks):
                replay.advance(name)
            self._source.drop(name)
            progress.finish(quantised(alphas) if done is None else "was there")
        return self._finish(progress)

    def _done(self, part: int) -> Optional[Dict[str, Any]]:
        path = posixpath.join(self._notes, f"{part}.json")
        found: Optional[Dict[str, Any]] = read_json(path) if LocalHost().exists(path) else None
        return found

    def _write(self, part: int, name: str, alphas: Alphas) -> None:
        linears: Dict[str, Dict[str, Any]] = {}
        items = items_of(self._source.model, name, self._source.keys, self._writer, linears)
        sizes = self._writer.write(part, items)
        write_json(self._notes, f"{part}.json", {"sizes": sizes, "linears": linears, "alphas": alphas})

    def _restore(self, part: int, done: Dict[str, Any], device: torch.device) -> None:
        """Have a block there as it was written."""
        path, linears, config = self._writer.path(part), done["linears"], self._writer.config
        files: PackedFiles = OwnFiles(path, linears)
        if config is not None and linears:
            files = GptqFiles(path, config)
        put_linears(self._source.model, files, device, self._blocks[part])
        name_of = {key: name for name, key in self._source.keys.items()}
        for key in files.others():
            names = self._source.twins(name_of.get(key, key))
            put(self._source.model, names, files.tensor(key).clone().to(device))
        self._source.model.get_submodule(self._blocks[part]).to(device)

    def _finish(self, progress: Progress) -> Written:
        progress.start("what is outside of blocks")
        sizes = self._writer.write(len(self._blocks), self._source.rest())
        done = [self._done(part) or {} for part in range(len(self._blocks))]
        linears = {name: found for each in done for name, found in each["linears"].items()}
        alphas = {name: found for each in done for name, found in each.get("alphas", {}).items()}
        config = with_dtype(self._source.config, self._source.dtype)
        parts = [*(each["sizes"] for each in done), sizes]
        self._writer.finish(parts, linears, config, alphas)
        progress.finish("written")
        return Written(len(linears), self._source.size, sum(sum(part.values()) for part in parts), alphas)


def _identity(source: Source, chosen: Scheme, batches: Sequence[Any], skip: Sequence[str]) -> Dict[str, Any]:
    """What must be the same for one run to go on where another one ended."""
    host = LocalHost()
    folder = posixpath.abspath(source.folder)
    paths = [posixpath.join(folder, name) for name in sorted(host.scan(folder))]
    stats = [(path, host.stat(path)) for path in paths]
    tokens = hashlib.sha256()
    for batch in batches if chosen.row.wants != NOTHING else ():
        for value in batch.values():
            if isinstance(value, Tensor):
                tokens.update(value.numpy().tobytes())
    return {
        "envdoctor": __version__,
        "files": [[path, found.size, found.mtime] for path, found in stats if found and found.kind == "file"],
        "dtype": str(source.dtype),
        "skip": list(skip),
        "tokens": tokens.hexdigest(),
        **chosen.document(),
    }

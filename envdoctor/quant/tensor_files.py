"""The tensors of a safetensors file, or of a folder of several, each read when it is asked for."""

import contextlib
import json
import posixpath
from typing import Any, Dict, Iterator, List

from torch import Tensor

from envdoctor.host import LocalHost, write_whole
from envdoctor.quant.gptq_config import CheckpointError

INDEX = ".safetensors.index.json"
_LIMIT = 1 << 28  # of an index or a text, in bytes


class TensorFiles:
    """Raises CheckpointError, in one line, for what cannot be read."""

    def __init__(self, path: str) -> None:
        self.path = path
        with told(path):
            self._files = _files(path)

    def __contains__(self, key: str) -> bool:
        return key in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def read(self, key: str) -> Tensor:
        """One tensor, which lies in the file: what is kept of it must be copied."""
        if key not in self._files:
            raise CheckpointError(f"{self.path}: no tensor {key}")
        with _opened(self._files[key]) as file:
            return _tensor(file, key, self._files[key])

    def size(self) -> int:
        """Of the files, in bytes."""
        found = (LocalHost().stat(path) for path in set(self._files.values()))
        return sum(each.size for each in found if each is not None)


def _files(path: str) -> Dict[str, str]:
    """The file of each tensor."""
    host = LocalHost()
    if not host.is_dir(path):
        return dict.fromkeys(_keys(path), path)
    names = host.scan(path)
    indices = [name for name in names if name.endswith(INDEX)]
    files = [name for name in names if name.endswith(".safetensors")]
    if len(indices) == 1:
        return _indexed(path, posixpath.join(path, indices[0]))
    if not indices and not files:
        raise CheckpointError(f"{path}: no *.safetensors in it; write its weights as such (save_pretrained)")
    if len(files) != 1:
        found = f"{len(indices)} of *{INDEX} and {len(files)} of *.safetensors"
        raise CheckpointError(f"{path}: {found} in it, not one of either")
    file = posixpath.join(path, files[0])
    return dict.fromkeys(_keys(file), file)


def _indexed(folder: str, index: str) -> Dict[str, str]:
    document = read_json(index)
    places = document.get("weight_map") if isinstance(document, dict) else None
    if not isinstance(places, dict):
        raise CheckpointError(f"{index}: no weight_map in it")
    for name in places.values():
        if not isinstance(name, str) or name in ("", ".", "..") or "/" in name:
            raise CheckpointError(f"{index}: {name!r} is no name of a file beside it")
    present = {name: set(_keys(posixpath.join(folder, name))) for name in sorted(set(places.values()))}
    for key, name in places.items():
        if key not in present[name]:
            raise CheckpointError(
                f"{posixpath.join(folder, name)}: no tensor {key}, which {index} places there"
            )
    return {key: posixpath.join(folder, name) for key, name in places.items()}


def read_text(path: str) -> str:
    """What a file says, up to a limit. Raises OSError."""
    found = LocalHost().stat(path)
    # room for a whole limit is taken where it is asked for
    return LocalHost().read_text(path, min(found.size + 1 if found else 1, _LIMIT))


def read_json(path: str) -> Any:
    """What a file says."""
    with told(path):
        try:
            return json.loads(read_text(path))
        except (ValueError, RecursionError) as error:
            raise CheckpointError(f"{path}: not JSON: {error}") from error


def _keys(path: str) -> List[str]:
    with _opened(path) as file:
        return list(file.keys())


@contextlib.contextmanager
def _opened(path: str) -> Iterator[Any]:
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        say = f"checkpoints need safetensors, which does not import here ({error}): pip install 'envdoctor[quant]'"
        raise ImportError(say) from error
    with told(path):
        try:
            with safe_open(path, framework="pt") as file:
                yield file
        except SafetensorError as error:
            raise CheckpointError(f"{path}: not a whole safetensors file: {line(error)}") from error


def _tensor(file: Any, key: str, path: str) -> Tensor:
    try:
        tensor = file.get_tensor(key)
    except (TypeError, KeyError, AttributeError, RuntimeError) as error:  # a type that this torch has not
        raise CheckpointError(f"{path}: {key}: {line(error)}") from error
    assert isinstance(tensor, Tensor)
    return tensor


@contextlib.contextmanager
def told(place: str) -> Iterator[None]:
    """The operating system's refusals as one line."""
    try:
        yield
    except BlockingIOError:
        raise
    except OSError as error:
        raise CheckpointError(f"{error.filename or place}: {error.strerror or line(error)}") from error


def line(error: Exception) -> str:
    """What an error says, in one."""
    return " ".join(str(error).split())


def write_json(folder: str, name: str, document: Dict[str, Any]) -> None:
    """A file, whole or not at all."""
    write_whole(posixpath.join(folder, name), json.dumps(document, indent=2) + "\n")

"""Models of transformers in local folders: what they are without their weights, their tokenizers, texts as batches."""

import contextlib
import functools
import posixpath
from typing import Any, Callable, Dict, Iterator, List, Optional

import torch
from torch import Tensor, nn

from envdoctor.host import LocalHost
from envdoctor.quant.gptq_config import CheckpointError
from envdoctor.quant.tensor_files import line, read_json, read_text


def config_of(folder: str) -> Dict[str, Any]:
    """What config.json says. Raises CheckpointError where there is none."""
    host = LocalHost()
    if not host.is_dir(folder):
        raise CheckpointError(f"{folder}: no such folder")
    path = posixpath.join(folder, "config.json")
    if not host.exists(path):
        raise CheckpointError(f"{folder}: no config.json in it, which says what model it is")
    found = read_json(path)
    if not isinstance(found, dict):
        raise CheckpointError(f"{path}: not a JSON object")
    return found


def dtype_of(config: Dict[str, Any]) -> Optional[torch.dtype]:
    """The type of the weights; None: not told."""
    name = config.get("dtype") or config.get("torch_dtype")
    found = getattr(torch, name, None) if isinstance(name, str) else None
    return found if isinstance(found, torch.dtype) else None


def positions_of(config: Dict[str, Any]) -> Optional[int]:
    """How many tokens the model takes at most; None: not told."""
    found = next((config[key] for key in ("max_position_embeddings", "n_positions") if key in config), None)
    return found if isinstance(found, int) else None


def with_dtype(config: Dict[str, Any], dtype: Optional[torch.dtype]) -> Dict[str, Any]:
    """The same of weights of another type; None: of what it says."""
    if dtype is None:
        return config
    return {**config, "dtype" if "dtype" in config else "torch_dtype": str(dtype).rpartition(".")[2]}


def empty_model(folder: str, dtype: Optional[torch.dtype] = None) -> nn.Module:
    """The model of a folder, its parameters on the device meta and its buffers on the CPU. Raises CheckpointError.

    Buffers that the model makes itself may depend on dtype, which is what its weights will be.
    """
    config_of(folder)
    transformers = transformers_here()
    with _told(folder), _without_parameters():
        config = transformers.AutoConfig.from_pretrained(folder, **_LOCAL)
        if hasattr(config, "quantization_config"):
            del config.quantization_config
        if dtype is not None:
            setattr(config, "dtype" if hasattr(config, "dtype") else "torch_dtype", dtype)
        model = _of_class(transformers, config)
    return model.eval()


def _of_class(transformers: Any, config: Any) -> nn.Module:
    """What its config.json names, if transformers has a class of this name; else a causal one.

    Some causal ones are named by their body alone, and have a head without weights of its own.
    """
    names = config.architectures or [""]
    kind: Any = getattr(transformers, names[0], None) if isinstance(names[0], str) else None
    is_known = isinstance(kind, type) and issubclass(kind, transformers.PreTrainedModel)
    is_known = is_known and kind.config_class is type(config)  # else it is misnamed
    causal: Callable[[], Any] = functools.partial(
        transformers.AutoModelForCausalLM.from_config, config, trust_remote_code=False
    )
    named: nn.Module = kind._from_config(config) if is_known else causal()
    if (
        not is_known
        or named.base_model is not named
        or type(config) not in transformers.MODEL_FOR_CAUSAL_LM_MAPPING
    ):
        return named
    headed: nn.Module = causal()
    body = dict(headed.base_model.named_parameters())
    head = {id(each) for each in headed.parameters()} - {id(each) for each in body.values()}
    return named if head else headed


def whole_model(folder: str, dtype: Optional[torch.dtype]) -> nn.Module:
    """As transformers itself reads it, all of it at once: what is stored under other names than the model has."""
    transformers, empty = transformers_here(), empty_model(folder, dtype)
    key = "dtype" if int(transformers.__version__.partition(".")[0]) > 4 else "torch_dtype"
    with _told(folder):
        model: nn.Module = type(empty).from_pretrained(folder, **{key: dtype}, **_LOCAL)
    return model.eval()


def tokens_of(folder: str, text: str) -> Tensor:
    """A text file as the tokens of a model, int64 [tokens]. Raises CheckpointError."""
    words, tokenizer = words_of(text), _tokenizer(folder)
    with _told(folder):
        found = tokenizer(words, verbose=False)["input_ids"]
    return torch.tensor(found, dtype=torch.int64)


def words_of(path: str) -> str:
    """What a text file says. Raises CheckpointError."""
    try:
        return read_text(path)
    except OSError as error:
        raise CheckpointError(f"{path}: {error.strerror or line(error)}") from error


def tokenizer_of(folder: str) -> Callable[[str], List[int]]:
    """What makes tokens of texts that go on: with what is put before a text, without what is put after it."""
    tokenizer = _tokenizer(folder)

    def tokens(text: str) -> List[int]:
        with _told(folder):
            whole: List[int] = tokenizer(text, verbose=False)["input_ids"]
            bare: List[int] = tokenizer(text, verbose=False, add_special_tokens=False)["input_ids"]
        begins = range(len(whole) - len(bare) + 1)
        before = next((at for at in begins if whole[at : at + len(bare)] == bare), 0)
        return whole[:before] + bare

    return tokens


def mask_of(folder: str) -> int:
    """The token that stands for one that is not told. Raises CheckpointError."""
    found = _tokenizer(folder).mask_token_id
    if found is None:
        raise CheckpointError(f"{folder}: its tokenizer has no mask_token, in whose place a model foretells")
    return int(found)


def _tokenizer(folder: str) -> Any:
    transformers = transformers_here()
    with _told(folder, "transformers reads no tokenizer in it"):
        return transformers.AutoTokenizer.from_pretrained(folder, **_LOCAL)


def pieces_of(tokens: Tensor, samples: int, length: int, place: str) -> List[Tensor]:
    """So many pieces [1, length] of a text, evenly over it. Raises CheckpointError."""
    if tokens.numel() < length:
        raise CheckpointError(
            f"{place}: {tokens.numel()} tokens are not one sample of {length}; give more text"
        )
    most = tokens.numel() // length
    picks = [number * most // min(samples, most) for number in range(min(samples, most))]
    return [tokens[None, at * length : (at + 1) * length] for at in picks]


#: Letters of what others say.
_MOST = 200
_LOCAL = {"local_files_only": True, "trust_remote_code": False}


def transformers_here() -> Any:
    """The package, which says little. Raises ImportError."""
    try:
        import transformers
    except ImportError as error:
        say = (
            f"models need transformers, which does not import here ({error}): pip install 'envdoctor[models]'"
        )
        raise ImportError(say) from error
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


@contextlib.contextmanager
def _told(place: str, what: str = "transformers does not read it") -> Iterator[None]:
    """What transformers refuses, in one line."""
    try:
        yield
    except CheckpointError:
        raise
    except Exception as error:  # of any class: a folder of others is data
        said = line(error) or type(error).__name__
        raise CheckpointError(f"{place}: {what}: {said[:_MOST]}{'...' * (len(said) > _MOST)}") from error


@contextlib.contextmanager
def _without_parameters() -> Iterator[None]:
    """Modules that are made here have parameters without values, and buffers as always."""
    before = nn.Module.register_parameter

    def register(module: nn.Module, name: str, value: Optional[nn.Parameter]) -> None:
        if value is not None and value.device.type != "meta":
            value = nn.Parameter(value.detach().to("meta"), requires_grad=False)
        before(module, name, value)

    nn.Module.register_parameter = register
    try:
        yield
    finally:
        nn.Module.register_parameter = before

"""What public functions say of arguments that are of no type of their annotations: one line, by name."""

import collections.abc
import functools
import inspect
import numbers
import typing
from typing import Any, Callable, Dict, List, Tuple, TypeVar

import torch

_Function = TypeVar("_Function", bound=Callable[..., Any])

#: What is taken for an annotation, and how it is called; others are not looked at.
_KINDS: Dict[Any, Tuple[type, str]] = {
    torch.Tensor: (torch.Tensor, "a tensor"),
    float: (numbers.Real, "a number"),
    int: (numbers.Integral, "a whole number"),
    bool: (numbers.Integral, "True or False"),
    torch.dtype: (torch.dtype, "a torch.dtype"),
    torch.device: (torch.device, "a torch.device"),
    torch.nn.Linear: (torch.nn.Linear, "a torch.nn.Linear"),
    str: (str, "text"),
    collections.abc.Sequence: (collections.abc.Sequence, "a list"),
    type(None): (type(None), "None"),
}

#: Whether torch.compile reads a call.
is_compiling: Callable[[], bool] = getattr(getattr(torch, "compiler", None), "is_compiling", lambda: False)


def checked(function: _Function) -> _Function:
    """A function that is called once for each weight: TypeError before it does anything."""

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        _check(function, arguments, named)
        return function(*arguments, **named)

    return typing.cast(_Function, call)


def explained(function: _Function) -> _Function:
    """A function that is called often, so that only what fails is looked at: TypeError in place of another error."""

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        if is_compiling():
            return function(*arguments, **named)
        try:
            return function(*arguments, **named)
        except Exception:
            _check(function, arguments, named)
            raise

    return typing.cast(_Function, call)


def _check(function: Callable[..., Any], arguments: Tuple[Any, ...], named: Dict[str, Any]) -> None:
    kinds = _kinds(function)
    try:
        given = inspect.signature(function).bind(*arguments, **named).arguments
    except TypeError:
        return  # too many or too few, as Python says
    for name, value in given.items():
        known = kinds.get(name, [])
        if known and not any(isinstance(value, kind) for kind, _ in known):
            called = " or ".join(called for _, called in known)
            raise TypeError(f"{name} must be {called}, not {type(value).__name__}") from None


@functools.lru_cache(maxsize=None)
def _kinds(function: Callable[..., Any]) -> Dict[str, List[Tuple[type, str]]]:
    """Of each argument all of whose types are known here."""
    found = {}
    for name, hint in typing.get_type_hints(function).items():
        origin = typing.get_origin(hint)
        alternatives = typing.get_args(hint) if origin is typing.Union else [origin or hint]
        if all(each in _KINDS for each in alternatives):
            found[name] = [_KINDS[each] for each in alternatives]
    return found

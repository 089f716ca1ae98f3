"""Our packages found under the names of those whose place they take."""

import importlib
import importlib.abc
import importlib.machinery
import sys
from types import ModuleType
from typing import Any, Dict, Optional, Sequence


def install(package: str, name: str, modules: Sequence[str], on_demand: Sequence[str] = ()) -> None:
    """Have `import NAME`, and of its modules those named, find a package of ours, also where pickles name them.

    Those in `on_demand` are imported when they are asked for, for they need what may not be there. Raises ImportError
    when another one of that name was imported before.
    """
    found = {name: sys.modules[package]}
    found.update({f"{name}.{each}": importlib.import_module(f"{package}.{each}") for each in modules})
    others = [each for each, module in found.items() if sys.modules.get(each, module) is not module]
    if others:
        where = getattr(sys.modules[others[0]], "__file__", None)
        raise ImportError(
            f"{others[0]} is already imported from {where}; call install_as_{name}() before that import"
        )
    sys.modules.update(found)
    finder = _OnDemand({f"{name}.{each}": f"{package}.{each}" for each in on_demand})
    if on_demand and finder not in sys.meta_path:
        sys.meta_path.insert(0, finder)


class _OnDemand(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules that names stand for, each the one module that it is under its own name."""

    def __init__(self, ours: Dict[str, str]) -> None:
        self._ours = ours

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _OnDemand) and self._ours == other._ours

    __hash__ = None  # type: ignore[assignment]

    def find_spec(self, fullname: str, *_: Any) -> Optional[importlib.machinery.ModuleSpec]:
        return importlib.machinery.ModuleSpec(fullname, self) if fullname in self._ours else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.import_module(self._ours[spec.name])
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It ran when it was imported; only what it is called goes back to what it was."""
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state

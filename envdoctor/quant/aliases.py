"""Our packages found under the names of those whose place they take."""

import importlib
import sys
from typing import Sequence


def install(package: str, name: str, modules: Sequence[str]) -> None:
    """Have `import NAME`, and of its modules those named, find a package of ours, also where pickles name them.

    Raises ImportError when another one of that name was imported before.
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

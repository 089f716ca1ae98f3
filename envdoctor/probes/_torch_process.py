"""What is in the process after `import torch`: libraries that an extension then finds without a search."""

import posixpath
import re
from typing import Dict, Iterator, List

from envdoctor.facts import Python, Torch
from envdoctor.probes._loader import Found, Search

# ("cublas", "libcublas.so.*[0-9]") of the list in torch/__init__.py; 'cublas': 'libcublas.so.11' in 1.13
_PRELOADED = re.compile(r"""['"][a-z_]+['"][,:] ['"](lib[\w-]+?\.so)\.[^'"]*['"]""")
_ALWAYS = re.compile(r"\b_preload_cuda_deps\(\)")


def loaded(search: Search, python: Python, torch: Torch) -> Dict[str, Found]:
    """By soname. torch loads libtorch_global_deps.so, CUDA's libraries out of NVIDIA's wheels, then its own module.

    The wheels' libraries are opened by path since 2.6 wherever a libcudart was loaded, before that when
    libtorch_global_deps.so did not load.
    """
    first = f"{torch.path}/lib/libtorch_global_deps.so"
    own = [
        f"{torch.path}/{name}"
        for name in search.host.listdir(torch.path)
        if name.startswith("_C.") and name.endswith(".so")
    ]
    found = search.loaded_with([first])
    program = search.object(first)
    whole = program is not None and all(name in found for name in program.needed)
    text = search.host.try_text(f"{torch.path}/__init__.py") or ""
    with_cudart = any(name.startswith("libcudart.so") for name in found)
    if not whole or (with_cudart and _ALWAYS.search(text)):
        return search.loaded_with(
            [*([first] if whole else ()), *_preloaded(search, python, text), first, *own]
        )
    return search.loaded_with([first, *own])


def _preloaded(search: Search, python: Python, text: str) -> Iterator[str]:
    """The files that torch/__init__.py opens, in its order."""
    places: Dict[str, List[str]] = {}
    for site in python.path:
        for folder in search.host.listdir(f"{site}/nvidia"):
            for name in search.host.listdir(f"{site}/nvidia/{folder}/lib"):
                path = posixpath.join(site, "nvidia", folder, "lib", name)
                places.setdefault(name.partition(".so.")[0] + ".so", []).append(path)
    for name in _PRELOADED.findall(text):
        yield from places.get(name, ())[:1]

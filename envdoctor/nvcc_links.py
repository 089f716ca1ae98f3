"""Links by nvcc itself: who calls it, its toolkit, and where the archives are that it takes. Pure."""

import posixpath
from typing import Iterator, Optional, Tuple

from envdoctor import libraries
from envdoctor.facts import Located, Project, Toolkit, Toolkits


def first_ones(
    project: Project, toolkits: Toolkits, toolkit: Optional[Toolkit]
) -> Iterator[Tuple[Located, Toolkit]]:
    """The first link by CMake, which tries its compiler, and the first by make, each with its nvcc's toolkit."""
    languages = project.cmake.languages if project.cmake else ()
    cuda = next((language for language in languages if language.text == "CUDA"), None)
    if cuda is not None and toolkit is not None:
        yield Located("language CUDA", cuda.file, cuda.line), toolkit
    for place in project.nvcc_links[:1]:
        called = next((item for item in toolkits.items if _is_called(item, place.text)), None)
        if called is not None:
            yield place, called


def _is_called(item: Toolkit, name: str) -> bool:
    """Whether it is the toolkit of an nvcc as a Makefile calls it."""
    if name.startswith("/"):  # "$(NVCC)" and others are what PATH has
        return name in (f"{origin}/bin/nvcc" for origin in (item.root, *item.origins))
    return "nvcc on PATH" in item.origins


def asks_for_shared(project: Project, place: Located) -> bool:
    """Whether the Makefile has nvcc link the shared run time, with -cudart shared."""
    asked = [name for name in project.link_names if libraries.link_name(name.text) == "cudart"]
    return place in project.nvcc_links and any(name.file == place.file for name in asked)


def shared_alone(item: Toolkit, toolkits: Toolkits) -> Optional[str]:
    """The shared run time of a toolkit without the archive that nvcc links; None where the archive is found."""
    runtime = item.library("cudart")
    if runtime is None or runtime.static or libraries.linkable(toolkits, "libcudart_static.a"):
        return None
    return runtime.shared


def unsearched_folder(item: Toolkit, toolkits: Toolkits) -> Optional[str]:
    """The folder with the archives, where nvcc's profile names another that is not there."""
    library = item.library("cudadevrt") if item.missing_link_dir else None
    if library is None or not library.static:
        return None
    named = all(libraries.linkable(toolkits, f"lib{name}.a") for name in ("cudart_static", "cudadevrt"))
    return None if named else posixpath.dirname(library.static)

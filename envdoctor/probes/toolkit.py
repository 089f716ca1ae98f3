"""The toolkit that a build of this project would use."""

from typing import Optional

from envdoctor import builders
from envdoctor.facts import Nvccs, Project, Toolkit, Toolkits, Torch
from envdoctor.host import Host
from envdoctor.probes._cuda_finders import Finders, Take


def probe(
    host: Host,
    toolkits: Optional[Toolkits],
    nvccs: Optional[Nvccs],
    project: Optional[Project],
    torch: Optional[Torch],
) -> Optional[Toolkit]:
    """By the finder that the project's build asks; None when it finds none or something that is no toolkit.

    A project that compiles no CUDA, or no project, gets what most builds would take; a variable that names no toolkit
    is passed over there, as it stops nothing.
    """
    if toolkits is None:
        return None
    finders = Finders(host, toolkits, nvccs, project, torch)
    if project is not None and project.wants_cuda:
        return finders.toolkit(_asked(finders, project))
    return finders.toolkit(finders.by_variables()) or finders.toolkit(finders.shell())


def _asked(finders: Finders, project: Project) -> Take:
    if builders.builds_torch_extension(project):
        # By the same lookup for a torch without CUDA: that it does not look is torch's trouble, not the toolkit's.
        return finders.by_variables()
    if builders.builds_with_cmake(project) and project.builds[:1] != ("make",):
        return finders.cmake_language()
    if project.cmake and project.cmake.package("CUDAToolkit"):
        return finders.find_toolkit()
    return finders.makefile() if "make" in project.builds else finders.by_variables()

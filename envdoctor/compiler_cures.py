"""Cures that have the build take another host compiler, or the same one told otherwise."""

import posixpath
import shlex
from typing import Iterator, List, Optional, Tuple

from envdoctor import compat, installing, wrapper
from envdoctor.facts import Compiler, Compilers, Environment, System
from envdoctor.finding import Run, SetEnv, Shim, Step


def accepted_compiler(
    compilers: Optional[Compilers],
    kind: str,
    newest: Optional[int],
    oldest: int = 0,
) -> Optional[Compiler]:
    """The newest C++ compiler of a kind within bounds."""
    items = compilers.items if compilers else ()
    good = [
        item
        for item in items
        if item.kind == kind
        and item.cxx is not False
        and "++" in item.name
        and oldest <= item.major
        and (newest is None or item.major <= newest)
    ]
    return max(good, key=lambda item: item.major, default=None)


def use_compiler(compiler: Compiler, everywhere: bool) -> Tuple[Step, ...]:
    """nvcc takes that host compiler; with `everywhere` so do setuptools, make and CMake for C and C++ files.

    NVCC_PREPEND_FLAGS works with every nvcc and gives way to a -ccbin of the build. (NVCC_CCBIN does not: 11.8 and 12.4
    do not read it, 13.0 does.)
    """
    steps = (
        SetEnv("NVCC_PREPEND_FLAGS", f"-ccbin {shlex.quote(compiler.path)}", "append"),
        SetEnv("CUDAHOSTCXX", compiler.path),
    )
    if not everywhere:
        return steps
    folder, name = posixpath.split(compiler.path)
    plain_c = posixpath.join(
        folder, name.replace("clang++", "clang").replace("g++", "gcc").replace("c++", "cc")
    )
    return (*steps, SetEnv("CXX", compiler.path), SetEnv("CC", plain_c))


def install_gcc(system: Optional[System], newest: Optional[int], oldest: int = 0) -> Optional[Run]:
    """The distribution's command for a g++ within bounds, where its package is known."""
    place = (system.distribution, system.distribution_version) if system else ("", "")
    known = compat.APT_GCC.get(place, ())
    fitting = [major for major in known if oldest <= major and (newest is None or major <= newest)]
    return installing.by_manager(system, {"apt-get": f"g++-{max(fitting)}"}) if fitting else None


def raised_standard(
    compilers: Optional[Compilers], environment: Environment, standard: int
) -> Tuple[Step, ...]:
    """nvcc and the host compilers read an older C++ standard as that one."""
    flags = SetEnv("NVCC_APPEND_FLAGS", f"-std=c++{standard}", "append")
    names = _on_path(compilers, environment)
    shims = [Shim(f"bin/{name}", "script", wrapper.raising(name, standard)) for name in names]
    ahead = (SetEnv("PATH", "{overlay}/bin", "prepend"),) if shims else ()
    # ccache goes by a compiler's size and time, and a shim's stay when the real compiler is replaced.
    asked = (SetEnv("CCACHE_COMPILERCHECK", "%compiler% -v"),) if shims else ()
    return (flags, *shims, *ahead, *asked, *_raised_by_path(compilers, environment, standard))


def _on_path(compilers: Optional[Compilers], environment: Environment) -> List[str]:
    """Every name under which a build may call one of the compilers."""
    folders = environment.folders("PATH")
    names = [
        name
        for item in (compilers.items if compilers else ())
        for name in (item.name, *item.aliases)
        if item.aliases or item.found_via == "PATH" or posixpath.dirname(item.path) in folders
    ]
    return list(dict.fromkeys(names))


def _raised_by_path(
    compilers: Optional[Compilers],
    environment: Environment,
    standard: int,
) -> Iterator[Step]:
    """Compilers that CC and CXX name by their path: PATH has no say over them."""
    known = {item.path for item in (compilers.items if compilers else ())}
    for variable in ("CC", "CXX"):
        try:
            words = shlex.split(environment.get(variable) or "")
        except ValueError:
            continue
        path = next((word for word in words if word in known), None)
        if path:
            shim = f"compilers/{variable}/{posixpath.basename(path)}"
            yield Shim(shim, "script", wrapper.raising(path, standard))
            named = ["{overlay}/" + shim if word == path else shlex.quote(word) for word in words]
            yield SetEnv(variable, " ".join(named))

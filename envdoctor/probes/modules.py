"""Compiled modules of the installed packages: what they need of the machine, of CUDA and of torch."""

import functools
import posixpath
import re
from typing import Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Set, Tuple, Union

from envdoctor import elf, elf_symbols, fatbin, symbols
from envdoctor.facts import CompiledModule, CompiledModules, Needed, Package, Packages, Python, Torch, Unknown
from envdoctor.host import Host
from envdoctor.libraries import is_of_torch
from envdoctor.probes import _installed, _torch_process
from envdoctor.probes._loader import Found, Object, Search

LIBSTDCXX = "libstdc++.so.6"
_MOST_FILES = 3000
_MOST_MISSING = 10
# Their own libraries fit each other; thousands of kernels take time to read.
_LEFT_OUT = re.compile(r"torch|nvidia-.*|triton|pytorch-triton.*")
_OTHER_PYTHON = re.compile(r"\.((?:cpython|pypy|graalpy|graalpython)\w*-[^.]*)\.so$")


class _File(NamedTuple):
    path: str
    package: Optional[Package]
    program: elf.Elf


def probe(
    host: Host,
    python: Optional[Python],
    packages: Optional[Packages],
    torch: Optional[Torch],
) -> Union[CompiledModules, Unknown]:
    """Files that the interpreter can load; those of torch and NVIDIA's wheels are not listed."""
    if python is None or packages is None:
        return Unknown("no interpreter was examined")
    search = Search(host, python)
    files = list(_files(search, python, packages))
    loaded = _torch_process.loaded(search, python, torch) if torch else {}
    users = _users_of_torch(files, packages)
    wheels = _Wheels(host, packages)
    with_torch = {file.path: file for file in files if _owner(file) in users}
    missing = _missing_symbols(host, list(with_torch.values()), files, loaded) if loaded else {}
    return CompiledModules(
        tuple(
            CompiledModule(
                path=file.path,
                package=file.package.name if file.package else None,
                needed=tuple(_needed(search, file, loaded if file.path in with_torch else {}, wheels)),
                glibc=_newest(file.program, "GLIBC"),
                glibcxx=_newest(file.program, "GLIBCXX"),
                architectures=_architectures(host, file),
                missing_torch_symbols=missing.get(file.path, ()),
            )
            for file in files
        )
    )


def _files(search: Search, python: Python, packages: Packages) -> Iterator[_File]:
    """Every ELF file of a package, and modules that lie in site-packages without one; each once."""
    seen: Set[str] = set()
    for path, package in _paths(search.host, python, packages):
        other = _OTHER_PYTHON.search(path)
        if path in seen or (other and python.soabi and other[1] != python.soabi):
            continue
        if len(seen) == _MOST_FILES:
            search.host.note("modules", f"only the first {_MOST_FILES} compiled files were examined")
            return
        seen.add(path)
        program = search.object(path)
        if program is not None and program.machine == search.machine:
            yield _File(path, package, program)


def _paths(host: Host, python: Python, packages: Packages) -> Iterator[Tuple[str, Optional[Package]]]:
    for package in packages.items:
        if not _LEFT_OUT.fullmatch(package.name):
            yield from ((path, package) for path in _installed.compiled(host, package))
    for folder in python.site_packages:
        for name in host.listdir(folder):
            if _installed.SHARED.search(name):
                yield posixpath.join(folder, name), None


def _users_of_torch(files: List[_File], packages: Packages) -> FrozenSet[str]:
    """Packages (or files without one) that import torch before their own modules: they link it, or require it."""
    users = {
        package.name for package in packages.items if any(_names_torch(line) for line in package.requires)
    }
    for file in files:
        if any(is_of_torch(name) for name in file.program.needed):
            users.add(_owner(file))
    return frozenset(users)


def _owner(file: _File) -> str:
    return file.package.name if file.package else file.path


def _names_torch(requirement: str) -> bool:
    return re.match(r"torch(?![\w.-])", requirement) is not None and "extra ==" not in requirement


class _Wheels:
    """Libraries in NVIDIA's wheels, for packages that require these and open them themselves; read when asked."""

    def __init__(self, host: Host, packages: Packages) -> None:
        self._host, self._packages = host, packages
        self._files: Optional[Dict[str, Package]] = None

    def find(self, soname: str, package: Package) -> Optional[str]:
        if self._files is None:
            self._files = _installed.nvidia_wheels(self._host, self._packages)
        for path, wheel in self._files.items():
            if (
                posixpath.basename(path) == soname
                and _requires(package, wheel.name)
                and self._host.is_file(path)
            ):
                return path
        return None


def _requires(package: Package, name: str) -> bool:
    wanted = (re.match(r"[A-Za-z0-9._-]+", line) for line in package.requires)
    return name in {re.sub(r"[-_.]+", "-", match[0]).lower() for match in wanted if match}


def _needed(search: Search, file: _File, loaded: Dict[str, Found], wheels: _Wheels) -> Iterator[Needed]:
    for soname in file.program.needed:
        found = _present(loaded.get(soname)) or search.find(soname, (Object(file.path, file.program),))
        if found is None and file.package:
            path = wheels.find(soname, file.package)
            found = Found(path, "installed wheel") if path else None
        own = search.object(found.path) if found and found.via == "rpath" and soname == LIBSTDCXX else None
        defined = elf.newest(own.version_definitions, "GLIBCXX") if own else None
        yield Needed(
            soname,
            found.path if found else None,
            found.via if found else None,
            defined[len("GLIBCXX_") :] if defined else None,
        )


def _present(found: Optional[Found]) -> Optional[Found]:
    """A library that torch has loaded; one that any process gets by the same way keeps the name of that way."""
    return Found(found.path, "torch") if found and found.via == "rpath" else found


def _newest(program: elf.Elf, prefix: str) -> Optional[str]:
    found = elf.newest(program.versions_needed, prefix)
    return found[len(prefix) + 1 :] if found else None


def _architectures(host: Host, file: _File) -> Tuple[str, ...]:
    read = functools.partial(host.read_range, file.path)
    try:
        if file.program.layout.sections[0] and elf.section(read, file.program, ".nv_fatbin"):
            return fatbin.architectures(read, file.program)
    except (OSError, elf.ElfError) as error:
        host.note(file.path, getattr(error, "strerror", None) or str(error))
    return ()


def _missing_symbols(
    host: Host,
    users: List[_File],
    files: List[_File],
    loaded: Dict[str, Found],
) -> Dict[str, Tuple[str, ...]]:
    """By path, symbols of torch that neither the installed torch nor a library of the same package defines."""
    wanted = {file.path: _undefined(host, file) for file in users}
    left = frozenset(name for names in wanted.values() for name in names)
    libraries = sorted({found.path for name, found in loaded.items() if is_of_torch(name)}, key=_likely_first)
    for path in libraries:
        left -= _exported(host, path, left)
    missing = {}
    for file in users if libraries else ():
        own = wanted[file.path] & left
        for other in files if own else ():
            if _owner(other) == _owner(file) and other.path != file.path:
                own -= _exported(host, other.path, own)
        if own:
            missing[file.path] = tuple(sorted(own, key=_tells_most)[:_MOST_MISSING])
    return missing


def _tells_most(symbol: str) -> Tuple[bool, str]:
    """Symbols that spell std::string come first: they tell which string ABI the module was built for."""
    return not (symbols.has_new_string(symbol) or symbols.has_old_string(symbol)), symbol


def _likely_first(path: str) -> Tuple[int, str]:
    order = ("libtorch_cpu", "libc10", "libtorch_python", "libtorch_cuda", "libc10_cuda")
    stem = posixpath.basename(path).partition(".")[0]
    return order.index(stem) if stem in order else len(order), path


def _undefined(host: Host, file: _File) -> FrozenSet[str]:
    try:
        names = elf_symbols.undefined_symbols(functools.partial(host.read_range, file.path), file.program)
    except (OSError, elf.ElfError) as error:
        host.note(file.path, getattr(error, "strerror", None) or str(error))
        return frozenset()
    return frozenset(name for name in names if symbols.is_of_torch(name))


def _exported(host: Host, path: str, names: FrozenSet[str]) -> FrozenSet[str]:
    if not names:
        return names
    read = functools.partial(host.read_range, path)
    try:
        return elf_symbols.exports(read, elf.parse(read), names)
    except (OSError, elf.ElfError) as error:
        host.note(path, getattr(error, "strerror", None) or str(error))
        return names  # what it defines cannot be told: nothing is known to be missing

"""What a checkout may lack: submodules and the contents of git-lfs files; and what earlier builds left in it."""

import fnmatch
import posixpath
import re
from typing import Dict, Iterator, List, Optional, Tuple

from envdoctor.facts import BuildFolder, Located, Submodule
from envdoctor.probes._project.tree import SOURCE_SUFFIXES, Tree

LFS_FIRST_LINE = "version https://git-lfs.github.com/spec/v1"
_LFS_SIZE = 400
_LFS_SUFFIXES = SOURCE_SUFFIXES | frozenset(
    "ipynb so a o lib bin pt pth onnx npy npz safetensors csv json whl ptx cubin fatbin".split()
)
_SECTION = re.compile(r"\s*\[\s*submodule\s+\"(.*)\"\s*\]")
_ENTRY = re.compile(r"\s*(\w+)\s*=\s*(.*?)\s*$")
_BUILD_NAMES = re.compile(r"build|b|_build|_skbuild|out|bld|cmake-build-.*|build[-_.].*")
_CACHE_ENTRY = re.compile(
    r"(CMAKE_HOME_DIRECTORY|CMAKE_COMMAND|CMAKE_MAKE_PROGRAM|CMAKE_GENERATOR|CMAKE_CACHEFILE_DIR|CMAKE_\w+_COMPILER"
    r"|_?Python3?_EXECUTABLE|_Python3?_EXECUTABLE|PYTHON_EXECUTABLE|CUDAToolkit_NVCC_EXECUTABLE|CUDA_NVCC_EXECUTABLE"
    r"|CUDA_TOOLKIT_ROOT_DIR|CMAKE_CUDA_ARCHITECTURES):(\w+)=(.*)"
)
_COMPILED = re.compile(r".*\.(?:cpython|pypy)[\w-]*\.so")


def submodules(tree: Tree) -> Tuple[Submodule, ...]:
    """The entries of .gitmodules with what is in their folders."""
    found: List[Dict[str, str]] = []
    for number, line in enumerate((tree.text(".gitmodules") or "").splitlines(), 1):
        entry = _ENTRY.match(line)
        if _SECTION.match(line):
            found.append({"line": str(number)})
        elif entry and found:
            found[-1][entry.group(1)] = entry.group(2).strip('"')
    return tuple(
        Submodule(entry["path"], entry.get("url", ""), _state(tree, entry["path"]), int(entry["line"]))
        for entry in found
        if entry.get("path") and tree.relative(entry["path"])
    )


def _state(tree: Tree, path: str) -> str:
    if not tree.is_dir(path):
        return "absent"
    return "present" if tree.names(path) - {".git"} else "empty"


def lfs_pointers(tree: Tree, files: List[str]) -> Tuple[str, ...]:
    """Files among `files` that are git-lfs pointers: those that .gitattributes names, and small sources and data."""
    patterns = _lfs_patterns(tree)
    found = []
    for path in files:
        suffix = path.rpartition(".")[2].lower()
        if (suffix in _LFS_SUFFIXES or _named(path, patterns)) and _is_pointer(tree, path):
            found.append(path)
    return tuple(sorted(found))


def _lfs_patterns(tree: Tree) -> Tuple[str, ...]:
    lines = (line.split() for line in (tree.text(".gitattributes") or "").splitlines())
    return tuple(words[0] for words in lines if "filter=lfs" in words[1:] and not words[0].startswith("#"))


def _named(path: str, patterns: Tuple[str, ...]) -> bool:
    """Whether a pattern of .gitattributes means a path: without "/" it is the name's, else the whole path's."""
    name = posixpath.basename(path)
    return any(
        fnmatch.fnmatch(path, pattern.lstrip("/")) if "/" in pattern else fnmatch.fnmatch(name, pattern)
        for pattern in patterns
    )


def _is_pointer(tree: Tree, path: str) -> bool:
    found = tree.host.lstat(tree.full(path))
    if found is None or found.kind != "file" or not 0 < found.size < _LFS_SIZE:
        return False
    return (tree.text(path) or "").startswith(LFS_FIRST_LINE)


def build_folders(tree: Tree) -> Tuple[BuildFolder, ...]:
    """Folders at the top, and one below, with a CMakeCache.txt or compiled modules."""
    found = [_build_folder(tree, folder) for folder in _candidates(tree)]
    return tuple(folder for folder in found if folder is not None)


def _candidates(tree: Tree) -> Iterator[str]:
    for name in sorted(tree.names(".")):
        if _BUILD_NAMES.fullmatch(name) and tree.is_dir(name):
            yield name
            for inner in sorted(tree.names(name)):
                if inner.startswith(("temp.", "lib.", "cmake", "cp", "py", "linux")) or inner == "lib":
                    yield posixpath.join(name, inner)
        elif name == ".eggs" or name.endswith(".egg-info"):
            yield name


def _build_folder(tree: Tree, folder: str) -> Optional[BuildFolder]:
    names = tree.names(folder)
    if "CMakeCache.txt" in names:
        file = posixpath.join(folder, "CMakeCache.txt")
        kept = tuple(e for e in _cache_entries(file, tree.text(file) or "") if not _is_this_tree(tree, e))
        return BuildFolder(
            folder, kept, tuple(entry for entry in kept if _is_gone(tree, entry.text.partition("=")[2]))
        )
    if folder == ".eggs" or folder.endswith(".egg-info"):
        return BuildFolder(folder, ()) if tree.is_dir(folder) else None
    modules = [name for name in sorted(names) if _COMPILED.fullmatch(name)]
    modules += [
        f"{n}/{m}"
        for n in sorted(names)
        if "." not in n
        for m in sorted(tree.names(f"{folder}/{n}"))
        if _COMPILED.fullmatch(m)
    ]
    entries = tuple(Located(module, posixpath.join(folder, module)) for module in modules)
    return BuildFolder(folder, entries) if entries else None


def _is_this_tree(tree: Tree, entry: Located) -> bool:
    """Whether the cache names this tree as its source, if only by another path to it (a link)."""
    name, _, value = entry.text.partition("=")
    real = tree.host.realpath(value) if value.startswith("/") else value
    return name == "CMAKE_HOME_DIRECTORY" and f"{real}/".startswith(f"{tree.root}/")


def _is_gone(tree: Tree, value: str) -> bool:
    return value.startswith("/") and not tree.host.exists(value)


def _cache_entries(file: str, text: str) -> Iterator[Located]:
    """Entries as NAME=VALUE."""
    for number, line in enumerate(text.splitlines(), 1):
        entry = _CACHE_ENTRY.fullmatch(line.rstrip())
        if entry:
            yield Located(f"{entry.group(1)}={entry.group(3)}", file, number)

"""What the sources include and use: followed from the files that a build names, through the folders it searches."""

import posixpath
import re
from typing import Dict, FrozenSet, Iterable, Iterator, List, Optional, Sequence, Set, Tuple

from envdoctor import compat
from envdoctor.facts import Header, Located
from envdoctor.probes._project import preprocessor
from envdoctor.probes._project.headers import is_of_the_system, of_interest
from envdoctor.probes._project.tree import Tree

FILE_LIMIT = 2000
CUDA_SUFFIXES = ("cu", "cuh")
COMPILED = frozenset(("cu", "cpp", "cc", "cxx", "c"))
_ASIDE = frozenset(
    "test tests testing example examples sample samples benchmark benchmarks bench docs doc demo demos".split()
)
_KNOWN_FOLDERS = re.compile(
    r"python|torch|cuda|pybind|numpy|nccl|mpi|openmp|cudnn|binary_dir|_build", re.IGNORECASE
)
_SYSTEM_FOLDERS = ("/usr/include", "/usr/local/include")


class SearchPath:
    """Folders that the compiler searches: those of the build files, relative or absolute, and those of the machine."""

    def __init__(self, tree: Tree, named: Iterable[str], outside: Sequence[str], hidden: bool) -> None:
        self.tree = tree
        self.inside: List[str] = []
        self.endings: List[str] = []
        #: A folder is named in a way that cannot be resolved: what is not found may lie there.
        self.opaque = hidden
        for folder in dict.fromkeys(named):
            if "$" in folder or "{" in folder:
                self._unresolved(folder)
            else:
                self.inside.append(self.tree.relative(folder) or folder)
        self.outside = list(dict.fromkeys(outside))
        self._found: Dict[str, Optional[str]] = {}

    def _unresolved(self, folder: str) -> None:
        ending = re.split(r"[}>)]", folder)[-1].strip("/")
        if ending:
            self.endings.append(f"/{ending}")
        elif not _KNOWN_FOLDERS.search(folder):
            self.opaque = True

    def find(self, name: str, including: str, quoted: bool) -> Optional[str]:
        """The file that an include takes; None when it is nowhere."""
        if quoted:
            beside = posixpath.normpath(posixpath.join(posixpath.dirname(including), name))
            if self.tree.is_file(beside):
                return beside
        if name not in self._found:
            places = (
                posixpath.normpath(posixpath.join(folder, name)) for folder in (*self.inside, *self.outside)
            )
            self._found[name] = next((place for place in places if self.tree.is_file(place)), None)
        return self._found[name]


class Findings:
    """What was read of the sources."""

    def __init__(self) -> None:
        self.includes: Dict[str, Located] = {}
        self.missing: Dict[str, Located] = {}
        self.features: Dict[str, Located] = {}
        self.files: List[str] = []


def all_sources(tree: Tree, files: Iterable[str]) -> List[str]:
    """Sources of the tree that a build compiles, when it does not say which: no tests, examples or vendored code."""
    found = []
    for path in files:
        parts = path.lower().split("/")
        if (
            parts[-1].rpartition(".")[2] in COMPILED
            and not _ASIDE & set(parts[:-1])
            and not tree.is_vendored(path)
        ):
            found.append(path)
    return found


#: Features that are more than a word.
PATTERNS = {
    "AT_DISPATCH on Tensor.type()": re.compile(r"\bAT_DISPATCH_\w+\s*\(\s*[\w.>\[\]-]+\.type\s*\(\s*\)\s*,"),
}


def read(tree: Tree, start: Sequence[str], search: SearchPath, defined: FrozenSet[str]) -> Findings:
    """Follow the includes from these files; other people's headers are found and not followed."""
    findings = Findings()
    waiting, seen = list(start), set(start)
    while waiting:
        path = waiting.pop(0)
        if len(findings.files) >= FILE_LIMIT:
            tree.note(f"more than {FILE_LIMIT} sources: the rest was not read")
            break
        text = tree.text(path)
        if text is None:
            continue
        findings.files.append(path)
        device = path.endswith(CUDA_SUFFIXES)
        source = preprocessor.read(text, defined | {"__CUDACC__", "__NVCC__"} if device else defined)
        _features(findings, source, path)
        for include in source.includes:
            inner = _include(findings, search, include, path)
            if inner is not None and inner not in seen:
                seen.add(inner)
                waiting.append(inner)
    return findings


def _features(findings: Findings, source: preprocessor.Source, path: str) -> None:
    names = (*compat.TORCH_REMOVED, *compat.FEATURE_ARCHITECTURE)
    for name in names:
        if name not in findings.features and not name.endswith("/"):
            pattern = PATTERNS.get(name)
            line = source.search(pattern) if pattern else source.find(name)
            if line is not None:
                findings.features[name] = Located(name, path, line)


def _include(
    findings: Findings, search: SearchPath, include: preprocessor.Include, path: str
) -> Optional[str]:
    """Note one include; the project's own file to follow, None when there is none.

    What stands behind a condition that cannot be decided is neither noted nor followed.
    """
    found = search.find(include.name, path, include.quoted)
    place = Located(include.name, path, include.line)
    name = include.name
    if not include.certain:
        return None
    own = found is not None and not found.startswith("/") and not search.tree.is_vendored(found)
    if of_interest(name) and not own:
        findings.includes.setdefault(name, place)
    if name.startswith(("TH/", "THC/")):
        findings.features.setdefault(name, place)
    if found is None and not is_of_the_system(name):
        findings.missing.setdefault(name, place)
    return found if own else None


def unresolved(tree: Tree, findings: Findings, search: SearchPath, generated: Set[str]) -> Iterator[Header]:
    """Headers that resolve nowhere, each with the folders of the tree that would give it."""
    wanted = {name: place for name, place in findings.missing.items() if not _made(tree, name, generated)}
    if not wanted or search.opaque:
        return
    roots: Dict[str, List[str]] = {name: [] for name in wanted}
    for folder, names in tree.walk(vendored=True):
        for name in wanted:
            if name.split("/")[0] in names and tree.is_file(posixpath.join(folder, name)):
                roots[name].append(folder)
    for name, place in wanted.items():
        if not any(f"/{root}".endswith(ending) for root in roots[name] for ending in search.endings):
            yield Header(name, place, tuple(roots[name]))


def _made(tree: Tree, name: str, generated: Set[str]) -> bool:
    """Whether the build makes the header: configured from a template, or generated."""
    base = posixpath.basename(name)
    return base in generated or base.endswith((".pb.h", "_generated.h", "_export.h")) or base == "export.h"


def cutlass_version(
    tree: Tree,
    search: SearchPath,
    findings: Findings,
    missing: Iterable[Header],
) -> Tuple[Located, ...]:
    """The release of the CUTLASS that the sources include, as its version.h says: "cutlass 4.2.0".

    One that lies in the tree and is not on the search path counts too: it is the one that is meant.
    """
    if not any(name.startswith(("cutlass/", "cute/")) for name in findings.includes):
        return ()
    roots = (root for header in missing if header.name.startswith("cutlass/") for root in header.roots)
    near = (posixpath.join(root, "cutlass/version.h") for root in roots)
    places = (search.find("cutlass/version.h", "", quoted=False), *near)
    file = next((place for place in places if place and tree.is_file(place)), None)
    text = (tree.text(file) if file else None) or ""
    parts = [re.search(rf"#define\s+CUTLASS_{part}\s+(\d+)", text) for part in ("MAJOR", "MINOR", "PATCH")]
    numbers = [found.group(1) for found in parts if found]
    if file is None or len(numbers) < 2 or parts[0] is None:
        return ()
    return (Located(f"cutlass {'.'.join(numbers)}", file, text.count("\n", 0, parts[0].start()) + 1),)


def glibc(tree: Tree, search: SearchPath) -> Optional[Located]:
    """The release of a glibc whose headers come before the system's, at its features.h."""
    file = search.find("features.h", "", quoted=False)
    if file is None or posixpath.dirname(file) in _SYSTEM_FOLDERS:
        return None
    text = tree.text(file) or ""
    minor = re.search(r"^[ \t]*#[ \t]*define[ \t]+__GLIBC_MINOR__[ \t]+(\d+)", text, re.MULTILINE)
    return Located(f"2.{minor[1]}", file, text.count("\n", 0, minor.start()) + 1) if minor else None

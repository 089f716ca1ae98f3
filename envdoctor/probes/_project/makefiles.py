"""Makefiles and shell scripts that build: flags with their lines, sources, CMake projects that they configure."""

import posixpath
import re
from typing import Dict, Iterator, List, Tuple

from envdoctor.facts import Located
from envdoctor.probes._project import flags
from envdoctor.probes._project.cmake_files import definitions
from envdoctor.probes._project.tree import SOURCE_SUFFIXES, Tree

EXPANDED_LIMIT = 2 << 20  # characters that variables may make of one file
INCLUDED_LIMIT = 50
#: What make itself sets.
_HERE_IN_MAKE = {"CURDIR": ".", "PWD": "."}
NAMES = ("GNUmakefile", "makefile", "Makefile")
_ASSIGNMENT = re.compile(r"\s*(?:export\s+|override\s+)*([\w.-]+)\s*(\?=|::?=|:::=|\+=|=)\s*(.*)", re.DOTALL)
_INCLUDE = re.compile(r"^ *(?:-|s)?include\s+([^#\n]+)", re.MULTILINE)
_TOOLKIT_VARIABLE = re.compile(r"\$[({](\w*CUDA\w*)[)}]/bin/nvcc")
_FROM_ENVIRONMENT = ("CUDA_HOME", "CUDA_PATH", "CUDA_ROOT", "CUDA_TOOLKIT_ROOT_DIR", "NVCC")
_REFERENCE = re.compile(r"\$[({]([\w.-]+)[)}]")
_FOREACH = re.compile(r"\$\(foreach\s+(\w+)\s*,([^,()]*),\s*((?:[^()]|\([^()]*\))*)\)")
_COMPILES = re.compile(
    r"\$[({](?:CC|CXX|NVCC|CPP|LD|CUDA_CC|CUDACXX|HIPCC)[)}]|(?<![\w/-])(?:nvcc|g\+\+|gcc|clang\+\+|clang|cc|c\+\+|cmake)\s|/bin/nvcc\s"
)
_NVCC = re.compile(r"(?:^|[\s;&|@(])((?:[^\s;&|@]*/)?nvcc|\$[({]NVCC[)}])[\"']?\s([^;&|]*)")
#: What makes nvcc stop before it links.
_NO_LINK = re.compile(
    r"(?:^|\s)(?:--?(?:c|dc|dw|ptx|cubin|fatbin|lib|compile|device-c|device-w|device-link|dlink|preprocess|run|V|version"
    r"|dryrun|generate-dependencies|help|h|list-gpu-\w+)|-E|-MM?|-optix-ir|-ltoir)(?=\s|$)"
)
_LIBRARY_FOLDER = re.compile(r"(?:^|\s)(?:-L|--library-path[=\s])\s*[\"']?([^\s\"',]+)")
_COMPILER = re.compile(r"\s*(?:exec\s+)?(?:\S*/)?(?:nvcc|g\+\+|gcc|clang\+\+)\s")
_WORD = re.compile(r"[^\s\"'=:;|&()<>$]+")
_WILDCARD = re.compile(r"\$\(wildcard\s+([^()$]+)\)")
_CMAKE_CALL = re.compile(r"(?:^|[;&|]|\s)cmake\s+(?!--build|--install|-E|-P)(.*)")
_CHANGE = re.compile(r"(?:^|[;&|]\s*)cd\s+((?:\$\([^)]*\)|\"(?:\$\([^)]*\)|[^\"])*\"|[^\s;&|\"])+)")
#: The script's own folder, as scripts write it.
_HERE = re.compile(r"^(?:\$\{?(?:PWD|ROOT|SCRIPT_DIR|DIR|BASEDIR|SCRIPTPATH)\}?|\$\(.*\))/?")


class Builds:
    """What the Makefile and the scripts of a folder ask for."""

    def __init__(self) -> None:
        self.makes = False  # a Makefile is there that compiles something
        #: Libraries, architectures and C++ standards.
        self.asked: Dict[str, List[Located]] = {"lib": [], "arch": [], "std": []}
        self.include_dirs: List[str] = []
        self.sources: List[str] = []
        #: nvcc as it is called where it links.
        self.nvcc_links: List[Located] = []
        #: Options of nvcc's own (see `Project.nvcc_options`).
        self.nvcc_options: List[Located] = []
        #: Folders whose CMakeLists.txt a script configures, with the definitions that it gives.
        self.configured: Dict[str, Dict[str, str]] = {}

    def flags(self, text: str, file: str, line: int) -> None:
        """Note what a line of flags asks for."""
        for kind, value in flags.split([text]):
            if kind == "include":
                self.include_dirs.append(value)
            elif all(known.text != value for known in self.asked[kind]):
                self.asked[kind].append(Located(value, file, line))

    def call_nvcc(self, text: str, file: str, line: int) -> None:
        """Note the options of a command that calls nvcc."""
        called = _NVCC.search(text)
        for option in flags.nvcc_options(called.group(2)) if called else ():
            if all(known.text != option for known in self.nvcc_options):
                self.nvcc_options.append(Located(option, file, line))


def read(tree: Tree) -> Builds:
    """Read the Makefile that make would take, what it includes, and the *.mk files beside it."""
    builds = Builds()
    names = sorted(tree.names("."))
    makefile = next((name for name in NAMES if name in names), None)
    waiting = [name for name in [makefile, *(n for n in names if n.endswith((".mk", ".inc.make")))] if name]
    texts: Dict[str, str] = {}
    while waiting and len(texts) < INCLUDED_LIMIT:
        name = waiting.pop(0)
        if name not in texts:
            texts[name] = (tree.text(name) or "").replace("$(shell pwd)", ".")
            words = (word for line in _INCLUDE.findall(texts[name]) for word in line.split())
            waiting += [path for word in words if "$" not in word for path in tree.glob(word)]
    if any(_COMPILES.search(text) for text in texts.values()):
        builds.makes = makefile is not None
        variables = {**_HERE_IN_MAKE, **dict(_variables(texts, _of_environment(tree)))}
        # Included files first: they hold the variables that the Makefile's recipes use.
        for name, text in reversed(tuple(texts.items())):
            _makefile(tree, builds, name, text, variables)
    return builds


def toolkits_gone(tree: Tree) -> Tuple[Located, ...]:
    """Folders that the Makefile sets for $(CUDA_HOME)/bin/nvcc and that hold none, the environment's word heeded."""
    file = next((name for name in NAMES if tree.is_file(name)), "")
    text = (tree.text(file) if file else None) or ""
    gone = []
    for name in dict.fromkeys(_TOOLKIT_VARIABLE.findall(text)):
        found = re.search(rf"^ *{name} *([?:]?)= *(/[^\s$#]*)[ \t]*$", text, re.MULTILINE)
        overridden = found and found.group(1) == "?" and tree.host.env.get(name)
        if found and not overridden and not tree.host.which(f"{found.group(2)}/bin/nvcc"):
            line = text.count("\n", 0, found.start()) + 1
            gone.append(Located(f"{name}={found.group(2)}", file, line))
    return tuple(gone)


def scripts(tree: Tree) -> Builds:
    """Read the shell scripts at the top."""
    builds = Builds()
    for name in sorted(tree.names(".")):
        if name.endswith(".sh"):
            _script(tree, builds, name, tree.text(name) or "")
    return builds


def logical_lines(text: str) -> Iterator[Tuple[int, str]]:
    """(number, line) with continuation lines: each piece keeps its own number, joined pieces that of the first."""
    waiting, start = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        start = start if waiting else number
        if line.rstrip().endswith("\\"):
            waiting += line.rstrip()[:-1] + "\n"
            continue
        yield start, waiting + line
        waiting = ""
    if waiting:
        yield start, waiting


def _variables(texts: Dict[str, str], given: Dict[str, str]) -> Iterator[Tuple[str, str]]:
    """Assignments in order, appended values joined; the last one counts."""
    known = dict(given)
    for text in texts.values():
        for _, line in logical_lines(text):
            found = None if line.startswith("\t") else _ASSIGNMENT.fullmatch(_uncommented(line))
            if found:
                name, how, value = found.groups()
                if how == "?=" and name in known:
                    continue
                known[name] = f"{known.get(name, '')} {value}" if how == "+=" else value
    yield from known.items()


def _of_environment(tree: Tree) -> Dict[str, str]:
    """Variables that make takes from the environment: "?=" leaves them as they are."""
    return {name: tree.host.env[name] for name in _FROM_ENVIRONMENT if tree.host.env.get(name)}


def _uncommented(line: str) -> str:
    return "\n".join(re.sub(r"(?<!\\)#.*", "", part) for part in line.split("\n"))


def _expand(text: str, variables: Dict[str, str], depth: int = 0) -> str:
    """Variables and foreach replaced where they are known."""
    if depth > 8 or "$" not in text or len(text) > 50_000:
        return text
    replaced = _REFERENCE.sub(
        lambda found: variables.get(found.group(1), found.group()).replace("\n", " "), text
    )
    replaced = _FOREACH.sub(_each, replaced)
    return replaced if replaced == text else _expand(replaced, variables, depth + 1)


def _each(found: "re.Match[str]") -> str:
    name, values, body = found.groups()
    body = re.sub(r"\$\(eval\s+[\w.-]+\s*\+=((?:[^()]|\([^()]*\))*)\)", r"\1", body)
    return " ".join(re.sub(rf"\$[({{]{name}[)}}]", value, body) for value in values.split()[:50])


def _makefile(tree: Tree, builds: Builds, file: str, text: str, variables: Dict[str, str]) -> None:
    """Variables first: a flag is noted where it is written, not where it is used."""
    # A name that a program is asked for, or that another branch empties, stays as it is: "$(NVCC)"
    plain = {name: value for name, value in variables.items() if value.strip() and "$(shell" not in value}
    lines = [(number, _uncommented(line)) for number, line in logical_lines(text)]
    room = EXPANDED_LIMIT
    for number, line in sorted(lines, key=lambda entry: entry[1].startswith("\t")):
        for offset, piece in enumerate(line.split("\n")):
            expanded = _expand(piece, variables) if "$" in piece and room > 0 else piece
            room -= len(expanded)
            if line.startswith("\t") or "foreach" in piece or any(flags.split([piece])):
                builds.flags(expanded, file, number + offset)
            builds.sources.extend(_sources(tree, expanded))
        if line.startswith("\t") and room > 0:
            builds.call_nvcc(_expand(line.replace("\n", " "), variables), file, number)
            called = _linking_nvcc(tree, _expand(line.replace("\n", " "), plain))
            if called:
                builds.nvcc_links.append(Located(called, file, number))
    builds.include_dirs[:] = list(dict.fromkeys(builds.include_dirs))
    builds.sources[:] = list(dict.fromkeys(builds.sources))


def _linking_nvcc(tree: Tree, recipe: str) -> str:
    """The nvcc that a recipe links with, "" when there is none, or when it names where the run time lies."""
    found = _NVCC.search(recipe)
    if found is None or _NO_LINK.search(found.group(2)):
        return ""
    folders = _LIBRARY_FOLDER.findall(found.group(2))
    given = any(tree.host.is_file(posixpath.join(tree.root, folder, "libcudadevrt.a")) for folder in folders)
    return "" if given else found.group(1)


def _sources(tree: Tree, text: str) -> Iterator[str]:
    for pattern in _WILDCARD.findall(text):
        for part in pattern.split():
            yield from (
                path for path in tree.glob(part) if posixpath.splitext(path)[1][1:] in SOURCE_SUFFIXES
            )
    for word in _WORD.findall(text):
        if posixpath.splitext(word)[1][1:] in SOURCE_SUFFIXES and "%" not in word and "*" not in word:
            path = posixpath.normpath(word)
            if not path.startswith(("..", "/")) and tree.is_file(path):
                yield path


def _script(tree: Tree, builds: Builds, file: str, text: str) -> None:
    """A shell script that configures a CMake project of the tree, or calls a compiler."""
    folder = "."
    for number, line in logical_lines(text):
        line = line.replace("\n", " ").split(" #")[0]
        if line.lstrip().startswith(("#", "echo")):
            continue
        for change in _CHANGE.findall(line):
            folder = _moved(tree, folder, change)
        call = _CMAKE_CALL.search(line)
        if call:
            _configure(tree, builds, folder, call.group(1))
            _stated(builds, call.group(1), file, number)
            continue
        for command in re.split(r"&&|\|\||;", line):
            if _COMPILER.match(command):
                builds.flags(command, file, number)
                builds.call_nvcc(command, file, number)


def _moved(tree: Tree, folder: str, change: str) -> str:
    """Where `cd` leads, as far as it is known."""
    change = _HERE.sub("", change.strip("\"'")).strip("\"'")
    if change in ("-", "") or "$" in change or change.startswith("/"):
        return "."
    return tree.relative(tree.full(posixpath.join(folder, change))) or "."


def _configure(tree: Tree, builds: Builds, folder: str, arguments: str) -> None:
    words = arguments.split()
    source = next((words[i + 1] for i, word in enumerate(words[:-1]) if word == "-S"), None)
    places = [source] if source else [word for word in words if not word.startswith("-")] or ["."]
    for place in places:
        target = tree.relative(tree.full(posixpath.join(folder, place.strip("\"'"))))
        if target and "$" not in target and tree.is_file(posixpath.join(target, "CMakeLists.txt")):
            builds.configured.setdefault(target, {}).update(definitions(arguments))
            return


def _stated(builds: Builds, arguments: str, file: str, line: int) -> None:
    """Architectures on the command line of cmake: -DCMAKE_CUDA_ARCHITECTURES=80, -DCUTLASS_NVCC_ARCHS=80."""
    for name, value in definitions(arguments).items():
        if re.search(r"CUDA_ARCH|NVCC_ARCH|GPU_ARCH", name):
            for entry in flags.architecture_list(value):
                builds.asked["arch"].append(Located(entry, file, line))

"""CMake files, command by command, as far as it is known what they would do here; nothing of them is run."""

import posixpath
import re
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from envdoctor.facts import Located
from envdoctor.probes._project.cmake_syntax import UNSURE, Argument, Command, Condition, parse
from envdoctor.probes._project.tree import Tree

COMMAND_LIMIT = 8_000
FILE_LIMIT = 120
DEPTH = 24
VALUE_LIMIT = 100_000  # characters of a value
_REFERENCE = re.compile(r"\$\{([^${}]+)\}")
_NESTED = re.compile(r"\$\{[^{}]*\$\{")
_VARIABLE = re.compile(r"\$ENV\{([^${}]+)\}")
_READABLE = re.compile(
    r"(?:CUDA|TORCH|CUDNN|NCCL|CUTLASS|CONDA|PYTHON|Python)\w*|\w*(?:_HOME|_ROOT|_DIR|_PATH|PREFIX)"
)
_SYSTEM = {
    "UNIX": "1",
    "LINUX": "1",
    "CMAKE_SYSTEM_NAME": "Linux",
    "CMAKE_HOST_SYSTEM_NAME": "Linux",
    **dict.fromkeys(
        "WIN32 MSVC MSVC_IDE APPLE ANDROID IOS MINGW CYGWIN EMSCRIPTEN XCODE BORLAND MSYS WINCE".split(), ""
    ),
}
#: Variables of CMake's own that are not set unless somebody sets them: `if(NOT DEFINED ...)` gives their default.
_UNSET = frozenset(
    "CMAKE_CUDA_ARCHITECTURES CMAKE_CXX_STANDARD CMAKE_CUDA_STANDARD CMAKE_BUILD_TYPE CMAKE_CUDA_HOST_COMPILER"
    " CMAKE_CROSSCOMPILING".split()
)
_OPENERS = {
    "if": "endif",
    "foreach": "endforeach",
    "while": "endwhile",
    "function": "endfunction",
    "macro": "endmacro",
}
_OPENERS["block"] = "endblock"
_STANDARD_MODULES = re.compile(
    r"(?:Check|CMake|CTest|CPack|GNU|Fetch|External|Find|Use|Test|Feature|Process|Select)\w*$"
)


class Run:
    """Executes commands; what each asks for is the business of `handlers`, given by the reader of facts."""

    def __init__(self, tree: Tree, folder: str, definitions: Mapping[str, str]) -> None:
        self.tree = tree
        self.variables: Dict[str, str] = {**_SYSTEM, **definitions}
        self.given = frozenset(definitions)
        self.unsure: Set[str] = set()
        self.prefixes: Tuple[str, ...] = ("CMAKE_", "PROJECT_", "PACKAGE_")
        self.opaque = False  # a file that cannot be followed was included: it may have set anything
        self.branches = 0  # how many undecided conditions the current command stands in
        self.depth = 0
        self.left = COMMAND_LIMIT
        self._room = 0  # characters that values may still add to the text that is expanded now
        self.files: List[str] = []
        self.file = ""
        self.folder = folder
        #: Name to parameters, body, whether it is a macro, and the file that defines it.
        self.functions: Dict[str, Tuple[List[str], List[Command], bool, str]] = {}
        self.tainted = False  # an argument of the current command comes from a variable of uncertain value
        self.caller: Optional[Dict[str, str]] = None
        self.cmake_lists: Optional[Located] = None  # where CMake's own lists of architectures are read
        self.handlers: Dict[str, Callable[[Command, List[str]], Any]] = {}
        self.set("CMAKE_SOURCE_DIR", tree.full(folder))
        self.set("CMAKE_BINARY_DIR", tree.full(posixpath.join(folder, "build")))

    def start(self) -> None:
        """Read the root's CMakeLists.txt and what it adds."""
        self.directory(self.folder)

    def directory(self, folder: str) -> None:
        """A folder's CMakeLists.txt, in a scope of its own."""
        file = posixpath.normpath(posixpath.join(folder, "CMakeLists.txt"))
        outer = self.folder, self.variables
        self.folder, self.variables = posixpath.normpath(folder), dict(self.variables)
        self.set("CMAKE_CURRENT_SOURCE_DIR", self.tree.full(folder))
        self.set("CMAKE_CURRENT_LIST_DIR", self.tree.full(folder))
        self.list_file(file)
        self.folder, self.variables = outer

    def list_file(self, file: str) -> bool:
        """Run a file of the tree, once; whether it is there."""
        if not self.tree.is_file(file) or self.depth >= DEPTH:
            return False
        if file in self.files or len(self.files) >= FILE_LIMIT:
            return True
        self.files.append(file)
        outer, self.file = self.file, file
        self.depth += 1
        self.block(parse(self.tree.text(file) or ""))
        self.depth -= 1
        self.file = outer
        return True

    @property
    def certain(self) -> bool:
        """Whether the current command is run for certain, with values that are known for certain."""
        return self.branches == 0 and not self.tainted

    def set(self, name: str, value: str) -> None:
        self.variables[name] = value[:VALUE_LIMIT]
        (self.unsure.discard if self.certain else self.unsure.add)(name)

    def forget(self, name: str) -> None:
        """A variable gets a value that cannot be told."""
        if name not in self.given:
            self.variables.pop(name, None)
            self.unsure.add(name)

    def value(self, name: str) -> object:
        """For conditions: the value, None when it is not set, UNSURE."""
        if name in self.unsure:
            return UNSURE
        if name in self.variables:
            return self.variables[name]
        if name in _UNSET:
            return None
        found = (
            name.endswith(("_FOUND", "_VERSION"))
            or name.lower().startswith(self.prefixes)
            or name.startswith("CMAKE_")
        )
        return UNSURE if found or self.opaque else None

    def expand(self, text: str) -> str:
        """References replaced; those of unknown value stay as they are written."""
        self._room = VALUE_LIMIT
        for _ in range(4 if _NESTED.search(text) else 1):  # what a value holds is not looked into again
            text = _REFERENCE.sub(self._reference, text)
        return _VARIABLE.sub(self._environment, text)

    def _reference(self, found: "re.Match[str]") -> str:
        name = found.group(1)
        self.tainted = self.tainted or name in self.unsure
        value = self.variables.get(name, found.group())
        own = name in self.variables and name not in self.unsure
        if name.startswith("CMAKE_CUDA_ARCHITECTURES_ALL") and not own:
            self.cmake_lists = self.cmake_lists or Located(name, self.file)
        self._room -= len(value)
        return value if self._room > 0 else ""

    def _environment(self, found: "re.Match[str]") -> str:
        name = found.group(1)
        value = self.tree.host.env.get(name) if _READABLE.fullmatch(name) else None
        return found.group() if value is None else value

    def words(self, arguments: Sequence[Argument]) -> List[str]:
        """Arguments expanded; those that are not quoted become several at ";"."""
        found: List[str] = []
        for text, kind in arguments:
            value = text if kind == "bracket" else self.expand(text) if "$" in text else text
            value = value.replace('\\"', '"') if "\\" in value else value
            if kind == "quoted":
                found.append(value)
            elif kind != "bracket" and ";" in value:
                found.extend(part for part in value.split(";") if part)
            elif value or kind == "bracket":
                found.append(value)
        return found

    def condition(self, arguments: Sequence[Argument]) -> Optional[bool]:
        expanded = [(self.expand(text) if "$" in text else text, kind) for text, kind in arguments]
        return Condition(expanded, self.value, lambda path: self.tree.has(self.path(path))).evaluate()

    def path(self, text: str) -> str:
        """A path as the current folder sees it, relative to the root where it lies below it."""
        full = posixpath.normpath(posixpath.join(self.tree.full(self.folder), text))
        return self.tree.relative(full) or full

    def block(self, commands: List[Command]) -> bool:
        """Run commands; whether return() was met for certain."""
        at = 0
        while at < len(commands) and self.left > 0:
            command = commands[at]
            self.left -= 1
            if command.name in _OPENERS:
                end = _end(commands, at)
                if self.compound(command, commands[at + 1 : end]):
                    return True
                at = end
            elif command.name == "return":
                if not self.branches:
                    return True
            else:
                self.one(command)
            at += 1
        return False

    def compound(self, command: Command, body: List[Command]) -> bool:
        if command.name == "if":
            return self.if_(command, body)
        if command.name in ("function", "macro"):
            names = self.words(command.arguments)
            if names:
                self.functions[names[0].lower()] = (names[1:], body, command.name == "macro", self.file)
            return False
        if command.name == "foreach":
            self.foreach(self.words(command.arguments), body)
            return False
        return self.block(body)

    def if_(self, command: Command, body: List[Command]) -> bool:
        """Run the branch that is taken; each that may be taken when that cannot be told."""
        entered = 0
        for test, part in _branches(command, body):
            verdict = True if test is None else self.condition(test)
            if verdict is False:
                continue
            undecided = verdict is None or entered > 0
            entered += undecided
            self.branches += undecided
            returned = self.block(part)
            self.branches -= undecided
            if verdict:
                return returned and not undecided
        return False

    def foreach(self, words: List[str], body: List[Command]) -> None:
        if not words:
            return
        values = words[1:]
        if values[:1] == ["IN"]:
            lists = values[values.index("LISTS") + 1 :] if "LISTS" in values else []
            items = values[values.index("ITEMS") + 1 :] if "ITEMS" in values else []
            names = [name for name in lists if name not in ("ITEMS", *items)]
            values = [
                part for name in names for part in self.variables.get(name, "").split(";") if part
            ] + items
        elif values[:1] == ["RANGE"]:
            values = []
        for value in values[:500]:
            self.set(words[0], value)
            self.block(body)

    def one(self, command: Command) -> None:
        """One simple command: a function of the files, one that changes variables, or one that asks for something."""
        self.tainted = False
        words = self.words(command.arguments)
        if command.name in self.functions and self.depth < DEPTH:
            self.call(*self.functions[command.name], words)
        handler = self.handlers.get(command.name)
        if handler is not None:
            handler(command, words)
        elif command.name not in self.functions:
            for word in words:
                if re.fullmatch(r"\w+", word) and word not in self.variables:
                    self.unsure.add(word)

    def call(self, names: List[str], body: List[Command], macro: bool, file: str, words: List[str]) -> None:
        outer, caller, place = self.variables, self.caller, self.file
        self.file = file
        if not macro:
            self.variables, self.caller = dict(self.variables), outer
        for name, word in zip(names, words):
            self.variables[name] = word
        self.variables["ARGN"] = ";".join(words[len(names) :])
        self.variables["ARGV"] = ";".join(words)
        self.variables.update((f"ARGV{index}", word) for index, word in enumerate(words[:10]))
        self.depth += 1
        self.block(body)
        self.depth -= 1
        self.file = place
        if not macro:
            self.variables, self.caller = outer, caller

    def include(self, name: str) -> None:
        """include(): a file of the tree, a module of its CMAKE_MODULE_PATH, or one that cannot be followed."""
        folders = self.variables.get("CMAKE_MODULE_PATH", "").split(";")
        places = [self.path(name)] + [
            posixpath.join(folder, f"{name}.cmake") for folder in folders if "$" not in folder
        ]
        for place in places:
            inside = self.tree.relative(place)
            if inside and self.tree.is_file(inside):
                outer = self.variables.get("CMAKE_CURRENT_LIST_DIR", "")
                self.set("CMAKE_CURRENT_LIST_DIR", posixpath.dirname(self.tree.full(inside)))
                self.list_file(inside)
                self.set("CMAKE_CURRENT_LIST_DIR", outer)
                return
        if not _STANDARD_MODULES.match(name):
            self.opaque = True


def _end(commands: List[Command], at: int) -> int:
    """Where the block that begins at `at` ends; the last command when it does not."""
    depth = 0
    for place in range(at, len(commands)):
        depth += commands[place].name in _OPENERS
        depth -= commands[place].name in _CLOSERS
        if depth == 0:
            return place
    return len(commands)


_CLOSERS = frozenset(_OPENERS.values())


def _branches(command: Command, body: List[Command]) -> List[Tuple[Optional[List[Argument]], List[Command]]]:
    """(condition, commands) of if, elseif and else (None)."""
    found: List[Tuple[Optional[List[Argument]], List[Command]]] = [(command.arguments, [])]
    depth = 0
    for inner in body:
        if depth == 0 and inner.name in ("else", "elseif"):
            found.append((inner.arguments if inner.name == "elseif" else None, []))
            continue
        depth += inner.name in _OPENERS
        depth -= inner.name in _CLOSERS
        found[-1][1].append(inner)
    return found

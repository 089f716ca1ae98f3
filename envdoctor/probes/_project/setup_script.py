"""setup.py as syntax: what it imports, asks, declares and requires."""

import ast
from dataclasses import replace
from typing import Any, Dict, Iterator, List, Tuple

from envdoctor.facts import Extension, Located, SetupScript
from envdoctor.probes._project import flags
from envdoctor.probes._project.known_torch import NOTHING, KnownTorch
from envdoctor.probes._project.script import Script
from envdoctor.probes._project.tree import Tree
from envdoctor.probes._project.values import Built, Class, Text, line_of, texts


class Setup:
    """A setup.py that was read: the fact, and what only the project's probe needs of it."""

    def __init__(self, fact: SetupScript, script: Script) -> None:
        self.fact = fact
        self.arguments: Dict[str, Any] = script.setups[-1] if script.setups else {}
        #: Values that it gives to environment variables (TORCH_CUDA_ARCH_LIST).
        self.assigned = script.machine.assigned
        self.built = script.built
        self.asks_for_gpu = script.machine.ever_asked_gpu
        self.stopped = script.stopped
        self._classes = [name for name, value in script.scopes[0].items() if isinstance(value, Class)]

    def cuda_extensions(self) -> List[Extension]:
        """Those that need nvcc."""
        return [item for item in self.fact.extensions if item.kind == "CUDAExtension"]

    def calls_cmake(self) -> bool:
        """Whether building calls CMake: by name, through scikit-build, or in a class made for it."""
        names = {place.text for place in self.fact.imports}
        return (
            bool(names & {"cmake", "skbuild", "cmake_build_extension"})
            or any(call.text.endswith(" cmake") for call in self.fact.calls)
            or any(name.startswith("CMake") for name in self._classes)
            or any(name.startswith("cmake_") for name in self.arguments)
        )

    def text(self, name: str) -> Any:
        """A string argument of setup(), with its place; None without one."""
        value = self.arguments.get(name)
        if not isinstance(value, str) or getattr(value, "partial", False):
            return None
        return Located(str(value), self.fact.file, line_of(value, self.arguments["__line__"]))


def read(tree: Tree, file: str = "setup.py", torch: KnownTorch = NOTHING) -> Setup:
    """Read a setup.py; one that is not Python 3 has an `error`.

    Where no GPU is seen, a script that would build its CUDA extensions only for one is read as building none.
    """
    setup = _read(tree, file, torch._replace(sees_no_gpu=False))
    if not (torch.sees_no_gpu and setup.asks_for_gpu and setup.cuda_extensions()):
        return setup
    without = _read(tree, file, torch)
    if not without.arguments and without.stopped:
        setup.fact = replace(setup.fact, stops_without_gpu=without.stopped)
    if not without.arguments or without.cuda_extensions():
        return setup  # it would stop, or build them all the same
    left_out = tuple(Located(item.name, item.file, item.line) for item in setup.cuda_extensions())
    without.fact = replace(without.fact, gpu_only=left_out)
    return without


def _read(tree: Tree, file: str, torch: KnownTorch) -> Setup:
    script = Script(tree, file, torch)
    error = None
    try:
        script.module(ast.parse(tree.text(file) or "").body)
    except (SyntaxError, ValueError) as problem:
        error = f"line {getattr(problem, 'lineno', None) or 1}: {getattr(problem, 'msg', None) or problem}"
        tree.note(f"{file}: not readable as Python 3: {error}")
    except (RecursionError, MemoryError):
        error = "nested too deeply"
        tree.note(f"{file}: {error}")
    if script.left < 0:
        tree.note(f"{file}: too long to be followed to its end")
    return Setup(_fact(tree, file, script, error), script)


def _fact(tree: Tree, file: str, script: Script, error: Any) -> SetupScript:
    arguments = script.setups[-1] if script.setups else {}
    common = _paths(tree, arguments.get("include_dirs"))
    return SetupScript(
        file=file,
        imports=tuple(script.imports),
        calls=tuple(script.machine.calls),
        extensions=tuple(_extension(tree, file, built, common) for built in script.built),
        requirements=tuple(requirements(arguments, file, ("install_requires", "setup_requires"))),
        variables=tuple(script.machine.variables),
        error=error,
    )


def requirements(arguments: Dict[str, Any], file: str, names: Tuple[str, ...]) -> List[Located]:
    """The entries of install_requires and the like, a list or lines of text."""
    found: List[Located] = []
    for name in names:
        for text in texts(arguments.get(name)):
            line = line_of(text, arguments["__line__"])
            found.extend(
                Located(part.strip(), file, line) for part in text.splitlines() if _requirement(part.strip())
            )
    return found


def _requirement(text: str) -> bool:
    return bool(text) and not text.startswith(("#", "-")) and "{" not in text


def _extension(tree: Tree, file: str, built: Built, common: Tuple[str, ...]) -> Extension:
    arguments = built.arguments
    given = texts([arguments.get("extra_compile_args"), arguments.get("extra_link_args")])
    sources = [
        tree.relative(text) or str(text) for text in texts(arguments.get("sources")) if not _partial(text)
    ]
    return Extension(
        name=str(arguments["name"]) if isinstance(arguments.get("name"), str) else "",
        kind=built.kind,
        sources=tuple(sources),
        libraries=tuple(str(text) for text in texts(arguments.get("libraries"))),
        include_dirs=_paths(tree, arguments.get("include_dirs")) + common,
        flags=tuple([str(text) for text in given] + _macros(arguments.get("define_macros"))),
        file=file,
        line=built.line,
    )


def _partial(text: str) -> bool:
    return isinstance(text, Text) and text.partial


def _macros(value: Any) -> List[str]:
    """define_macros as the flags that they become."""
    pairs = (
        [pair for pair in value if isinstance(pair, tuple) and len(pair) == 2]
        if isinstance(value, list)
        else []
    )
    return [
        f"-D{name}" + (f"={text}" if isinstance(text, str) else "")
        for name, text in pairs
        if isinstance(name, str)
    ]


def _paths(tree: Tree, value: Any) -> Tuple[str, ...]:
    """Folders relative to the root where they lie below it; a part that is not known stands as {name}."""
    return tuple(str(text) if _partial(text) else tree.relative(text) or str(text) for text in texts(value))


def asked(built: Built) -> Iterator[Tuple[str, str, int]]:
    """What its flags ask for, ("std", "17", line); an option and its value may be two strings."""
    arguments = built.arguments
    given = texts([arguments.get("extra_compile_args"), arguments.get("extra_link_args")])
    for index, text in enumerate(given):
        whole = given[index : index + 2] if text.strip() in _TWO_WORDS else [text]
        for kind, value in flags.split(whole) if built.certain(whole[-1]) else ():
            yield kind, value, line_of(whole[-1], built.line)


def nvcc_options(built: Built) -> Iterator[Tuple[str, int]]:
    """("std=c++20", line) of the flags that torch's builder hands to nvcc alone."""
    given = built.arguments.get("extra_compile_args")
    listed = texts(given.get("nvcc")) if isinstance(given, dict) else []
    for index, text in enumerate(listed):
        whole = listed[index : index + 2] if text.strip() in _TWO_WORDS else [text]
        for option in flags.nvcc_options(" ".join(whole)) if built.certain(whole[-1]) else ():
            yield option, line_of(whole[-1], built.line)


_TWO_WORDS = frozenset(
    "-gencode --generate-code -arch --gpu-architecture -code --gpu-code -std --std -l".split()
)


def hides_folders(built: Built) -> bool:
    """Whether its include folders are computed in a way that cannot be followed."""
    value = built.arguments.get("include_dirs")
    return value is not None and not isinstance(value, (list, tuple))

"""What imported functions and methods give in a setup.py that is read and not run; notes the calls of interest."""

import posixpath
import re
from itertools import islice
from typing import Any, Callable, Dict, List, Optional, Tuple

from envdoctor.facts import Located
from envdoctor.probes._project import known_torch
from envdoctor.probes._project.tree import Tree
from envdoctor.probes._project.values import SIZE, UNKNOWN, Ref, Text, join_paths, known, line_of, texts

#: Values that say nothing about their owner: only these are taken from variables that no other probe may keep.
_PLAIN = re.compile(r"|[01]|\d{1,3}|true|false|on|off|yes|no", re.IGNORECASE)
_CONSTANTS: Dict[str, Any] = {
    "sys.platform": "linux",
    "os.name": "posix",
    "os.sep": "/",
    "sys.argv": ["setup.py", "bdist_wheel"],
    # A torch for AMD's GPUs is another rule's business.
    "torch.version.hip": None,
    "torch.utils.cpp_extension.ROCM_HOME": None,
    "torch.utils.cpp_extension.IS_HIP_EXTENSION": False,
    "torch.utils.cpp_extension.IS_WINDOWS": False,
}
GPU_QUESTIONS = frozenset(
    "torch.cuda." + name
    for name in "get_device_capability get_device_properties get_device_name is_available device_count get_arch_list"
    " current_device init".split()
)
#: What it answers without a GPU; the other questions raise.
NO_GPU = {"torch.cuda.is_available": False, "torch.cuda.device_count": 0}
DOWNLOADS = frozenset(
    "urllib.request.urlopen urllib.request.urlretrieve urllib.urlopen urllib.urlretrieve requests.get wget.download"
    " torch.hub.download_url_to_file torch.hub.load_state_dict_from_url httpx.get".split()
)
PROGRAMS = frozenset(
    "subprocess.run subprocess.call subprocess.check_call subprocess.check_output subprocess.Popen"
    " subprocess.getoutput"
    " subprocess.getstatusoutput os.system os.popen".split()
)
METHODS = frozenset(
    "append extend insert update setdefault get items keys values pop split rsplit splitlines strip lstrip"
    " rstrip replace"
    " lower upper startswith endswith join format glob rglob resolve absolute joinpath as_posix with_suffix"
    " exists is_dir"
    " is_file copy sort remove expanduser decode relative_to".split()
)


class Machine:
    """What a script may ask about: the project's files, and variables; records what it asked for."""

    def __init__(
        self,
        tree: Tree,
        file: str,
        tested: Callable[[], bool],
        torch: known_torch.KnownTorch = known_torch.NOTHING,
    ) -> None:
        self.tree = tree
        self.torch = torch
        self.file = file
        #: Whether the current place is behind a test for a GPU, or in a try whose failure the script survives.
        self.tested = tested
        self.variables: List[Located] = []
        self.calls: List[Located] = []
        self.assigned: Dict[str, Any] = {}
        self.asked_gpu = False
        #: As `asked_gpu`, anywhere in the script.
        self.ever_asked_gpu = False

    def constant(self, name: str) -> Any:
        """The value of something imported, itself when it has none that we know."""
        if name not in _CONSTANTS:
            known = self.torch.constant(name)
            return Ref(name) if known is None else known
        value = _CONSTANTS[name]
        if value is None or isinstance(value, bool):
            return value
        return Text(value) if isinstance(value, str) else [Text(item) for item in value]

    def variable(self, name: str, place: Any = None, line: int = 0) -> Optional[Any]:
        """An environment variable: its value, None when it is not set, UNKNOWN when its value is nobody's business."""
        entry = Located(str(name), self.file, line_of(place, line) or None)
        if all(found.text != entry.text for found in self.variables):
            self.variables.append(entry)
        if name in self.assigned:
            return self.assigned[name]
        value = self.tree.host.env.get(name)
        if value is None or _PLAIN.fullmatch(value) or name in _READABLE:
            return None if value is None else Text(value)
        return UNKNOWN

    def read_variable(self, owner: str, name: Any, default: Any, line: int) -> Any:
        """os.environ[name] and os.environ.get(name, default)."""
        if owner not in ("os.environ", "os.getenv", "os") or not isinstance(name, str):
            return UNKNOWN
        value = self.variable(name, name, line)
        return default if value is None else value

    def record(self, text: str, line: int) -> None:
        """A call of interest, unless it is behind a test for just that."""
        if text.split(maxsplit=1)[0] in ("torch.cuda.is_available", "torch.cuda.device_count"):
            self.asked_gpu = self.ever_asked_gpu = True
        if not self.tested() and all(call.text != text for call in self.calls):
            self.calls.append(Located(text, self.file, line))


_READABLE = frozenset(
    "CUDA_HOME CUDA_PATH TORCH_CUDA_ARCH_LIST FORCE_CUDA MAX_JOBS CMAKE_ARGS CUDACXX CUDA_VERSION CC CXX CONDA_PREFIX"
    " VIRTUAL_ENV".split()
)


def call_function(machine: Machine, name: str, args: List[Any], named: Dict[str, Any], line: int) -> Any:
    """What a call of an imported function gives; UNKNOWN for most."""
    first = args[0] if args else UNKNOWN
    if name in ("os.environ.get", "os.getenv", "os.environ.pop"):
        default = args[1] if len(args) > 1 else named.get("default")
        return machine.read_variable("os.environ", first, default, line)
    if name == "os.environ.setdefault" and len(args) > 1 and isinstance(first, str):
        machine.assigned.setdefault(first, args[1])
    if name in GPU_QUESTIONS or name in DOWNLOADS:
        machine.record(name, line)
        return NO_GPU.get(name, UNKNOWN) if machine.torch.sees_no_gpu else UNKNOWN
    if name in PROGRAMS:
        machine.record(f"{name} {program(args)}".strip(), line)
    elif name in known_torch.PARSERS:
        return known_torch.parsed(first)
    elif name in _FUNCTIONS:
        return _FUNCTIONS[name](machine, args)
    elif name in _BUILTINS:
        return _builtin(name, args)
    return UNKNOWN


def program(args: List[Any]) -> str:
    """The base name of the program that a call of subprocess runs, "" when it is not known."""
    words = texts(args[0]) if args else []
    first = words[0].split()[:1] if words else []
    return posixpath.basename(first[0]) if first and "{" not in posixpath.basename(first[0]) else ""


def call_method(
    machine: Machine, owner: Any, method: str, args: List[Any], named: Dict[str, Any], line: int
) -> Any:
    """A method of a list, a dictionary or a string (a pathlib.Path is kept as its text)."""
    try:
        if isinstance(owner, list):
            return _list_method(owner, method, args)
        if isinstance(owner, dict):
            return _dict_method(owner, method, args, named)
        if isinstance(owner, str):
            return _text_method(machine, owner, method, args, line)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError):
        pass
    return UNKNOWN


def _list_method(owner: List[Any], method: str, args: List[Any]) -> Any:
    if method in ("append", "insert"):
        owner.append(args[-1])
    elif method == "extend" and isinstance(args[0], (list, tuple)) and len(owner) <= SIZE:
        owner.extend(args[0])
    elif method == "remove" and args[0] in owner:
        owner.remove(args[0])
    elif method == "copy":
        return list(owner)
    return None


def _dict_method(owner: Dict[Any, Any], method: str, args: List[Any], named: Dict[str, Any]) -> Any:
    if method == "update":
        owner.update(args[0] if args and isinstance(args[0], dict) else {})
        owner.update(named)
        return None
    if method in ("get", "pop", "setdefault") and isinstance(args[0], (str, int)):
        default = args[1] if len(args) > 1 else None
        return getattr(owner, method)(args[0], default)
    if method in ("items", "keys", "values"):
        return [tuple(item) if method == "items" else item for item in getattr(owner, method)()]
    return dict(owner) if method == "copy" else UNKNOWN


def _text_method(machine: Machine, owner: str, method: str, args: List[Any], line: int) -> Any:
    if method in ("glob", "rglob") and isinstance(args[0], str):
        return _glob(machine, posixpath.join(owner, args[0]), method == "rglob")
    if method in ("resolve", "absolute", "as_posix", "expanduser", "decode"):
        return owner
    if method in ("exists", "is_dir", "is_file"):
        return _exists(machine, owner, method)
    if method == "joinpath":
        return join_paths([owner, *args])
    if method == "relative_to":
        return Text(posixpath.relpath(owner, args[0]), line) if known(owner) and known(args[0]) else UNKNOWN
    if method == "with_suffix":
        return Text(posixpath.splitext(owner)[0] + args[0], line, not known(owner))
    if method == "join":
        items = [item for item in args[0] if isinstance(item, str)][:SIZE]
        return Text(str(owner).join(items), line, not known(args[0]))
    longest = max([len(owner), *(len(arg) for arg in args if isinstance(arg, str))])
    if not (known(owner) and known(args)) or longest > 1000 or (method == "format" and ":" in owner):
        return UNKNOWN  # what could grow without end is left alone
    result = getattr(str(owner), method)(*args)
    if isinstance(result, list):
        return [Text(item, line) for item in result]
    return Text(result, line_of(owner, line)) if isinstance(result, str) else result


def _glob(machine: Machine, pattern: str, recursive: bool = False) -> Any:
    if not known(pattern):
        return UNKNOWN
    return [
        Text(machine.tree.full(path)) for path in machine.tree.glob(machine.tree.full(pattern), recursive)
    ]


def _exists(machine: Machine, path: Any, kind: str) -> Any:
    """Whether a path of the project exists; paths elsewhere are not looked at."""
    if not isinstance(path, str) or not known(path) or machine.tree.relative(path) is None:
        return UNKNOWN
    tree = machine.tree
    if not tree.has(path) and tree.is_vendored(f"{tree.relative(path)}/x"):
        return UNKNOWN  # a submodule that may be fetched yet: what the script does with it is of interest
    return tree.is_dir(path) if "dir" in kind else tree.is_file(path) if "file" in kind else tree.has(path)


def _path(change: Callable[[str], str]) -> Callable[[Machine, List[Any]], Any]:
    def apply(machine: Machine, args: List[Any]) -> Any:
        if not args or not isinstance(args[0], str):
            return UNKNOWN
        return Text(change(args[0]), getattr(args[0], "line", None), not known(args[0]))

    return apply


def _listing(machine: Machine, args: List[Any]) -> Any:
    inside = args and isinstance(args[0], str) and known(args[0]) and machine.tree.relative(args[0])
    return [Text(name) for name in sorted(machine.tree.names(args[0]))] if inside else UNKNOWN


def _product(machine: Machine, args: List[Any]) -> Any:
    rows: List[Tuple[Any, ...]] = [()]
    for values in args:
        if not isinstance(values, (list, tuple)):
            return UNKNOWN
        rows = [(*row, value) for row in rows for value in values][:1000]
    return rows


def _split(machine: Machine, args: List[Any]) -> Any:
    words = str(args[0]).split() if args and isinstance(args[0], str) and known(args[0]) else None
    return UNKNOWN if words is None else [Text(word, line_of(args[0], 0) or None) for word in words]


_FUNCTIONS: Dict[str, Callable[[Machine, List[Any]], Any]] = {
    "os.path.join": lambda machine, args: join_paths(args),
    "os.path.dirname": _path(posixpath.dirname),
    "os.path.basename": _path(posixpath.basename),
    "os.path.normpath": _path(posixpath.normpath),
    "os.path.abspath": lambda machine, args: _path(machine.tree.full)(machine, args),
    "os.path.realpath": lambda machine, args: _path(machine.tree.full)(machine, args),
    "os.path.relpath": lambda machine, args: _path(lambda path: machine.tree.relative(path) or path)(
        machine, args
    ),
    "os.path.splitext": lambda machine, args: (
        tuple(map(Text, posixpath.splitext(args[0]))) if args and isinstance(args[0], str) else UNKNOWN
    ),
    "os.path.exists": lambda machine, args: _exists(machine, args[0] if args else None, "exists"),
    "os.path.isdir": lambda machine, args: _exists(machine, args[0] if args else None, "dir"),
    "os.path.isfile": lambda machine, args: _exists(machine, args[0] if args else None, "file"),
    "os.getcwd": lambda machine, args: Text(machine.tree.root),
    "pathlib.Path": lambda machine, args: join_paths(args or [Text(".")]),
    "pathlib.Path.cwd": lambda machine, args: Text(machine.tree.root),
    "glob.glob": lambda machine, args: (
        _glob(machine, args[0]) if args and isinstance(args[0], str) else UNKNOWN
    ),
    "os.listdir": _listing,
    "itertools.product": _product,
    "shlex.split": _split,
    "platform.system": lambda machine, args: Text("Linux"),
    "builtins.str": lambda machine, args: (
        Text(str(args[0]), getattr(args[0], "line", None), not known(args[0]))
        if args and isinstance(args[0], (str, int, float))
        else UNKNOWN
    ),
    "Cython.Build.cythonize": lambda machine, args: args[0] if args else UNKNOWN,
}
_BUILTINS: Dict[str, Callable[..., Any]] = {
    f"builtins.{function.__name__}": function
    for function in (
        int,
        float,
        bool,
        len,
        list,
        tuple,
        dict,
        sorted,
        set,
        range,
        min,
        max,
        any,
        all,
        zip,
        enumerate,
    )
}


def _builtin(name: str, args: List[Any]) -> Any:
    loose = name.rpartition(".")[2] in ("list", "tuple", "dict", "zip", "enumerate", "sorted")
    if not (known(args) or (loose and all(isinstance(arg, (list, tuple, dict)) for arg in args))):
        return UNKNOWN
    try:
        result = _BUILTINS[name](*args)
        return result if isinstance(result, (int, float, str, tuple, dict)) else list(islice(result, SIZE))
    except (TypeError, ValueError, OverflowError):
        return UNKNOWN

"""A setup.py, statement by statement, as far as it is known what it would do here; nothing of it is run."""

import ast
from contextlib import contextmanager, suppress
from typing import Any, Callable, Dict, Iterator, List, Optional

from envdoctor.facts import Located
from envdoctor.probes._project.expressions import Expressions, elements
from envdoctor.probes._project.functions import Machine
from envdoctor.probes._project.known_torch import NOTHING, KnownTorch
from envdoctor.probes._project.tree import Tree
from envdoctor.probes._project.values import SIZE, UNKNOWN, Built, Class, Function, Ref, Text

DEPTH = 12
KINDS = {"CUDAExtension": "CUDAExtension", "CppExtension": "CppExtension", "Extension": "Extension"}
KINDS["Pybind11Extension"] = "Extension"
SETUPS = frozenset(
    ("setuptools.setup", "distutils.core.setup", "skbuild.setup", "torch.utils.cpp_extension.setup")
)
_COMMANDS = ("build", "Build", "install", "develop", "dist", "Command", "egg_info")
_CUDA_HOME = "torch.utils.cpp_extension.CUDA_HOME"


class Stop(Exception):
    """The script would end here: an exception that nothing catches, or sys.exit."""

    def __init__(self, place: Optional[Located] = None) -> None:
        super().__init__()
        self.place = place


class Script(Expressions):
    """Executes statements on values; both ways of an `if` that cannot be decided are read."""

    def __init__(self, tree: Tree, file: str, torch: KnownTorch = NOTHING) -> None:
        super().__init__(Machine(tree, file, lambda: self.guarded > 0, torch))
        self.imports: List[Located] = []
        self.built: List[Built] = []
        self.setups: List[Dict[str, Any]] = []
        self.guarded = 0
        self.conditions = 0
        self.depth = 0
        self.modules: Dict[str, Any] = {}
        #: Globals of the module beside the script that is being read; None in the script itself.
        self.home: Optional[Dict[str, Any]] = None
        #: Where it would end for want of something, with an exception that nothing catches.
        self.stopped: Optional[Located] = None
        self.statements: Dict[Any, Callable[[Any], Any]] = {
            ast.Import: self.import_,
            ast.ImportFrom: self.import_from,
            ast.Assign: self.assignment,
            ast.AnnAssign: self.annotated,
            ast.AugAssign: self.augmented,
            ast.Expr: lambda node: self.evaluate(node.value) and None,
            ast.If: self.if_,
            ast.For: self.for_,
            ast.While: lambda node: self.loop_body(node.body),
            ast.With: self.with_,
            ast.Try: self.try_,
            ast.FunctionDef: lambda node: self.bind(node.name, Function(node, self.home, self.machine.file)),
            ast.ClassDef: self.class_,
            ast.Return: lambda node: ("return", self.evaluate(node.value) if node.value else None),
            ast.Raise: self.raise_,
            ast.Break: lambda node: ("break", None),
            ast.Continue: lambda node: ("continue", None),
        }

    def module(self, body: List[ast.stmt]) -> None:
        """A whole file: its statements, then the methods of its commands, which run when setup() does."""
        try:
            self.block(body)
        except Stop as stop:
            self.stopped = stop.place
        for value in list(self.scopes[0].values()):
            if isinstance(value, Class) and any(word in base for base in value.bases for word in _COMMANDS):
                self.methods(value)

    def methods(self, command: Class) -> None:
        for node in command.node.body:
            if isinstance(node, ast.FunctionDef) and (
                not node.name.startswith("_") or node.name == "__init__"
            ):
                with suppress(Stop):
                    self.called(Function(node), [], {})

    def block(self, body: List[ast.stmt]) -> Any:
        """How the statements end: None, or ("return", value), ("break", None), ("continue", None)."""
        early: Any = None
        for statement in body:
            try:
                ended = self.statement(statement)
            except Stop:
                if early is None:
                    raise
                return early  # an earlier way out of the function is the one that goes on
            if isinstance(ended, tuple):
                if ended[0] != "maybe":
                    return ended if ended[0] != "return" or ended[1] or not early else early
                early = ("return", ended[1])
        return early and ("maybe", early[1])

    def statement(self, node: ast.stmt) -> Any:
        handler = self.statements.get(type(node))
        return handler(node) if handler else None

    def import_(self, node: ast.Import) -> None:
        for alias in node.names:
            top = alias.name.split(".")[0]
            self.imported_module(top, node.lineno)
            local = self.local_module(alias.name) if "." not in alias.name else None
            self.bind(alias.asname or top, local or Ref(alias.name if alias.asname else top))

    def import_from(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if node.level == 0:
            self.imported_module(module.split(".")[0], node.lineno)
        local = self.local_module(module)
        for alias in node.names:
            name = f"{module}.{alias.name}"
            value = local[alias.name] if local and alias.name in local else self.machine.constant(name)
            self.bind(alias.asname or alias.name, value)

    def imported_module(self, top: str, line: int) -> None:
        """Note an import; one whose failure the script survives is not asked for."""
        if not self.guarded and all(found.text != top for found in self.imports):
            self.imports.append(Located(top, self.machine.file, line))

    def local_module(self, name: str) -> Optional[Dict[str, Any]]:
        """The names of a module that lies beside the script, None for any other."""
        file = f"{name.replace('.', '/')}.py"
        if name in self.modules or not self.machine.tree.is_file(file) or self.depth > DEPTH:
            return self.modules.get(name)
        tree = parse(self.machine.tree.text(file) or "")
        if tree is None:
            return None
        names = self.modules[name] = {"__module__": Text(name)}
        with self.inside(names, file), suppress(Stop):
            self.block(tree.body)
        return names

    @contextmanager
    def inside(self, names: Dict[str, Any], file: str) -> Iterator[None]:
        """With another module's names and nothing else in sight."""
        outer = self.scopes, self.machine.file, self.home
        self.scopes, self.machine.file, self.home = [names], file, names
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1
            self.scopes, self.machine.file, self.home = outer

    def assignment(self, node: ast.Assign) -> None:
        value = self.evaluate(node.value)
        for target in node.targets:
            self.store(target, value)

    def annotated(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.store(node.target, self.evaluate(node.value))

    def store(self, target: ast.AST, value: Any) -> None:
        """Bind a name, an item of a dictionary or an environment variable."""
        if not isinstance(target, ast.Subscript):
            self.assign(target, value)
            return
        owner = self.evaluate(target.value)
        place: Any = target.slice
        key = self.evaluate(place.value if type(place).__name__ == "Index" else place)
        if isinstance(owner, dict) and isinstance(key, (str, int)):
            owner[key] = value
        elif (
            isinstance(owner, Ref) and owner.name == "os.environ" and isinstance(key, str) and not self.branch
        ):
            self.machine.assigned[key] = value

    def augmented(self, node: ast.AugAssign) -> None:
        old: Any = self.evaluate(node.target)
        value = self.evaluate(node.value)
        if isinstance(old, list) and isinstance(node.op, ast.Add):
            old.extend(value if isinstance(value, (list, tuple)) and len(old) <= SIZE else [])
        else:
            self.store(node.target, self.combine(node.op, old, value, node.lineno))

    def if_(self, node: ast.If) -> Any:
        self.machine.asked_gpu = False
        verdict = self.truth(node.test)
        if verdict is not UNKNOWN:
            return self.block(node.body if verdict else node.orelse)
        gpu = self.machine.asked_gpu or "torch.cuda" in ast.dump(node.test)
        return self.both(node, guarded=gpu)

    def both(self, node: ast.If, guarded: bool) -> Any:
        """Read both ways; the names of the first stay, unless it ends the script."""
        before, outer = dict(self.scopes[-1]), self.branch
        self.conditions += 2
        number = self.conditions
        self.branch = (*outer, number)
        self.guarded += guarded
        first = self.way(node.body)
        self.guarded -= guarded
        after, self.scopes[-1] = self.scopes[-1], before
        self.branch = (*outer, number + 1)
        second = self.way(node.orelse)
        self.branch = outer
        if not isinstance(first, Stop):
            self.scopes[-1] = {**before, **after}
        if isinstance(first, Stop) and isinstance(second, Stop):
            raise first
        for ended in (first, second):
            if isinstance(ended, tuple) and ended[0] in ("return", "maybe"):
                return ("maybe", ended[1])
        return None

    def way(self, body: List[ast.stmt]) -> Any:
        try:
            return self.block(body)
        except Stop as stop:
            return stop

    def for_(self, node: ast.For) -> Any:
        for value in elements(self.evaluate(node.iter)):
            self.assign(node.target, value)
            ended = self.loop_body(node.body)
            if ended or self.left < 0:
                return ended if ended != "break" else None
        return None

    def loop_body(self, body: List[ast.stmt]) -> Any:
        ended = self.block(body)
        if isinstance(ended, tuple) and ended[0] in ("break", "continue"):
            return "break" if ended[0] == "break" else None
        return ended

    def with_(self, node: ast.With) -> Any:
        for item in node.items:
            value = self.evaluate(item.context_expr)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, value if isinstance(value, str) else UNKNOWN)
        return self.block(node.body)

    def try_(self, node: ast.Try) -> Any:
        survives = any(not _ends(handler.body) for handler in node.handlers)
        self.guarded += survives
        try:
            ended = self.way(node.body)
        finally:
            self.guarded -= survives
        if isinstance(ended, Stop) and not survives:
            raise ended
        for handler in node.handlers if isinstance(ended, Stop) else []:
            ended = self.way(handler.body)
            break
        result = self.block([*node.orelse, *node.finalbody])
        return ended if isinstance(ended, tuple) else result

    def class_(self, node: ast.ClassDef) -> None:
        bases = [self.evaluate(base) for base in node.bases]
        names = [base.name for base in bases if isinstance(base, Ref)]
        names += [name for base in bases if isinstance(base, Class) for name in base.bases]
        names += ["setuptools.Command"] if any(isinstance(base, ast.Call) for base in node.bases) else []
        self.bind(node.name, Class(node, tuple(names)))

    def raise_(self, node: ast.Raise) -> None:
        raise Stop(Located("raise", self.machine.file, node.lineno))

    def imported(self, name: str, args: List[Any], named: Dict[str, Any], node: ast.Call) -> Any:
        if name in ("sys.exit", "os._exit", "builtins.exit", "builtins.quit"):
            raise Stop(Located(name, self.machine.file, node.lineno))
        last = name.rpartition(".")[2]
        if last in KINDS:
            positional = dict(zip(("name", "sources"), args))
            self.built.append(Built(KINDS[last], node.lineno, {**positional, **named}, self.branch))
            return self.built[-1]
        if name in SETUPS:
            self.setups.append({**named, "__line__": node.lineno})
        return super().imported(name, args, named, node)

    def called(self, function: Any, args: List[Any], named: Dict[str, Any]) -> Any:
        if not isinstance(function, Function) or self.depth >= DEPTH or self.left < 0:
            return UNKNOWN
        if function.names is not None and function.names is not self.home:
            with self.inside(function.names, function.file or self.machine.file):
                return self.called(function, args, named)
        node = function.node
        self.scopes.append(_parameters(node.args, args, named, self.evaluate))
        self.depth += 1
        try:
            if isinstance(node, ast.Lambda):
                return self.evaluate(node.body)
            ended = self.block(node.body)
            return ended[1] if isinstance(ended, tuple) else None
        finally:
            self.depth -= 1
            self.scopes.pop()


def parse(text: str) -> Optional[ast.Module]:
    """The syntax of a script; None when it is not Python 3."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _parameters(
    wanted: ast.arguments,
    args: List[Any],
    named: Dict[str, Any],
    evaluate: Callable[[ast.AST], Any],
) -> Dict[str, Any]:
    """The local names that a call begins with; what was not given and has no default is unknown."""
    names = [parameter.arg for parameter in [*getattr(wanted, "posonlyargs", []), *wanted.args]]
    scope: Dict[str, Any] = dict.fromkeys(
        [*names, *(parameter.arg for parameter in wanted.kwonlyargs)], UNKNOWN
    )
    scope.update(zip(names[len(names) - len(wanted.defaults) :], map(evaluate, wanted.defaults)))
    for parameter, default in zip(wanted.kwonlyargs, wanted.kw_defaults):
        if default is not None:
            scope[parameter.arg] = evaluate(default)
    scope.update(zip(names, args))
    scope.update((name, value) for name, value in named.items() if name in scope)
    if wanted.vararg:
        scope[wanted.vararg.arg] = list(args[len(names) :])
    if wanted.kwarg:
        scope[wanted.kwarg.arg] = {name: value for name, value in named.items() if name not in scope}
    return scope


def _ends(body: List[ast.stmt]) -> bool:
    """Whether an exception handler ends the script (raises or exits) on every way through it."""
    last = body[-1]
    if isinstance(last, ast.If):
        return bool(last.orelse) and _ends(last.body) and _ends(last.orelse)
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        return ast.dump(last.value.func).count("'exit'") > 0
    return isinstance(last, ast.Raise)

"""Expressions of a setup.py, evaluated as far as they are known without running anything."""

import ast
import operator
import posixpath
import re
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from packaging.version import Version

from envdoctor.probes._project import known_torch
from envdoctor.probes._project.functions import METHODS, Machine, call_function, call_method
from envdoctor.probes._project.values import SIZE, UNKNOWN, Class, Function, Ref, Text, join_paths, known

BUDGET = 60_000
_SIZE = 2000  # longest list that is built

_OPERATORS: Dict[Any, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.FloorDiv: operator.floordiv,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}


class Expressions:
    """Evaluates; `call` of a function of the script and `built` extensions are the business of the subclass."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.scopes: List[Dict[str, Any]] = [{}]
        self.left = BUDGET
        self.branch: Tuple[int, ...] = ()
        self.handlers: Dict[Any, Callable[[Any], Any]] = {
            ast.Constant: self.constant,
            ast.Name: self.name,
            ast.Attribute: self.attribute,
            ast.Call: self.call,
            ast.List: lambda node: self.items(node.elts),
            ast.Tuple: lambda node: tuple(self.items(node.elts)),
            ast.Set: lambda node: self.items(node.elts),
            ast.Dict: self.dictionary,
            ast.BinOp: self.binary,
            ast.BoolOp: self.boolean,
            ast.UnaryOp: self.unary,
            ast.Compare: self.compare,
            ast.IfExp: self.conditional,
            ast.JoinedStr: self.formatted,
            ast.Subscript: self.subscript,
            ast.ListComp: lambda node: list(self.comprehension(node.generators, node.elt)),
            ast.GeneratorExp: lambda node: list(self.comprehension(node.generators, node.elt)),
            ast.SetComp: lambda node: list(self.comprehension(node.generators, node.elt)),
            ast.DictComp: self.dict_comprehension,
            ast.Lambda: Function,
            ast.Starred: lambda node: self.evaluate(node.value),
        }

    def evaluate(self, node: Optional[ast.AST]) -> Any:
        """The value of an expression; UNKNOWN where it cannot be told."""
        handler = self.handlers.get(type(node))
        self.left -= 1
        if handler is None or self.left < 0:
            return UNKNOWN
        return handler(node)

    def truth(self, node: ast.AST) -> Any:
        """True, False or UNKNOWN."""
        return truth(self.evaluate(node))

    def constant(self, node: ast.Constant) -> Any:
        return (
            Text(node.value, node.lineno, branch=self.branch) if isinstance(node.value, str) else node.value
        )

    def name(self, node: ast.Name) -> Any:
        for scope in reversed(self.scopes):
            if node.id in scope:
                return scope[node.id]
        if node.id == "__file__":
            return Text(self.machine.tree.full(self.machine.file))
        if node.id == "__name__":
            return Text("__main__")
        return Ref(f"builtins.{node.id}")

    def bind(self, name: str, value: Any) -> None:
        """Set a variable of the innermost scope."""
        self.scopes[-1][name] = value

    def attribute(self, node: ast.Attribute) -> Any:
        value = self.evaluate(node.value)
        if isinstance(value, Ref):
            return self.machine.constant(f"{value.name}.{node.attr}")
        if (
            isinstance(value, dict)
            and node.attr in value
            and isinstance(node.value, ast.Name)
            and "__module__" in value
        ):
            return value[node.attr]  # a module of the project, read as a dictionary of its names
        if isinstance(value, Version):
            return known_torch.part(value, node.attr)
        if isinstance(value, str) and node.attr in ("parent", "name", "stem", "suffix"):
            return self.path_part(value, node.attr)
        return UNKNOWN

    @staticmethod
    def path_part(path: str, part: str) -> Text:
        """pathlib's attributes: a Path is kept as its text."""
        base = posixpath.basename(path)
        stem, suffix = posixpath.splitext(base)
        found = {"parent": posixpath.dirname(path) or ".", "name": base, "stem": stem, "suffix": suffix}[part]
        return Text(found, getattr(path, "line", None), not known(path))

    def items(self, nodes: List[ast.expr]) -> List[Any]:
        found: List[Any] = []
        for node in nodes:
            value = self.evaluate(node)
            if isinstance(node, ast.Starred):
                found.extend(value if isinstance(value, (list, tuple)) else [])
            else:
                found.append(value)
        return found

    def dictionary(self, node: ast.Dict) -> Any:
        found: Dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values):
            inner = self.evaluate(value)
            if key is None:
                found.update(inner if isinstance(inner, dict) else {})
            else:
                name = self.evaluate(key)
                if isinstance(name, (str, int)):
                    found[name] = inner
        return found

    def binary(self, node: ast.BinOp) -> Any:
        return self.combine(node.op, self.evaluate(node.left), self.evaluate(node.right), node.lineno)

    def combine(self, operation: ast.operator, left: Any, right: Any, line: int) -> Any:
        """The value of `left operation right`; what is known of lists and strings is kept."""
        if isinstance(operation, ast.Div) and isinstance(left, str) and isinstance(right, (str, Ref)):
            return join_paths([left, right])
        if isinstance(operation, ast.Mod) and isinstance(left, str):
            return percent(left, right, line)
        if isinstance(operation, ast.Add):
            for one, other in ((left, right), (right, left)):
                if isinstance(one, list) and not isinstance(other, list):
                    return one + (list(other) if isinstance(other, tuple) else [])
            if len(left if isinstance(left, (str, list)) else ()) > SIZE:
                return UNKNOWN
            if isinstance(left, str) or isinstance(right, str):
                parts = [
                    part if isinstance(part, str) else Text("{}", line, partial=True)
                    for part in (left, right)
                ]
                return Text("".join(parts), line, not all(map(known, parts)))
        if isinstance(operation, ast.Sub) and isinstance(left, list) and isinstance(right, list):
            return [item for item in left if item not in right]  # sets are kept as lists
        if isinstance(operation, ast.Mult) and not (isinstance(left, float) or isinstance(right, float)):
            return repeat(left, right) if known(left) and known(right) else UNKNOWN
        try:
            result = _OPERATORS[type(operation)](left, right)
        except (KeyError, TypeError, ValueError, ArithmeticError):
            return UNKNOWN
        return result if (known(left) and known(right)) or isinstance(result, list) else UNKNOWN

    def boolean(self, node: ast.BoolOp) -> Any:
        stop = isinstance(node.op, ast.Or)
        result: Any = not stop
        unsure = False
        for part in node.values:
            result = self.evaluate(part)
            verdict = truth(result)
            if verdict is stop:
                return result
            unsure = unsure or verdict is UNKNOWN
        return UNKNOWN if unsure else result

    def unary(self, node: ast.UnaryOp) -> Any:
        value = self.evaluate(node.operand)
        if isinstance(node.op, ast.Not):
            verdict = truth(value)
            return UNKNOWN if verdict is UNKNOWN else not verdict
        return -value if isinstance(node.op, ast.USub) and isinstance(value, (int, float)) else UNKNOWN

    def compare(self, node: ast.Compare) -> Any:
        left, verdict = self.evaluate(node.left), True
        for operation, part in zip(node.ops, node.comparators):
            right = self.evaluate(part)
            one = self.compare_two(operation, left, right)
            if one is not True:
                return one
            left = right
        return verdict

    def compare_two(self, operation: ast.cmpop, left: Any, right: Any) -> Any:
        if isinstance(operation, (ast.In, ast.NotIn)):
            if isinstance(right, Ref) and right.name == "os.environ" and isinstance(left, str):
                inside = self.machine.variable(left, left) is not None
            elif known(left) and known(right) and isinstance(right, (str, list, tuple, dict)):
                inside = left in right if not isinstance(right, str) or isinstance(left, str) else False
            else:
                return UNKNOWN
            return inside is isinstance(operation, ast.In)
        if not (known(left) and known(right)):
            return UNKNOWN
        left, right = known_torch.alike(left, right)
        try:
            return bool(_OPERATORS[type(operation)](left, right))
        except (KeyError, TypeError):
            return UNKNOWN

    def conditional(self, node: ast.IfExp) -> Any:
        verdict = self.truth(node.test)
        if verdict is not UNKNOWN:
            return self.evaluate(node.body if verdict else node.orelse)
        first, second = self.evaluate(node.body), self.evaluate(node.orelse)
        return first if truth(first) is True or second is UNKNOWN else second

    def formatted(self, node: ast.JoinedStr) -> Text:
        parts, partial = [], False
        for part in node.values:
            value = self.evaluate(part.value if isinstance(part, ast.FormattedValue) else part)
            if isinstance(value, (str, int, float)) and not isinstance(value, bool):
                partial = partial or not known(value)
                parts.append(str(value))
            else:
                partial = True
                parts.append("{" + _name(getattr(part, "value", part)) + "}")
        return Text("".join(parts), node.lineno, partial, self.branch)

    def subscript(self, node: ast.Subscript) -> Any:
        value = self.evaluate(node.value)
        place: Any = node.slice
        if type(place).__name__ == "Index":  # Python 3.8
            place = place.value
        if isinstance(place, ast.Slice):
            bounds = [self.evaluate(bound) if bound else None for bound in (place.lower, place.upper)]
            whole = isinstance(value, (str, list, tuple)) and all(
                isinstance(b, (int, type(None))) for b in bounds
            )
            return value[slice(*bounds)] if whole and known(value) else UNKNOWN
        key = self.evaluate(place)
        if isinstance(value, Ref):
            return self.machine.read_variable(value.name, key, UNKNOWN, node.lineno)
        try:
            return value[key] if isinstance(value, (dict, list, tuple)) else UNKNOWN
        except (KeyError, IndexError, TypeError):
            return UNKNOWN

    def comprehension(self, generators: List[ast.comprehension], element: ast.expr) -> Iterator[Any]:
        """The elements; one, of what is known, when the thing looped over is not."""
        for _ in self.loops(generators):
            value = self.evaluate(element)
            if value is not UNKNOWN:
                yield value

    def dict_comprehension(self, node: ast.DictComp) -> Any:
        found = {}
        for _ in self.loops(node.generators):
            key = self.evaluate(node.key)
            if isinstance(key, (str, int)):
                found[key] = self.evaluate(node.value)
        return found

    def loops(self, generators: List[ast.comprehension]) -> Iterator[None]:
        self.scopes.append({})
        try:
            yield from self.nested(generators)
        finally:
            self.scopes.pop()

    def nested(self, generators: List[ast.comprehension]) -> Iterator[None]:
        if not generators:
            yield None
            return
        for value in elements(self.evaluate(generators[0].iter)):
            self.assign(generators[0].target, value)
            if not any(self.truth(test) is False for test in generators[0].ifs):
                yield from self.nested(generators[1:])

    def assign(self, target: ast.AST, value: Any) -> None:
        """Bind a name or a tuple of names; other targets are the business of statements."""
        if isinstance(target, ast.Name):
            self.bind(target.id, value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            values = list(value) if isinstance(value, (list, tuple)) else []
            fits = len(values) == len(target.elts)
            for place, part in zip(target.elts, values if fits else [UNKNOWN] * len(target.elts)):
                self.assign(place, part)

    def arguments(self, node: ast.Call) -> Tuple[List[Any], Dict[str, Any]]:
        """Positional and named arguments; `**known` is spread."""
        named: Dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.evaluate(keyword.value)
            if keyword.arg is not None:
                named[keyword.arg] = value
            elif isinstance(value, dict):
                named.update((key, part) for key, part in value.items() if isinstance(key, str))
        return self.items(node.args), named

    def call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            owner = self.evaluate(node.func.value)
            if not isinstance(owner, (Ref, Function, Class)) and owner is not UNKNOWN:
                args, named = self.arguments(node)
                return call_method(self.machine, owner, node.func.attr, args, named, node.lineno)
        function = self.evaluate(node.func)
        args, named = self.arguments(node)
        if isinstance(function, Ref):
            return self.imported(function.name, args, named, node)
        return self.called(function, args, named)

    def imported(self, name: str, args: List[Any], named: Dict[str, Any], node: ast.Call) -> Any:
        """A call of something imported."""
        return call_function(self.machine, name, args, named, node.lineno)

    def called(self, function: Any, args: List[Any], named: Dict[str, Any]) -> Any:
        """A call of something of the script itself."""
        return UNKNOWN


def truth(value: Any) -> Any:
    """bool(value), or UNKNOWN."""
    if isinstance(value, (list, tuple, dict)) and value:
        return True
    return bool(value) if known(value) else UNKNOWN


def elements(value: Any) -> List[Any]:
    """What a loop goes over; one UNKNOWN when that is not known."""
    if isinstance(value, dict):
        value = list(value)
    if isinstance(value, (list, tuple)):
        return list(value)[:_SIZE]
    return [UNKNOWN]


def repeat(left: Any, right: Any) -> Any:
    """`left * right`, unless it is very long."""
    sizes = [len(value) if isinstance(value, (str, list, tuple)) else value for value in (left, right)]
    if not all(isinstance(size, int) and abs(size) <= SIZE for size in sizes) or sizes[0] * sizes[1] > SIZE:
        return UNKNOWN
    try:
        return left * right
    except TypeError:
        return UNKNOWN


def percent(pattern: str, values: Any, line: int) -> Text:
    """`pattern % values`."""
    if known(pattern) and known(values) and not re.search(r"\d{4}|\*", pattern):
        try:
            return Text(str(pattern) % values, line)
        except (TypeError, ValueError):
            pass
    return Text(str(pattern), line, partial=True)


def _name(node: Any) -> str:
    """What an expression is called in a partial string."""
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""

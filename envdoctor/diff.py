"""What differs between two machines, component by component. What is not known equals nothing, not even itself."""

import posixpath
import re
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from envdoctor.facts import CompiledModule, Facts, Located, NotExamined, Toolkit, Unknown
from envdoctor.facts.codec import encode

#: What changes from minute to minute, by class and field.
VOLATILE = {
    ("System", "clock"),
    ("Memory", "available"),
    ("Folder", "free_bytes"),
    ("Folder", "free_inodes"),
    ("Facts", "notes"),
}
#: How something was found: shown beside a difference, no difference by itself.
PROVENANCE = {"found_via", "via", "libcuda_via", "origins", "location", "line", "source"}
#: Fields that are None when nobody could tell, and not when something is absent.
UNDETERMINED = {
    ("Component", "version"),
    ("Program", "version"),
    ("PathPython", "version"),
    ("PathPip", "same_environment"),
    ("Toolkit", "version"),
    ("Compiler", "cxx"),
    ("Torch", "cxx11_abi"),
}
#: What follows from other fields of the same component: compared only where those are the same.
FOLLOWS = {
    "Python": (
        ("executable", "version"),
        {"real", "prefix", "base_prefix", "include", "soabi", "purelib", "site_packages", "path"},
    ),
    "PathPython": (("path", "version"), {"real", "prefix"}),
    "Program": (("path",), {"real"}),
}
#: Paths of which only the last name is compared: the folder is that of the component around them.
BASENAMES = {("Library", name) for name in ("shared", "dev_link", "static", "header", "stub")} | {
    ("Component", "path")
}
#: How the members of a list are recognised, by class, strictest first; others by the first of USUAL_KEYS they have.
KEYS: Dict[str, Tuple[Tuple[str, ...], ...]] = {
    "Toolkit": (("root",), ("version",)),
    "Program": (("name", "path"), ("name",)),
    "PathPython": (("name", "path"), ("name",)),
    "PathPip": (("name", "path"), ("name",)),
    "Compiler": (("name", "path"), ("name",)),
    "Answer": (("subject", "finder"),),
    "Setting": (("tool", "name", "source"), ("tool", "name")),
    "RuntimeLibrary": (("path",), ("origin",)),
    "Located": (("text", "file"), ("text",)),
}
USUAL_KEYS = ("name", "path", "soname", "root", "role", "index", "file")
#: What people ask about first, and the lists that are long in any two environments.
FIRST = ("torch", "toolkit", "toolkits", "python", "driver", "system")
LAST = ("packages", "modules")
# A module of another environment, and of another Python, is the same one.
_INSTALLED = re.compile(r"(?P<site>.*?/(?:site|dist)-packages)/(?P<inside>.*)")
_PYTHON_TAG = re.compile(r"\.(?:cpython|pypy)[\w-]*(?=\.so$)")
#: Facts that repeat a member of another fact: which one is used is all that is compared.
CHOSEN = {"toolkit": ("root", "version"), "compiler": ("path", "version")}


@dataclass(frozen=True)
class Difference:
    """One field of one component. `kind`: "changed", "only in A", "only in B", or "not comparable"."""

    kind: str
    component: Tuple[str, ...]  # ("toolkit /usr/local/cuda", "component ptxas")
    field: str  # "" for the component as a whole
    a: Any  # JSON values
    b: Any
    found_via_a: Optional[str]
    found_via_b: Optional[str]


def compare(a: Facts, b: Facts) -> Tuple[Difference, ...]:
    """Every difference and everything that cannot be compared, what people ask about first."""
    found: List[Difference] = []
    for field in sorted(fields(Facts), key=lambda field: rank(field.name)):
        if ("Facts", field.name) not in VOLATILE:
            place = _Place((field.name,), None, None)
            found += _values(place, "", getattr(a, field.name), getattr(b, field.name))
    return tuple(found)


def rank(name: str) -> int:
    """Of a field of Facts: what people ask about first is 0."""
    if name in FIRST:
        return FIRST.index(name)
    return len(FIRST) + (1 + LAST.index(name) if name in LAST else 0)


def to_json(differences: Tuple[Difference, ...]) -> Dict[str, Any]:
    """The document that `envdoctor diff --format json` prints."""
    listed = [
        {
            "kind": d.kind,
            "component": list(d.component),
            "field": d.field,
            "a": d.a,
            "b": d.b,
            "found_via_a": d.found_via_a,
            "found_via_b": d.found_via_b,
        }
        for d in differences
    ]
    return {"schema": "envdoctor.diff/1", "same": not differences, "differences": listed}


@dataclass(frozen=True)
class _Place:
    """Where in the facts a comparison is, and how each side was found."""

    component: Tuple[str, ...]
    via_a: Optional[str]
    via_b: Optional[str]

    def at(self, a: Any, b: Any) -> "_Place":
        """The same place, with the provenance of these two where they have any."""
        return replace(self, via_a=_via(a) or self.via_a, via_b=_via(b) or self.via_b)

    def below(self, name: str) -> "_Place":
        """A component of this one."""
        return replace(self, component=(*self.component, name))

    def tell(self, kind: str, field: str, a: Any, b: Any) -> Difference:
        """A difference here."""
        return Difference(kind, self.component, field, encode(a), encode(b), self.via_a, self.via_b)


def _values(place: _Place, field: str, a: Any, b: Any) -> Iterator[Difference]:
    if isinstance(a, (Unknown, NotExamined)) or isinstance(b, (Unknown, NotExamined)):
        yield place.at(a, b).tell("not comparable", field, a, b)
    elif a is None or b is None:
        if a is not b:
            yield place.at(a, b).tell("only in B" if a is None else "only in A", field, a, b)
    elif isinstance(a, tuple):
        yield from _lists(place, field, a, b)
    elif is_dataclass(a):
        yield from _components(place.below(field) if field else place, a, b)
    elif a != b:
        yield place.tell("changed", field, a, b)


def _components(place: _Place, a: Any, b: Any) -> Iterator[Difference]:
    kind = type(a).__name__
    place = place.at(a, b)
    if isinstance(a, Located):
        if a.text != b.text:
            yield place.tell("changed", "", a.text, b.text)
        return
    if isinstance(a, Toolkit) and a.root != b.root:
        b = _moved(b, b.root, a.root)
    if isinstance(a, CompiledModule):
        a, b = placeless(a), placeless(b)
    for name in _compared(place, a, b):
        values = [getattr(a, name), getattr(b, name)]
        if (kind, name) in BASENAMES:
            values = [value and posixpath.basename(value) for value in values]
        if None in values and (kind, name) in UNDETERMINED:
            if not _versionless(a, b):
                yield place.tell("not comparable", name, *values)
        else:
            yield from _values(place, name, *values)


def _compared(place: _Place, a: Any, b: Any) -> Iterator[str]:
    """The fields of a component that say something of their own."""
    kind = type(a).__name__
    wanted = CHOSEN.get(place.component[0]) if len(place.component) == 1 else None
    causes, effects = FOLLOWS.get(kind, ((), set()))
    moved = any(getattr(a, name) != getattr(b, name) for name in causes)
    for field in fields(a):
        left_out = (
            (kind, field.name) in VOLATILE or field.name in PROVENANCE or (moved and field.name in effects)
        )
        if not left_out and (wanted is None or field.name in wanted):
            yield field.name


def _versionless(a: Any, b: Any) -> bool:
    """Programs that are never asked for a version, and files that have none: being there is all that compares."""
    unasked = all(getattr(item, "error", "") is None and item.version is None for item in (a, b))
    return unasked if hasattr(a, "error") else a.name == "libdevice"


def _lists(place: _Place, field: str, a: Tuple[Any, ...], b: Tuple[Any, ...]) -> Iterator[Difference]:
    if not any(is_dataclass(item) for item in a + b):
        if a != b:
            yield place.tell("changed", field, a, b)
        return
    pairs, only_a, only_b = _matched(list(a), list(b))
    for left, right in pairs:
        yield from _components(place.below(_name(left)), left, right)
    for item in only_a:
        yield place.below(_name(item)).at(item, None).tell("only in A", "", item, None)
    for item in only_b:
        yield place.below(_name(item)).at(None, item).tell("only in B", "", None, item)


def _matched(a: List[Any], b: List[Any]) -> Tuple[List[Tuple[Any, Any]], List[Any], List[Any]]:
    """Members that are the same thing, by the strictest key first, and what is left on either side."""
    pairs = []
    for names in _keys((a + b)[0]):
        key = _key(names)
        waiting: Dict[Any, List[Any]] = {}
        for item in b:
            waiting.setdefault(key(item), []).append(item)
        rest = []
        for item in a:
            same = waiting.get(key(item))
            if same:
                pairs.append((item, same.pop(0)))
            else:
                rest.append(item)
        left = {id(item) for same in waiting.values() for item in same}
        a, b = rest, [item for item in b if id(item) in left]
    return pairs, a, b


def _keys(item: Any) -> Tuple[Tuple[str, ...], ...]:
    kind = type(item).__name__
    if kind in KEYS:
        return KEYS[kind]
    names = {field.name for field in fields(item)}
    usual = tuple((name,) for name in USUAL_KEYS if name in names)[:1]
    return usual or (tuple(field.name for field in fields(item)),)


def _key(names: Tuple[str, ...]) -> Callable[[Any], Tuple[Any, ...]]:
    return lambda item: tuple(identity(item, name) for name in names)


def identity(item: Any, name: str) -> Any:
    """A field as a key: of a compiled module's path what is the same in every environment."""
    value = getattr(item, name)
    if not isinstance(item, CompiledModule) or name != "path":
        return value
    installed = _INSTALLED.fullmatch(value)
    return _PYTHON_TAG.sub("", installed["inside"]) if installed else value


def placeless(module: CompiledModule) -> CompiledModule:
    """A module as it would be in any environment; `identity` says which one it is."""
    return replace(_moved(module, _site(module), "site-packages"), path="")  # type: ignore[no-any-return]


def _site(module: CompiledModule) -> str:
    """The site-packages that a module is in; its folder when it is in none."""
    installed = _INSTALLED.fullmatch(module.path)
    return installed["site"] if installed else posixpath.dirname(module.path)


def _name(item: Any) -> str:
    """ "program cmake /usr/bin/cmake"."""
    kind = "".join(f" {c.lower()}" if c.isupper() else c for c in type(item).__name__).strip()
    keys = _keys(item)
    return " ".join([kind, *(str(value) for value in (_key(keys[0])(item) if keys else ()))])


def _via(item: Any) -> Optional[str]:
    """How a component was found, in the words of its own fields."""
    for name in (
        "found_via",
        "via",
        "libcuda_via",
        "origins",
        "reason",
        "location",
        "source",
        "path",
        "file",
    ):
        value = getattr(item, name, None)
        if value:
            return ", ".join(value) if isinstance(value, tuple) else str(value)
    return None


def _moved(value: Any, old: str, new: str) -> Any:
    """A component with one root folder replaced in all its paths, the root itself kept, so that contents compare."""
    if isinstance(value, str):
        return new + value[len(old) :] if value.startswith(old + "/") else value
    if isinstance(value, tuple):
        return tuple(_moved(item, old, new) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{field.name: _moved(getattr(value, field.name), old, new) for field in fields(value)}
        )
    return value

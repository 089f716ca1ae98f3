"""A patient: one file in tests/patients, which says what is wrong, how it shows, and what must come of it."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Callable, Dict, List, Tuple

from ward.box import Box

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "patients"
#: What builds leave in a project, whatever they build.
OUTPUTS = ("project/build", "project/dist", "project/*.egg-info")


@dataclass(frozen=True)
class Patient:
    """What its file says; tests/patients/README.md tells each name."""

    name: str
    title: str
    rules: Tuple[str, ...]
    also: Tuple[str, ...]
    then: Tuple[str, ...]
    says: str
    tells: str
    build: str
    #: Modules that can be imported once it is built.
    imports: str
    project: Dict[str, str]
    environment: Dict[str, str]
    needs: Tuple[str, ...]
    outputs: Tuple[str, ...]
    changes: Tuple[str, ...]
    options: Tuple[str, ...]
    small: bool
    make: Callable[[Box], None]

    def settle(self, box: Box) -> None:
        """Write its project, set its environment, make the rest."""
        for path, text in self.project.items():
            box.write(f"project/{path}", text)
        box.set(self.environment)
        self.make(box)


def patients(folder: Path = FOLDER) -> List[Patient]:
    """All of them, by name."""
    return [_read(path) for path in sorted(folder.glob("*.py"))]


def _read(path: Path) -> Patient:
    module = _module(path)

    def words(name: str) -> Tuple[str, ...]:
        return tuple(str(getattr(module, name, "")).split())

    return Patient(
        name=path.stem.replace("_", "-"),
        title=(module.__doc__ or "").splitlines()[0].rstrip("."),
        rules=words("RULES"),
        also=words("ALSO"),
        then=words("THEN"),
        says=getattr(module, "SAYS", ""),
        tells=getattr(module, "TELLS", ""),
        build=module.BUILD,
        imports=getattr(module, "IMPORTS", ""),
        project=getattr(module, "PROJECT", {}),
        environment=getattr(module, "ENVIRONMENT", {}),
        needs=words("NEEDS"),
        outputs=(*OUTPUTS, *words("OUTPUTS")),
        changes=words("CHANGES"),
        options=words("OPTIONS"),
        small=not getattr(module, "LARGE", False),
        make=getattr(module, "make", lambda box: None),
    )


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"patient_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

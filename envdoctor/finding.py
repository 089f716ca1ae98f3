"""What a rule says: findings with evidence, and fixes as data that can be printed before they run."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Optional, Tuple, Union

_FLAGS = re.compile(r"FLAGS|_ARGS$|_OPTIONS$|_OPTS$")


class Severity(Enum):
    """How bad a finding is, worst first."""

    ERROR = "error"  # the build, load or run will fail
    WARNING = "warning"  # it may fail or go wrong without a word
    INFO = "info"  # worth knowing

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


class Safety(Enum):
    """What may be done with a step without asking."""

    REVERSIBLE = "reversible"  # goes into the overlay
    SAFE = "safe"  # cannot make things worse
    UNSAFE = "unsafe"  # needs consent and --unsafe
    MANUAL = "manual"  # printed only


@dataclass(frozen=True)
class Evidence:
    """Where we saw it, and what it said."""

    source: str  # "/usr/local/cuda/bin/nvcc --version", "setup.py:12", "CUDA_HOME"
    text: str


@dataclass(frozen=True)
class LogLine(Evidence):
    """A line of a log; `line` counts from 1."""

    line: int = 0


#: Of this machine, to what a log says.
ANSWERS = ("confirmed", "contradicted", "not checkable")


@dataclass(frozen=True)
class Here:
    """What this machine's facts say to a finding of a log."""

    answer: str  # one of ANSWERS
    text: str = ""

    def __str__(self) -> str:
        return f"{self.answer}: {self.text}" if self.text else self.answer


@dataclass(frozen=True)
class Location:
    """A file of the project that a finding belongs to; `line` counts from 1."""

    file: str
    line: Optional[int] = None


@dataclass(frozen=True)
class SetEnv:
    """Set, prepend to or append to an environment variable; `value` None unsets it.

    `{overlay}` in a value is the overlay's folder.
    """

    name: str
    value: Optional[str]
    mode: str = "set"  # "set" | "prepend" | "append"

    @property
    def separator(self) -> str:
        """What joins this variable's items: flags are joined by a space, path lists by a colon."""
        return " " if _FLAGS.search(self.name) else ":"


@dataclass(frozen=True)
class Shim:
    """A file of the overlay that stands in for a program, library or start-up module."""

    path: str  # relative to the overlay: "lib/libcublas_static.a"
    #: What it is: a symbolic link to `content`, a text file, an executable script, an empty archive, or a script that
    #: runs the real program of that name with `content`, words for the shell, added to its arguments.
    kind: str  # "link" | "text" | "script" | "archive" | "wrapper"
    content: str


@dataclass(frozen=True)
class Run:
    """A command for a person or for `fix --apply`."""

    command: str
    safety: Safety = Safety.MANUAL
    #: The package that it has the system's package manager install, by its name there.
    package: Optional[str] = None
    #: The command that takes it back; None where there is none.
    undo: Optional[str] = None


@dataclass(frozen=True)
class Edit:
    """A change of one line of a project's file: the one place where `old` stands as whole words becomes `new`."""

    file: str  # relative to the project
    line: int  # counts from 1
    old: str
    new: str
    safety: Safety = Safety.UNSAFE


Step = Union[SetEnv, Shim, Run, Edit]


@dataclass(frozen=True)
class Fix:
    """A plan: what it does in one line, and its steps."""

    title: str
    steps: Tuple[Step, ...] = ()
    #: What makes the cure last, in the project's own files, in place of the reversible steps.
    lasting: Tuple[Edit, ...] = ()

    @property
    def safety(self) -> Safety:
        """The most careful safety among the steps; a fix without steps is manual."""
        if not self.steps:
            return Safety.MANUAL
        order = list(Safety)
        return max((_safety(step) for step in self.steps), key=order.index)


def _safety(step: Step) -> Safety:
    return step.safety if isinstance(step, (Run, Edit)) else Safety.REVERSIBLE


@dataclass(frozen=True)
class Finding:
    """One occurrence of a known problem.

    `message` says what is so, `consequence` what follows from it, `fix` what to do. `rule` is filled in by the
    catalogue; `severity` overrides the rule's own.
    """

    message: str
    consequence: str
    evidence: Tuple[Evidence, ...]
    fix: Optional[Fix] = None
    location: Optional[Location] = None
    severity: Optional[Severity] = None
    rule: str = ""
    #: How far a log alone decides it: "high", "medium" (another cause has the same words) or "low" (a mere sign).
    confidence: str = "high"

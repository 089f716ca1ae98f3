"""Reversible steps of several fixes put together into layers: pure.

What one cure lays over the machine, the next examination sees, so cures come in layers: a layer holds what findings of
one examination ask for, and lies in front of the layers before it. Two fixes that want different things of one variable
or file do not go into one layer; the second waits, and is asked for again if its finding outlives the first.
All wait for those that choose the toolkit.
"""

from dataclasses import dataclass, replace
from typing import Dict, Iterable, List, Mapping, Optional, Tuple, Union

from envdoctor import wrapper
from envdoctor.finding import Finding, SetEnv, Shim

PLACEHOLDER = "{overlay}"

#: What `envdoctor env --shell cmake` puts beside the layers.
PRESETS = "CMakeUserPresets.json"

#: Set in the overlay's environment, so that whoever runs inside can tell.
MARKER = "ENVDOCTOR_OVERLAY"

Reversible = Union[SetEnv, Shim]


@dataclass(frozen=True)
class Layer:
    """The files and variables of one round of cures, `{overlay}` resolved to the layer's folder."""

    folder: str
    shims: Tuple[Shim, ...]
    variables: Tuple[SetEnv, ...]
    #: The findings whose steps it holds.
    cures: Tuple[Finding, ...]
    #: The wrappers among its files as they were asked for: what they add to a program's arguments.
    wrappers: Tuple[Shim, ...] = ()


@dataclass(frozen=True)
class Overlay:
    """All layers, first to last; `folder` holds theirs."""

    folder: str
    layers: Tuple[Layer, ...] = ()

    @property
    def variables(self) -> Tuple[SetEnv, ...]:
        """Every change of a variable, in the order in which they apply."""
        changes = tuple(change for layer in self.layers for change in layer.variables)
        return (*changes, SetEnv(MARKER, self.folder)) if self.layers else ()

    @property
    def shims(self) -> Tuple[Tuple[str, Shim], ...]:
        """Every file with its full path."""
        return tuple((f"{layer.folder}/{shim.path}", shim) for layer in self.layers for shim in layer.shims)

    @property
    def wrappers(self) -> Tuple[Shim, ...]:
        """Every wrapper as it was asked for; the last one of a program is in front."""
        return tuple(shim for layer in self.layers for shim in layer.wrappers)

    @property
    def cures(self) -> Tuple[Finding, ...]:
        """The findings that it was made for."""
        return tuple(finding for layer in self.layers for finding in layer.cures)


def plan_layer(findings: Iterable[Finding], folder: str) -> Layer:
    """The layer for those findings that have reversible steps."""
    steps: List[Reversible] = []
    cures: List[Finding] = []
    findings = tuple(findings)
    for finding in tuple(filter(_chooses_toolkit, findings)) or findings:
        wanted = reversible_steps(finding)
        if wanted and not any(_clash(one, other) for one in wanted for other in steps):
            steps += [step for step in wanted if step not in steps]
            cures.append(finding)
    asked = tuple(step for step in steps if isinstance(step, Shim))
    shims = tuple(_placed(step, folder) for step in asked)
    changes = [step for step in steps if isinstance(step, SetEnv)]
    # A toolkit's folder that goes to the front of PATH too must not hide the shims.
    changes.sort(key=lambda step: step.mode == "prepend" and (step.value or "").startswith(PLACEHOLDER))
    variables = tuple(_resolved(step, folder) for step in changes)
    wrappers = tuple(step for step in asked if step.kind == "wrapper")
    return Layer(folder, shims, variables, tuple(cures), wrappers)


def _chooses_toolkit(finding: Finding) -> bool:
    """Whether a build takes another toolkit with its cure: what else is found is then to be asked of that one first."""
    return any(
        isinstance(step, SetEnv)
        and step.name in ("CUDA_HOME", "CUDA_PATH", "CUDACXX")
        and PLACEHOLDER not in (step.value or "")
        for step in reversible_steps(finding)
    )


def reversible_steps(finding: Finding) -> Tuple[Reversible, ...]:
    """What of a finding's fix goes into an overlay."""
    steps = finding.fix.steps if finding.fix else ()
    return tuple(step for step in steps if isinstance(step, (SetEnv, Shim)))


def applied(changes: Iterable[SetEnv], environment: Mapping[str, str]) -> Dict[str, str]:
    """The environment after those changes; items that stand at their place already are not repeated."""
    after = dict(environment)
    for change in changes:
        value = new_value(change, after.get(change.name))
        if value is None:
            after.pop(change.name, None)
        else:
            after[change.name] = value
    return after


def new_value(change: SetEnv, before: Optional[str]) -> Optional[str]:
    """A variable's value after one change; None unsets it."""
    if change.value is None or change.mode == "set" or not before:
        return change.value
    gap = change.separator
    if change.mode == "prepend":
        there = f"{before}{gap}".startswith(f"{change.value}{gap}")
        return before if there else f"{change.value}{gap}{before}"
    there = f"{gap}{before}".endswith(f"{gap}{change.value}")
    return before if there else f"{before}{gap}{change.value}"


def _clash(one: Reversible, other: Reversible) -> bool:
    """Whether two steps want different things of the same file or variable."""
    if one == other:
        return False
    if isinstance(one, Shim) and isinstance(other, Shim):
        return one.path == other.path
    if isinstance(one, SetEnv) and isinstance(other, SetEnv) and one.name == other.name:
        return "set" in (one.mode, other.mode)
    return False


def _resolved(step: SetEnv, folder: str) -> SetEnv:
    return replace(step, value=step.value.replace(PLACEHOLDER, folder)) if step.value else step


def _placed(step: Shim, folder: str) -> Shim:
    """A file with its final content."""
    if step.kind == "wrapper":
        return wrapper.as_script(step)
    return replace(step, content=step.content.replace(PLACEHOLDER, folder))

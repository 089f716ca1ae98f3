"""Finds the rules by walking `envdoctor.rules`, and hands each the facts that its parameters name."""

import functools
import importlib
import inspect
import pkgutil
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple, get_type_hints

import envdoctor.rules
from envdoctor.facts import ROLES, Facts, Note, NotExamined, Project, Unknown
from envdoctor.finding import Finding, Here, Severity
from envdoctor.log import BuildLog

Check = Callable[..., Iterator[Finding]]
Explain = Callable[[BuildLog], Iterator[Finding]]
Judge = Callable[..., Optional[Here]]

#: Topics in the order in which a build meets them; a rule's own STAGE says otherwise.
TOPICS = ("resolving", "toolkit", "linking", "loading")


@dataclass(frozen=True)
class Rule:
    """One known problem: a module of `envdoctor.rules`, named after its file."""

    name: str  # "host-compiler-too-new"
    topic: str  # "toolkit"
    page: str
    severity: Severity
    #: Roles in which `check` is asked.
    roles: Tuple[str, ...]
    #: When a build meets the problem, first to last: 0 fetching the sources, then as the topics stand in TOPICS.
    stage: int
    #: None when the problem cannot be foreseen from facts; the page says why.
    check: Optional[Check]
    #: What reads a failing log; None when no log shows the problem.
    explain: Optional[Explain]
    module: ModuleType
    #: What facts say to a finding of a log (its parameter `finding`); None where they can neither show it nor the
    #: opposite.
    judge: Optional[Judge] = None

    @property
    def title(self) -> str:
        """The page's first line."""
        return self.page.strip().splitlines()[0]

    def needs(self) -> Dict[str, bool]:
        """Fact names that `check` asks for, and whether it accepts their absence (Optional)."""
        return _needs(self.check) if self.check else {}


@dataclass(frozen=True)
class Diagnosis:
    """What the rules said of the facts: worst first, then in the order of a build; and what could not be checked."""

    findings: Tuple[Finding, ...]
    notes: Tuple[Note, ...]
    #: The rules that alone were asked; empty when all were.
    only: Tuple[str, ...] = ()

    def worst(self) -> Optional[Severity]:
        """The worst severity, None without findings."""
        severities = (finding.severity for finding in self.findings if finding.severity)
        return min(severities, key=lambda severity: severity.rank, default=None)

    @property
    def status(self) -> str:
        """ "findings", "undetermined" (nothing found, but not everything could be examined) or "clean"."""
        if self.findings:
            return "findings"
        return "undetermined" if self.notes else "clean"


@functools.lru_cache(maxsize=None)
def rules() -> Tuple[Rule, ...]:
    """All rules, sorted by name."""
    modules = pkgutil.walk_packages(envdoctor.rules.__path__, "envdoctor.rules.")
    found = (_rule(importlib.import_module(info.name)) for info in modules if not info.ispkg)
    return tuple(sorted(found, key=lambda rule: rule.name))


def diagnose(facts: Facts, only: Optional[Iterable[str]] = None) -> Diagnosis:
    """Apply the rules (all, or those named) to the facts."""
    wanted = None if only is None else set(only)
    asked = [rule for rule in rules() if wanted is None or rule.name in wanted]
    findings: List[Finding] = []
    notes = [*facts.notes, *_unread(facts)]
    for rule in asked:
        try:
            findings.extend(ask(rule, facts) or ())
        except Exception as error:  # a rule's mistake must not hide what the others found
            notes.append(
                Note(rule.name, f"this rule failed, please report it: {type(error).__name__}: {error}")
            )
    notes.extend(_undetermined(asked, facts))
    stages = {rule.name: rule.stage for rule in asked}
    findings.sort(key=lambda finding: (_rank(finding), stages[finding.rule], finding.rule, finding.message))
    return Diagnosis(tuple(findings), tuple(notes), tuple(sorted(wanted or ())))


def ask(rule: Rule, facts: Facts) -> Optional[Iterator[Finding]]:
    """What one rule says of the facts; None where it cannot say: no check, another role, a fact that is missing."""
    severest = _severest(rule, facts)
    arguments, _ = _arguments(rule.needs(), facts)
    if rule.check is None or severest is None or arguments is None:
        return None
    return (named(finding, rule, severest) for finding in rule.check(**arguments))


def judge(rule: Rule, finding: Finding, facts: Facts) -> Optional[Here]:
    """What the facts say to what a rule found in a log; None where they say nothing."""
    if rule.judge is None:
        return None
    needs = {name: optional for name, optional in _needs(rule.judge).items() if name != "finding"}
    arguments, _ = _arguments(needs, facts)
    return None if arguments is None else rule.judge(finding=finding, **arguments)


def _rule(module: ModuleType) -> Rule:
    path = module.__name__.split(".")
    return Rule(
        name=path[-1].replace("_", "-"),
        topic=path[-2],
        page=inspect.cleandoc(module.__doc__ or ""),
        severity=getattr(module, "SEVERITY", Severity.ERROR),
        stage=getattr(module, "STAGE", TOPICS.index(path[-2]) + 1 if path[-2] in TOPICS else len(TOPICS) + 1),
        roles=getattr(module, "ROLES", ROLES),
        check=getattr(module, "check", None),
        explain=getattr(module, "explain", None),
        module=module,
        judge=getattr(module, "judge", None),
    )


def _needs(function: Callable[..., Any]) -> Dict[str, bool]:
    hints = get_type_hints(function)
    return {name: _accepts_none(hints[name]) for name in inspect.signature(function).parameters}


def _arguments(needs: Dict[str, bool], facts: Facts) -> Tuple[Optional[Dict[str, Any]], List[str]]:
    """The facts that a rule needs; None when it does not apply, and the names that nobody could determine."""
    arguments: Dict[str, Any] = {}
    missing: List[str] = []
    absent = False
    for name, optional in needs.items():
        value = getattr(facts, name)
        if isinstance(value, (Unknown, NotExamined)):
            missing.append(name)
        elif value is None and not optional:
            absent = True
        arguments[name] = value
    return (None if missing or absent else arguments), ([] if absent else missing)


def _unread(facts: Facts) -> Iterator[Note]:
    """What of the project could not be read: rules saw nothing of it, and that is no pass."""
    if isinstance(facts.project, Project):
        yield from (Note("project", text) for text in facts.project.unread)


def _undetermined(asked: Iterable[Rule], facts: Facts) -> Iterator[Note]:
    """Facts that nobody could determine, each with the rules that could not be asked for want of it."""
    skipped: Dict[str, List[str]] = {}
    for rule in asked:
        for name in _arguments(rule.needs(), facts)[1] if _severest(rule, facts) else ():
            skipped.setdefault(name, []).append(rule.name)
    for name, names in skipped.items():
        value = getattr(facts, name)
        reason = (
            f"could not be determined: {value.reason}" if isinstance(value, Unknown) else "was not examined"
        )
        yield Note(name, f"{reason} (not checked: {', '.join(sorted(names))})")


def _severest(rule: Rule, facts: Facts) -> Optional[Severity]:
    """The worst that a rule may say in this role; None when it is not asked.

    Without a project and without a stated role nobody knows what the machine is for: what would break a build is
    then worth a warning.
    """
    if facts.request.role in rule.roles:
        return Severity.ERROR
    return Severity.WARNING if facts.project is None and not facts.request.role_stated else None


def named(finding: Finding, rule: Rule, severest: Severity = Severity.ERROR) -> Finding:
    """With its rule and a severity: its own or the rule's, no worse than `severest`."""
    severity = max(finding.severity or rule.severity, severest, key=lambda one: one.rank)
    return replace(finding, rule=rule.name, severity=severity)


def _rank(finding: Finding) -> int:
    return (finding.severity or Severity.ERROR).rank


def _accepts_none(hint: Any) -> bool:
    return type(None) in getattr(hint, "__args__", ())

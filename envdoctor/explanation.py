"""Explains a log: every rule is asked, and what they find is put in order. Pure."""

import re
from dataclasses import dataclass, field, replace
from typing import Dict, List, Mapping, Tuple

from envdoctor.catalogue import ask, judge, named, rules
from envdoctor.facts import Facts, Note
from envdoctor.finding import Finding, Here, LogLine
from envdoctor.log import BuildLog
from envdoctor.log.advice import advice
from envdoctor.log.signs import BENIGN, ERROR, FAILURES, FRAMES, MORE, NOTICES, STOPS, SUCCESSES, WRAPPERS

#: "failure" (the findings say why), "not-environment" (a failure that no environment cures), "not-enough" (something
#: failed, and the cause is not in the log), "no-failure".
VERDICTS = ("failure", "not-environment", "not-enough", "no-failure")
#: How sets of labelled logs call the verdicts that name no rule.
OUTCOMES = {
    "no-failure": "none",
    "not-environment": "not-an-environment-problem",
    "not-enough": "cause-not-in-log",
}
#: Of a finding, best first.
CONFIDENCE = ("high", "medium", "low")

#: Where a compiler found an error: the source.
_SOURCE = re.compile(r"([^\s:(]+)[:(]\d+[:,)]")
#: Wrappers that say nothing of what they wrap.
_NOISE = re.compile(
    r"See also |Traceback \(most|\[end of output\]|^raise |^The above exc|^During handl|See above for out"
)
_WHOLE = (
    "Run the command again with all that it prints in a file, COMMAND > build.log 2>&1, and give that file"
)


@dataclass(frozen=True)
class Explanation:
    """What a log says, best first."""

    verdict: str  # one of VERDICTS
    findings: Tuple[Finding, ...] = ()
    #: The lines that the verdict rests on where there are no findings; of what ended well, what went wrong before;
    #: beside a mere hint, what else failed.
    signs: Tuple[LogLine, ...] = ()
    #: Lines that only repeat the failure: pip's, ninja's, make's.
    follows: Tuple[LogLine, ...] = ()
    #: How to see more, where the log is not enough; what helps nevertheless, where no rule speaks.
    more: str = ""
    #: By the rule of a finding, where the machine was asked.
    here: Mapping[str, Here] = field(default_factory=dict)
    notes: Tuple[Note, ...] = ()


def explain(log: BuildLog) -> Explanation:
    """The root cause of what failed in a log, or why none can be named."""
    log = log.without(*BENIGN)
    findings, notes = _asked(log)
    wrapped = tuple(dict.fromkeys(line for hit in log.search(*WRAPPERS) for line in hit.evidence))
    proof = tuple(
        piece for finding in findings[:1] for piece in finding.evidence if isinstance(piece, LogLine)
    )
    failed = tuple(line for line in _own_failures(log) if line not in proof)
    bad = {line.line: line for line in (*wrapped, *failed, *proof)}
    if _ended_well(log, max(bad, default=0)):
        return Explanation("no-failure", signs=tuple(bad[number] for number in sorted(bad)), notes=notes)
    if findings and (
        findings[0].confidence != "low" or all(_is_of_another(findings[0], it) for it in failed)
    ):
        first = first_line(findings[0])
        follows = tuple(line for line in wrapped if line.line > first and not _NOISE.search(line.text))
        others = failed if findings[0].confidence == "low" else ()
        return Explanation("failure", findings, others, follows, notes=notes)
    if failed:
        return Explanation(
            "not-environment", signs=failed, follows=wrapped, more=advice(log) or "", notes=notes
        )
    if wrapped:
        return Explanation("not-enough", signs=wrapped, more=_more(log), notes=notes)
    return Explanation("no-failure", notes=notes)


def _is_of_another(finding: Finding, failed: LogLine) -> bool:
    """Whether compilers stopped at both, in two sources: then neither stands against the other."""
    places = [_SOURCE.match(piece.text) for piece in (*finding.evidence[:1], failed)]
    return all(places) and len({place[1] for place in places if place}) == 2


def _own_failures(log: BuildLog) -> Tuple[LogLine, ...]:
    """Lines in which a failure is told in words of its own."""
    hits = log.without(*NOTICES, but=ERROR).without(*WRAPPERS, *FRAMES).search(*FAILURES)
    return tuple(dict.fromkeys(line for hit in hits for line in hit.evidence))


def _ended_well(log: BuildLog, last_bad: int) -> bool:
    """Whether success is told last, and by each tool that gave up, or by docker, which ran it."""
    told = {tool: _last(log, patterns) for tool, patterns in SUCCESSES.items()}
    if max(told.values()) <= last_bad:
        return False
    return all(max(told[tool], told["docker"]) >= _last(log, patterns) for tool, patterns in STOPS.items())


def _last(log: BuildLog, patterns: Tuple[str, ...]) -> int:
    """Number of the last line with any of them; 0 where there is none."""
    hit = log.last(*patterns)
    return hit.line if hit else 0


def compared(explanation: Explanation, facts: Facts, it_happened_here: bool = False) -> Explanation:
    """With what this machine's facts say to each finding: a confirmed one has the cure that fits here.

    What they confirm counts one degree of confidence more, what they contradict one less. That a rule does not foresee
    a failure contradicts nothing, only facts that show the opposite do; nor do those where it failed here just now.
    """
    known = {rule.name: rule for rule in rules()}
    here: Dict[str, Here] = {}
    findings = []
    for finding in explanation.findings:
        judged = judge(known[finding.rule], finding, facts)
        first = next(ask(known[finding.rule], facts) or iter(()), None)
        if first is not None and (judged is None or judged.answer == "confirmed"):
            judged = Here("confirmed", first.message)
            finding = replace(finding, fix=first.fix or finding.fix)
        elif judged is None or (judged.answer == "contradicted" and it_happened_here):
            judged = Here("not checkable")
        here[finding.rule] = judged
        findings.append(finding)
    weight = {"confirmed": -1, "contradicted": 1}

    def order(finding: Finding) -> Tuple[int, int, str]:
        confidence, line, rule = _order(finding)
        return confidence + weight.get(here[rule].answer, 0), line, rule

    return replace(explanation, findings=tuple(sorted(findings, key=order)), here=here)


def first_line(finding: Finding) -> int:
    """Number of the first line that proves it."""
    return next((piece.line for piece in finding.evidence if isinstance(piece, LogLine)), 0)


def _asked(log: BuildLog) -> Tuple[Tuple[Finding, ...], Tuple[Note, ...]]:
    """Findings of all rules in order, one for each rule; a rule that fails is a note."""
    findings: List[Finding] = []
    notes: List[Note] = []
    for rule in rules():
        if rule.explain is None:
            continue
        try:
            findings.extend(named(finding, rule) for finding in rule.explain(log))
        except Exception as error:  # a rule's mistake must not hide what the others found
            notes.append(
                Note(rule.name, f"this rule failed, please report it: {type(error).__name__}: {error}")
            )
    best: Dict[str, Finding] = {}
    for finding in sorted(findings, key=_order):
        best.setdefault(finding.rule, finding)
    return tuple(best.values()), tuple(notes)


def _order(finding: Finding) -> Tuple[int, int, str]:
    """What the log decides comes before what it merely hints at; the earliest evidence comes first."""
    return CONFIDENCE.index(finding.confidence), first_line(finding), finding.rule


def _more(log: BuildLog) -> str:
    """How the tool that wrapped the failure is made to show it; what is known to end so comes first."""
    fitting = (text for pattern, text in MORE if log.has(pattern))
    return ". ".join(filter(None, (advice(log), next(fitting, _WHOLE))))

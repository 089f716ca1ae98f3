"""What was proved of a target, as proof.json keeps it and as people read it. Pure."""

from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

from envdoctor.bundle.static.floors import newest, running
from envdoctor.bundle.static.gpu_code import of as gpu_code
from envdoctor.bundle.static.subject import Outcome, Subject
from envdoctor.bundle.target import BundleError
from envdoctor.finding import Finding, Severity

_LABEL, _SHOWN = 10, 12


def check(subject: Subject, outcomes: Sequence[Tuple[str, Outcome]]) -> None:
    """Raises BundleError for the first error among the findings."""
    errors = [each for _, one in outcomes for each in one.findings if each.severity is Severity.ERROR]
    if errors:
        more = f" (and {len(errors) - 1} more of such)" if len(errors) > 1 else ""
        raise BundleError(f"{subject.target.name}: {in_one_line(errors[0])}{more}")


def in_one_line(finding: Finding) -> str:
    """What is so, what follows, what to do."""
    return _sentences(finding.message, finding.consequence, finding.fix.title if finding.fix else "")


def _sentences(message: str, consequence: str, cure: str) -> str:
    return f"{message}. {consequence}" + (f" {cure[:1].upper()}{cure[1:]}." if cure else "")


def document(
    subject: Subject, outcomes: Sequence[Tuple[str, Outcome]], sources: Sequence[str] = ()
) -> Dict[str, Any]:
    """What proof.json says of it beside the installation; of sources, built at the target, nothing is read."""
    files = running(subject)
    return {
        "read from the files": [
            {"check": name, "says": one.says, "findings": [_finding(each) for each in one.findings]}
            for name, one in outcomes
        ],
        "built at the target": list(sources),
        "needs": {
            **{name: newest(files, name) for name in ("glibc", "glibcxx", "cxxabi")},
            "cuda": subject.line[0],
            "gpu code": {
                wheel.file: sorted({arch for each in some for arch in each.file.gpu or ()})
                for wheel, some in gpu_code(subject)
            },
        },
    }


def _finding(finding: Finding) -> Dict[str, Any]:
    return {
        "severity": (finding.severity or Severity.WARNING).value,
        "message": finding.message,
        "consequence": finding.consequence,
        "evidence": [{"source": each.source, "text": each.text} for each in finding.evidence],
        "cure": finding.fix.title if finding.fix else "",
    }


def lines(proof: Mapping[str, Any]) -> Iterator[str]:
    """What was proved of a target, and how. Raises BundleError for what is no such record."""
    try:
        yield _line("installed", _installed(proof))
        for one in proof.get("read from the files", ()):
            if one["says"] or one["findings"]:
                yield _line(one["check"], one["says"])
            for each in one["findings"]:
                yield _line(
                    "",
                    f"{each['severity']}: {_sentences(each['message'], each['consequence'], each['cure'])}",
                )
        if proof.get("built at the target"):
            yield _line(
                "sources", f"{' '.join(proof['built at the target'])}: built there, and not read here"
            )
    except (KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"proof.json: not a record of proofs ({type(error).__name__}: {error})") from None


def _installed(proof: Mapping[str, Any]) -> str:
    if proof.get("installed") != "yes":
        return f"not tried: {proof.get('why', 'nothing is said of it')}; what follows is read from its files"
    names = str(proof["imported"]).split()
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    kernels = f"; {proof['kernels']}" if proof.get("kernels") else ""
    return f"here, {proof['network']}; imported {' '.join(names[:_SHOWN]) or 'nothing'}{more}{kernels}"


def _line(label: str, text: str) -> str:
    return f"  {label:<{_LABEL}} {text}"


def of_target(proofs: Any, name: str) -> Mapping[str, Any]:
    """The record of a target; empty where there is none."""
    each: List[Any] = proofs if isinstance(proofs, list) else []
    return next((one for one in each if isinstance(one, dict) and one.get("target") == name), {})

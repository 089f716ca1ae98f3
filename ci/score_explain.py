"""How well `envdoctor explain` names root causes: accuracy, false alarms and time over a set of labelled logs.

    python ci/score_explain.py LOGS.jsonl [LOGS.jsonl ...] [--wrong]

Each line is one log: {"id", "log", "label", "also": [...]}. A label is a rule's name, or one of the outcomes `none`,
`not-an-environment-problem` and `cause-not-in-log`. An answer is right when it is the label or one of `also`.
"""

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

from envdoctor.catalogue import rules
from envdoctor.explanation import OUTCOMES, explain
from envdoctor.log import read_text


def main() -> None:
    """Score and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("logs", nargs="+", type=Path)
    parser.add_argument("--wrong", action="store_true", help="list every log that is answered wrongly")
    options = parser.parse_args()
    cases = [
        json.loads(line) for path in options.logs for line in path.open(encoding="utf-8") if line.strip()
    ]
    if not cases:
        parser.error("no logs in there")
    rules()  # not part of the time
    begun = time.perf_counter()
    answered = [(case, _answers(case["log"])) for case in cases]
    took = time.perf_counter() - begun
    if options.wrong:
        for line in _wrong(answered):
            print(line)
    _print_table(answered)
    top1, top3 = (sum(_right(case, answers[:n]) for case, answers in answered) for n in (1, 3))
    print(f"\ntop-1 {top1}/{len(cases)} = {top1 / len(cases):.1%}   top-3 {top3 / len(cases):.1%}")
    for outcome in OUTCOMES.values():
        alarms = [
            case["id"] for case, answers in answered if case["label"] == outcome and _alarm(case, answers)
        ]
        print(f"false alarms on {outcome}: {len(alarms)}" + (f" ({', '.join(alarms)})" if alarms else ""))
    print(f"{1000 * took / len(cases):.1f} ms per log")


def _answers(text: str) -> List[str]:
    """Best first: the rules that were found, or the outcome."""
    explanation = explain(read_text(text))
    if explanation.verdict == "failure":
        return [finding.rule for finding in explanation.findings]
    return [OUTCOMES[explanation.verdict]]


def _right(case: Dict[str, Any], answers: List[str]) -> bool:
    return bool({case["label"], *case.get("also", ())} & set(answers))


def _alarm(case: Dict[str, Any], answers: List[str]) -> bool:
    """Whether a cause is named where there is none to name."""
    return answers[0] not in OUTCOMES.values() and not _right(case, answers[:1])


def _wrong(answered: List[Tuple[Dict[str, Any], List[str]]]) -> Iterator[str]:
    for case, answers in answered:
        if not _right(case, answers[:1]):
            yield f"{case['id']}: {case['label']}, answered {', '.join(answers[:3])}"


def _print_table(answered: List[Tuple[Dict[str, Any], List[str]]]) -> None:
    by_label: Dict[str, List[bool]] = defaultdict(list)
    for case, answers in answered:
        by_label[case["label"]].append(_right(case, answers[:1]))
    for label, right in sorted(by_label.items(), key=lambda item: (sum(item[1]) / len(item[1]), item[0])):
        print(f"{label:38} {sum(right):3}/{len(right)}")


if __name__ == "__main__":
    main()

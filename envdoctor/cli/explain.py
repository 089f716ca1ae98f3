"""`envdoctor explain`: the root cause of a failing log; or a rule's page, or the rules that speak of something."""

import argparse
import os
import re
import stat
import sys
from typing import TYPE_CHECKING, Any, Iterator, List, Optional, Tuple

from envdoctor.cli.common import UsageError, add_role_and_targets, examine_or_read
from envdoctor.cli.output import complain, style_for, to_json, write_output

if TYPE_CHECKING:
    from envdoctor.catalogue import Rule
    from envdoctor.explanation import Explanation
    from envdoctor.log import BuildLog

#: How many rules a question is answered with.
MOST_RULES = 5
#: What may be meant as a rule's name.
_NAME = re.compile(r"[A-Za-z0-9_-]*")
#: What is no line of a log: words alone.
_QUESTION = re.compile(r"[^:'\"/=]*")
# Where CMake keeps what it tried, from 3.26 on and before.
_KEPT = r"(?P<path>/[^\n'\"]+/CMakeFiles/(?:CMakeConfigureLog\.yaml|CMakeError\.log))"
#: What is meant as a file's name, whether there is one or not.
_FILE = re.compile(r"\.{0,2}/\S*|\S+\.(?:log|txt|out|err|ya?ml)")


def add_parser(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "explain",
        help="the root cause of a failing log, or the page of a rule",
        description=f"{__doc__} Exit status: 0 nothing failed (or a page was printed), 1 something did.",
    )
    parser.add_argument(
        "what",
        nargs="+",
        metavar="LOG",
        help="a file, - for standard input, a phrase of a log or a question in quotes, or a rule's name",
    )
    parser.add_argument(
        "--here", action="store_true", help="the log is of this machine: have its facts confirm or contradict"
    )
    parser.add_argument("--project", metavar="DIR", help="with --here: folder of the project (default: here)")
    add_role_and_targets(parser)
    parser.add_argument(
        "--format", choices=("text", "json", "markdown"), default="text", help="default: text"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Tell what each argument is, and explain it."""
    from envdoctor.catalogue import rules

    files = any(map(_is_file, arguments.what))  # then each is meant as one
    if not files:
        arguments.what = [" ".join(arguments.what)]  # a phrase without its quotes
    what = arguments.what[0]
    if not what.strip():
        raise UsageError("an empty phrase; give a log, `-`, a phrase of a log or a rule's name")
    if not files and _NAME.fullmatch(what) and not _is_a_question(what, rules()):
        if arguments.here or _asked_for_this_machine(arguments):
            raise UsageError(
                "a rule's page is the same for every machine and project; leave those options out"
            )
        return _page(rule_named(what, rules()), arguments.format)
    if not arguments.here and _asked_for_this_machine(arguments):
        raise UsageError("options of the machine and the project say nothing of a log alone; add --here")
    logs = list(_readable(arguments.what)) if files else [_phrase(what)]
    explained = _on_this_machine([_explained(log, arguments.here) for log in logs], arguments)
    question = not files and not explained[0][1].findings
    if (
        question
        and not _helps(explained[0][1])
        and (explained[0][1].verdict == "no-failure" or _QUESTION.fullmatch(what))
    ):
        return _answer(logs[0].text, rules(), arguments.format)
    _write(explained, arguments.what, arguments.format)
    if len(logs) < len(arguments.what):
        return 2
    return int(any(explanation.verdict != "no-failure" for _, explanation in explained))


def rule_named(text: str, known: "Tuple[Rule, ...]") -> "Rule":
    """By its name or its file's; raises UsageError with the nearest names."""
    name = text.strip().lower().replace("_", "-")
    rule = next((rule for rule in known if rule.name == name), None)
    if rule is None:
        raise UsageError(
            f"{text or repr(text)}: no such rule{_hint(name, known)}; `envdoctor rules` lists all"
        )
    return rule


def _is_a_question(word: str, known: "Tuple[Rule, ...]") -> bool:
    """Whether a single word is of the pages, and no rule has a name like it."""
    import difflib

    from envdoctor.rule_search import search

    names = [rule.name for rule in known]
    if re.search(r"[-_]", word) or difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6):
        return False
    return bool(search(word, known))


def _helps(explanation: "Explanation") -> bool:
    """Whether it is a failure that no rule explains, and there is advice for it."""
    return explanation.verdict == "not-environment" and bool(explanation.more)


def _hint(name: str, known: "Tuple[Rule, ...]") -> str:
    """The nearest names, and the pages that use the same words."""
    import difflib

    from envdoctor.rule_search import search

    near = difflib.get_close_matches(name, [rule.name for rule in known], n=3, cutoff=0.6)
    speaking = [rule.name for rule in search(name, known) if rule.name not in near][: MOST_RULES - len(near)]
    hint = f"; nearest: {', '.join(near)}" if near else ""
    return hint + (f"; pages that speak of it: {', '.join(speaking)}" if speaking else "")


def _page(rule: "Rule", format: str) -> int:
    from envdoctor.report import pages

    if format == "json":
        write_output(to_json(pages.rules_as_json((rule,))), None)
    else:
        write_output(
            pages.as_markdown(rule) if format == "markdown" else pages.as_text(rule, style_for(None)), None
        )
    return 0


def _answer(question: str, known: "Tuple[Rule, ...]", format: str) -> int:
    """The rules that speak of it; raises UsageError when none does."""
    from envdoctor.report import pages
    from envdoctor.rule_search import search

    found = tuple(search(question, known)[:MOST_RULES])
    if not found:
        raise UsageError(
            f"{question!r}: no such file, and no rule speaks of it; give a log, `-`, a phrase of a log or a rule's name"
        )
    if format == "json":
        write_output(to_json(pages.rules_as_json(found)), None)
    elif format == "markdown":
        write_output(pages.found_as_markdown(question, found), None)
    else:
        write_output(pages.found_as_text(question, found, style_for(None)), None)
    return 0


def _is_file(what: str) -> bool:
    from envdoctor.host import LocalHost

    return what == "-" or LocalHost().exists(what) or _FILE.fullmatch(what) is not None


def _asked_for_this_machine(arguments: argparse.Namespace) -> bool:
    """Whether an option is given that only an examination heeds."""
    return any(getattr(arguments, name) for name in ("project", "role", "arch", "python", "cuda", "deep"))


def _readable(names: List[str]) -> "Iterator[BuildLog]":
    """The logs that can be read: one that cannot is said, and takes no other's answer away."""
    for name in names:
        try:
            yield _read(name)
        except UsageError as error:
            if len(names) == 1:
                raise
            complain(str(error))


def _read(what: str) -> "BuildLog":
    """A file or standard input; raises UsageError."""
    log = _opened(what)
    if log.is_empty:
        raise UsageError(f"{log.name}: empty; a log has both outputs: COMMAND > build.log 2>&1")
    return log


def _phrase(what: str) -> "BuildLog":
    from envdoctor.log import read_text

    return read_text(what, "the phrase")


def _opened(what: str) -> "BuildLog":
    from envdoctor.log import read

    if what == "-":
        if sys.stdin is None:
            raise UsageError("standard input is closed; give a file")
        try:
            return read(sys.stdin.buffer, "standard input")
        except ValueError as error:
            raise UsageError(f"standard input: {error}; give a log") from None
    try:
        with open(what, "rb") as stream:
            if stat.S_ISCHR(os.fstat(stream.fileno()).st_mode):
                raise ValueError("a device, which may have no end")
            return read(stream, what)
    except ValueError as error:
        raise UsageError(f"{what}: {error}; give a log") from None
    except OSError as error:
        raise UsageError(f"{what}: cannot be read: {error.strerror or error}; give a log") from None


def _explained(log: "BuildLog", here: bool) -> "Tuple[str, Explanation]":
    """What a log says, and the name of the one that says it: it, or CMake's own."""
    from envdoctor.explanation import explain

    name, explanation = log.name, explain(log)
    if explanation.verdict == "not-enough":
        name, explanation = _by_cmakes_own_log(log, here) or (name, explanation)
    return name, explanation


def _on_this_machine(
    explained: "List[Tuple[str, Explanation]]", arguments: argparse.Namespace
) -> "List[Tuple[str, Explanation]]":
    """With --here: what this machine, examined once, says to them."""
    from envdoctor.explanation import compared

    if not arguments.here or not any(explanation.findings for _, explanation in explained):
        return explained
    facts, _ = examine_or_read(arguments)
    return [(name, compared(explanation, facts)) for name, explanation in explained]


def _by_cmakes_own_log(log: "BuildLog", here: bool) -> "Optional[Tuple[str, Explanation]]":
    """The log that CMake keeps, where it lies beside its output, or a log of this machine names it.

    It is full of tests that may fail: only what it says of compilers counts.
    """
    from envdoctor.catalogue import rules
    from envdoctor.explanation import explain
    from envdoctor.host import LocalHost

    compilers = {rule.name for rule in rules() if rule.topic == "toolkit"}
    named = [hit["path"] for hit in log.search(_KEPT)] if here else []
    beside = _beside(log.name) if LocalHost().is_file(log.name) else []
    for path in filter(LocalHost().is_file, (*named, *beside)):
        try:
            explanation = explain(_read(path))
        except UsageError:  # nothing in it, or not for us to read: the given log's answer stands
            continue
        best = next(iter(explanation.findings), None)
        if best and best.confidence == "high" and best.rule in compilers:
            return path, explanation
    return None


def _beside(path: str) -> List[str]:
    """Where CMake's log may be, by where its output was saved."""
    import posixpath

    names = ("CMakeConfigureLog.yaml", "CMakeError.log")
    return [
        posixpath.join(posixpath.dirname(path), where, name) for where in ("", "CMakeFiles") for name in names
    ]


def _write(explained: "List[Tuple[str, Explanation]]", given: List[str], format: str) -> None:
    from envdoctor.report import explanation as report

    if format == "json":
        documents = [report.to_json(name, explanation) for name, explanation in explained]
        write_output(to_json(documents if len(given) > 1 else documents[0]), None)
        return
    if format == "markdown":
        write_output("\n".join(report.as_markdown(*each) for each in explained), None)
        return
    style = style_for(None)
    for name, explanation in explained:
        elsewhere = len(given) > 1 or name not in (*given, "standard input", "the phrase")
        head = f"{name}:\n" if elsewhere and explanation.verdict == "failure" else ""
        write_output(head + report.as_text(name, explanation, style), None)

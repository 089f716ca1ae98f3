"""`envdoctor explain`: the page of a rule: what it means, how it is known, what to do, when to ignore it."""

import argparse
from typing import TYPE_CHECKING, Any, List, Tuple

from envdoctor.cli.common import UsageError
from envdoctor.cli.output import style_for, write_output

if TYPE_CHECKING:
    from envdoctor.catalogue import Rule


def add_parser(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verb."""
    parser = verbs.add_parser("explain", help="the page of a rule", description=__doc__)
    parser.add_argument("rule", metavar="RULE", help="a rule's name, as `envdoctor rules` lists them")
    parser.add_argument("--format", choices=("text", "markdown"), default="text", help="default: text")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print one page."""
    from envdoctor.catalogue import rules
    from envdoctor.report import pages

    rule = rule_named(arguments.rule, rules())
    text = pages.as_markdown(rule) if arguments.format == "markdown" else pages.as_text(rule, style_for(None))
    write_output(text, None)
    return 0


def rule_named(text: str, known: "Tuple[Rule, ...]") -> "Rule":
    """By its name or its file's; raises UsageError with the nearest names."""
    name = text.strip().lower().replace("_", "-")
    rule = next((rule for rule in known if rule.name == name), None)
    if rule is None:
        raise UsageError(
            f"{text or repr(text)}: no such rule{_hint(name, known)}; `envdoctor rules` lists all"
        )
    return rule


def _hint(wanted: str, known: "Tuple[Rule, ...]") -> str:
    """The nearest names, and the pages that use the same words."""
    import difflib

    near = difflib.get_close_matches(wanted, [rule.name for rule in known], n=3, cutoff=0.6)
    speaking = [name for name in _speaking_of(wanted, known) if name not in near][: 5 - len(near)]
    hint = f"; nearest: {', '.join(near)}" if near else ""
    return hint + (f"; pages that speak of it: {', '.join(speaking)}" if speaking else "")


def _speaking_of(wanted: str, known: "Tuple[Rule, ...]") -> List[str]:
    """Rules whose name, title or page has the words, those with most of them first; titles count most."""
    import re

    words = {word for word in re.findall(r"[a-z0-9_+.]+", wanted.replace("-", " ")) if len(word) > 2}
    scores = {}
    for rule in known:
        title, page = f"{rule.name} {rule.title}".lower(), rule.page.lower()
        scores[rule.name] = sum(5 * (word in title) + (word in page) for word in words)
    return sorted((name for name, score in scores.items() if score), key=lambda name: (-scores[name], name))

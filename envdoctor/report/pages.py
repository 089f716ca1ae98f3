"""The catalogue and its pages, for a terminal, as Markdown and as JSON."""

import re
from itertools import groupby
from typing import Any, Dict, Iterator, List, Tuple

from envdoctor.catalogue import Rule
from envdoctor.report.markdown import prose
from envdoctor.report.style import Style, counted

_ITEM = re.compile(r"(?P<lead>\s*(?:[-*]|\d+\.)\s+)(?P<text>.*)")


def rules_as_text(rules: Tuple[Rule, ...], style: Style) -> str:
    """By topic: severity, name and title."""
    lines: List[str] = []
    for topic, members in _by_topic(rules):
        lines += ["", style.paint("strong", topic)] if lines else [style.paint("strong", topic)]
        for rule in members:
            severity = style.paint(rule.severity.value, rule.severity.value.ljust(9))
            lines.append(f"  {severity}{rule.name}{'' if rule.check else ' (seen in logs alone)'}")
            lines += style.wrap(rule.title, " " * 11, " " * 11)
    return (
        "\n".join([*lines, "", f"{counted(len(rules), 'rule')}; `envdoctor explain RULE` prints a page."])
        + "\n"
    )


def rules_as_markdown(rules: Tuple[Rule, ...]) -> str:
    """One table for each topic."""
    lines = ["# Rules"]
    for topic, members in _by_topic(rules):
        lines += [
            "",
            f"## {topic}",
            "",
            "| rule | severity | what it is | known |",
            "| --- | --- | --- | --- |",
        ]
        for rule in members:
            title = rule.title.replace("|", "\\|")
            lines.append(f"| `{rule.name}` | {rule.severity.value} | {title} | {_known(rule)} |")
    return "\n".join(lines) + "\n"


def rules_as_json(rules: Tuple[Rule, ...]) -> Dict[str, Any]:
    """Names, topics, severities, titles, roles and pages."""
    return {
        "schema": "envdoctor.rules/1",
        "rules": [
            {
                "rule": rule.name,
                "topic": rule.topic,
                "severity": rule.severity.value,
                "title": rule.title,
                "roles": list(rule.roles),
                "foreseeable": rule.check is not None,
                "page": rule.page,
            }
            for rule in rules
        ],
    }


def as_markdown(rule: Rule) -> str:
    """The page with its name as heading."""
    return f"# {rule.name}\n\n{rule.page.strip()}\n"


def as_text(rule: Rule, style: Style) -> str:
    """The page for a terminal: wrapped, headings and code told apart."""
    severity = style.paint(rule.severity.value, rule.severity.value)
    head = f"{style.paint('strong', rule.name)}  ({rule.topic}, {severity}; {_known(rule)})"
    return "\n".join([head, "", *_rendered(rule.page, style)]).rstrip() + "\n"


def _rendered(page: str, style: Style) -> Iterator[str]:
    """Paragraphs and items wrapped; headings, tables and code as they stand."""
    fenced = False
    for block in re.split(r"\n{2,}", page.strip()):
        if fenced or block.startswith("```"):
            fenced = (block.count("```") % 2 == 1) is not fenced
            yield from (
                style.paint("code", f"    {line}")
                for line in block.splitlines()
                if not line.startswith("```")
            )
        elif block.startswith("#"):
            heading, _, rest = block.partition("\n")
            yield style.paint(
                "strong", heading.lstrip("# ").upper() if not style.colour else heading.lstrip("# ")
            )
            yield from _paragraph(rest, style) if rest else ()
        elif block.startswith(("    ", "|")):
            yield from (style.paint("code", line) for line in block.splitlines())
        else:
            yield from _paragraph(block, style)
        yield ""


def _paragraph(block: str, style: Style) -> Iterator[str]:
    """Running text and list items, their continuation lines joined."""
    items: List[Tuple[str, str]] = []
    for line in block.splitlines():
        match = _ITEM.fullmatch(line)
        if match:
            items.append((match["lead"], match["text"]))
        elif items:
            lead, text = items.pop()
            items.append((lead, f"{text} {line.strip()}"))
        else:
            items.append(("", line.strip()))
    for lead, text in items:
        for line in style.wrap(text, lead, " " * len(lead)):
            yield (
                re.sub(r"`([^`]+)`", lambda match: style.paint("code", match[1]), line)
                if style.colour
                else line
            )


def _by_topic(rules: Tuple[Rule, ...]) -> Iterator[Tuple[str, List[Rule]]]:
    ordered = sorted(rules, key=lambda rule: (rule.topic, rule.severity.rank, rule.name))
    for topic, members in groupby(ordered, key=lambda rule: rule.topic):
        yield topic, list(members)


def _known(rule: Rule) -> str:
    return "foreseen by `envdoctor check`" if rule.check is not None else "seen in logs alone"


def found_as_text(question: str, rules: Tuple[Rule, ...], style: Style) -> str:
    """What may be meant by a question, the best first."""
    lines = [f"No line of a log is known in {question!r}; rules that speak of it:"]
    for rule in rules:
        lines += [f"  {style.paint('strong', rule.name)}", *style.wrap(rule.title, " " * 6, " " * 6)]
    return "\n".join([*lines, "", f"`envdoctor explain {rules[0].name}` prints its page."]) + "\n"


def found_as_markdown(question: str, rules: Tuple[Rule, ...]) -> str:
    """The same as a list."""
    items = (f"- `{rule.name}`: {prose(rule.title)}" for rule in rules)
    return (
        "\n".join(
            [f"No line of a log is known in {prose(repr(question))}; rules that speak of it:", "", *items]
        )
        + "\n"
    )

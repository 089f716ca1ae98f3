"""Every rule has a page of the same shape, and one that checks nothing says why."""

import re

import pytest

from envdoctor import catalogue

HEADINGS = ["What it means", "How envdoctor knows", "What to do", "When to ignore it"]
RULES = catalogue.rules()


@pytest.mark.parametrize("rule", RULES, ids=[rule.name for rule in RULES])
def test_the_page_has_a_title_and_the_four_headings_with_text(rule):
    title, *sections = re.split(r"\n\n## (.+)\n\n", rule.page)
    assert title.endswith(".")
    assert "\n" not in title
    assert sections[::2] == HEADINGS
    assert all(text.strip() for text in sections[1::2])


@pytest.mark.parametrize("rule", RULES, ids=[rule.name for rule in RULES])
def test_the_facts_that_it_asks_for_exist(rule):
    assert rule.check is None or set(rule.needs()) <= set(catalogue.Facts.__dataclass_fields__)


@pytest.mark.parametrize("rule", RULES, ids=[rule.name for rule in RULES])
def test_a_rule_that_explains_logs_says_which_messages_count(rule):
    _, *sections = re.split(r"\n\n## (.+)\n\n", rule.page)
    how = dict(zip(sections[::2], sections[1::2]))["How envdoctor knows"]
    assert rule.explain is None or re.search(r"\blogs?\b|\blines\b|traceback", how)


def test_rules_that_cannot_be_foreseen_say_why():
    for rule in RULES:
        if rule.check is None and rule.topic in ("linking", "loading"):
            assert "cannot be foreseen" in rule.page, rule.name

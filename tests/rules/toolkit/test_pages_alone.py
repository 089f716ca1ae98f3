"""Problems of this topic that cannot be foreseen: a page that says why, and no check."""

import pytest

from envdoctor.catalogue import rules

ALONE = {
    "msvc-version-unsupported",
    "vs-cuda-integration-missing",
    "cpu-isa-flags-missing",
    "compiler-crashed",
}


@pytest.mark.parametrize("name", sorted(ALONE))
def test_the_page_says_why_it_cannot_be_foreseen(name):
    (rule,) = [rule for rule in rules() if rule.name == name]
    assert rule.check is None
    assert "cannot be foreseen" in rule.page and "From a log" in rule.page


def test_every_other_rule_of_the_topic_checks():
    unchecked = {rule.name for rule in rules() if rule.topic == "toolkit" and rule.check is None}
    assert unchecked == ALONE

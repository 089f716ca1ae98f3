"""Reports: pure functions from facts and findings to text, one module per format."""

import importlib

from envdoctor.catalogue import Diagnosis
from envdoctor.facts import Facts
from envdoctor.report.style import PLAIN, Style


def render(format: str, facts: Facts, diagnosis: Diagnosis, home: str, style: Style = PLAIN) -> str:
    """The report in one of the formats; `home` is hidden in everything that may leave the machine."""
    module = importlib.import_module(f"envdoctor.report.{'json_' if format == 'json' else format}")
    text: str = module.render(facts, diagnosis, home=home, style=style)
    return text

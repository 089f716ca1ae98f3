"""Reports: pure functions from facts and findings to text, one module per format."""

import importlib

from envdoctor.catalogue import Diagnosis
from envdoctor.facts import Facts


def render(format: str, facts: Facts, diagnosis: Diagnosis, home: str, to_file: bool = False) -> str:
    """The report in one of the formats; `home` is hidden in everything that may leave the machine."""
    module = importlib.import_module(f"envdoctor.report.{'json_' if format == 'json' else format}")
    text: str = module.render(facts, diagnosis, home=home, to_file=to_file)
    return text

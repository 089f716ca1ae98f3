"""Templates of jinja2, marked with square brackets: the files that they make are full of curly ones."""

import json
import re
from typing import Any, Mapping

from envdoctor.matrix.table import TableError


def rendered(template: str, values: Mapping[str, Any]) -> str:
    """A file below templates/ with its values. Raises TableError where jinja2 is not installed."""
    try:
        import jinja2
    except ImportError:
        raise TableError("jinja2 is not installed here; pip install 'envdoctor[matrix]'") from None
    environment = jinja2.Environment(  # noqa: S701 - no HTML
        loader=jinja2.PackageLoader("envdoctor.matrix"),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[[",
        variable_end_string="]]",
        comment_start_string="[#",
        comment_end_string="#]",
    )
    environment.filters["scalar"] = scalar
    return environment.get_template(template).render(values)


def scalar(text: str) -> str:
    """A text as a value of YAML: in quotes where it could be read otherwise."""
    plain = re.fullmatch(r"[A-Za-z][^#:{}\[\]&*!|>%@`\\]*", text) and text == text.strip()
    return text if plain else json.dumps(text)

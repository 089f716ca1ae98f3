"""Messages of gcc, ld, the C library, shells, make, git and MSVC in other languages, put back into English."""

import functools
import json
import pkgutil
import re
from typing import Dict, List, Pattern, Tuple

# Words that tell a Latin script's translation apart from English at a glance.
_FOREIGN = re.compile(
    r"(?i)\b(?:nicht|kein|keine|fehler|abgebrochen|warnung|aucun|impossible|erreur|introuvable|fichero|directorio|archivo"
    r"|errore|impossibile|arquivo|erro|comando|ikke|niet|inte|hittades|fout|hata|yok)\b"
)
_PLACE = re.compile(r"\\\{(\d)\\\}")


def in_english(line: str) -> str:
    """The line with every known message in English; quotes are plain ones already."""
    if line.isascii() and not _FOREIGN.search(line):
        return line
    plain, table, forms = _messages()
    for form, english in forms:
        line = form.sub(english, line)
    return plain.sub(lambda found: table[found[0]], line)


@functools.lru_cache(maxsize=None)
def _messages() -> Tuple[Pattern[str], Dict[str, str], List[Tuple[Pattern[str], str]]]:
    """Fixed messages in one pattern with their English, and messages that programs fill in, one by one."""
    data = pkgutil.get_data("envdoctor.log", "locales.json")
    assert data is not None
    table: Dict[str, str] = {}
    forms = []
    for english, translations in json.loads(data.decode("utf-8")).items():
        for text in translations:
            if "{" in text:
                forms.append((_form(text), _filled(english)))
            else:
                table[text.strip()] = english.strip()
    words = sorted(table, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, words))), table, forms


def _form(text: str) -> Pattern[str]:
    """Every place holds something, the last one up to a quote or the end of the line."""
    return re.compile(
        _PLACE.sub(lambda found: f"(?P<g{found[1]}>[^']+?)", re.escape(text).rstrip()) + r"(?=$|[\s'(])"
    )


def _filled(english: str) -> str:
    return re.sub(r"\{(\d)\}", r"\\g<g\1>", english.replace("\\", r"\\")).rstrip()

"""Messages of gcc, ld, the C library, shells, make, git and MSVC in other languages, put back into English."""

import functools
import json
import pkgutil
import re
from typing import Dict, List, Pattern, Tuple

# Words that tell a Latin script's translation apart from English at a glance.
_FOREIGN = re.compile(
    r"(?i)\b(?:nicht|kein|keine|fehler|abgebrochen|warnung|aucun|impossible|erreur|introuvable|fichero|directorio|archivo"
    r"|errore|impossibile|arquivo|comando|niet|hittades|bulunamad|beendet)\b"
)
#: Longest line that is read: messages are short, command lines are not.
LONGEST = 1000
_PLACE = re.compile(r"\\\{(\d)\\\}")


def in_english(line: str) -> str:
    """The line with every known message in English; quotes are plain ones already."""
    if len(line) > LONGEST or (line.isascii() and not _FOREIGN.search(line)):
        return line
    plain, table, forms = _messages()
    for piece, form, english in forms:
        if piece in line:
            line = form.sub(english, line)
    return plain.sub(lambda found: table[found[0]], line)


@functools.lru_cache(maxsize=None)
def _messages() -> Tuple[Pattern[str], Dict[str, str], List[Tuple[str, Pattern[str], str]]]:
    """Fixed messages in one pattern with their English; messages that programs fill in, each with a piece of it."""
    data = pkgutil.get_data("envdoctor.log", "locales.json")
    assert data is not None
    table: Dict[str, str] = {}
    forms = []
    for english, translations in json.loads(data.decode("utf-8")).items():
        for text in translations:
            if "{" in text:
                piece = max(re.split(r"\{\d\}", text), key=len).strip(" '")
                forms.append((piece, _form(text), _filled(english)))
            else:
                table[text.strip()] = english.strip()
    words = (_word(text) for text in sorted(table, key=len, reverse=True))
    return re.compile("|".join(words)), table, forms


def _word(text: str) -> str:
    """Of an alphabet, no part of another word; Chinese and Japanese write none apart."""
    return rf"(?<![\w/]){re.escape(text)}" if ord(text[0]) < 0x2E80 else re.escape(text)


def _form(text: str) -> Pattern[str]:
    """Every place holds something, the last one up to a quote or the end of the line."""
    return re.compile(
        _PLACE.sub(lambda found: f"(?P<g{found[1]}>[^']{{1,200}}?)", re.escape(text).rstrip())
        + r"(?=$|[\s'(])"
    )


def _filled(english: str) -> str:
    return re.sub(r"\{(\d)\}", r"\\g<g\1>", english.replace("\\", r"\\")).rstrip()

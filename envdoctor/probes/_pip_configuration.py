"""pip's settings as pip itself loads them (pip/_internal/configuration.py and cli/parser.py)."""

import configparser
import posixpath
import re
from typing import Dict, Iterator, List, Optional, Tuple

from envdoctor.facts import Environment, Python, Setting
from envdoctor.host import Host
from envdoctor.probes._setting import clean

# Options that may be given many times: their value is a list of words. Later sources replace the whole list.
_LISTS = frozenset(
    "find-links extra-index-url trusted-host constraint build-constraint requirement no-binary only-binary platform abi"
    " use-feature use-deprecated config-settings global-option".split()
)
_NOTHING = "/dev/null"
_HEADER = re.compile(r"\[[^\]]+\]")
#: Section and option, its values with their lines, the file.
Entry = Tuple[str, str, List[Tuple[str, Optional[int]]], str]


def settings(host: Host, environment: Environment, python: Optional[Python]) -> Iterator[Setting]:
    """By files, weakest first, then variables, which count for every section."""
    entries = [entry for path in _files(host, environment, python) for entry in _read(host, path)]
    variables = list(_variables(environment))
    winners: Dict[Tuple[str, str], Entry] = {(entry[0], entry[1]): entry for entry in entries}
    strong = {option for _, option, values, _ in variables if any(value for value, _ in values)}
    for entry in [*entries, *variables]:
        section, option, values, source = entry
        wins = source == "environment" or (winners[section, option] is entry and option not in strong)
        for value, line in values:
            # pip ignores empty values, but they hide those of weaker files.
            yield Setting("pip", f"{section}.{option}", clean(value), source, line, wins and value != "")


def _files(host: Host, environment: Environment, python: Optional[Python]) -> Iterator[str]:
    """Global, user, site (the environment's own), then the one that is named."""
    named = environment.get("PIP_CONFIG_FILE")
    if named == _NOTHING:
        return
    folders = host.env.get("XDG_CONFIG_DIRS", "").strip() or "/etc/xdg"
    yield from (posixpath.join(folder, "pip/pip.conf") for folder in folders.split(":"))
    yield "/etc/pip.conf"
    named = posixpath.join(host.cwd, named) if named else None
    # A named file stands in for the user's, if it is there.
    if host.home and not (named and host.exists(named)):
        yield f"{host.home}/.pip/pip.conf"
        folder = host.env.get("XDG_CONFIG_HOME", "").strip() or f"{host.home}/.config"
        yield posixpath.join(folder, "pip/pip.conf")
    if python:
        yield f"{python.prefix}/pip.conf"
    if named:
        yield named


def _variables(environment: Environment) -> Iterator[Entry]:
    for variable in environment.variables:
        option = _normalised(variable.name[len("PIP_") :])
        if variable.name.startswith("PIP_") and option not in ("config-file", "version", "help"):
            yield "global", option, _values(option, [(variable.value, None)]), "environment"


def _read(host: Host, path: str) -> Iterator[Entry]:
    """One file; one that pip would refuse to read is noted and says nothing."""
    text = host.try_text(path)
    if text is None:
        return
    try:
        configparser.RawConfigParser().read_string(text, path)
    except configparser.Error as error:
        host.note(path, f"pip cannot read it: {' '.join(str(error).split())}"[:200])
        return
    for section, option, lines in _options(text):
        yield section, option, _values(option, lines), path


def _options(text: str) -> Iterator[Tuple[str, str, List[Tuple[str, Optional[int]]]]]:
    """Section, option and the lines of its value, of a text that configparser takes."""
    section, indent = "", 0
    found: List[Tuple[str, str, List[Tuple[str, Optional[int]]]]] = []
    for number, line in enumerate(text.split("\n"), 1):
        words = line.strip()
        if not words or words[0] in "#;":
            continue
        depth = len(line) - len(line.lstrip())
        if found and found[-1][0] == section and depth > indent:
            found[-1][2].append((words, number))
        elif _HEADER.match(words):
            section = words[1 : words.index("]")]
        else:
            indent = depth
            option, _, value = (
                words.replace(":", "=", 1).partition("=") if _colon(words) else words.partition("=")
            )
            found.append((section, _normalised(option.strip()), [(value.strip(), number)]))
    yield from found


def _colon(words: str) -> bool:
    """Whether a colon ends the option's name."""
    return ":" in words.partition("=")[0]


def _normalised(name: str) -> str:
    name = name.lower().replace("_", "-")
    return name[2:] if name.startswith("--") else name


def _values(option: str, lines: List[Tuple[str, Optional[int]]]) -> List[Tuple[str, Optional[int]]]:
    """The words of a list, each with its line; else one value, which may go over lines."""
    if option in _LISTS:
        return [(word, number) for text, number in lines for word in text.split()] or [("", lines[0][1])]
    return [(" ".join(text for text, _ in lines).strip(), lines[0][1])]

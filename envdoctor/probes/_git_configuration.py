"""git's settings that decide how it reaches repositories (git-config(1)): system, user and environment.

A repository's own settings are left out: they do not count for the clones of its submodules.
"""

import posixpath
import re
from typing import Iterator, Optional, Tuple

from envdoctor.facts import Environment, Setting
from envdoctor.host import Host
from envdoctor.probes._setting import Said, settled

# Lower case to the usual spelling; git does not mind the case.
_SPELLING = {
    "insteadof": "insteadOf",
    "pushinsteadof": "pushInsteadOf",
    "sslverify": "sslVerify",
    "sslcainfo": "sslCAInfo",
    "sslcapath": "sslCAPath",
    "sshcommand": "sshCommand",
}
WANTED = re.compile(
    r"url\..+\.(?:push)?insteadof|https?\.(?:.+\.)?(?:proxy|sslverify|sslcainfo|sslcapath)|core\.sshcommand"
    r"|protocol\.(?:.+\.)?allow|filter\.lfs\.(?:process|smudge|required)",
    re.IGNORECASE,
)
_SECTION = re.compile(r"\[\s*([A-Za-z0-9.-]+)(?:\s+\"((?:[^\"\\]|\\.)*)\")?\s*\]\s*(.*)")
_VARIABLE = re.compile(r"([A-Za-z][A-Za-z0-9-]*)\s*(?:=\s*(.*))?")
_VALUE = re.compile(r'"((?:[^"\\]|\\.)*)"?|([#;].*)|(\\.|[^"#;\\]+)')
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b"}
_TRUE = ("1", "true", "yes", "on")


def settings(host: Host, environment: Environment) -> Iterator[Setting]:
    """Weakest first; every insteadOf counts, of other settings the last."""
    said = [one for path in _files(host) for one in _read(host, path, follow=True)]
    yield from settled("git", [*said, *_variables(environment)])


def _files(host: Host) -> Iterator[str]:
    if host.env.get("GIT_CONFIG_NOSYSTEM", "").lower() not in _TRUE:
        yield host.env.get("GIT_CONFIG_SYSTEM") or "/etc/gitconfig"
    if "GIT_CONFIG_GLOBAL" in host.env:
        yield from [host.env["GIT_CONFIG_GLOBAL"]] if host.env["GIT_CONFIG_GLOBAL"] else []
    elif host.home:
        folder = host.env.get("XDG_CONFIG_HOME") or f"{host.home}/.config"
        yield from (f"{folder}/git/config", f"{host.home}/.gitconfig")


def _variables(environment: Environment) -> Iterator[Said]:
    """GIT_CONFIG_COUNT pairs, stronger than every file."""
    count = environment.get("GIT_CONFIG_COUNT") or "0"
    for number in range(min(int(count), 1000) if count.isdigit() else 0):
        name, value = (
            environment.get(f"GIT_CONFIG_KEY_{number}"),
            environment.get(f"GIT_CONFIG_VALUE_{number}"),
        )
        if name and value is not None:
            yield from _said(name, value, "environment", None)


def _read(host: Host, path: str, follow: bool) -> Iterator[Said]:
    """One file, and those that it includes without a condition."""
    path = posixpath.join(host.cwd, path)
    text = host.try_text(path) if path != "/dev/null" else None
    for name, value, line in _entries(text or ""):
        if name.lower() == "include.path" and follow:
            named = posixpath.join(host.home, value[2:]) if value.startswith("~/") else value
            yield from _read(host, posixpath.join(posixpath.dirname(path), named), follow=False)
        yield from _said(name, value, path, line)


def _said(name: str, value: str, source: str, line: Optional[int]) -> Iterator[Said]:
    if WANTED.fullmatch(name):
        front, _, key = name.rpartition(".")
        many = key.lower().endswith("insteadof")
        yield Said(f"{front}.{_SPELLING.get(key.lower(), key)}", value, source, line, many)


def _entries(text: str) -> Iterator[Tuple[str, str, int]]:
    """Name, value and first line of each variable; a line that ends in a backslash goes on."""
    section, pending, first = "", "", 0
    for number, line in enumerate(text.splitlines(), 1):
        first = first if pending else number
        line = pending + line.strip()
        if line.endswith("\\") and not line.endswith("\\\\") and line[0] not in "#;":
            pending = line[:-1]
            continue
        pending = ""
        header = _SECTION.match(line)
        if header:
            name, sub, line = header.groups()
            section = name.lower() if sub is None else f"{name.lower()}." + re.sub(r"\\(.)", r"\1", sub)
        variable = _VARIABLE.fullmatch(line)
        if variable and section:
            # A name alone means true.
            value = "true" if variable.group(2) is None else _unquote(variable.group(2))
            yield f"{section}.{variable.group(1)}", value, first


def _unquote(text: str) -> str:
    """A value without quotes and comment."""
    found = ""
    for quoted, comment, plain in _VALUE.findall(text):
        if comment:
            break
        found += re.sub(r"\\(.)", lambda match: _ESCAPES.get(match.group(1), match.group(1)), quoted or plain)
    return found.strip()

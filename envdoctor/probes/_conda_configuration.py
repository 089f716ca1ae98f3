"""conda's settings, from the files of its search path and its variables (conda/base/constants.py, context.py)."""

import posixpath
import re
from typing import Iterator, List, Optional, Tuple

from envdoctor.facts import Python, Setting
from envdoctor.host import Host
from envdoctor.probes._setting import Said, settled

# What decides where packages come from. Names that conda still takes for others are on the left.
_ALIASES = {"channel": "channels", "verify_ssl": "ssl_verify", "whitelist_channels": "allowlist_channels"}
_KEYS = frozenset(
    "channels default_channels channel_alias custom_channels custom_multichannels migrated_channel_aliases"
    " allowlist_channels denylist_channels channel_priority override_channels_enabled proxy_servers ssl_verify"
    " client_ssl_cert offline pkgs_dirs envs_dirs subdir create_default_packages".split()
)
_KEY = re.compile(r"(\s*)(?:'([^']+)'|\"([^\"]+)\"|([^\s'\"#:\[{-][^:]*?))\s*:(?:\s+(.*))?")
_ITEM = re.compile(r"(\s*)-\s+(.*)")
_COMMENT = re.compile(r"""((?:[^'"#]|'[^']*'|"[^"]*"|(?<=\S)#)*)(?:(?:^|(?<=\s))#.*)?""")
_TOKEN = re.compile(r"/t/[A-Za-z0-9-]+(?=/|$)")


def settings(host: Host, python: Optional[Python]) -> Iterator[Setting]:
    """Weakest first. Lists are merged over all files; of single values and entries of maps the last wins."""
    said = [one for path in _files(host, python) for one in _read(host, path)]
    yield from settled("conda", [*said, *_variables(host)])


def _files(host: Host, python: Optional[Python]) -> Iterator[str]:
    for folder in _folders(host, python):
        for name in (".condarc", "condarc"):
            yield f"{folder}/{name}"
        yield from (
            path for path in host.glob(f"{folder}/condarc.d", "*") if path.endswith((".yml", ".yaml"))
        )
        if folder == f"{host.home}/.conda":
            yield f"{host.home}/.condarc"
    if host.env.get("CONDARC"):
        yield posixpath.join(host.cwd, host.env["CONDARC"])


def _folders(host: Host, python: Optional[Python]) -> Iterator[str]:
    """The folders of conda's SEARCH_PATH that are known here, each once."""
    prefix = host.env.get("CONDA_PREFIX") or (python.prefix if python and python.kind == "conda" else "")
    folders = ["/etc/conda", "/var/lib/conda", _root(host, prefix)]
    if host.env.get("XDG_CONFIG_HOME"):
        folders.append(posixpath.join(host.env["XDG_CONFIG_HOME"], "conda"))
    if host.home:
        folders += [f"{host.home}/.config/conda", f"{host.home}/.conda"]
    folders.append(prefix)
    yield from dict.fromkeys(folder.rstrip("/") for folder in folders if folder)


def _root(host: Host, prefix: str) -> str:
    """The base installation: that of the conda command, else the one that an environment lies in."""
    command = host.env.get("CONDA_EXE") or host.which("conda") or ""
    if command:
        return posixpath.dirname(posixpath.dirname(command))
    above, envs, _ = prefix.rpartition("/envs/")
    return above if envs else prefix


def _variables(host: Host) -> Iterator[Said]:
    for key in sorted(_KEYS):
        name = f"CONDA_{key.upper()}"
        for value in host.env.get(name, "").split(","):
            if value.strip():
                yield _said(key, value.strip(), "environment", None, many=key.endswith(("channels", "dirs")))


def _said(name: str, value: str, source: str, line: Optional[int], many: bool) -> Said:
    return Said(name, _TOKEN.sub("/t/***", value), source, line, many)


def _read(host: Host, path: str) -> Iterator[Said]:
    """The part of YAML that such files are written in: keys, lists (also in one line), one map in another."""
    text = host.try_text(path)
    above: List[Tuple[int, str]] = []
    for number, line in enumerate((text or "").splitlines(), 1):
        line = _strip(line)
        item, key = _ITEM.fullmatch(line), _KEY.fullmatch(line)
        if not line.strip() or line.startswith("---"):
            continue
        if item:
            above = [one for one in above if one[0] <= len(item.group(1))]
        elif key:
            depth = len(key.group(1))
            name = key.group(2) or key.group(3) or key.group(4)
            above = [one for one in above if one[0] < depth]
            above.append((depth, name if above else _ALIASES.get(name, name)))
        if not above or not (item or key):
            host.note(path, f"line {number} is not the simple YAML that is read here")
            return
        if above[0][1] in _KEYS:
            value = item.group(2) if item else (key.group(5) or "") if key else ""
            yield from _values(".".join(name for _, name in above), value, path, number, item is not None)


def _values(name: str, text: str, path: str, line: int, item: bool) -> Iterator[Said]:
    listed = text.startswith("[") and text.endswith("]")
    mapped = text.startswith("{") and text.endswith("}")
    for value in text[1:-1].split(",") if listed or mapped else [text]:
        key, _, value = value.rpartition(": ") if mapped else ("", "", value)
        if _bare(value) not in ("", "null", "~"):
            inner = f"{name}.{_bare(key)}" if mapped else name
            yield _said(inner, _bare(value), path, line, many=item or listed)


def _bare(text: str) -> str:
    return text.strip().strip("'\"")


def _strip(line: str) -> str:
    """Without a comment and trailing blanks."""
    found = _COMMENT.fullmatch(line)
    return (found.group(1) if found else line).rstrip()

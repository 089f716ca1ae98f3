"""Where pip takes packages from: folders of wheels, and indexes that cannot answer, judged without a network."""

import posixpath
from typing import Iterator, Optional, Tuple
from urllib.parse import unquote, urlsplit

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)

from envdoctor.facts import (
    Configuration,
    Environment,
    Index,
    Located,
    Project,
    Wheel,
    WheelFolder,
    Wheelhouse,
)
from envdoctor.host import Host
from envdoctor.probes._metadata import headers_of, metadata
from envdoctor.scrub import scrub_credentials

# Names that by definition never resolve (RFC 6761, RFC 2606).
NEVER = (".invalid", ".test", ".example")
MAX_WHEELS = 500
TRUE = ("1", "true", "yes", "on", "y", "t")


def probe(
    host: Host,
    environment: Environment,
    configuration: Optional[Configuration],
    project: Optional[Project],
) -> Wheelhouse:
    """pip's find-links and indexes, from its variables, its configuration and the project's requirements files."""
    links = [*_option(environment, configuration, "find-links"), *_file_option(project, "-f", "--find-links")]
    main = dict.fromkeys(
        [*_option(environment, configuration, "index-url"), *_file_option(project, "-i", "--index-url")]
    )
    extra = dict.fromkeys(
        [
            *_option(environment, configuration, "extra-index-url"),
            *_file_option(project, "--extra-index-url", "--extra-index-url"),
        ]
    )
    no_index = next(
        (
            source
            for value, source in _option(environment, configuration, "no-index")
            if value.lower() in TRUE
        ),
        None,
    )
    stated = (line.place for line in (project.requirements if project else ()) if line.text == "--no-index")
    no_index = no_index or next(stated, None)
    folders = dict.fromkeys(pair for pair in ((_local(host, v), s) for v, s in links) if pair[0])
    proxy = next(iter(_proxies(environment, configuration)), Located("", ""))
    return Wheelhouse(
        no_index,
        tuple(_folder(host, path, source) for path, source in folders if path),
        (
            *(_index(host, url, source, proxy.text) for url, source in main),
            *(
                _index(host, url, source, proxy.text, extra=True)
                for url, source in extra
                if (url, source) not in main
            ),
        ),
        Located(scrub_credentials(proxy.text), proxy.file) if _is_dead(host, proxy.text) else None,
    )


def _proxies(environment: Environment, configuration: Optional[Configuration]) -> Iterator[Located]:
    """The proxy for https: pip's own setting, else the variables that everything reads."""
    for setting in configuration.effective("pip", "global.proxy") if configuration else ():
        yield Located(setting.value, setting.source)
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        value = environment.get(name)
        if value:
            yield Located(value, name)


def _is_dead(host: Host, proxy: str) -> bool:
    """Whether it is certain that no proxy answers: one of this machine, at whose port nothing listens."""
    try:
        through = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        name, port = (through.hostname or "").lower(), through.port or 8080
    except ValueError:  # a port that is no number
        return False
    return _is_here(name) and not host.connects(name, port)


def _option(
    environment: Environment,
    configuration: Optional[Configuration],
    option: str,
) -> Iterator[Tuple[str, str]]:
    """Each value of a pip option with what says it; a variable replaces what the files say."""
    variable = "PIP_" + option.upper().replace("-", "_")
    value = environment.get(variable)
    if value is not None:
        yield from ((item, variable) for item in value.split())
        return
    for setting in configuration.settings if configuration else ():
        if setting.tool == "pip" and setting.wins and setting.name.rpartition(".")[2] == option:
            source = setting.source if setting.line is None else f"{setting.source}:{setting.line}"
            yield from ((item, source) for item in setting.value.split())


def _file_option(project: Optional[Project], short: str, long: str) -> Iterator[Tuple[str, str]]:
    """Values of an option line of a requirements file."""
    for line in project.requirements if project else ():
        name, _, value = line.text.replace("=", " ", 1).partition(" ")
        if name in (short, long) and value.strip():
            yield value.strip(), line.place


def _local(host: Host, value: str) -> Optional[str]:
    """The folder on this machine that a find-links value names, None for a web page or a single file."""
    parts = urlsplit(value)
    if parts.scheme == "file":
        value = unquote(parts.path)
    elif "://" in value:
        return None
    path = posixpath.normpath(
        posixpath.join(host.cwd, value.replace("~", host.home, 1) if value[:1] == "~" else value)
    )
    return None if host.is_file(path) else path


def _folder(host: Host, path: str, source: str) -> WheelFolder:
    names = host.listdir(path)
    if len(names) > MAX_WHEELS:
        host.note(path, f"only the first {MAX_WHEELS} of {len(names)} files were looked at")
    found = (_wheel(host, posixpath.join(path, name)) for name in names[:MAX_WHEELS])
    return WheelFolder(path, source, host.is_dir(path), tuple(wheel for wheel in found if wheel))


def _wheel(host: Host, path: str) -> Optional[Wheel]:
    name = posixpath.basename(path)
    try:
        if name.endswith(".whl"):
            project, version, _, _ = parse_wheel_filename(name)
            # The last three parts: a build number may stand before them.
            return Wheel(
                path, project, str(version), "-".join(name[:-4].split("-")[-3:]), _requires(host, path)
            )
        if name.endswith((".tar.gz", ".zip")):
            project, version = parse_sdist_filename(name)
            return Wheel(path, project, str(version), "", ())
    except (InvalidWheelFilename, InvalidSdistFilename):
        host.note(path, "not a valid name of a distribution; pip passes it over")
    return None


def _requires(host: Host, path: str) -> Tuple[str, ...]:
    """Requires-Dist of a wheel; a broken wheel is a note."""
    try:
        text = metadata(host, path)
    except (OSError, ValueError) as error:
        host.note(path, f"not a readable wheel: {error}")
        return ()
    return tuple(headers_of(text).get("requires-dist", ()))


def _index(host: Host, url: str, source: str, proxy: str, extra: bool = False) -> Index:
    """An index, with what can be said of it for certain without leaving this machine."""
    parts = urlsplit(url)
    answers: Optional[bool] = None
    name = (parts.hostname or "").lower()
    if parts.scheme == "file":
        answers = host.is_dir(unquote(parts.path))
    elif name.endswith(NEVER):
        answers = False
    elif _is_here(name):
        answers = host.connects(name, parts.port or (443 if parts.scheme == "https" else 80))
    elif _is_dead(host, proxy):
        answers = False
    return Index(scrub_credentials(url), source, answers, extra)


def _is_here(name: str) -> bool:
    return name in ("localhost", "::1") or name.startswith("127.")

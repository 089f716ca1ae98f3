"""Examine a host and a project: probes in the order of what they ask for, side by side."""

import importlib
import inspect
import pkgutil
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import fields, replace
from typing import Any, Callable, Dict, Optional

import envdoctor.probes
from envdoctor.facts import Facts, Note, Project, Request, Unknown
from envdoctor.host import Host

Probe = Callable[..., Any]
WORKERS = 12


def examine(host: Host, request: Request) -> Facts:
    """Ask every probe and return the facts; a probe that fails becomes an Unknown and a note."""
    with ThreadPoolExecutor(WORKERS) as pool:
        try:
            known = _learn(host, request, pool)
        except BaseException:
            host.stop()  # the pool waits for its threads, and they for their programs
            raise
    notes = tuple(Note(source, text) for source, text in host.notes)
    names = {field.name for field in fields(Facts)}
    return Facts(**{name: value for name, value in known.items() if name in names}, notes=notes)


def _learn(host: Host, request: Request, pool: ThreadPoolExecutor) -> Dict[str, Any]:
    """The outcome of every probe by name; each starts as soon as what it asks for is known."""
    known: Dict[str, Any] = {"host": host, "request": request}
    waiting = probes()
    _check_parameters(waiting)
    running: Dict[Future[Any], str] = {}
    while waiting or running:
        for name, probe in list(waiting.items()):
            arguments = _arguments(probe, known)
            if arguments is not None:
                running[pool.submit(probe, **arguments)] = name
                del waiting[name]
        if not running:
            raise RuntimeError(f"probes wait for each other: {', '.join(sorted(waiting))}")
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            name = running.pop(future)
            known[name] = _outcome(future)
            if name == "project":
                known["request"] = _with_role(request, known[name])
    return known


def probes() -> Dict[str, Probe]:
    """Every probe by the name of the fact that it learns: the modules of `envdoctor.probes`."""
    found: Dict[str, Probe] = {}
    for info in pkgutil.iter_modules(envdoctor.probes.__path__, "envdoctor.probes."):
        name = info.name.rpartition(".")[2]
        if not name.startswith("_"):
            found[name] = importlib.import_module(info.name).probe
    return found


def _check_parameters(found: Dict[str, Probe]) -> None:
    """Say at once when a probe asks for a fact that nobody learns."""
    for name, probe in found.items():
        for parameter in inspect.signature(probe).parameters:
            if parameter not in found and parameter not in ("host", "request"):
                raise TypeError(f"probe {name} asks for {parameter!r}, which no probe learns")


def _arguments(probe: Probe, known: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """What a probe asks for by parameter name; None while something is not known yet.

    A fact that is absent or unknown is handed over as None.
    """
    names = inspect.signature(probe).parameters
    if any(name not in known for name in names):
        return None
    return {name: None if isinstance(known[name], Unknown) else known[name] for name in names}


def _outcome(future: "Future[Any]") -> Any:
    try:
        return future.result()
    except Exception as error:  # a probe's mistake is an undetermined fact, never a crash
        return Unknown(f"{type(error).__name__}: {error}"[:300])


def _with_role(request: Request, project: Any) -> Request:
    """Settle the role: stated, else build for a project in which something is built, runtime otherwise."""
    if request.role_stated:
        return request
    builds = isinstance(project, Project) and project.is_built
    return replace(request, role="build" if builds else "runtime")

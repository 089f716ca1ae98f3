"""Whether what a bundle holds for a target runs on a machine that is described by facts. Pure."""

from dataclasses import dataclass
from typing import Any, Iterator, List, Mapping, Optional, Sequence, Tuple

from envdoctor import compat
from envdoctor.architectures import serves
from envdoctor.bundle.target import BundleError, Target
from envdoctor.facts import Driver, Facts, NotExamined, Python, System, Unknown


@dataclass(frozen=True)
class Fit:
    """What speaks against a target on a machine, and what is merely to be known."""

    against: Tuple[str, ...]
    known: Tuple[str, ...]


def fit(target: Target, needs: Any, facts: Facts) -> Fit:
    """Of a target with what its files need (proof.json), on a machine. Raises BundleError for a damaged record."""
    code = needs.get("gpu code", {}) if isinstance(needs, Mapping) else None
    if not isinstance(code, Mapping) or not all(isinstance(each, list) for each in code.values()):
        raise BundleError("proof.json: what the files need is no table")
    against: List[str] = [*_python(target, facts), *_libc(target, facts)]
    known: List[str] = []
    for wrong, text in (*_libstdcxx(needs, facts), *_driver(target, needs, facts), *_gpus(needs, facts)):
        (against if wrong else known).append(text)
    return Fit(tuple(against), tuple(known))


def rank(target: Target, facts: Facts) -> Tuple[int, Tuple[int, int]]:
    """Of targets that fit, the greatest is the best: with the newest CUDA where there is a driver, else without."""
    there = isinstance(facts.driver, Driver)
    lines: Sequence[Optional[str]] = ("cpu", None, "12", "13") if there else ("13", "12", None, "cpu")
    return lines.index(target.cuda), target.glibc


def _python(target: Target, facts: Facts) -> Iterator[str]:
    python = facts.python
    if not isinstance(python, Python):
        yield f"which Python is there is not known{_why(python)}"
    elif python.implementation != "cpython" or python.minor != target.minor:
        yield "this is {} {}.{}".format(python.implementation, *python.minor)


def _libc(target: Target, facts: Facts) -> Iterator[str]:
    system = facts.system
    if not isinstance(system, System):
        yield f"what machine it is is not known{_why(system)}"
        return
    if system.machine != target.machine:
        yield f"this machine is {system.machine}"
    if system.libc != "glibc":
        yield f"its C library is {system.libc}, not glibc"
    elif not system.libc_version or compat.numbers(system.libc_version)[:2] < target.glibc:
        yield f"this machine has glibc {system.libc_version or 'of a version that is not known'}"


def _libstdcxx(needs: Mapping[str, Any], facts: Facts) -> Iterator[Tuple[bool, str]]:
    """The copy that the loader takes, where files need one."""
    needed = needs.get("glibcxx")
    copies = facts.system.libstdcxx if isinstance(facts.system, System) else ()
    taken = next((each for each in copies if each.taken), None)
    if not needed:
        return
    if taken is None or taken.glibcxx is None:
        yield False, f"GLIBCXX {needed} is needed, and its libstdc++ is not known"
    elif compat.numbers(taken.glibcxx) < compat.numbers(str(needed)):
        yield (
            True,
            f"{taken.path} has GLIBCXX {taken.glibcxx}, and {needed} is needed: install a newer libstdc++6",
        )


def _driver(target: Target, needs: Mapping[str, Any], facts: Facts) -> Iterator[Tuple[bool, str]]:
    line, driver = needs.get("cuda") or target.cuda, facts.driver
    if line not in _lines():
        if isinstance(driver, Driver) and driver.gpus and line == "cpu":
            yield False, f"its {driver.gpus[0].name} is not used: this is without CUDA"
        return
    oldest = ".".join(map(str, compat.OLDEST_DRIVER[int(line)]))
    if isinstance(driver, Driver):
        serves_cuda = _served(driver)
        version = driver.kernel_module or driver.libcuda_version or "of a version that is not known"
        if serves_cuda is None:
            yield (
                False,
                f"which CUDA its driver ({version}) serves is not known; CUDA {line} needs {oldest} or newer",
            )
        elif serves_cuda < int(line):
            yield (
                True,
                f"its driver {version} serves CUDA {serves_cuda}, and CUDA {line} needs {oldest} or newer",
            )
        else:
            yield False, f"driver {version} serves CUDA {line}"
    elif driver is None:
        yield False, f"no NVIDIA driver is there: CUDA {line} does not start without one of {oldest} or newer"
    else:
        yield False, f"its driver is not known{_why(driver)}; CUDA {line} needs {oldest} or newer"


def _lines() -> Tuple[str, ...]:
    """CUDA's major versions whose drivers are known."""
    return tuple(str(major) for major in compat.OLDEST_DRIVER)


def _served(driver: Driver) -> Optional[int]:
    release = compat.release(driver.cuda_version)
    if release:
        return release[0]
    version = compat.numbers(driver.kernel_module or driver.libcuda_version)
    rows = sorted(compat.OLDEST_DRIVER.items(), reverse=True)
    return next((major for major, oldest in rows if version >= oldest), None)


def _gpus(needs: Mapping[str, Any], facts: Facts) -> Iterator[Tuple[bool, str]]:
    """What has GPU code has some for every GPU there; it is wrong where it serves none of them."""
    gpus = facts.driver.gpus if isinstance(facts.driver, Driver) else ()
    for file, code in needs.get("gpu code", {}).items():
        bare = [gpu for gpu in gpus if not serves(map(str, code), gpu.compute_capability)]
        if bare:
            text = (
                f"{file} has no code for the {bare[0].name} ({'{}.{}'.format(*bare[0].compute_capability)})"
            )
            yield len(bare) == len(gpus), text


def _why(fact: Any) -> str:
    if isinstance(fact, Unknown):
        return f" ({fact.reason})"
    return " (nobody looked)" if isinstance(fact, NotExamined) else ""

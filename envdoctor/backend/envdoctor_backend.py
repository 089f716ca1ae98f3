"""The build backend of this project: the doctor around scikit-build-core.

It examines the machine, prints what it found, stops when device code was asked for and there is an error, and
delegates the rest; CMake then says what it builds and why. `pip -v` shows all of it, and so does a failed build.
An isolated build sees only its build requirements: nothing but the standard library and `packaging` is imported here.

    pip install .                           device code when a working nvcc is found, else the CPU library
    pip install . -C cuda=on                device code, or an error that says why not
    pip install . -C cuda.archs=8.0,9.0     the same, for these architectures
    pip install . -C cuda=off               the CPU library
    pip install . -C cuda.shards=DIR        device code that other builds have compiled: see cmake/read_shards.cmake
    pip install . -C cache=off              without a compiler cache; or with this one: ccache, sccache
    pip install . -C doctor=off             without the examination

pip before 23.1 knows the option by its long name alone: --config-settings=cuda=on.
"""

import contextlib
import importlib.util
import io
import os
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple, Union

from scikit_build_core import build as delegate

Settings = Optional[Mapping[str, Union[str, List[str]]]]

ROOT = Path(__file__).resolve().parents[2]
# Our settings of one word each, and what may be said; cuda.archs and cuda.shards take lists.
CHOICES = {
    "cuda": ("on", "off", "auto"),
    "cache": ("auto", "off", "ccache", "sccache"),
    "doctor": ("on", "off"),
}


def cmake_settings(config_settings: Settings) -> Dict[str, Any]:
    """Replace our own settings by the CMake options they stand for; an explicit cmake.define wins."""
    settings: Dict[str, Any] = dict(config_settings or {})
    chosen = {name: _choice(name, settings.pop(name, "")) for name in CHOICES}
    lists = {
        "cuda.archs": _joined(settings.pop("cuda.archs", "")),
        "cuda.shards": _joined(settings.pop("cuda.shards", ""), ";"),
    }
    for name, listed in lists.items():
        if chosen["cuda"] == "off" and listed:
            raise SystemExit(f"envdoctor: cuda=off and {name}={listed} contradict each other")
        if listed:
            settings.setdefault(f"cmake.define.ENVDOCTOR_{name.upper().replace('.', '_')}", listed)
    if chosen["cuda"]:
        settings.setdefault("cmake.define.ENVDOCTOR_CUDA", chosen["cuda"].upper())
    if chosen["cache"]:
        settings.setdefault("cmake.define.ENVDOCTOR_CACHE", chosen["cache"])
    return settings


def _choice(name: str, value: Union[str, List[str]]) -> str:
    choice = _joined(value).lower()
    if choice and choice not in CHOICES[name]:
        raise SystemExit(
            f"envdoctor: the setting {name} is one of {', '.join(CHOICES[name])}, not {choice!r}"
        )
    return choice


def _joined(value: Union[str, List[str]], separator: str = ",") -> str:
    """One string of a setting that pip hands over as a list when it was given twice."""
    return value if isinstance(value, str) else separator.join(value)


@contextlib.contextmanager
def _around(config_settings: Settings) -> Iterator[Dict[str, Any]]:
    """What comes before and after a build: the examination, equal conditions, a word about a failure."""
    settings = cmake_settings(config_settings)
    if _joined((config_settings or {}).get("doctor", "")).lower() != "off":
        _examine(settings)
    # Two builds of the same inputs are the same bytes: no times, no permissions of this person's shell.
    os.environ.setdefault("SOURCE_DATE_EPOCH", "1580601600")  # 2020-02-02, as hatchling has it
    os.umask(0o022)
    _load_our_own_package()
    from envdoctor.backend.compiler_cache import counted
    from envdoctor.host import Overheard

    heard = Overheard()
    try:
        with counted(settings) as cache, heard.ourselves():
            yield settings
        if cache.text:
            _say(cache.text)
    except KeyboardInterrupt:
        raise
    except BaseException:
        _say(f"the build failed{_cause(heard.text)}")
        _say("`-C cuda=off` builds the CPU library, which needs no CUDA toolkit.")
        raise


def _cause(output: bytes) -> str:
    """What the build's own words say; without a cause, where they are."""
    from envdoctor.explanation import explain
    from envdoctor.log import read
    from envdoctor.report.explanation import as_text
    from envdoctor.report.style import PLAIN

    try:
        explanation = explain(read(io.BytesIO(output), "its output"))
        if explanation.verdict == "failure":
            return f":\n{as_text('its output', explanation, PLAIN)}"
    except Exception as error:  # the doctor's mistake must not hide the build's own error
        _say(f"its output could not be explained, please report it: {type(error).__name__}: {error}")
    return "; its own words are above, and above them what the doctor found."


def _examine(settings: Dict[str, Any]) -> None:
    """Print the doctor's report. An error in it stops a build that must have device code: any other can go on."""
    # Device code of shards asks nothing of this machine.
    shards = settings.get("cmake.define.ENVDOCTOR_CUDA_SHARDS")
    archs = "" if shards else settings.get("cmake.define.ENVDOCTOR_CUDA_ARCHS", "")
    try:
        report, errors = _report(archs)
    except Exception as error:  # the doctor's mistake must not stop a build that would succeed
        _say(f"the examination failed and is left out, please report it: {type(error).__name__}: {error}")
        return
    _say(f"examined before the build\n{report}")
    cuda = "" if shards else str(settings.get("cmake.define.ENVDOCTOR_CUDA", ""))
    asked = archs or cuda.upper() in ("ON", "1", "TRUE", "YES")
    if errors and asked:
        raise SystemExit(
            f"envdoctor: device code was asked for, and the doctor found {errors} error(s): see above. "
            "`-C doctor=off` builds all the same, `-C cuda=off` builds the CPU library."
        )


def _report(archs: str) -> Tuple[str, int]:
    """The text report on this machine and project, and the number of errors in it."""
    _load_our_own_package()
    from envdoctor.catalogue import diagnose
    from envdoctor.doctor import examine
    from envdoctor.facts import Request
    from envdoctor.finding import Severity
    from envdoctor.host import LocalHost
    from envdoctor.report import render

    targets = tuple(item.partition("+")[0] for item in archs.replace(";", ",").split(",") if item)
    request = Request(
        role="build",
        role_stated=True,
        project=str(ROOT),
        architectures=targets,
        python=sys.executable,  # the one that builds, which need not be the first on the search path
    )
    facts = examine(LocalHost(), request)
    diagnosis = diagnose(facts)
    errors = [finding for finding in diagnosis.findings if finding.severity is Severity.ERROR]
    return render("text", facts, diagnosis, os.path.expanduser("~")), len(errors)


def _load_our_own_package() -> None:
    """Import `envdoctor` from this tree, whatever is installed.

    Not by the module search path: with the project's root on it, our cmake/ folder would hide the cmake package.
    """
    if "envdoctor" in sys.modules:
        return
    package = ROOT / "envdoctor"
    spec = importlib.util.spec_from_file_location("envdoctor", str(package / "__init__.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["envdoctor"] = module
    spec.loader.exec_module(module)


def _say(text: str) -> None:
    print(f"envdoctor: {text}", file=sys.stderr, flush=True)


def get_requires_for_build_wheel(config_settings: Settings = None) -> List[str]:
    return delegate.get_requires_for_build_wheel(cmake_settings(config_settings))


def get_requires_for_build_editable(config_settings: Settings = None) -> List[str]:
    return delegate.get_requires_for_build_editable(cmake_settings(config_settings))


def get_requires_for_build_sdist(config_settings: Settings = None) -> List[str]:
    return delegate.get_requires_for_build_sdist(cmake_settings(config_settings))


def build_wheel(
    wheel_directory: str,
    config_settings: Settings = None,
    metadata_directory: Optional[str] = None,
) -> str:
    with _around(config_settings) as settings:
        return delegate.build_wheel(wheel_directory, settings, metadata_directory)


def build_editable(
    wheel_directory: str,
    config_settings: Settings = None,
    metadata_directory: Optional[str] = None,
) -> str:
    with _around(config_settings) as settings:
        return delegate.build_editable(wheel_directory, settings, metadata_directory)


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    with _around({**(config_settings or {}), "doctor": "off"}) as settings:
        return delegate.build_sdist(sdist_directory, settings)


# These two are optional hooks: they are there when scikit-build-core has them.
if hasattr(delegate, "prepare_metadata_for_build_wheel"):

    def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: Settings = None) -> str:
        return delegate.prepare_metadata_for_build_wheel(metadata_directory, cmake_settings(config_settings))

    def prepare_metadata_for_build_editable(metadata_directory: str, config_settings: Settings = None) -> str:
        return delegate.prepare_metadata_for_build_editable(
            metadata_directory, cmake_settings(config_settings)
        )

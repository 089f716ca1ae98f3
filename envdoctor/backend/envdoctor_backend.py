"""The build backend of this project: the doctor around scikit-build-core.

It turns the settings `cuda` and `cuda.archs` into CMake's, delegates, and on failure says where to read on. A build
that is isolated sees only its build requirements: nothing but the standard library and `packaging` is imported here.

    pip install .                                       device code when an nvcc is found, else the CPU library
    pip install . -C cuda=on                            device code, or an error that says why not
    pip install . -C cuda.archs=8.0,9.0                 the same, for these architectures
    pip install . -C cuda=off                           the CPU library
    pip install . -C cmake.define.ENVDOCTOR_NVCC=PATH   this nvcc
"""

import os
from typing import Any, Dict, List, Mapping, Optional, Union

from scikit_build_core import build as delegate

Settings = Optional[Mapping[str, Union[str, List[str]]]]

# Our settings, the CMake options behind them, and what may be said.
CUDA_CHOICES = {"on": "ON", "off": "OFF", "auto": "AUTO"}


def cmake_settings(config_settings: Settings) -> Dict[str, Any]:
    """Replace our own settings by the CMake options they stand for; an explicit cmake.define wins."""
    settings: Dict[str, Any] = dict(config_settings or {})
    cuda = _joined(settings.pop("cuda", ""))
    archs = _joined(settings.pop("cuda.archs", ""))
    if cuda and cuda.lower() not in CUDA_CHOICES:
        raise SystemExit(f"envdoctor: the setting cuda is one of {', '.join(CUDA_CHOICES)}, not {cuda!r}")
    if cuda.lower() == "off" and archs:
        raise SystemExit(f"envdoctor: cuda=off and cuda.archs={archs} contradict each other")
    if cuda:
        settings.setdefault("cmake.define.ENVDOCTOR_CUDA", CUDA_CHOICES[cuda.lower()])
    if archs:
        settings.setdefault("cmake.define.ENVDOCTOR_CUDA_ARCHS", archs)
    return settings


def _joined(value: Union[str, List[str]]) -> str:
    """One string of a setting that pip hands over as a list when it was given twice."""
    return value if isinstance(value, str) else ",".join(value)


def _prepare() -> None:
    """Make two builds of the same inputs the same bytes: no times, no permissions of this person's shell."""
    os.environ.setdefault("SOURCE_DATE_EPOCH", "1580601600")  # 2020-02-02, as hatchling has it
    os.umask(0o022)


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
    _prepare()
    settings = cmake_settings(config_settings)
    return delegate.build_wheel(wheel_directory, settings, metadata_directory)


def build_editable(
    wheel_directory: str,
    config_settings: Settings = None,
    metadata_directory: Optional[str] = None,
) -> str:
    _prepare()
    settings = cmake_settings(config_settings)
    return delegate.build_editable(wheel_directory, settings, metadata_directory)


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    _prepare()
    return delegate.build_sdist(sdist_directory, cmake_settings(config_settings))


# These two are optional hooks: they are there when scikit-build-core has them.
if hasattr(delegate, "prepare_metadata_for_build_wheel"):

    def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: Settings = None) -> str:
        return delegate.prepare_metadata_for_build_wheel(metadata_directory, cmake_settings(config_settings))

    def prepare_metadata_for_build_editable(metadata_directory: str, config_settings: Settings = None) -> str:
        return delegate.prepare_metadata_for_build_editable(
            metadata_directory, cmake_settings(config_settings)
        )

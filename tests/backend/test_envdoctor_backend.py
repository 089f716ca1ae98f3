"""The build backend: what it makes of the settings, and that it hands everything else on as it came."""

import importlib
import os
import sys
import types
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "envdoctor" / "backend"
HOOKS = (
    "get_requires_for_build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "prepare_metadata_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "build_wheel",
    "build_editable",
    "build_sdist",
)


@pytest.fixture
def calls(monkeypatch):
    """What scikit-build-core was asked, in its place."""
    made = []
    delegate = types.ModuleType("scikit_build_core.build")
    for hook in HOOKS:
        setattr(delegate, hook, lambda *arguments, hook=hook: made.append((hook, *arguments)) or hook)
    package = types.ModuleType("scikit_build_core")
    package.build = delegate
    monkeypatch.setitem(sys.modules, "scikit_build_core", package)
    monkeypatch.setitem(sys.modules, "scikit_build_core.build", delegate)
    return made


@pytest.fixture
def backend(calls, monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delitem(sys.modules, "envdoctor_backend", raising=False)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    mask = os.umask(0o077)
    yield importlib.import_module("envdoctor_backend")
    os.umask(mask)
    sys.modules.pop("envdoctor_backend", None)


@pytest.mark.parametrize("settings", [None, {}])
def test_without_settings_it_asks_cmake_for_nothing(backend, settings):
    assert backend.cmake_settings(settings) == {}


def test_other_settings_go_through(backend):
    settings = {"cmake.build-type": "Debug", "build.verbose": "true"}
    assert backend.cmake_settings(settings) == settings


@pytest.mark.parametrize(("said", "meant"), [("on", "ON"), ("OFF", "OFF"), ("auto", "AUTO")])
def test_cuda(backend, said, meant):
    assert backend.cmake_settings({"cuda": said}) == {"cmake.define.ENVDOCTOR_CUDA": meant}


def test_architectures(backend):
    assert backend.cmake_settings({"cuda.archs": "8.0,9.0"}) == {
        "cmake.define.ENVDOCTOR_CUDA_ARCHS": "8.0,9.0"
    }


def test_architectures_given_one_by_one(backend):
    settings = backend.cmake_settings({"cuda.archs": ["8.0", "9.0a"]})
    assert settings == {"cmake.define.ENVDOCTOR_CUDA_ARCHS": "8.0,9.0a"}


def test_an_explicit_cmake_option_wins(backend):
    explicit = {"cmake.define.ENVDOCTOR_CUDA": "OFF"}
    assert backend.cmake_settings({"cuda": "on", **explicit}) == explicit


def test_the_caller_keeps_its_settings(backend):
    settings = {"cuda": "on"}
    backend.cmake_settings(settings)
    assert settings == {"cuda": "on"}


@pytest.mark.parametrize("settings", [{"cuda": "maybe"}, {"cuda": "off", "cuda.archs": "8.0"}])
def test_a_wrong_setting_stops_in_one_line(backend, settings):
    with pytest.raises(SystemExit) as stop:
        backend.cmake_settings(settings)
    assert str(stop.value).startswith("envdoctor: ")
    assert "\n" not in str(stop.value)


def test_every_hook_is_there(backend):
    assert all(hasattr(backend, hook) for hook in HOOKS)


def test_a_wheel_is_delegated(backend, calls):
    assert backend.build_wheel("out", {"cuda": "off"}, "meta") == "build_wheel"
    assert calls == [("build_wheel", "out", {"cmake.define.ENVDOCTOR_CUDA": "OFF"}, "meta")]


def test_the_metadata_are_delegated(backend, calls):
    backend.prepare_metadata_for_build_editable("meta", {"cuda": "off"})
    assert calls == [("prepare_metadata_for_build_editable", "meta", {"cmake.define.ENVDOCTOR_CUDA": "OFF"})]


def test_a_build_does_not_depend_on_the_clock_or_on_permissions(backend, monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    backend.build_wheel("out")
    assert os.environ["SOURCE_DATE_EPOCH"] == "1580601600"
    assert os.umask(0o022) == 0o022


def test_a_stated_date_is_kept(backend):
    backend.build_wheel("out")
    assert os.environ["SOURCE_DATE_EPOCH"] == "0"

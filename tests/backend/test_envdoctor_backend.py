"""The build backend: what it makes of the settings, and that it hands everything else on as it came."""

import importlib
import os
import subprocess
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
    module = importlib.import_module("envdoctor_backend")
    monkeypatch.setattr(module, "_report", lambda archs: ("all is well", 0))
    yield module
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


def test_shards(backend):
    assert backend.cmake_settings({"cuda.shards": ["a", "b,c"]}) == {
        "cmake.define.ENVDOCTOR_CUDA_SHARDS": "a;b,c"
    }


def test_a_compiler_cache(backend):
    assert backend.cmake_settings({"cache": "Off"}) == {"cmake.define.ENVDOCTOR_CACHE": "off"}


def test_an_explicit_cmake_option_wins(backend):
    explicit = {"cmake.define.ENVDOCTOR_CUDA": "OFF"}
    assert backend.cmake_settings({"cuda": "on", **explicit}) == explicit


def test_the_caller_keeps_its_settings(backend):
    settings = {"cuda": "on"}
    backend.cmake_settings(settings)
    assert settings == {"cuda": "on"}


@pytest.mark.parametrize(
    "settings",
    [
        {"cuda": "maybe"},
        {"doctor": "who"},
        {"cache": "distcc"},
        {"cuda": "off", "cuda.archs": "8.0"},
        {"cuda": "off", "cuda.shards": "a"},
    ],
)
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


def test_the_report_is_printed_before_the_build(backend, capfd):
    backend.build_wheel("out")
    assert capfd.readouterr().err == "envdoctor: examined before the build\nall is well\n"


def test_the_doctor_can_be_switched_off(backend, calls, capfd):
    backend.build_editable("out", {"doctor": "off"})
    assert calls == [("build_editable", "out", {}, None)]
    assert capfd.readouterr().err == ""


def test_a_source_archive_needs_no_examination(backend, calls, capfd):
    assert backend.build_sdist("out", {"cuda": "off"}) == "build_sdist"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("settings", [{"cuda": "on"}, {"cuda.archs": "8.0"}])
def test_an_error_stops_a_build_that_asked_for_device_code(backend, calls, monkeypatch, settings):
    monkeypatch.setattr(backend, "_report", lambda archs: ("error  cuda-home-wrong", 1))
    with pytest.raises(SystemExit, match="the doctor found 1 error"):
        backend.build_wheel("out", settings)
    assert calls == []


SHARDS = {"cuda": "on", "cuda.archs": "8.0", "cuda.shards": "a"}


@pytest.mark.parametrize("settings", [None, {"cuda": "off"}, {"cuda": "auto"}, SHARDS])
def test_an_error_does_not_stop_a_build_that_can_do_without(backend, calls, monkeypatch, settings):
    monkeypatch.setattr(backend, "_report", lambda archs: ("error  cuda-home-wrong", 1))
    assert backend.build_wheel("out", settings) == "build_wheel"


def test_the_doctors_own_mistake_does_not_stop_a_build(backend, calls, monkeypatch, capfd):
    monkeypatch.setattr(backend, "_report", lambda archs: 1 / 0)
    assert backend.build_wheel("out", {"cuda": "on"}) == "build_wheel"
    assert "left out, please report it: ZeroDivisionError" in capfd.readouterr().err


def test_a_failure_is_raised_and_explained(backend, monkeypatch, capfd):
    def stop(*arguments):
        raise SystemExit(1)

    monkeypatch.setattr(backend.delegate, "build_wheel", stop)
    with pytest.raises(SystemExit):
        backend.build_wheel("out")
    assert "the build failed; its own words are above" in capfd.readouterr().err


def test_the_output_of_what_fails_is_explained(backend, monkeypatch, capfd):
    def stop(*arguments):
        subprocess.run(["echo", "nvcc fatal   : Unsupported gpu architecture 'compute_120'"], check=True)
        raise SystemExit(1)

    monkeypatch.setattr(backend.delegate, "build_wheel", stop)
    with pytest.raises(SystemExit):
        backend.build_wheel("out", {"doctor": "off"})
    said = capfd.readouterr()
    assert "compute_120" in said.out and "cause  arch-unsupported-by-nvcc\n" in said.err


def test_what_a_cache_had_is_said_at_the_end(backend, monkeypatch, capfd):
    def compile_one(*arguments):
        with open(os.environ["CCACHE_STATSLOG"], "a") as log:
            log.write("# a.cpp\ndirect_cache_hit\n")

    monkeypatch.delenv("CCACHE_STATSLOG", raising=False)
    monkeypatch.setattr(backend.delegate, "build_wheel", compile_one)
    backend.build_wheel("out", {"doctor": "off"})
    assert capfd.readouterr().err == "envdoctor: ccache had 1 of 1 compilations (100 %): C++ 1 of 1\n"


def test_the_real_examination_imports_nothing_but_packaging(tmp_path):
    """In an interpreter that sees the standard library and `packaging` alone, as an isolated build does."""
    packaging = Path(importlib.import_module("packaging").__file__).parent
    (tmp_path / "packaging").symlink_to(packaging)
    fake = tmp_path / "scikit_build_core"
    fake.mkdir()
    (fake / "__init__.py").touch()
    (fake / "build.py").touch()
    code = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(FOLDER)!r}]; import envdoctor_backend as b;"
        "report, errors = b._report('8.0,9.0+PTX'); print(report);"
        "from importlib.util import find_spec; assert find_spec('cmake') is None"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", code],
        cwd=str(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.strip()

"""The overlay for CMake, read by a real cmake where there is one, and as text."""

import json
import os
import shutil
import subprocess

import pytest

from envdoctor.finding import SetEnv, Shim
from envdoctor.overlay.activation import cmake
from envdoctor.overlay.plan import Layer, Overlay, applied
from tests.overlay.activation.shells import variables_in

FOLDER = "/p/.envdoctor"
FLAGS = "'-DPython3_EXECUTABLE=/a b/python' -DSTANDARD:STRING=17 -Wno-dev"
MADE = Overlay(
    FOLDER,
    (
        Layer(
            f"{FOLDER}/1",
            (Shim("bin/cmake", "script", ""),),
            (
                SetEnv("CUDACXX", "/opt/$cuda/bin/nvcc"),
                SetEnv("CUDAARCHS", "80-real;90"),
                SetEnv("CC", "gcc -m64"),
                SetEnv("CXX", None),
                SetEnv("CPATH", '/q"\\@x@', "prepend"),
                SetEnv("CPATH", "/first", "prepend"),
                SetEnv("LIBRARY_PATH", "/l", "append"),
                SetEnv("THERE", "/b", "append"),
            ),
            (),
            (Shim("bin/cmake", "wrapper", FLAGS),),
        ),
    ),
)
ENVIRONMENTS = [
    {},
    {"CPATH": "/c", "LIBRARY_PATH": "/k", "THERE": "/a:/b", "CXX": "g++"},
    {"CPATH": "", "LIBRARY_PATH": "/l:/k", "THERE": "/b"},
    {"LIBRARY_PATH": "/ll", "THERE": "/bb/b"},
]
CACHE = {
    "CMAKE_CUDA_COMPILER": "/opt/$cuda/bin/nvcc",
    "CMAKE_CUDA_ARCHITECTURES": "80-real;90",
    "Python3_EXECUTABLE": "/a b/python",
    "STANDARD": "17",
}


@pytest.fixture(scope="module")
def program():
    """A cmake that knows presets of version 6."""
    path = shutil.which("cmake", path="/usr/bin:/usr/local/bin") or shutil.which("cmake")
    text = (
        subprocess.run([path, "--version"], capture_output=True, text=True).stdout
        if path
        else "cmake version 0.0"
    )
    if tuple(int(part) for part in text.split()[2].split(".")[:2]) < (3, 25):
        pytest.skip("no cmake 3.25 or newer is installed: apt-get install cmake, or pip install cmake")
    return path


@pytest.fixture
def project(tmp_path):
    """A project that writes down what it sees."""
    names = " ".join(CACHE)
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(x LANGUAGES NONE)\n"
        f'execute_process(COMMAND /usr/bin/env -0 OUTPUT_FILE "{tmp_path}/seen")\n'
        f'foreach(name {names})\n  file(APPEND "{tmp_path}/cache" "${{name}}=$CACHE{{${{name}}}}\\n")\nendforeach()\n'
        f'add_custom_target(look ALL COMMAND /usr/bin/env -0 > "{tmp_path}/built")\n'
    )
    return tmp_path


def run(*command, before, folder):
    environment = {"PATH": os.environ["PATH"], **before}
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return environment


def seen(path):
    """The variables that count; CMake sets an empty one to nothing."""
    names = {change.name for change in MADE.variables}
    return {name: value for name, value in variables_in(path).items() if name in names and value}


def wanted(before):
    return {
        name: value for name, value in applied(MADE.variables, before).items() if value and name != "PATH"
    }


@pytest.mark.parametrize("before", ENVIRONMENTS)
def test_the_cache(program, project, before):
    (project / "c.cmake").write_text(cmake.render(MADE))
    run(program, "-C", "c.cmake", "-S", ".", "-B", "b", before=before, folder=project)
    assert seen(project / "seen") == wanted(before)
    assert (project / "cache").read_text() == "".join(f"{name}={value}\n" for name, value in CACHE.items())


@pytest.mark.parametrize("before", ENVIRONMENTS)
def test_the_presets(program, project, before):
    (project / cmake.PRESETS).write_text(cmake.presets(MADE, before))
    run(program, "--preset", "envdoctor", before=before, folder=project)
    run(program, "--build", "--preset", "envdoctor", before=before, folder=project)
    assert seen(project / "seen") == wanted(before)
    assert seen(project / "built") == wanted(before)
    assert (project / "cache").read_text() == "".join(f"{name}={value}\n" for name, value in CACHE.items())


def test_the_presets_take_what_is_there_when_they_are_used():
    document = json.loads(cmake.presets(MADE, {"CPATH": "/c"}))
    assert document["version"] == 6
    environment = document["configurePresets"][0]["environment"]
    assert environment["CPATH"] == '/first:/q"\\@x@:$penv{CPATH}'
    assert environment["LIBRARY_PATH"] == "/l"
    assert environment["CXX"] == ""


def test_a_compiler_with_options_is_no_cache_entry():
    assert "CMAKE_C_COMPILER" not in {entry.name for entry in cmake.entries(MADE)}


def test_what_only_the_presets_carry_is_named():
    assert "CPATH, LIBRARY_PATH" in cmake.render(MADE).split("set(")[0]
    assert "not enough" in cmake.hint(MADE, "c.cmake")


def test_another_cmake_of_the_overlay_is_the_one_to_call():
    made = Overlay(FOLDER, (Layer(f"{FOLDER}/1", (Shim("bin/cmake", "link", "/new/cmake"),), (), ()),))
    assert f"{FOLDER}/1/bin/cmake -C c.cmake" in cmake.hint(made, "c.cmake")

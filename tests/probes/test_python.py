"""Which interpreter is examined, and what it says of itself."""

import json
import sys

import pytest

from envdoctor.facts import Python, Request, Unknown
from envdoctor.host import Completed, LocalHost
from envdoctor.probes.python import SCRIPT, probe
from tests.fakes import FakeHost

SHIM = """#!/usr/bin/env bash
set -e
program="${0##*/}"
export PYENV_ROOT="/home/u/.pyenv"
exec "/home/u/.pyenv/libexec/pyenv" exec "$program" "$@"
"""


def answer(executable, prefix="/usr", base_prefix=None, version="3.11.2", **changes):
    stdlib = f"{base_prefix or prefix}/lib/python3.11"
    values = {
        "executable": executable,
        "version": version,
        "implementation": "cpython",
        "prefix": prefix,
        "base_prefix": base_prefix or prefix,
        "stdlib": stdlib,
        "include": f"{base_prefix or prefix}/include/python3.11",
        "soabi": "cpython-311-x86_64-linux-gnu",
        "platform": "linux-x86_64",
        "purelib": f"{prefix}/lib/python3.11/site-packages",
        "site_packages": [f"{prefix}/lib/python3.11/site-packages"],
        "path": [stdlib, f"{prefix}/lib/python3.11/site-packages"],
    }
    return "noise of a sitecustomize\n" + json.dumps({**values, **changes}) + "\n"


def machine(pythons, env, files=None, **more):
    """A host whose interpreters answer; `pythons` maps paths to answers."""
    return FakeHost(
        programs={f"{path} -c {SCRIPT}": text for path, text in pythons.items()},
        files={**dict.fromkeys(pythons, "\x7fELF"), **(files or {})},
        executables=[*pythons, *(path for path in files or {} if "/shims/" in path)],
        env={"HOME": "/home/u", **env},
        **more,
    )


def ask(host, python=None):
    found = probe(host, Request(python=python))
    assert isinstance(found, Python), found
    return found


def test_the_python_that_a_shell_runs_wins_over_variables():
    pythons = {
        path: answer(path, prefix=path[: -len("/bin/python")]) for path in ("/a/bin/python", "/b/bin/python")
    }
    env = {"PATH": "/a/bin:/usr/bin", "VIRTUAL_ENV": "/b"}
    found = ask(machine(pythons, env))
    assert (found.executable, found.found_via) == ("/a/bin/python", "python on PATH")
    found = ask(machine(pythons, {**env, "VIRTUAL_ENV": "/a"}))
    assert (found.executable, found.found_via) == ("/a/bin/python", "VIRTUAL_ENV")
    found = ask(machine(pythons, {"PATH": "/usr/bin", "CONDA_PREFIX": "/b"}))
    assert (found.executable, found.found_via) == ("/b/bin/python", "CONDA_PREFIX")


def test_python3_and_our_own_interpreter_come_last():
    pythons = {path: answer(path) for path in ("/usr/bin/python3", "/opt/own/bin/python")}
    host = machine(pythons, {"PATH": "/usr/bin"})
    assert ask(host).found_via == "python3 on PATH"
    host = machine(pythons, {"PATH": "/bin"})
    assert probe(host, Request()) is None
    host.own_python = "/opt/own/bin/python"
    assert ask(host).executable == "/opt/own/bin/python"


def test_an_old_python_named_python_does_not_hide_python3():
    pythons = {
        "/usr/bin/python": answer("/usr/bin/python2.7"),
        "/usr/bin/python3": answer("/usr/bin/python3"),
    }
    host = machine(
        {**pythons, "/usr/bin/python2.7": ""},
        {"PATH": "/usr/bin"},
        files={"/usr/lib/python2.7/os.py": "", "/usr/lib/python3.6/os.py": ""},
        links={"/usr/bin/python": "python2.7"},
    )
    assert ask(host).executable == "/usr/bin/python3"
    assert ask(host, "python").executable == "/usr/bin/python2.7"


def test_a_venv_is_no_externally_managed_python_and_its_base_may_be():
    marker = {
        "/usr/lib/python3.11/EXTERNALLY-MANAGED": "",
        "/usr/include/python3.11/Python.h": "",
        "/v/pyvenv.cfg": "",
    }
    pythons = {
        "/v/bin/python": answer("/v/bin/python", "/v", "/usr"),
        "/usr/bin/python3": answer("/usr/bin/python3"),
    }
    venv = ask(machine(pythons, {"PATH": "/v/bin"}, marker))
    assert (venv.kind, venv.externally_managed, venv.headers) == ("venv", None, True)
    system = ask(machine(pythons, {"PATH": "/usr/bin"}, marker))
    assert (system.kind, system.externally_managed) == ("system", "/usr/lib/python3.11/EXTERNALLY-MANAGED")


@pytest.mark.parametrize(
    ("prefix", "files", "kind"),
    [
        ("/opt/conda/envs/x", {"/opt/conda/envs/x/conda-meta/history": ""}, "conda"),
        ("/home/u/.pyenv/versions/3.11.7", {}, "pyenv"),
        (
            "/home/u/.pyenv/versions/miniconda3",
            {"/home/u/.pyenv/versions/miniconda3/conda-meta/history": ""},
            "conda",
        ),
        ("/home/u/.local/share/uv/python/cpython-3.11.9-linux-x86_64-gnu", {}, "uv"),
        ("/usr/local", {}, "other"),
    ],
)
def test_whose_it_is(prefix, files, kind):
    path = f"{prefix}/bin/python"
    assert ask(machine({path: answer(path, prefix)}, {"PATH": f"{prefix}/bin"}, files)).kind == kind


def pyenv(env=None, **files):
    root = "/home/u/.pyenv"
    pythons = {
        f"{root}/versions/{v}/bin/python": answer(f"{v}") for v in ("3.8.18", "3.11.7", "3.11.12", "3.9.1")
    }
    pythons["/usr/bin/python"] = answer("system")
    more = {f"{root}/shims/python": SHIM, f"{root}/version": "3.8.18\n"}
    more.update(
        {f"{root}/versions/{v}/lib/python{v[: v.rindex('.')]}/os.py": "" for v in ("3.8.18", "3.11.12")}
    )
    more.update(
        {path.replace("_", "/").replace("DOT", "/.python-version"): text for path, text in files.items()}
    )
    return machine(pythons, {"PATH": f"{root}/shims:/usr/bin", **(env or {})}, more, cwd="/work/project")


def test_a_pyenv_shim_is_resolved_without_running_it():
    assert ask(pyenv()).executable == "3.8.18"
    assert ask(pyenv(_workDOT="# ours\n\n3.11\n")).executable == "3.11.12"  # a part means its newest
    assert ask(pyenv(_workDOT="3.11.7\n", _work_projectDOT="python-3.9.1\n")).executable == "3.9.1"
    assert ask(pyenv({"PYENV_VERSION": "3.7.0:3.11.7"}, _workDOT="3.9.1")).executable == "3.11.7"
    assert ask(pyenv({"PYENV_VERSION": "system"})).executable == "system"
    host = pyenv()
    ask(host)
    assert [call[0] for call in host.calls] == ["/home/u/.pyenv/versions/3.8.18/bin/python"]


def test_a_stated_version_is_looked_for_on_path_and_in_pyenv():
    assert ask(pyenv(), "3.11").executable == "3.11.12"
    assert ask(pyenv(), "3.8").executable == "3.8.18"
    assert ask(pyenv(), "3.11").found_via == "--python"
    assert probe(pyenv(), Request(python="3.1")) == Unknown("--python 3.1: no such interpreter")


def test_a_stated_folder_is_an_environment():
    path = "/work/.venv/bin/python"
    host = machine({path: answer(path, "/work/.venv", "/usr")}, {"PATH": "/usr/bin"})
    assert ask(host, "./.venv").prefix == "/work/.venv"
    assert ask(host, ".venv/bin/python").prefix == "/work/.venv"


BROKEN = Completed(1, "", "Fatal Python error: no encodings")


@pytest.mark.parametrize("text", ["", "hello", "[1]", '{"executable": "/x"}', BROKEN])
def test_an_interpreter_that_does_not_work_is_unknown_with_the_reason(text):
    found = probe(machine({"/v/bin/python": text}, {"PATH": "/v/bin"}), Request())
    assert isinstance(found, Unknown)
    assert "/v/bin/python" in found.reason


def test_a_real_interpreter_with_a_noisy_start_and_a_treacherous_working_folder(tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit('the project was executed')")
    noise = tmp_path / "noise"
    noise.mkdir()
    (noise / "sitecustomize.py").write_text(
        "import atexit\nprint('hello')\natexit.register(print, 'goodbye')\n"
    )
    host = LocalHost({"PATH": "/usr/bin:/bin", "PYTHONPATH": str(noise)}, str(tmp_path))
    found = ask(host, sys.executable)
    assert found.version.startswith(f"{sys.version_info[0]}.{sys.version_info[1]}.")
    assert found.prefix == sys.prefix
    assert found.path[0] == str(noise)
    assert str(tmp_path) not in found.path
    assert found.purelib in found.site_packages


def test_a_real_interpreter_that_cannot_start(tmp_path):
    found = probe(
        LocalHost({"PATH": "/usr/bin:/bin", "PYTHONHOME": "/nowhere"}, str(tmp_path)),
        Request(python=sys.executable),
    )
    assert isinstance(found, Unknown)
    assert "(--python) does not work: exit status 1: " in found.reason
    assert "encodings" in found.reason

"""Every python and pip on PATH, and whose it is."""

import pytest

from envdoctor.probes.interpreters import probe
from tests.factory import python
from tests.fakes import FakeHost

BINARY = "\x7fELF"
VENV = {
    "/venv/pyvenv.cfg": "home = /usr/bin\nversion = 3.11.2\n",
    "/usr/bin/python3.11": BINARY,
    "/usr/lib/python3.11/os.py": "",
    "/usr/include/python3.11/patchlevel.h": '#define PY_VERSION      "3.11.2"\n',
}
VENV_LINKS = {"/venv/bin/python": "/usr/bin/python3.11", "/usr/bin/python3": "python3.11"}


def look(files, path, links=None, **env):
    files = {**VENV, **files}
    programs = [name for name in files if "/bin/" in name or "/shims/" in name]
    host = FakeHost(
        files=files,
        links={**VENV_LINKS, **(links or {})},
        executables=programs,
        env={"PATH": path, "HOME": "/home/u", **env},
    )
    found = probe(host, python())
    assert not host.calls
    return found


def test_a_venv_before_the_system():
    files = {
        "/venv/bin/pip": "#!/venv/bin/python\n",
        "/usr/bin/pip": "#!/usr/bin/python3\n",
        "/usr/bin/python3-config": "#!",
    }
    found = look(files, "/venv/bin:/usr/bin")
    assert [(one.path, one.version, one.kind, one.prefix, one.wins) for one in found.pythons] == [
        ("/venv/bin/python", "3.11.2", "venv", "/venv", True),
        ("/usr/bin/python3", "3.11.2", "system", "/usr", True),
        ("/usr/bin/python3.11", "3.11.2", "system", "/usr", True),
    ]
    assert found.pythons[0].real == "/usr/bin/python3.11"
    assert [(one.path, one.python, one.same_environment, one.wins) for one in found.pips] == [
        ("/venv/bin/pip", "/venv/bin/python", True, True),
        ("/usr/bin/pip", "/usr/bin/python3", False, False),
    ]


LONG = "/venv/bin/python"


@pytest.mark.parametrize(
    "text",
    [
        f"#!{LONG}\nimport re\n",
        f"#! {LONG} -I\n",
        f"#!/bin/sh\n'''exec' {LONG} \"$0\" \"$@\"\n' '''\n",
        f"#!/bin/sh\n'''exec' \"{LONG}\" \"$0\" \"$@\"\n' '''\n",
        "#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")\"/'python' \"$0\" \"$@\"\n' '''\n",
        "#!/usr/bin/env python\n",
        "#!/usr/bin/env -S PYTHONSAFEPATH=1 python -I\n",
        '#!/bin/bash\nexec "/venv/bin/python" -I -m pip "$@"\n',
        '#!/bin/sh\npython -m pip "$@"\n',
    ],
)
def test_the_forms_of_a_console_script(text):
    (pip,) = look({"/venv/bin/pip": text}, "/venv/bin").pips
    assert (pip.python, pip.python_exists, pip.same_environment) == ("/venv/bin/python", True, True)


def test_a_pip_whose_interpreter_is_gone():
    (pip,) = look({"/venv/bin/pip3": "#!/old/venv/bin/python3\n"}, "/venv/bin").pips
    assert (pip.python, pip.python_exists, pip.same_environment) == ("/old/venv/bin/python3", False, False)


@pytest.mark.parametrize(
    "text", ["", BINARY, "#!", "#!/bin/sh\necho no pip here\n", "#!/bin/sh\n'''exec' \"$(dirname\n"]
)
def test_a_pip_that_does_not_say(text):
    (pip,) = look({"/venv/bin/pip": text}, "/venv/bin").pips
    assert (pip.python, pip.python_exists, pip.same_environment) == (None, True, None)


def test_an_environment_that_is_linked_from_elsewhere_is_not_started():
    (found,) = look({}, "/home/u/bin", links={"/home/u/bin/python": "/venv/bin/python"}).pythons
    assert (found.kind, found.prefix) == ("system", "/usr")


def test_conda_and_a_link_to_nowhere():
    files = {
        "/opt/conda/bin/python3.10": BINARY,
        "/opt/conda/lib/python3.10/os.py": "",
        "/opt/conda/conda-meta/python-3.10.14-h955ad1f_1.json": "{}",
        "/opt/conda/conda-meta/python-dateutil-2.9.0-pyhd8_0.json": "{}",
    }
    links = {
        "/opt/conda/bin/python": "python3.10",
        "/opt/conda/bin/python3.9": "/gone",
        "/opt/conda/bin/python3": "python3",
    }
    found = look(files, "/opt/conda/bin", links).pythons
    assert [(one.name, one.version, one.kind, one.prefix) for one in found] == [
        ("python", "3.10.14", "conda", "/opt/conda"),
        ("python3.10", "3.10.14", "conda", "/opt/conda"),
    ]


def test_pyenv_shims_of_an_active_and_of_another_version():
    root = "/home/u/.pyenv"
    shim = (
        f'#!/usr/bin/env bash\nexport PYENV_ROOT="{root}"\nexec "{root}/libexec/pyenv" exec "$program" "$@"\n'
    )
    prefix = f"{root}/versions/3.8.18"
    files = {
        **{f"{root}/shims/{name}": shim for name in ("python", "python3.12", "pip", "pip3.12")},
        f"{root}/version": "3.8.18\n",
        f"{prefix}/bin/python3.8": BINARY,
        f"{prefix}/bin/pip": f"#!{prefix}/bin/python3.8\n",
        f"{prefix}/lib/python3.8/os.py": "",
        f"{prefix}/include/python3.8/patchlevel.h": '#define PY_VERSION\t"3.8.18"\n',
    }
    found = look(files, f"{root}/shims", links={f"{prefix}/bin/python": "python3.8"})
    assert [(one.name, one.real, one.version, one.kind) for one in found.pythons] == [
        ("python", f"{prefix}/bin/python3.8", "3.8.18", "pyenv"),
        ("python3.12", f"{root}/shims/python3.12", None, "pyenv"),
    ]
    assert [(one.name, one.python, one.same_environment) for one in found.pips] == [
        ("pip", f"{prefix}/bin/python3.8", False),
        ("pip3.12", None, None),
    ]


def test_an_old_virtualenv_has_no_pyvenv_cfg():
    files = {
        "/v/bin/python": BINARY,
        "/v/lib/python3.6/os.py": "",
        "/v/lib/python3.6/orig-prefix.txt": "/usr",
    }
    (found,) = look(files, "/v/bin").pythons
    assert (found.kind, found.prefix, found.version) == ("venv", "/v", "3.6")

"""Copies of build tools on PATH and beside it."""

from envdoctor.host import Completed
from envdoctor.probes.tools import probe
from tests.factory import python
from tests.fakes import FakeHost

ELF = b"\x7fELF"
SITE = "/venv/lib/python3.11/site-packages"
SCRIPT = """#!/venv/bin/python3.11
import re
import sys
from cmake import cmake
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
    sys.exit(cmake())
"""
NO_MODULE = """Traceback (most recent call last):
  File "/venv/bin/cmake", line 4, in <module>
    from cmake import cmake
ModuleNotFoundError: No module named 'cmake'
"""


def host(programs, files, path="/venv/bin:/usr/bin", **changes):
    files = {name: data or ELF for name, data in files.items()}
    return FakeHost(programs, files, {"PATH": path, "HOME": "/home/u"}, executables=list(files), **changes)


def test_every_copy_is_named_in_path_order_and_the_first_wins():
    tools = probe(
        host(
            {
                "/usr/bin/cmake --version": "cmake version 3.25.1\n",
                "/opt/cmake/bin/cmake --version": "cmake version 3.31.10\n",
            },
            {"/usr/bin/cmake": "", "/opt/cmake/bin/cmake": ""},
            "/opt/cmake/bin:/usr/bin",
        ),
        None,
    )
    first, second = tools.all("cmake")
    assert (first.path, first.version, first.wins, first.owner) == (
        "/opt/cmake/bin/cmake",
        "3.31.10",
        True,
        "other",
    )
    assert (second.version, second.wins, second.owner, second.kind) == ("3.25.1", False, "system", "binary")


def test_a_folder_that_path_names_twice_counts_once():
    tools = probe(
        host(
            {"git --version": "git version 2.39.5\n"},
            {"/usr/bin/git": ""},
            "/usr/bin:/bin",
            links={"/bin": "/usr/bin"},
        ),
        None,
    )
    assert [git.version for git in tools.all("git")] == ["2.39.5"]


def test_a_console_script_whose_package_is_gone_says_so():
    files = {"/venv/bin/cmake": SCRIPT, "/venv/bin/python3.11": "", "/venv/pyvenv.cfg": "home = /usr/bin"}
    tools = probe(
        host({"/venv/bin/cmake --version": Completed(1, "", NO_MODULE)}, files, folders=[SITE]), None
    )
    cmake = tools.first("cmake")
    assert cmake is not None
    assert (cmake.kind, cmake.owner, cmake.version) == ("console-script", "python", None)
    assert cmake.error == "exit status 1: ModuleNotFoundError: No module named 'cmake'"


def test_a_working_console_script_is_asked_without_starting_python():
    program = f"{SITE}/cmake/data/bin/cmake"
    machine = host(
        {f"{program} --version": "cmake version 3.16.3\n"},
        {"/venv/bin/cmake": SCRIPT, "/venv/bin/python3.11": "", program: ""},
    )
    tools = probe(machine, python(site_packages=(SITE,)))
    assert [(cmake.path, cmake.version) for cmake in tools.all("cmake")] == [("/venv/bin/cmake", "3.16.3")]
    assert machine.calls == [(program, "--version")]


def test_a_wheel_that_path_hides_is_named_too():
    program = f"{SITE}/cmake/data/bin/cmake"
    tools = probe(
        host(
            {
                f"{program} --version": "cmake version 4.1.3\n",
                "/usr/bin/cmake --version": "cmake version 3.10.2\n",
            },
            {"/usr/bin/cmake": "", program: ""},
            "/usr/bin",
        ),
        python(site_packages=(SITE,)),
    )
    old, new = tools.all("cmake")
    assert (old.version, old.wins) == ("3.10.2", True)
    assert (new.version, new.wins, new.owner, new.found_via) == (
        "4.1.3",
        False,
        "python",
        "pip package cmake",
    )


def test_condas_own_linker_is_listed_after_the_one_on_path():
    tools = probe(
        host(
            {
                "/usr/bin/ld --version": "GNU ld (GNU Binutils for Debian) 2.40\n",
                "/opt/conda/compiler_compat/ld --version": "GNU ld (GNU Binutils) 2.38\n",
            },
            {"/usr/bin/ld": "", "/opt/conda/compiler_compat/ld": ""},
            "/usr/bin",
        ),
        python(base_prefix="/opt/conda"),
    )
    assert [(ld.version, ld.owner, ld.wins) for ld in tools.all("ld")] == [
        ("2.40", "system", True),
        ("2.38", "conda", False),
    ]


def test_shims_caches_and_links_are_told_apart():
    machine = host(
        {},
        {
            "/home/u/.pyenv/shims/cmake": "#!/usr/bin/env bash\nexec pyenv exec cmake\n",
            "/usr/bin/ccache": "",
            "/opt/x/patchelf": "",
        },
        "/home/u/.pyenv/shims:/home/u/bin:/usr/bin",
        links={"/home/u/bin/patchelf": "/opt/x/patchelf", "/home/u/bin/make": "/usr/bin/ccache"},
    )
    kinds = {program.name: (program.kind, program.owner) for program in probe(machine, None).programs}
    assert kinds["cmake"] == ("shim", "pyenv")
    assert kinds["patchelf"] == ("link", "home")
    assert kinds["make"] == ("compiler-cache", "home")
    assert kinds["ccache"] == ("binary", "system")


def test_a_program_that_answers_with_garbage_has_an_error_and_no_version():
    (ninja,) = probe(host({"ninja --version": "\x00\x00 hello"}, {"/usr/bin/ninja": ""}), None).programs
    assert ninja.version is None
    assert ninja.error == "its answer holds no version"

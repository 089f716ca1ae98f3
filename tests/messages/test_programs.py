"""How to get a program that is missing."""

import pytest

from envdoctor.messages.programs import how_to_install


@pytest.mark.parametrize(
    ("tool", "how"),
    [
        ("ninja", "pip install ninja"),
        ("Rust (rustc and cargo)", "sh.rustup.rs"),
        ("Visual Studio's C++ compiler (cl.exe)", "Visual Studio Build Tools"),
        ("nmake", "Visual Studio Build Tools"),
        ("a C++ compiler", "build-essential"),
        ("x86_64-linux-gnu-g++", "build-essential"),
        ("clang-14", "build-essential"),
        ("gfortran", "gfortran"),
        ("sudo", "Leave sudo out"),
        ("patch", "Install patch with the system's package manager"),
        ("ccache", "Install ccache with the system's package manager"),
    ],
)
def test_each_program_has_its_way(tool, how):
    assert how in how_to_install(tool)

"""What logs of compilers, linkers and loaders lead to: the cure in terms of that log, and one rule for one line."""

from pathlib import Path

import pytest

from envdoctor import explanation
from envdoctor.log import read_text

LOGS = Path(__file__).parents[2] / "logs"


def explain(text):
    return explanation.explain(read_text(text)).findings


def cure(text):
    return explain(text)[0].fix.title


@pytest.mark.parametrize(
    ("text", "package"),
    [
        ("/usr/bin/ld: cannot find -lcuda", "cuda-driver-dev-X-Y for CUDA X.Y"),
        ("g++ -L/usr/local/cuda-13.0/lib64 -lcuda\n/usr/bin/ld: cannot find -lcuda", "cuda-driver-dev-13-0"),
        ("a.c:1:10: fatal error: Python.h: No such file or directory", "install python3-dev"),
        (
            "gcc -I/usr/include/python3.12 -c a.c\na.c:1:10: fatal error: Python.h: No such file or directory",
            "install python3.12-dev",
        ),
        ("/usr/bin/ld: cannot find -lpython3.10", "install python3.10-dev"),
        ("ModuleNotFoundError: No module named 'pkg_resources'", "pip install 'setuptools<82'"),
        ("ModuleNotFoundError: No module named 'pkg_resources.extern'", "pip install 'setuptools<70'"),
        ("a.cpp:1:10: fatal error: torch/extension.h: No such file or directory", "CUDAExtension"),
        ("/usr/bin/ld: cannot find -lcublas_static", "libcublas-dev-X-Y"),
    ],
)
def test_the_package_is_the_one_that_this_log_asks_for(text, package):
    assert package in cure(text)


@pytest.mark.parametrize(
    "name",
    [
        "cuda-home-wrong/setuptools-torch",
        "cuda-home-wrong/absent-folder",
        "build-isolation-hides-torch/pip-wheel",
    ],
)
def test_no_second_rule_says_of_the_same_line_that_it_is_not_installed(name):
    (finding,) = explain((LOGS / f"{name}.log").read_text())
    assert finding.rule == name.partition("/")[0]


@pytest.mark.parametrize("file", ["/src/ops/ops.so", "ops.cpython-311-x86_64-linux-gnu.so", "./_C.so"])
def test_a_modules_own_function_is_a_matter_of_its_link(file):
    (finding,) = explain(f"ImportError: {file}: undefined symbol: scale_rows")
    assert finding.rule == "library-not-linked"
    assert "cblas" in cure(f"ImportError: {file}: undefined symbol: cblas_sgemm")


def test_the_function_of_a_library_may_be_of_another_installation():
    (finding,) = explain("OSError: /opt/lib/libops.so.1: undefined symbol: scale_rows")
    assert finding.rule == "wrong-library-loaded"


@pytest.mark.parametrize(
    "symbol", ["_ZN2at4_ops3add4callE", "PyUnicodeUCS4_FromString", "_ZSt20__throw_format_errorPKc"]
)
def test_what_a_module_does_not_bring_itself_is_no_matter_of_its_link(symbol):
    found = explain(f"ImportError: /src/ops/ops.so: undefined symbol: {symbol}")
    assert "library-not-linked" not in [finding.rule for finding in found]

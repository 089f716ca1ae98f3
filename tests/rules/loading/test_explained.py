"""What Python's own words in a log lead to."""

import pytest

from envdoctor import explanation
from envdoctor.log import read_text


def explain(text):
    return explanation.explain(read_text(text)).findings


def first(text):
    (finding, *_) = explain(text)
    return finding.rule, finding.fix.title


NUMPY = (
    "The following compiled module files exist, but seem incompatible\n"
    "with with either python 'cpython-{}' or the platform 'linux':\n\n"
    "  * _multiarray_umath.cpython-311-x86_64-linux-gnu.so\n"
)


def test_numpy_tells_for_which_python_it_was_compiled():
    (finding,) = explain(f"ImportError: \n{NUMPY.format(312)}")
    assert finding.rule == "pythonpath-pollution"
    assert "Python 3.12 imports packages of Python 3.11" in finding.message


def test_one_version_of_another_platform_is_no_matter_of_the_path():
    assert not explain(f"ImportError: \n{NUMPY.format(311)}")


@pytest.mark.parametrize("name", ["flash_attn", "cv2", "torch", "numpy", "transformers"])
def test_a_package_that_is_known_is_installed_by_its_name(name):
    rule, cure = first(f"ModuleNotFoundError: No module named '{name}'")
    assert rule == "python-dependency-missing" and "pip install" in cure and "stranger" not in cure


@pytest.mark.parametrize("name", ["myext", "nosuch", "scale_cuda_ops", "apex"])
def test_what_may_be_the_projects_own_is_not_fetched_from_strangers(name):
    rule, cure = first(f"ModuleNotFoundError: No module named '{name}'")
    assert rule == "python-dependency-missing" and f"pip install {name}" not in cure and "stranger" in cure


@pytest.mark.parametrize(("name", "cure"), [("pip", "ensurepip"), ("tkinter", "part of Python itself")])
def test_parts_of_python_come_from_elsewhere(name, cure):
    assert cure in first(f"/usr/bin/python3: No module named {name}")[1]


def test_python_2_names_all_that_was_asked_for():
    rule, cure = first("ImportError: No module named torch.utils.cpp_extension")
    assert rule == "python-dependency-missing" and "pip install torch," in cure and "python3" in cure
    assert "python3 first" not in first("ModuleNotFoundError: No module named 'torch'")[1]


CIRCULAR = "(most likely due to a circular import)"
RENAME = "(consider renaming '/src/torch.py' if it has the same name as a third-party module you intended to import)"
FRAMES = 'Traceback (most recent call last):\n  File "/src/run.py", line 1, in <module>\n'
OWN = f'{FRAMES}  File "/src/torch.py", line 2, in <module>\n'
INSTALLED = f'{FRAMES}  File "/usr/lib/python3/dist-packages/torch/nn.py", line 2, in <module>\n'


@pytest.mark.parametrize(
    "text",
    [
        f"{OWN}AttributeError: partially initialized module 'torch' has no attribute 'nn' {CIRCULAR}",
        (f"{FRAMES}AttributeError: module 'torch' has no attribute 'nn' {RENAME}"),
        f"{FRAMES}ImportError: cannot import name 'nn' from 'torch' (/src/torch.py)",
    ],
)
def test_a_file_of_ones_own_is_named(text):
    (finding,) = explain(text)
    assert finding.rule == "source-tree-shadows-package" and "/src/torch.py hides torch" in finding.message


@pytest.mark.parametrize(
    "text",
    [
        f"{FRAMES}ModuleNotFoundError: No module named 'torch.nn'; 'torch' is not a package",
        f"{FRAMES}AttributeError: module 'torch' has no attribute 'nn'",
    ],
)
def test_that_something_else_is_imported_shows_without_its_file(text):
    assert [(finding.rule, finding.confidence) for finding in explain(text)] == [
        ("source-tree-shadows-package", "medium")
    ]


@pytest.mark.parametrize(
    "text",
    [
        f"{INSTALLED}AttributeError: partially initialized module 'torch' has no attribute 'nn'",
        f"{FRAMES}ImportError: cannot import name 'a' from partially initialized module 'x' {CIRCULAR} (/src/x.py)",
        f"{FRAMES}AttributeError: module 'torch' has no attribute 'new_function'",
    ],
)
def test_nothing_is_hidden_where_no_file_shows_it(text):
    assert "source-tree-shadows-package" not in [finding.rule for finding in explain(text)]


@pytest.mark.parametrize("name", ["torch", "numpy", "pybind11"])
def test_what_an_isolated_build_hides_is_not_said_to_be_missing(name):
    text = f"  Getting requirements to build wheel: finished with status 'error'\n  No module named '{name}'"
    assert [finding.rule for finding in explain(text)] == ["build-isolation-hides-torch"]
    seen = f"pip install --no-build-isolation .\n{text}"
    assert "python-dependency-missing" in [finding.rule for finding in explain(seen)]

"""Architectures in every spelling, and which of them a build hands to nvcc."""

import pytest

from envdoctor import architectures
from envdoctor.architectures import Architecture
from envdoctor.facts import FindPackage, Request
from tests.factory import at, cmake, driver, environment, extension, gpu, project, setup, toolkit

EXTENSION = project(setup=setup(extension()))
CMAKE = project(builds=("cmake",), cmake=cmake("3.18", "CUDA"))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("80", Architecture(80)),
        ("8.0", Architecture(80)),
        ("8.0+PTX", Architecture(80, ptx=True)),
        ("9.0a", Architecture(90, "a")),
        ("sm_90a", Architecture(90, "a")),
        ("compute_120", Architecture(120)),
        ("10.0", Architecture(100)),
        ("100f", Architecture(100, "f")),
        ("75-virtual", Architecture(75, ptx=True)),
        ("75-real", Architecture(75)),
        ("native", None),
        ("all-major", None),
        ("${ARCHS}", None),
        ("8", None),
        ("", None),
    ],
)
def test_one_in_any_spelling(text, read):
    assert architectures.parse(text) == read


def test_lists_and_torchs_names():
    assert architectures.split("8.0 9.0a;7.5,") == ("8.0", "9.0a", "7.5")
    assert architectures.split("Ampere;Hopper") == ("8.0", "8.6+PTX", "9.0+PTX")
    assert architectures.split("Volta+Tegra") == ("7.2",)


def test_variables_count_where_the_build_reads_them():
    def handed(project, **variables):
        return [asked.text for asked in architectures.handed_to_nvcc(environment(**variables), project)]

    assert handed(EXTENSION, TORCH_CUDA_ARCH_LIST="8.0;9.0", CUDAARCHS="75") == ["8.0", "9.0"]
    assert handed(CMAKE, TORCH_CUDA_ARCH_LIST="8.0", CUDAARCHS="75") == ["75"]
    assert handed(project(builds=("make",)), TORCH_CUDA_ARCH_LIST="8.0", CUDAARCHS="75") == []
    assert handed(None, CUDAARCHS="75") == []
    torch = FindPackage("Torch", None, (), True, "CMakeLists.txt", 3)
    assert handed(project(cmake=cmake("3.18", "CUDA", packages=(torch,))), TORCH_CUDA_ARCH_LIST="8.0") == [
        "8.0"
    ]


def test_the_projects_own_flags_are_stronger_and_stated_targets_strongest():
    own = project(setup=setup(extension()), architectures=(at("70", "setup.py", 4),))
    variables = environment(TORCH_CUDA_ARCH_LIST="8.0")
    (asked,) = architectures.handed_to_nvcc(variables, own)
    assert (asked.source, asked.origin) == ("setup.py:4", "project")
    (asked,) = architectures.requested(Request(architectures=("9.0",)), variables, own)
    assert (asked.source, asked.origin) == ("--arch", "request")


def test_gpus_count_when_the_build_asks_them():
    def detected(project, role="build", **variables):
        found = architectures.detected(
            Request(role=role), environment(**variables), project, driver(gpu((8, 9)))
        )
        return [str(asked.architecture) for asked in found]

    assert detected(EXTENSION) == ["89"]
    assert detected(EXTENSION, role="ci") == []
    assert detected(EXTENSION, TORCH_CUDA_ARCH_LIST="8.0") == []
    assert detected(CMAKE) == []
    assert detected(project(cmake=CMAKE.cmake, architectures=(at("native", "CMakeLists.txt"),))) == ["89"]
    assert architectures.detected(Request(), environment(), EXTENSION, None) == ()


@pytest.mark.parametrize(
    ("text", "version", "said"),
    [
        ("80", "11.8", None),
        ("90a", "11.8", "new"),
        ("90a", "12.4", None),
        ("120", "12.4", "new"),
        ("100f", "13.0", None),
        ("70", "12.4", None),
        ("70", "13.0", "dropped"),
        ("37", "12.4", "dropped"),
        ("101", "13.0", "dropped"),
        ("107", "13.0", "new"),
        ("200", "13.0", "new"),
    ],
)
@pytest.mark.parametrize("answers", [True, False])
def test_what_nvcc_refuses(text, version, said, answers):
    found = toolkit(version) if answers else toolkit(version, architectures=())
    asked = architectures.parse(text)
    assert asked is not None
    if (text, answers) != ("200", False):  # no table knows what is still to come
        assert architectures.refusal(asked, found) == said


def test_lists_as_tools_want_them():
    wanted = tuple(Architecture(number) for number in (90, 80, 120, 80))
    assert architectures.dotted_list(wanted) == "8.0;9.0;12.0+PTX"
    assert architectures.cmake_list((Architecture(90, "a"), Architecture(80))) == "80;90a"
    assert architectures.dotted_list(()) == ""
    assert [item.dotted for item in architectures.sensible(toolkit("12.4"))] == [
        "7.5",
        "8.0",
        "8.6",
        "8.9",
        "9.0",
    ]
    assert architectures.sensible(None)

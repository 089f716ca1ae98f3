"""Sources: what they include and use."""

import pytest

from envdoctor.probes._project import preprocessor, sources
from envdoctor.probes._project.headers import is_of_the_system, of_interest
from envdoctor.probes._project.tree import Tree
from tests.fakes import FakeHost


def read(start="a.cu", named=(), outside=(), hidden=False, defined=(), machine=None, generated=(), **files):
    tree = Tree(
        FakeHost(files={**{f"/w/{name}": text for name, text in files.items()}, **(machine or {})}), "/w"
    )
    search = sources.SearchPath(tree, named, outside, hidden)
    found = sources.read(tree, [start], search, frozenset(defined))
    missing = list(sources.unresolved(tree, found, search, set(generated)))
    return (
        found,
        {header.name: header.roots for header in missing},
        sources.cutlass_version(tree, search, found, missing),
    )


def test_headers_beside_in_folders_and_on_the_machine():
    found, missing, _ = read(
        named=["include", "/w/inc2"],
        outside=["/usr/include"],
        machine={"/usr/include/curl/curl.h": ""},
        **{
            "a.cu": (
                '#include "b.h"\n#include <own/c.h>\n#include <curl/curl.h>\n#include <d.h>\n#include <vector>\n'
                "#include <stdio.h>\n"
            ),
            "b.h": "#  include <gone.h>\n",
            "include/own/c.h": "",
            "inc2/d.h": "",
        },
    )
    assert missing == {"gone.h": ()}
    assert found.files == ["a.cu", "b.h", "include/own/c.h", "inc2/d.h"]
    assert found.missing["gone.h"].place == "b.h:1"


def test_a_vendored_header_names_its_roots():
    version = "#define CUTLASS_MAJOR 4\n#define CUTLASS_MINOR 2\n#define CUTLASS_PATCH 0\n"
    files = {
        "a.cu": "#include <cutlass/gemm.h>\n#include <cutlass/util/host_tensor.h>\n",
        "third_party/cutlass/include/cutlass/gemm.h": "#include <nothing/at/all.h>\n",
        "third_party/cutlass/include/cutlass/version.h": version,
        "third_party/cutlass/tools/util/include/cutlass/util/host_tensor.h": "",
    }
    found, missing, release = read(**files)
    assert missing == {
        "cutlass/gemm.h": ("third_party/cutlass/include",),
        "cutlass/util/host_tensor.h": ("third_party/cutlass/tools/util/include",),
    }
    assert list(found.includes) == ["cutlass/gemm.h", "cutlass/util/host_tensor.h"]
    assert [(place.text, place.place) for place in release] == [
        ("cutlass 4.2.0", "third_party/cutlass/include/cutlass/version.h:1")
    ]
    folders = ["third_party/cutlass/include", "third_party/cutlass/tools/util/include"]
    assert read(named=folders, **files)[1:] == ({}, release)


def test_folders_that_cannot_be_resolved_get_the_benefit_of_the_doubt():
    files = {"a.cu": "#include <x/y.h>\n", "deps/x/include/x/y.h": ""}
    assert read(**files)[1] == {"x/y.h": ("deps/x/include",)}
    assert read(named=["${X_ROOT}/include"], **files)[1] == {}
    assert read(named=["${X_INCLUDE_DIRS}"], **files)[1] == {}
    assert read(
        named=["${Python3_INCLUDE_DIRS}", "{cuda_home}/include"], **{**files, "a.cu": "#include <z.h>"}
    )[1] == {"z.h": ()}
    assert read(hidden=True, **files)[1] == {}


def test_headers_that_the_build_makes_are_not_missing():
    text = "#include <config.h>\n#include <demo_export.h>\n#include <a.pb.h>\n"
    assert read(generated=["config.h"], **{"a.cu": text})[1] == {}


GUARDED = """\
#ifndef A_H
#define A_H
#ifdef _WIN32
#include <win_only.h>
#elif defined(USE_ROCM) || defined(__HIPCC__)
#include <hip_only.h>
#else
#include <needed.h>
#endif
#if 0
#include <never.h>
#endif
#if defined(WITH_THING)
#include <thing.h>
#endif
#if __has_include(<maybe.h>)
#include <maybe.h>
#endif
#if CUDA_VERSION >= 11000 && defined(__CUDACC__)
#include <perhaps.h>
#endif
/* #include <in_comment.h>
*/
// #include <in_line_comment.h>
const char* s = "/* "; // "
#include <last.h>  /* why */
#endif
"""


def test_only_what_is_compiled_for_certain_can_be_missing():
    assert list(read(**{"a.cu": GUARDED})[1]) == ["needed.h", "last.h"]
    assert list(read(defined=["WITH_THING"], **{"a.cu": GUARDED})[1]) == ["needed.h", "thing.h", "last.h"]


def test_a_file_behind_an_open_condition_is_not_followed():
    found, missing, _ = read(
        **{"a.cu": '#if BUILD_CUDA || BUILD_HIP\n#include "b.h"\n#endif\n', "b.h": "#include <cublas_v2.h>"}
    )
    assert (found.files, missing, found.includes) == (["a.cu"], {}, {})


def test_features_where_nothing_guards_them():
    text = """\
__global__ void k(half2* x) {
  // ldmatrix in a comment
  x[0] = __hfma2(x[1], x[2], x[3]);
  my__dp4a(1);
  asm volatile("mma.sync.aligned.m16n8k32");
#if __CUDA_ARCH__ >= 800
  asm("cp.async.cg");
#endif
  THCudaCheck(0); AT_CHECK_LATER;
}
"""
    found = read(**{"a.cu": text})[0]
    assert {name: place.place for name, place in found.features.items()} == {
        "THCudaCheck": "a.cu:9",
        "__hfma2": "a.cu:3",
        "mma.sync": "a.cu:5",
    }


@pytest.mark.parametrize(
    ("condition", "verdict"),
    [
        ("1", True),
        ("0", False),
        ("defined(__cplusplus)", True),
        ("!defined(_MSC_VER)", True),
        ("defined _WIN32 || defined(__APPLE__)", False),
        ("defined(A)", None),
        ("defined(ON)", True),
        ("!(defined(_WIN32) || 0) && 1", True),
        ("defined(A) && 0", False),
        ("defined(A) || 1", True),
        ("defined(_WIN32) && _MSC_VER > 1900", False),
        ("CUDA_VERSION >= 12000", None),
        ("", None),
        ("((", None),
        ("@ 'x' # defined(A)", None),
        ("(" * 5000 + "1" + ")" * 5000, None),
        ("&& || !", None),
    ],
)
def test_conditions(condition, verdict):
    assert preprocessor.evaluate(condition, frozenset(["ON"])) is verdict


@pytest.mark.parametrize(
    "text",
    [
        "#endif\n#else\n#elif\n",
        "#if\n#if\n#if",
        "#include\n#include <\n#ifdef\n#ifndef\n",
        '"' * 999,
        "/*" * 99,
        "#if \\\n\\\n",
    ],
)
def test_hostile_sources_end(text):
    assert preprocessor.read(text, frozenset()).includes == ()


def test_whose_a_header_is():
    ours = (
        "cublas_v2.h cuda_runtime.h cub/cub.cuh curand_kernel.h ATen/ATen.h torch/extension.h THC/THC.h "
        "Python.h cutlass/gemm.h"
    )
    assert all(of_interest(name) for name in ours.split())
    system = "vector cuda.hpp.x immintrin.h sys/mman.h windows.h hip/hip_runtime.h omp.h stdint.h".split()
    assert [name for name in system if not is_of_the_system(name)] == ["cuda.hpp.x"]
    assert not is_of_the_system("curl/curl.h") and not of_interest("curl/curl.h")


def test_circles_and_folders_end():
    found, missing, _ = read(
        **{"a.cu": '#include "b.h"\n#include "c"\n', "b.h": '#include "a.cu"\n#include "b.h"\n', "c/x": ""}
    )
    assert (found.files, missing) == (["a.cu", "b.h"], {})


def test_dispatch_on_a_type_is_more_than_a_word():
    old = 'AT_DISPATCH_FLOATING_TYPES(\n    vec.type(), "k", ([&] { f<scalar_t>(); }));\n'
    new = 'AT_DISPATCH_ALL_TYPES(vec.scalar_type(), "k", [&] { vec.type(); });\n'
    found, _, _ = read(**{"a.cu": "void f() {}\n" + old})
    assert found.features["AT_DISPATCH on Tensor.type()"].line == 2
    found, _, _ = read(**{"a.cu": new})
    assert not found.features


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ("#define __GLIBC__ 2\n#define\t__GLIBC_MINOR__\t41\n", ("2.41", "/x/include/features.h:2")),
        ("#define HAVE_AVX 1\n", None),
        (None, None),
    ],
)
def test_headers_of_a_glibc_in_front(features, expected):
    machine = {"/usr/include/features.h": "#define __GLIBC_MINOR__ 36\n"}
    if features is not None:
        machine["/x/include/features.h"] = features
    tree = Tree(FakeHost(files=machine), "/w")
    found = sources.glibc(tree, sources.SearchPath(tree, [], ["/x/include", "/usr/include"], False))
    assert (found and (found.text, found.place)) == expected

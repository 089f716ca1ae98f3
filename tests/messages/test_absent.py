"""Whose a header or a library is that a log says is not there."""

import pytest

from envdoctor.log import read_text
from envdoctor.messages import absent


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("/opt/x/include/cublas_v2.h", "file"),
        ("main.c", "file"),
        ("stdatomic.h", "platform"),
        ("string_view", "file"),
        ("cuda_utils.h", "other"),
        ("cudnn_frontend.h", "other"),
        ("cutlass/cutlass.h", "other"),
        ("cublas_v2.h", "cuda"),
        ("nv/target", "cuda"),
        ("Python.h", "python"),
        ("THC/THC.h", "torch"),
        ("infiniband/verbs.h", "system"),
        ("portaudio.h", "system"),
    ],
)
def test_headers_by_whose_they_are(name, kind):
    assert absent.kind_of_header(name) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ssl", "other"),
        ("pthread", "base"),
        ("cuda", "driver"),
        ("cudart", "cuda"),
        ("cudart_static", "cuda"),
        ("cublasLt_static", "archive"),
        ("culibos", "archive"),
        ("python3.11", "python"),
    ],
)
def test_libraries_by_whose_they_are(name, kind):
    assert absent.kind_of_library(name) == kind


@pytest.mark.parametrize(
    "line",
    [
        "a.cu:1:10: fatal error: cusparse.h: No such file or directory",
        "a.c:3:20: error: cusparse.h: No such file or directory",
        "a.cpp:1:10: fatal error: 'cusparse.h' file not found",
        "a.cpp(1): fatal error C1083: Cannot open include file: 'cusparse.h': No such file or directory",
        'a.cu(1): catastrophic error: cannot open source file "cusparse.h"',
    ],
)
def test_every_compilers_words_are_understood(line):
    assert [name for _, name in absent.headers(read_text(line), "cuda")] == ["cusparse.h"]


@pytest.mark.parametrize(
    "line",
    [
        "/usr/bin/ld: cannot find -lcudart: No such file or directory",
        "ld.lld: error: unable to find library -lcudart",
        "mold: fatal: library not found: cudart",
        "ld: library not found for -lcudart",
        "LINK : fatal error LNK1181: cannot open input file 'cudart.lib'",
        "ninja: error: '/usr/local/cuda/lib64/libcudart.so', needed by 'x', missing and no known rule to make it",
        'CUDA_CUDART_LIBRARY (ADVANCED)\n    linked by target "x" in directory /src',
    ],
)
def test_every_linkers_words_are_understood(line):
    assert [name for _, name in absent.libraries(read_text(line), "cuda")] == ["cudart"]


def test_a_folder_that_is_searched_and_does_not_have_the_header_is_empty():
    missing = "x.cu:3:10: fatal error: cutlass/gemm.h: No such file or directory"
    searched = "nvcc -Icsrc/cutlass/include -c x.cu\n" + missing
    assert [state for *_, state in absent.vendored(read_text(missing))] == ["unsearched"]
    assert [state for *_, state in absent.vendored(read_text(searched))] == ["empty"]

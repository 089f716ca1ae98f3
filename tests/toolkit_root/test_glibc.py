"""The math headers for today's glibc: what changes for a compiler, by the preprocessor itself."""

import shutil
import subprocess

import pytest

from envdoctor.toolkit_root.glibc import mended

HEADER = """#if defined(__cplusplus) && defined(__CUDACC__)
extern double                 sinpi(double x);
extern float                  rsqrtf(float x);
extern double                 rcbrt(double x);
__func__(double sinpi(double a));
__func__(float rsqrtf(float a));
#endif
"""
DEFINITIONS = """__func__(double sinpi(double a))
{
  if (a) { return a; }
}

__func__(double rcbrt(double a))
{
}
"""


def preprocessed(tmp_path, text, minor):
    """What a C++ compiler sees of it with that glibc."""
    (tmp_path / "features.h").write_text(
        f"#define __GLIBC_PREREQ(a, b) (b <= {minor})\n#define __THROW noexcept(true)\n"
        "#define __GLIBC_USE_ISOC23 1\n"
    )
    command = ["g++", "-E", "-P", "-x", "c++", "-D__CUDACC__", f"-I{tmp_path}", "-"]
    done = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, check=True)
    return [
        " ".join(line.split()).replace(" ;", ";")
        for line in done.stdout.decode().splitlines()
        if line.strip()
    ]


@pytest.mark.skipif(not shutil.which("g++"), reason="no g++")
def test_declared_and_defined_as_glibc_is(tmp_path):
    plain = HEADER + DEFINITIONS
    assert preprocessed(tmp_path, mended(plain), 40) == preprocessed(tmp_path, plain, 40)
    of_41 = preprocessed(tmp_path, mended(plain), 41)
    assert (
        "extern double sinpi(double x) noexcept(true);" in of_41 and "extern float rsqrtf(float x);" in of_41
    )
    assert [line for line in of_41 if line.startswith("__func__")] == [
        "__func__(float rsqrtf(float a));",
        "__func__(double rcbrt(double a))",
    ]
    assert "extern float rsqrtf(float x) noexcept(true);" in preprocessed(tmp_path, mended(plain), 42)


def test_another_header_stays():
    assert mended("int x;\n#if defined(__cplusplus) && defined(__CUDACC__)\n") == (
        "int x;\n#if defined(__cplusplus) && defined(__CUDACC__)\n"
    )

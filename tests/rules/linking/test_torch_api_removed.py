"""Names that newer torch does not have."""

from envdoctor.finding import SetEnv, Shim
from envdoctor.rules.linking.torch_api_removed import check
from tests.factory import at, environment, project, torch

CHECK = at("AT_CHECK", "src/a.cpp", 23)
THC = at("THC/THC.h", "src/a.cu", 3)


def found(version, *features, **variables):
    return list(check(project(features=features), torch(version), environment(**variables)))


def test_quiet_on_the_torch_they_were_written_for_and_on_what_is_left():
    assert not found("1.4.0", CHECK)
    assert not found("1.10.0a0+0aef44c", THC)
    assert not found("2.13.0", at("THC/THCAtomics.cuh"), at("__dp4a"), at("ldmatrix"))


def test_the_old_check_becomes_a_flag():
    (finding,) = found("1.5.0", CHECK)
    assert finding.location.line == 23
    assert SetEnv("NVCC_APPEND_FLAGS", "-DAT_CHECK=TORCH_CHECK", "append") in finding.fix.steps


def test_quiet_where_the_compilers_are_told_already():
    flag = "-include /p/.envdoctor/1/include/envdoctor_tensor_type.h"
    dispatch = at("AT_DISPATCH on Tensor.type()", "a.cu", 7)
    told = {"CFLAGS": flag, "CXXFLAGS": f"-O2 {flag}", "NVCC_APPEND_FLAGS": flag}
    assert not found("2.13.0", dispatch, **told)
    assert found("2.13.0", dispatch, CFLAGS=flag)
    assert not found("1.5.0", CHECK, **dict.fromkeys(told, "-DAT_CHECK=TORCH_CHECK"))


def test_thc_gets_a_header_of_the_overlay():
    (finding,) = found("2.13.0+cu130", THC, at("THCudaCheck", "src/a.cu", 40))
    assert any(isinstance(step, Shim) and step.path == "include/THC/THC.h" for step in finding.fix.steps)
    assert SetEnv("CPATH", "{overlay}/include", "prepend") in finding.fix.steps


def test_dispatch_on_a_type_gets_its_overload_back():
    dispatch = at("AT_DISPATCH on Tensor.type()", "src/a.cu", 270)
    assert not found("2.5.1", dispatch)
    (finding,) = found("2.6.0", dispatch)
    assert finding.location.line == 270
    shim = next(step for step in finding.fix.steps if isinstance(step, Shim))
    assert SetEnv("NVCC_APPEND_FLAGS", f"-include {{overlay}}/{shim.path}", "append") in finding.fix.steps


def test_other_old_headers_have_no_substitute():
    (finding,) = found("2.1.0", THC, at("THC/THCNumerics.cuh", "src/a.cu", 4))
    assert not finding.fix.steps
    assert "1.11" in finding.fix.title

"""Extensions compiled for another torch."""

from envdoctor.facts import CompiledModules
from envdoctor.rules.loading.torch_abi_mismatch import check
from tests.factory import module, package, packages, torch

CHECK = "_ZN3c104cuda29c10_cuda_check_implementationEiPKcS2_ib"
NEW_STRING = "_ZN3c106ivalue14ConstantString6createENSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"


def found(*modules, **changes):
    return list(check(CompiledModules(modules), torch(**changes), packages(package("vllm", "0.8.5"))))


def test_quiet_when_every_symbol_is_there():
    assert not found(module())


def test_one_finding_for_a_package():
    first = module("vllm", "_C.abi3.so", missing_torch_symbols=(CHECK,))
    second = module("vllm", "_moe_C.abi3.so", missing_torch_symbols=(CHECK,))
    (finding,) = found(first, second)
    assert "vllm 0.8.5" in finding.message
    assert CHECK in finding.evidence[0].text


def test_the_string_abi_is_another_rules():
    stringy = module("vllm", missing_torch_symbols=(NEW_STRING,))
    assert not found(stringy, cxx11_abi=False)
    assert found(stringy, cxx11_abi=True)
    assert found(stringy, cxx11_abi=None)

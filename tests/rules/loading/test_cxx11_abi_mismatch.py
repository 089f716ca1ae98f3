"""Extensions with the other std::string."""

from envdoctor.facts import CompiledModules
from envdoctor.rules.loading.cxx11_abi_mismatch import check
from tests.factory import module, torch

NEW = "_ZN3c106ivalue14ConstantString6createENSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"
OLD = "_ZN3c105ErrorC1ENS_14SourceLocationESs"
NEUTRAL = "_ZN3c104cuda29c10_cuda_check_implementationEiPKcS2_ib"


def found(symbol, abi):
    return list(
        check(CompiledModules((module("flash-attn", missing_torch_symbols=(symbol,)),)), torch(cxx11_abi=abi))
    )


def test_quiet_when_the_spelling_is_torchs_own_or_torchs_is_unknown():
    assert not found(NEW, True)
    assert not found(OLD, False)
    assert not found(NEUTRAL, True)
    assert not found(NEUTRAL, False)
    assert not found(NEW, None)


def test_a_new_string_with_an_old_torch():
    (finding,) = found(NEW, False)
    assert "cxx11abiFALSE" in finding.fix.title


def test_an_old_string_with_a_new_torch():
    (finding,) = found(OLD, True)
    assert "the old string ABI" in finding.message


def test_letters_inside_names_are_no_string():
    assert not found("_ZN3c1010ClassSsNowEv", True)
    assert not found("_ZN2at6nativeILi512EE9ClassSsiiEv", True)

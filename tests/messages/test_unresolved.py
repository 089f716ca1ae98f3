"""Symbols and libraries that a loader does not find."""

from envdoctor.log import read_text
from envdoctor.messages import unresolved

IMPORT = "ImportError: {}: cannot open shared object file: No such file or directory\n"


def test_quiet_where_everything_is_found():
    log = read_text("\tlibcudart.so.12 => /usr/lib/libcudart.so.12 (0x00007f)\n")
    assert not list(unresolved.libraries(log)) and not list(unresolved.symbols(log))


def test_a_symbol_is_told_with_whose_it_is():
    name = "_ZN3c106detail14torchCheckFailEPKcS2_jRKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"
    (symbol,) = unresolved.symbols(read_text(f"ImportError: /v/x.so: undefined symbol: {name}\n"))
    assert (symbol.name, symbol.object, symbol.of_torch, symbol.string_abi) == (name, "/v/x.so", True, "new")


def test_a_library_of_another_cuda_is_told_by_its_number():
    log = read_text("torch 2.6.0+cu124\n" + IMPORT.format("libcudart.so.11.0"))
    (library,) = unresolved.libraries(log)
    assert (library.stem, library.version, library.cuda_major) == ("cudart", "11.0", 11)
    assert unresolved.cuda_majors(log) == {12} and unresolved.of_other_cuda(log, library)

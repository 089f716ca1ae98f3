"""Modules for a newer C library."""

from envdoctor.facts import CompiledModules
from envdoctor.rules.loading.glibc_too_old import check
from tests.factory import module, package, packages, system


def found(*modules, **changes):
    return list(check(CompiledModules(modules), system(**changes), packages(package("vllm", "0.5"))))


def test_quiet_on_systems_that_have_it_or_are_not_glibc():
    assert not found(module(glibc="2.4"), module(glibc="2.36"), module(glibc=None))
    assert not found(module(glibc="2.40"), libc="musl", libc_version="1.2.5")
    assert not found(module(glibc="2.40"), libc_version=None)


def test_the_neediest_module_of_each_package():
    modules = (
        module("vllm", "a.so", glibc="2.32"),
        module("vllm", "b.so", glibc="2.34"),
        module("demo", glibc="2.9"),
    )
    (finding,) = found(*modules, libc_version="2.31")
    assert "vllm 0.5 needs glibc 2.34" in finding.message

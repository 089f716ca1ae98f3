"""A checkout in front of the installed package."""

from envdoctor.facts import CompiledModules
from envdoctor.rules.loading.source_tree_shadows_package import check
from tests.factory import module, project, python


def found(names, *modules):
    return list(check(project(packages=names), CompiledModules(modules), python()))


def test_quiet_when_nothing_compiled_is_installed_under_the_name():
    assert not found(("vllm",))
    assert not found((), module("vllm"))
    assert not found(("vllm",), module("vllm-flash-attn"), module("vllm", path="/work/demo/vllm/_C.abi3.so"))


def test_the_installed_module_is_the_evidence():
    (finding,) = found(("vllm",), module("vllm"))
    assert finding.location.file == "vllm/__init__.py"
    assert finding.evidence[1].source.endswith("vllm/_C.cpython-311-x86_64-linux-gnu.so")

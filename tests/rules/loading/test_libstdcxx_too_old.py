"""An old libstdc++ in front."""

from dataclasses import replace

from envdoctor.facts import CompiledModules, Needed, RuntimeLibrary
from envdoctor.finding import SetEnv, Severity, Shim
from envdoctor.rules.loading.libstdcxx_too_old import check
from tests.factory import compiler, extension, module, project, setup, system

NEW = "/usr/lib/x86_64-linux-gnu/libstdc++.so.6"
OLD = "/opt/solver/lib/libstdc++.so.6"
BUILDS = project(setup=setup(extension("Extension")))


def machine(taken, *others):
    libraries = [RuntimeLibrary(NEW, version, None, "system", False) for version in others]
    return system(libstdcxx=(RuntimeLibrary(OLD, taken, None, "LD_LIBRARY_PATH", True), *libraries))


def found(system_, needs=None, project_=BUILDS, links="3.4.30"):
    return list(check(system_, CompiledModules((module(glibcxx=needs),)), compiler(glibcxx=links), project_))


def test_quiet_when_the_loaded_one_is_new_enough():
    assert not found(system())
    assert not found(machine("3.4.33", "3.4.30"), needs="3.4.32")
    assert not found(machine(None, "3.4.30"), needs="3.4.32")


def test_quiet_when_nothing_is_compiled():
    assert not found(machine("3.4.28", "3.4.30"), project_=None)
    assert not found(machine("3.4.28", "3.4.30"), project_=project())
    assert not found(machine("3.4.28", "3.4.30"), links=None)


def test_a_compiler_that_links_a_newer_one():
    (finding,) = found(machine("3.4.28", "3.4.30"))
    assert found(machine("3.4.28", "3.4.30"), project_=project(builds=("make",)))
    assert finding.severity is Severity.WARNING
    assert finding.fix.steps == (
        Shim("run/libstdc++.so.6", "link", NEW),
        SetEnv("LD_LIBRARY_PATH", "{overlay}/run", "prepend"),
    )


def test_an_installed_module_that_needs_a_newer_one():
    (finding,) = found(machine("3.4.9", "3.4.30"), needs="3.4.29", project_=None)
    assert finding.severity is None
    assert finding.fix.steps


def test_without_a_newer_copy_one_has_to_be_installed():
    (finding,) = found(machine("3.4.25"), needs="3.4.29")
    assert not finding.fix.steps


def test_a_module_whose_own_run_path_leads_to_an_older_one():
    def told(defines):
        own = Needed("libstdc++.so.6", "/opt/env/lib/libstdc++.so.6", "rpath", defines)
        modules = CompiledModules((module(glibcxx="3.4.30", needed={"libm.so.6": "/lib/libm.so.6"}),))
        modules = CompiledModules((replace(modules.items[0], needed=(own,)),))
        return list(check(machine("3.4.33"), modules, None, None))

    assert not told("3.4.30")
    (finding,) = told("3.4.28")
    assert "/opt/env/lib/libstdc++.so.6, which ends at GLIBCXX_3.4.28" in finding.message
    assert finding.fix.steps == (SetEnv("LD_PRELOAD", OLD, "prepend"),)
    # What everything else takes says nothing of a module with its own.
    own = Needed("libstdc++.so.6", "/opt/env/lib/libstdc++.so.6", "rpath", "3.4.33")
    newer = replace(module(glibcxx="3.4.32"), needed=(own,))
    assert not list(check(machine("3.4.30"), CompiledModules((newer,)), None, None))


def test_where_the_loader_looks_before_the_library_path_the_newer_one_is_preloaded():
    old = RuntimeLibrary(OLD, "3.4.28", None, "LD_PRELOAD", True)
    new = RuntimeLibrary(NEW, "3.4.30", None, "system", False)
    (finding,) = found(system(libstdcxx=(old, new)))
    assert finding.fix.steps == (SetEnv("LD_PRELOAD", NEW, "prepend"),)


def test_a_run_path_that_is_linked_in():
    old = RuntimeLibrary(OLD, "3.4.28", None, "LDFLAGS", False)

    def told(taken, project_=BUILDS):
        return found(system(libstdcxx=(taken, old)), project_=project_)

    taken = RuntimeLibrary(NEW, "3.4.30", None, "system", True)
    (finding,) = told(taken)
    assert finding.severity is Severity.WARNING
    assert finding.fix.steps == (SetEnv("LD_PRELOAD", NEW, "prepend"),)
    assert not told(taken, project_=project())
    assert not told(replace(taken, origin="LD_PRELOAD"))

"""The stub of libcuda for linking, met at run time."""

from envdoctor.facts import Copy, LoadedLibrary, Loader
from envdoctor.finding import SetEnv, Severity
from envdoctor.rules.loading.stub_libcuda_loaded import check
from tests.factory import environment

REAL = Copy("/usr/lib/x86_64-linux-gnu/libcuda.so.1", "ld.so.cache", False, "580.1")
STUBS = "/usr/local/cuda/lib64/stubs"


def stub(via="LD_LIBRARY_PATH"):
    return Copy(f"{STUBS}/libcuda.so", via, True, None)


def found(taken, *others, path=f"/x:{STUBS}/:/y"):
    loader = Loader(tuple(path.split(":")), (LoadedLibrary("libcuda.so.1", taken, others),))
    return list(check(loader, environment(LD_LIBRARY_PATH=path)))


def test_quiet_when_the_stub_only_lies_in_its_toolkit():
    assert not found(REAL, stub("toolkit"))
    assert not found(None, stub("toolkit"))
    assert not list(check(Loader((), ()), environment()))


def test_a_stub_that_is_loaded():
    (finding,) = found(stub())
    assert finding.severity is Severity.ERROR
    assert finding.fix.steps == (SetEnv("LD_LIBRARY_PATH", "/x:/y"),)


def test_a_stub_beside_the_real_one_is_a_warning():
    (finding,) = found(REAL, stub(), path=STUBS)
    assert finding.severity is Severity.WARNING
    assert finding.fix.steps == (SetEnv("LD_LIBRARY_PATH", None),)


def test_a_stub_of_the_loaders_configuration():
    (finding,) = found(stub("ld.so.cache"), path="/x")
    assert not finding.fix.steps
    assert "/etc/ld.so.conf.d" in finding.fix.title

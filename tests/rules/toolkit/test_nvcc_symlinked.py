"""nvcc by a link to the file."""

from envdoctor.facts import NvccPath, Nvccs
from envdoctor.finding import SetEnv, Severity
from envdoctor.rules.toolkit.nvcc_symlinked import check
from tests.factory import cmake, environment, extension, project, setup, toolkit, toolkits

REAL = "/usr/local/cuda/bin/nvcc"
LINK = NvccPath("/home/a/bin/nvcc", "link", REAL, None, True, None)
CUDA = project(builds=("make",), cuda_sources=("k.cu",))


def run(*items, project=CUDA, toolkits=None, **variables):
    return list(check(Nvccs(items), environment(**variables), toolkits, project))


def test_quiet_for_programs_wrappers_and_links_that_find_their_root():
    assert not run()
    assert not run(NvccPath(REAL, "binary", REAL, "/usr/local/cuda", True, None))
    assert not run(NvccPath("/usr/local/bin/nvcc", "wrapper", REAL, "/usr/local/cuda", True, None))
    assert not run(NvccPath("/opt/bin/nvcc", "link", REAL, "/usr/local/cuda", True, None))


def test_quiet_when_it_is_not_the_one_that_is_used():
    first = NvccPath(REAL, "binary", REAL, "/usr/local/cuda", True, None)
    assert not run(first, NvccPath("/home/a/bin/nvcc", "link", REAL, None, False, None))
    assert not run(LINK, project=project(setup=setup(extension())), CUDA_HOME="/usr/local/cuda")
    assert not run(LINK, project=project(cmake=cmake("3.18", "CUDA")), CUDACXX=REAL)
    assert not run(LINK, project=project())


def test_the_real_folder_goes_first():
    (finding,) = run(LINK)
    assert "/home/a/bin/nvcc" in finding.message
    assert finding.fix is not None
    assert finding.fix.steps == (SetEnv("PATH", "/usr/local/cuda/bin", "prepend"),)
    assert finding.severity is None
    (finding,) = run(LINK, CUDA_HOME="/usr/local/cuda")
    assert finding.severity is Severity.WARNING
    (finding,) = run(LINK, toolkits=toolkits(toolkit()))
    assert finding.fix is not None and SetEnv("CUDA_HOME", "/usr/local/cuda") in finding.fix.steps

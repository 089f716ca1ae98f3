"""The toolkit that a build of a project would use."""

from envdoctor.facts import NvccPath, Nvccs
from envdoctor.probes.toolkit import probe
from tests import factory
from tests.fakes import FakeHost

PROFILE = "TOP = $(_HERE_)/..\n"
OLD, NEW = "/opt/cuda-12.4", "/usr/local/cuda-13.0"
FILES = {
    f"{root}/bin/{name}": text
    for root in (OLD, NEW)
    for name, text in (("nvcc", "\x7fELF"), ("nvcc.profile", PROFILE))
}
TOOLKITS = factory.toolkits(factory.toolkit("12.4", OLD), factory.toolkit("13.0", NEW))
TORCH = factory.project(setup=factory.setup(factory.extension()), cuda_sources=("csrc/demo.cu",))
CMAKE = factory.project(
    builds=("cmake",), cmake=factory.cmake("3.18", "CXX", "CUDA"), cuda_sources=("demo.cu",)
)
MAKE = factory.project(builds=("make",), cuda_sources=("demo.cu",))
CPU = factory.torch("2.13.0+cpu", None)


def root(
    project=None, torch=None, path="/usr/bin", files=None, links=None, nvccs=None, toolkits=TOOLKITS, **env
):
    everything = {**FILES, **(files or {})}
    host = FakeHost(
        {}, everything, {"PATH": path, **env}, links, [name for name in everything if "/bin/" in name]
    )
    found = probe(host, toolkits, nvccs, project, torch)
    return found.root if found else None


def test_none_where_nothing_is_found():
    assert root() is None
    assert root(TORCH, factory.torch()) is None
    assert root(toolkits=factory.toolkits()) is None


def test_torch_by_variable_then_path_then_the_usual_place():
    usual = {"/usr/local/cuda": NEW}
    assert root(TORCH, links=usual) == NEW
    assert root(TORCH, path=f"{OLD}/bin:/usr/bin", links=usual) == OLD
    assert root(TORCH, path=f"{OLD}/bin:/usr/bin", CUDA_PATH="/usr/local/cuda", links=usual) == NEW
    assert root(TORCH, path=f"{OLD}/bin", CUDA_HOME=OLD, CUDA_PATH=NEW) == OLD
    assert root(TORCH, CPU, CUDA_HOME=OLD) == OLD


def test_a_wrong_variable_stops_torch_and_nobody_else():
    assert root(TORCH, path=f"{NEW}/bin", CUDA_HOME="/opt/none") is None
    nvccs = Nvccs((NvccPath(f"{NEW}/bin/nvcc", "binary", f"{NEW}/bin/nvcc", NEW, True, None),))
    assert root(path=f"{NEW}/bin", CUDA_HOME="/opt/none", nvccs=nvccs) == NEW
    assert root(CMAKE, path=f"{NEW}/bin", CUDA_HOME="/opt/none") == NEW


def test_cmake_goes_by_cudacxx_and_path_and_never_by_cuda_home():
    assert root(CMAKE, path=f"{NEW}/bin", CUDA_HOME=OLD) == NEW
    assert root(CMAKE, path=f"{NEW}/bin", CUDACXX=f"{OLD}/bin/nvcc") == OLD
    assert root(CMAKE, path=f"{NEW}/bin", CUDACXX="/opt/none/bin/nvcc") is None
    assert root(CMAKE, CUDA_PATH=OLD) == OLD


def test_a_makefile_by_the_variable_that_it_names_or_by_path():
    by_variable = {"/work/demo/Makefile": "CUDA_HOME ?= /usr/local/cuda\nNVCC = $(CUDA_HOME)/bin/nvcc\n"}
    usual = {"/usr/local/cuda": NEW}
    assert root(MAKE, files=by_variable, links=usual) == NEW
    assert root(MAKE, files=by_variable, links=usual, CUDA_HOME=OLD) == OLD
    nvccs = Nvccs((NvccPath(f"{NEW}/bin/nvcc", "binary", f"{NEW}/bin/nvcc", NEW, True, None),))
    assert root(MAKE, files={"/work/demo/Makefile": "all:\n\tnvcc x.cu\n"}, nvccs=nvccs, CUDA_HOME=OLD) == NEW


def test_a_link_to_nvcc_counts_for_the_toolkit_that_it_leads_to():
    links = {"/home/u/bin/nvcc": f"{NEW}/bin/nvcc"}
    nvccs = Nvccs((NvccPath("/home/u/bin/nvcc", "link", f"{NEW}/bin/nvcc", None, True, None),))
    assert root(MAKE, path="/home/u/bin", links=links, nvccs=nvccs) == NEW
    assert root(TORCH, path="/home/u/bin", links=links, nvccs=nvccs) == NEW

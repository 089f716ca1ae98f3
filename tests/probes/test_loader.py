"""Which copy of each CUDA library is taken, and which others there are."""

from envdoctor.facts import Copy, LoadedLibrary
from envdoctor.probes import loader
from tests import factory
from tests.fakes import FakeHost
from tests.probes.elves import cache, elf

SITE = factory.python().purelib
LIB, NVIDIA, CUDA = "/usr/lib/x86_64-linux-gnu", f"{SITE}/nvidia/cu13/lib", "/usr/local/cuda/lib64"
PYTHON = {factory.python().real: elf(interp="/lib64/ld-linux-x86-64.so.2")}


def look(files=None, env=None, torch=None, packages=None, toolkits=None, links=None, python=None, **changes):
    known = {**PYTHON, **(files or {})}
    host = FakeHost({}, known, env or {}, links=links, **changes)
    found = loader.probe(host, python or factory.python(), packages, torch, toolkits)
    assert not host.calls
    return found


def at(*paths):
    return dict.fromkeys(paths, elf())


def test_a_machine_without_cuda():
    found = look({f"{LIB}/libz.so.1": elf(), f"{LIB}/libcurl.so.4": elf(), f"{LIB}/libnuma.so.1": elf()})
    assert found == loader.Loader((), ())


def test_libstdcxx_and_libgomp_of_a_plain_machine():
    files = {f"{LIB}/libstdc++.so.6.0.30": elf(), f"{LIB}/libgomp.so.1": elf()}
    found = look(files, links={f"{LIB}/libstdc++.so.6": "libstdc++.so.6.0.30"})
    stdcxx = Copy(f"{LIB}/libstdc++.so.6", "default", False, "6.0.30")
    gomp = Copy(f"{LIB}/libgomp.so.1", "default", False, None)
    wanted = (LoadedLibrary("libstdc++.so.6", stdcxx, ()), LoadedLibrary("libgomp.so.1", gomp, ()))
    assert found.libraries == wanted


def test_wheels_of_torch_that_a_bare_process_does_not_find():
    torch = factory.torch()
    wheel = factory.package("nvidia-cuda-runtime", "13.0.96", tags=("py3-none-manylinux_2_17_x86_64",))
    files = {
        **at(
            f"{NVIDIA}/libcudart.so.13",
            f"{SITE}/nvidia/cudnn/lib/libcudnn_graph.so.9",
            f"{torch.path}/lib/libc10.so",
        ),
        f"{wheel.location}/RECORD": "nvidia/cu13/lib/libcudart.so.13,sha256=x,704288\n",
    }
    found = look(files, torch=torch, packages=factory.packages(wheel))
    assert found.libraries == (
        LoadedLibrary(
            "libcudart.so.13", None, (Copy(f"{NVIDIA}/libcudart.so.13", "wheel", False, "13.0.96"),)
        ),
        LoadedLibrary(
            "libcudnn_graph.so.9",
            None,
            (Copy(f"{SITE}/nvidia/cudnn/lib/libcudnn_graph.so.9", "wheel", False, None),),
        ),
    )


def test_the_variable_wins_over_the_cache_and_both_over_torchs_own():
    files = {
        **at(
            "/opt/old/libnvJitLink.so.12.1.105",
            f"{CUDA}/libnvJitLink.so.12.4.127",
            f"{NVIDIA}/libnvJitLink.so.12",
        ),
        "/etc/ld.so.cache": cache(("libnvJitLink.so.12", f"{CUDA}/libnvJitLink.so.12")),
    }
    links = {
        "/opt/old/libnvJitLink.so.12": "libnvJitLink.so.12.1.105",
        "/opt/old/libnvJitLink.so": "libnvJitLink.so.12",
        f"{CUDA}/libnvJitLink.so.12": "libnvJitLink.so.12.4.127",
    }
    found = look(files, {"LD_LIBRARY_PATH": "/opt/old:/nowhere"}, factory.torch(), links=links)
    assert found.search_path == ("/opt/old", "/nowhere")
    (entry,) = found.get("nvJitLink")
    assert entry.taken == Copy("/opt/old/libnvJitLink.so.12", "LD_LIBRARY_PATH", False, "12.1.105")
    assert entry.others == (
        Copy(f"{CUDA}/libnvJitLink.so.12", "ld.so.cache", False, "12.4.127"),
        Copy(f"{NVIDIA}/libnvJitLink.so.12", "wheel", False, None),
    )


def test_sonames_of_several_releases_are_several_entries():
    toolkits = factory.toolkits(factory.toolkit("11.8", library_dirs=("/opt/cuda-11.8/lib64",)))
    files = at("/opt/cuda-11.8/lib64/libcudart.so.11.8.89", f"{NVIDIA}/libcudart.so.13")
    links = {"/opt/cuda-11.8/lib64/libcudart.so.11.0": "libcudart.so.11.8.89"}
    found = look(files, toolkits=toolkits, links=links)
    assert [entry.soname for entry in found.get("cudart")] == ["libcudart.so.11.0", "libcudart.so.13"]
    (toolkit,) = found.get("cudart")[0].others
    assert (toolkit.path, toolkit.via) == ("/opt/cuda-11.8/lib64/libcudart.so.11.0", "toolkit")
    assert toolkit.version == "11.8.89"


def test_a_file_without_the_link_of_its_soname_serves_nobody():
    files = {"/a/libcusparse.so.11.4.1": elf(soname="libcusparse.so.11")}
    assert look(files, {"LD_LIBRARY_PATH": "/a"}).libraries == ()


def test_the_toolkits_own_stub():
    toolkits = factory.toolkits(factory.toolkit(library_dirs=(CUDA,)))
    files = {f"{CUDA}/stubs/libcuda.so": elf(soname="libcuda.so.1")}
    (entry,) = look(files, toolkits=toolkits).get("cuda")
    assert entry == LoadedLibrary(
        "libcuda.so.1", None, (Copy(f"{CUDA}/stubs/libcuda.so", "toolkit", True, None),)
    )


def test_stubs_on_the_variable():
    files = {f"{CUDA}/stubs/libcuda.so": elf(soname="libcuda.so.1")}
    (entry,) = look(files, {"LD_LIBRARY_PATH": f"{CUDA}/stubs"}).get("cuda")
    assert entry.taken is None, "nobody asks for libcuda.so without its number"
    assert entry.others == (Copy(f"{CUDA}/stubs/libcuda.so", "LD_LIBRARY_PATH", True, None),)
    (entry,) = look(
        files, {"LD_LIBRARY_PATH": "/a"}, links={"/a/libcuda.so.1": f"{CUDA}/stubs/libcuda.so"}
    ).get("cuda")
    assert entry.taken == Copy("/a/libcuda.so.1", "LD_LIBRARY_PATH", True, None)


def test_a_copied_stub_is_known_by_its_name_and_size():
    cached = {"/etc/ld.so.cache": cache(("libcuda.so.1", f"{LIB}/libcuda.so.1"))}
    (entry,) = look({**cached, f"{LIB}/libcuda.so.1": elf()}).get("cuda")
    assert entry.taken == Copy(f"{LIB}/libcuda.so.1", "ld.so.cache", True, None)
    (entry,) = look({**cached, f"{LIB}/libcuda.so.1": elf() + bytes(2 << 20)}).get("cuda")
    assert entry.taken is not None and not entry.taken.stub
    files = {**cached, f"{LIB}/libcuda.so.580.159.04": elf()}
    (entry,) = look(files, links={f"{LIB}/libcuda.so.1": "libcuda.so.580.159.04"}).get("cuda")
    assert entry.taken == Copy(f"{LIB}/libcuda.so.1", "ld.so.cache", False, "580.159.04")


def test_wsl():
    wsl = "/usr/lib/wsl/lib"
    files = {f"{wsl}/libcuda.so.1": elf(), "/etc/ld.so.cache": cache(("libcuda.so.1", f"{wsl}/libcuda.so.1"))}
    (entry,) = look(files).get("cuda")
    assert entry.taken == Copy(f"{wsl}/libcuda.so.1", "ld.so.cache", False, None)


def test_conda_by_its_pythons_run_path():
    prefix = "/opt/conda"
    python = factory.python(prefix=prefix, base_prefix=prefix, real=f"{prefix}/bin/python3.11", kind="conda")
    files = {
        python.real: elf(interp="/lib64/ld-linux-x86-64.so.2", rpath="$ORIGIN/../lib"),
        f"{prefix}/conda-meta/history": "",
        **at(f"{prefix}/lib/libstdc++.so.6.0.33", f"{LIB}/libstdc++.so.6.0.30"),
    }
    links = {
        f"{prefix}/lib/libstdc++.so.6": "libstdc++.so.6.0.33",
        f"{LIB}/libstdc++.so.6": "libstdc++.so.6.0.30",
    }
    (entry,) = look(files, links=links, python=python).get("stdc++")
    assert entry.taken == Copy(f"{prefix}/lib/libstdc++.so.6", "conda", False, "6.0.33")
    assert entry.others == (Copy(f"{LIB}/libstdc++.so.6", "default", False, "6.0.30"),)


def test_the_development_link_in_the_cache_is_no_soname():
    files = {
        **at(f"{CUDA}/libcudart.so.13"),
        "/etc/ld.so.cache": cache(
            *((name, f"{CUDA}/{name}") for name in ("libcudart.so", "libcudart.so.13"))
        ),
    }
    found = look(files, links={f"{CUDA}/libcudart.so": "libcudart.so.13"})
    assert [entry.soname for entry in found.libraries] == ["libcudart.so.13"]


def test_a_text_file_in_its_place():
    found = look(
        {"/a/libcudart.so.12": "version https://git-lfs.github.com/spec/v1\n"}, {"LD_LIBRARY_PATH": "/a"}
    )
    (entry,) = found.get("cudart")
    assert entry.taken == Copy("/a/libcudart.so.12", "LD_LIBRARY_PATH", False, None), "the loader stops there"


def test_folders_that_cannot_be_read():
    host = FakeHost({}, {**PYTHON, **at("/a/libcudart.so.12")}, {"LD_LIBRARY_PATH": "/a"}, unreadable=["/a"])
    assert loader.probe(host, factory.python(), None, None, None).libraries == ()
    assert host.notes == (("/a", "Permission denied"),)


def test_without_an_interpreter():
    host = FakeHost({}, at(f"{LIB}/libcudart.so.12"))
    (entry,) = loader.probe(host, None, None, None, None).libraries
    assert entry.taken == Copy(f"{LIB}/libcudart.so.12", "default", False, None)

"""What compiled modules need, and what of it the loader and torch give."""

import time

import pytest

from envdoctor.facts import Needed, Unknown
from envdoctor.probes import _installed, modules
from tests import factory
from tests.fakes import FakeHost
from tests.probes.elves import elf
from tests.test_fatbin import SASS, container, file_with, image

SITE = factory.python().purelib
TORCH = f"{SITE}/torch"
LIB = "/usr/lib/x86_64-linux-gnu"
MODULE = "_C.cpython-311-x86_64-linux-gnu.so"
BASE = {
    factory.python().real: elf(interp="/lib64/ld-linux-x86-64.so.2", needed=["libc.so.6"]),
    f"{LIB}/libc.so.6": elf(soname="libc.so.6"),
}
RUN_PATH = "$ORIGIN/../../nvidia/cu13/lib:$ORIGIN"
WITH_TORCH = {
    f"{TORCH}/{MODULE}": elf(needed=["libtorch_python.so"], rpath="$ORIGIN/lib"),
    f"{TORCH}/lib/libtorch_python.so": elf(needed=["libtorch_cpu.so", "libc10.so"], rpath=RUN_PATH),
    f"{TORCH}/lib/libtorch_cpu.so": elf(needed=["libcudart.so.13"], rpath=RUN_PATH, defines=["_ZN2at3addEv"]),
    f"{TORCH}/lib/libc10.so": elf(defines=["_ZN3c105ErrorC1ENS_14SourceLocationESs"]),
    f"{TORCH}/lib/libtorch_global_deps.so": elf(needed=["libcudart.so.13"], rpath=RUN_PATH),
    f"{SITE}/nvidia/cu13/lib/libcudart.so.13": elf(soname="libcudart.so.13"),
    f"{SITE}/nvidia/cu13/lib/libcusolver.so.12": elf(soname="libcusolver.so.12"),
    f"{TORCH}/__init__.py": "",
}


def installed(name, *files, requires=(), tag="cp311-cp311-linux_x86_64", **changes):
    """A package with a record of these files."""
    package = factory.package(name, tags=(tag,), requires=requires, **changes)
    return package, {
        f"{package.location}/RECORD": "".join(
            f"{file},sha256=x,1\n" for file in (f"{name}/__init__.py", *files)
        )
    }


def look(files, *packages, torch=None, env=None, **changes):
    host = FakeHost({}, {**BASE, **files}, env or {}, **changes)
    found = modules.probe(host, factory.python(), factory.packages(*packages), torch)
    assert not host.calls
    look.notes = host.notes
    return found.items


def one(data, torch=None, files=None, requires=(), env=None):
    """The only module of a package `demo`."""
    package, record = installed("demo", f"demo/{MODULE}", requires=requires)
    (found,) = look({**record, **(files or {}), f"{SITE}/demo/{MODULE}": data}, package, torch=torch, env=env)
    return found


def test_no_interpreter():
    assert isinstance(modules.probe(FakeHost(), None, None, None), Unknown)


def test_nothing_compiled():
    pure = factory.package("requests", tags=("py3-none-any",))
    assert look({f"{pure.location}/RECORD": "requests/x.so,,\n", f"{SITE}/requests/x.so": elf()}, pure) == ()


def test_a_plain_module():
    found = one(
        elf(
            needed=["libc.so.6"],
            needs_versions=["GLIBC_2.4", "GLIBC_2.34", "GLIBCXX_3.4.9", "GLIBCXX_3.4.30"],
        )
    )
    assert (found.path, found.package) == (f"{SITE}/demo/{MODULE}", "demo")
    assert (found.glibc, found.glibcxx, found.architectures) == ("2.34", "3.4.30", ())
    assert found.needed == (Needed("libc.so.6", f"{LIB}/libc.so.6", "default"),)


def test_a_library_that_is_not_there():
    assert one(elf(needed=["libcudart.so.11.0"])).needed == (Needed("libcudart.so.11.0", None, None),)


def test_its_own_run_path_and_the_variable():
    beside = {f"{SITE}/demo.libs/libx-1a2b.so.3": elf()}
    found = one(elf(needed=["libx-1a2b.so.3"], rpath="$ORIGIN/../demo.libs"), files=beside)
    assert found.needed == (Needed("libx-1a2b.so.3", f"{SITE}/demo.libs/libx-1a2b.so.3", "rpath"),)
    found = one(elf(needed=["liby.so"]), files={"/opt/y/liby.so": elf()}, env={"LD_LIBRARY_PATH": "/opt/y"})
    assert found.needed == (Needed("liby.so", "/opt/y/liby.so", "LD_LIBRARY_PATH"),)


def test_libraries_that_torch_loaded_first():
    cudart = Needed("libcudart.so.13", f"{SITE}/nvidia/cu13/lib/libcudart.so.13", "torch")
    found = one(elf(needed=["libc10.so", "libcudart.so.13"]), factory.torch(), WITH_TORCH)
    assert found.needed == (Needed("libc10.so", f"{TORCH}/lib/libc10.so", "torch"), cudart)
    found = one(elf(needed=["libcudart.so.13"]), factory.torch(), WITH_TORCH, requires=("torch>=2.0",))
    assert found.needed == (cudart,), "a library for ctypes of a package that requires torch"
    for other in ((), ("torchmetrics",), ("torch; extra == 'gpu'",)):
        found = one(elf(needed=["libcudart.so.13"]), factory.torch(), WITH_TORCH, requires=other)
        assert found.needed == (Needed("libcudart.so.13", None, None),)


def test_libraries_that_torch_opens_in_nvidias_wheels():
    text = 'cuda_libs = [("cusolver", "libcusolver.so.*[0-9]")]\n_preload_cuda_deps()\n'
    wanted = Needed("libcusolver.so.12", f"{SITE}/nvidia/cu13/lib/libcusolver.so.12", "torch")
    module = elf(needed=["libc10.so", "libcusolver.so.12"])
    found = one(module, factory.torch(), {**WITH_TORCH, f"{TORCH}/__init__.py": text})
    assert wanted in found.needed
    old = {**WITH_TORCH, f"{TORCH}/__init__.py": text.replace("()", "(err)")}
    assert wanted not in one(module, factory.torch(), old).needed
    old[f"{TORCH}/lib/libtorch_global_deps.so"] = elf(needed=["libcusolver.so.12"])
    assert wanted in one(module, factory.torch(), old).needed, (
        "where the first load fails they are opened too"
    )


def test_libraries_of_nvidias_wheels_that_the_package_requires():
    wheel, record = installed(
        "nvidia-cuda-nvrtc-cu12", "nvidia/cuda_nvrtc/lib/libnvrtc.so.12", tag="py3-none-manylinux1_x86_64"
    )
    package, own = installed("demo", f"demo/{MODULE}", requires=("nvidia_cuda_nvrtc_cu12>=12",))
    path = f"{SITE}/nvidia/cuda_nvrtc/lib/libnvrtc.so.12"
    files = {**record, **own, path: elf(), f"{SITE}/demo/{MODULE}": elf(needed=["libnvrtc.so.12"])}
    (found,) = look(files, package, wheel)
    assert found.needed == (Needed("libnvrtc.so.12", path, "installed wheel"),)
    assert one(elf(needed=["libnvrtc.so.12"]), files={path: elf()}).needed == (
        Needed("libnvrtc.so.12", None, None),
    )


def test_symbols_that_this_torch_has_not():
    known, gone = "_ZN2at3addEv", "_ZNK3c1010TensorImpl4sizeEl"
    new_abi = "_ZN3c105ErrorC1ENS_14SourceLocationENSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"
    others = ["_ZN4demo3addEv", "_ZNSt6vectorIN2at6TensorEE9push_backEv", "malloc", "_ZTV7at_home"]
    data = elf(needed=["libc10.so"], undefined=[known, gone, new_abi, *others])
    assert one(data, factory.torch(), WITH_TORCH).missing_torch_symbols == tuple(sorted([gone, new_abi]))
    fitting = elf(needed=["libc10.so"], undefined=[known, *others])
    assert one(fitting, factory.torch(), WITH_TORCH).missing_torch_symbols == ()
    assert one(data).missing_torch_symbols == (), "without torch there is nothing to compare with"


@pytest.mark.parametrize(
    "symbol",
    [
        "_ZTVN3c1010TensorImplE",
        "_ZTIN5torch8autograd4NodeE",
        "_Z16THPVariable_WrapN2at10TensorBaseE",
        "aoti_torch_dtype_new",
    ],
)
def test_other_symbols_of_torch(symbol):
    data = elf(needed=["libc10.so"], undefined=[symbol])
    assert one(data, factory.torch(), WITH_TORCH).missing_torch_symbols == (symbol,)


def test_at_most_ten_symbols_are_named_and_strings_first():
    symbols = [f"_ZN2at3op{number}Ev" for number in range(40)]
    data = elf(needed=["libc10.so"], undefined=[*symbols, "_ZN5torch4loadERKSs"])
    found = one(data, factory.torch(), WITH_TORCH).missing_torch_symbols
    assert len(found) == 10 and found[0] == "_ZN5torch4loadERKSs"


def test_symbols_that_a_library_of_the_same_package_defines():
    """torchaudio's module needs torch::audio functions of its own library."""
    package, record = installed("demo", f"demo/{MODULE}", "demo/lib/libdemo.so")
    name = "_ZN5torch5audio4loadEv"
    files = {
        f"{SITE}/demo/{MODULE}": elf(needed=["libc10.so", "libdemo.so"], undefined=[name]),
        f"{SITE}/demo/lib/libdemo.so": elf(needed=["libc10.so"], defines=[name]),
    }
    found = look({**WITH_TORCH, **record, **files}, package, torch=factory.torch())
    assert [module.missing_torch_symbols for module in found] == [(), ()]


def test_a_torch_whose_libraries_are_not_there_proves_nothing():
    data = elf(needed=["libc10.so"], undefined=["_ZN2at3addEv"])
    found = one(data, factory.torch(), {f"{TORCH}/__init__.py": "", f"{TORCH}/version.py": ""})
    assert found.missing_torch_symbols == ()
    assert found.needed == (Needed("libc10.so", None, None),)
    damaged = {**WITH_TORCH, f"{TORCH}/lib/libtorch_cpu.so": WITH_TORCH[f"{TORCH}/lib/libtorch_cpu.so"][:500]}
    assert one(data, factory.torch(), damaged).missing_torch_symbols == ()


def test_embedded_device_code():
    assert one(file_with({".nv_fatbin": container(image(SASS, 80))})).architectures == ("sm_80",)
    assert one(file_with({".nv_fatbin": b"x" * 64})).architectures == ()
    assert len(look.notes) == 1


def test_what_is_left_out():
    """torch's and NVIDIA's own files, modules of other interpreters and machines, damaged and missing files."""
    others = [
        installed(name, f"{name}/lib/libx.so")
        for name in ("torch", "nvidia-cublas", "triton", "pytorch-triton-rocm")
    ]
    package, record = installed(
        "demo",
        "demo/_C.cpython-39-x86_64-linux-gnu.so",
        "demo/arm.abi3.so",
        "demo/torn.so",
        "demo/text.so",
        "demo/gone.so",
    )
    files = {
        **{
            f"{SITE}/{name}/lib/libx.so": elf()
            for name in ("torch", "nvidia-cublas", "triton", "pytorch-triton-rocm")
        },
        f"{SITE}/demo/_C.cpython-39-x86_64-linux-gnu.so": elf(),
        f"{SITE}/demo/arm.abi3.so": elf(machine=183),
        f"{SITE}/demo/torn.so": elf(needed=["libc.so.6"])[:150],
        f"{SITE}/demo/text.so": "INPUT(libx.so.1)\n",
    }
    for _, more in others:
        files.update(more)
    assert look({**files, **record}, package, *(other for other, _ in others)) == ()
    assert {source for source, _ in look.notes} == {f"{SITE}/demo/torn.so", f"{SITE}/demo/text.so"}


def test_files_without_a_package():
    (found,) = look({f"{SITE}/exllama_kernels.cpython-311-x86_64-linux-gnu.so": elf(), f"{SITE}/x.py": ""})
    assert (found.path, found.package) == (f"{SITE}/exllama_kernels.cpython-311-x86_64-linux-gnu.so", None)


def test_packages_without_a_record():
    egg = factory.package("demo", location=f"{SITE}/demo-1.0-py3.11-linux-x86_64.egg", kind="egg", tags=())
    debian = factory.package("yaml", location=f"{SITE}/PyYAML-6.0.egg-info", kind="egg-info", tags=())
    source = factory.package("mine", location="/src/mine/mine.egg-info", kind="egg-link", tags=())
    files = {
        f"{egg.location}/demo/deep/_C.so": elf(),
        f"{debian.location}/top_level.txt": "_yaml\nyaml\n",
        f"{SITE}/yaml/_yaml.so": elf(),
        "/src/mine/mine/_C.abi3.so": elf(),
        "/src/mine/build/lib/mine/_C.abi3.so": elf(),
        "/src/mine/.git/x.so": elf(),
    }
    found = look(files, egg, debian, source)
    assert [(module.path, module.package) for module in found] == [
        (f"{egg.location}/demo/deep/_C.so", "demo"),
        (f"{SITE}/yaml/_yaml.so", "yaml"),
        ("/src/mine/mine/_C.abi3.so", "mine"),
    ]


def test_a_loop_of_links_and_a_deep_tree_end():
    host = FakeHost({}, {"/a/" + "x/" * 40 + "lib.so": elf()}, links={"/a/again": "/a"})
    assert list(_installed.below(host, "/a")) == []


def test_three_thousand_files_are_enough(monkeypatch):
    monkeypatch.setattr(modules, "_MOST_FILES", 3)
    package, record = installed("demo", *(f"demo/_{number}.abi3.so" for number in range(5)))
    files = {f"{SITE}/demo/_{number}.abi3.so": elf() for number in range(5)}
    assert len(look({**record, **files}, package)) == 3
    assert look.notes == (("modules", "only the first 3 compiled files were examined"),)


def test_three_hundred_modules_take_little_time():
    package, record = installed("demo", *(f"demo/_{number}.abi3.so" for number in range(300)))
    data = elf(needed=["libc.so.6", "libm.so.6"], runpath="$ORIGIN/../demo.libs")
    files = {f"{SITE}/demo/_{number}.abi3.so": data for number in range(300)}
    started = time.perf_counter()
    assert len(look({**record, **files}, package)) == 300
    assert time.perf_counter() - started < 2

"""The compiled library: where it is looked for, what is said when it is not there, what its functions answer."""

import array
import ctypes
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import envdoctor
from envdoctor import elf, fatbin, library

built = pytest.mark.skipif(
    library.find() is None,
    reason="unbuilt checkout: install the project to test its library",
)


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """The package as if it lay in an empty folder, with nothing loaded yet."""
    package = tmp_path / "envdoctor"
    package.mkdir()
    monkeypatch.setattr(envdoctor, "__path__", [str(package)])
    monkeypatch.setattr(library, "_loaded", None)
    return package


def test_an_unbuilt_checkout_says_how_to_build(elsewhere):
    (elsewhere.parent / "CMakeLists.txt").touch()
    assert library.describe() == (
        "no compiled library: this is an unbuilt checkout; `python -m pip install .` builds it"
    )


def test_an_install_without_the_library_names_the_place(elsewhere):
    assert str(elsewhere) in library.describe()
    with pytest.raises(library.LibraryMissing, match="install envdoctor again"):
        library.load()


def test_the_one_file_doctor_says_that_it_has_none(elsewhere, monkeypatch):
    archive = elsewhere.parent / "envdoctor.pyz"
    zipfile.ZipFile(archive, "w").close()
    monkeypatch.setattr(envdoctor, "__path__", [str(archive / "envdoctor")])
    assert "envdoctor.pyz holds Python alone" in library.describe()


def test_a_library_that_does_not_load_is_a_reason_not_a_crash(elsewhere):
    broken = elsewhere / "lib" / library.NAME
    broken.parent.mkdir()
    broken.write_bytes(b"\x7fELF, and then nothing")
    said = library.describe()
    assert said.startswith(str(broken))
    assert "does not load" in said


def test_every_folder_of_the_package_is_searched(elsewhere, monkeypatch, tmp_path):
    second = tmp_path / "site-packages" / "envdoctor"
    (second / "lib").mkdir(parents=True)
    (second / "lib" / library.NAME).touch()
    monkeypatch.setattr(envdoctor, "__path__", [str(elsewhere), str(second)])
    assert library.find() == second / "lib" / library.NAME


@built
def test_describe_names_version_and_file():
    said = library.describe()
    assert said.startswith(f"kernels {envdoctor.__version__} ({library.find()})")
    assert ("device code for sm_" in said) or ("no device code, built with" in said)


@built
def test_it_was_built_as_this_version():
    assert library.version() == envdoctor.__version__


@built
def test_the_cpu_level_is_what_the_kernel_says_of_the_processor():
    flags = _cpu_flags()
    vnni = {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni", "avx2", "fma"}
    expected = "avx512vnni" if vnni <= flags else "avx2" if {"avx2", "fma"} <= flags else "portable"
    expected = "amx" if vnni | {"amx_tile", "amx_int8"} <= flags else expected
    assert library.cpu_level() == expected


def _cpu_flags():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            return set(line.partition(":")[2].split())
    return set()


@built
@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 31, 32, 33, 64, 1000, 131071])
def test_every_cpu_level_answers_as_plain_arithmetic(n):
    lib = library.load()
    a, b = _values(n, seed=n), _values(n, seed=n + 1)
    expected = sum(x * y for x, y in zip(a, b))
    for level in range(lib.envdoctor_cpu_level() + 1):
        assert _dot(level, a, b) == (library.OK, expected), lib.envdoctor_cpu_level_name(level)


@built
def test_the_extreme_values_do_not_saturate():
    a = array.array("b", [-128] * 131071)
    for level in range(library.load().envdoctor_cpu_level() + 1):
        assert _dot(level, a, a) == (library.OK, 131071 * 128 * 128)


@built
def test_a_failure_has_a_status_and_a_reason():
    lib = library.load()
    status = lib.envdoctor_selftest_dot(0, None, None, -3, ctypes.byref(ctypes.c_int32()))
    assert lib.envdoctor_status_name(status) == b"invalid argument"
    assert library.last_reason() == "n must not be negative, got -3"
    assert lib.envdoctor_selftest_dot(0, None, None, 1, None) == library.INVALID_ARGUMENT
    assert lib.envdoctor_selftest_dot(99, None, None, 0, ctypes.byref(ctypes.c_int32())) == (
        library.INVALID_ARGUMENT
    )
    assert library.last_reason() == "there is no CPU level 99"
    assert lib.envdoctor_status_name(77) == b"unknown status"


@built
def test_a_reason_is_cut_to_the_buffer():
    lib = library.load()
    lib.envdoctor_selftest_dot(99, None, None, 0, ctypes.byref(ctypes.c_int32()))
    buffer = ctypes.create_string_buffer(b"x" * 6, 6)
    assert lib.envdoctor_last_reason(buffer, 6) == len("there is no CPU level 99")
    assert buffer.value == b"there"


@built
def test_device_images_are_fatbins_or_there_is_a_note():
    images = library.device_images()
    if not images:
        assert library.device_note().startswith("built with")
        return
    assert library.device_note() == ""
    assert {"gemm_w8a8_cuda_mma", "selftest_cuda"} <= {image.name for image in images}
    for image in images:
        assert image.address % 64 == 0
        assert ctypes.string_at(image.address, 4) == b"\x50\xed\x55\xba"  # how every fatbin begins
        assert image.architectures.startswith("sm_")


@built
def test_the_file_tells_its_architectures_unloaded():
    """As every file of nvcc's: to cuobjdump, to `wheel check`, to what examines a bundle for a GPU."""
    named = {arch for image in library.device_images() for arch in image.architectures.split(",")}
    with library.find().open("rb") as file:

        def read(offset, size):
            file.seek(offset)
            return file.read(size)

        assert set(fatbin.architectures(read, elf.parse(read))) == named


@built
def test_the_device_code_runs_on_the_gpu():
    driver = _driver()
    images = library.device_images()
    if not images:
        pytest.skip(library.device_note())
    a, b = _values(4096, seed=5), _values(4096, seed=6)
    image = next(image for image in images if image.name == "selftest_cuda")
    assert driver.selftest(image.address, a, b) == sum(x * y for x, y in zip(a, b))


def _driver():
    try:
        return Driver(ctypes.CDLL("libcuda.so.1"))
    except OSError as error:
        pytest.skip(f"no GPU here: {error}")


class Driver:
    """As much of the driver's interface as one launch needs."""

    def __init__(self, cuda):
        self.cuda = cuda
        status = cuda.cuInit(0)
        if status:
            pytest.skip(f"no GPU here: cuInit gave {status}")

    def call(self, name, *arguments):
        assert getattr(self.cuda, name)(*arguments) == 0, name

    def selftest(self, image, a, b):
        device, context, module, function = ctypes.c_int(), *(ctypes.c_void_p() for _ in range(3))
        by = ctypes.byref
        self.call("cuDeviceGet", by(device), 0)
        self.call("cuDevicePrimaryCtxRetain", by(context), device)
        self.call("cuCtxSetCurrent", context)
        self.call("cuModuleLoadData", by(module), ctypes.c_void_p(image))
        self.call("cuModuleGetFunction", by(function), module, b"envdoctor_selftest_dot")
        zero = array.array("b", [0] * 4)
        pa, pb, out = (self.upload(values) for values in (a, b, zero))
        groups = ctypes.c_int(len(a) // 4)
        pointers = (ctypes.c_void_p * 4)(*(ctypes.addressof(value) for value in (pa, pb, groups, out)))
        self.call("cuLaunchKernel", function, 1, 1, 1, 256, 1, 1, 0, None, pointers, None)
        result = ctypes.c_int32()
        self.call("cuMemcpyDtoH_v2", by(result), out, ctypes.c_size_t(4))
        return result.value

    def upload(self, values):
        pointer, size = ctypes.c_uint64(), ctypes.c_size_t(len(values))
        self.call("cuMemAlloc_v2", ctypes.byref(pointer), size)
        self.call("cuMemcpyHtoD_v2", pointer, ctypes.c_void_p(values.buffer_info()[0]), size)
        return pointer


def _values(n, seed):
    source = random.Random(seed)
    return array.array("b", [source.randint(-128, 127) for _ in range(n)])


def _dot(level, a, b):
    out = ctypes.c_int32(-1)
    addresses = [ctypes.c_void_p(values.buffer_info()[0]) for values in (a, b)]
    status = library.load().envdoctor_selftest_dot(level, *addresses, len(a), ctypes.byref(out))
    return status, out.value


def test_importing_the_package_does_not_load_the_library():
    code = "import envdoctor.cli, sys; sys.exit('envdoctor.library' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

"""Names of wheels, and where their members belong."""

import pytest
from packaging.tags import Tag

from envdoctor.toolkit_root.assemble import dev_links, vendor_name
from envdoctor.toolkit_root.wheels import best, checksums, fits, place

X86 = frozenset({Tag("py3", "none", "manylinux_2_17_x86_64"), Tag("py3", "none", "any")})
NVVM = "nvidia_nvvm-{}-py3-none-manylinux2010_x86_64.manylinux_2_17_x86_64.whl"


def test_the_newest_of_the_pinned_release():
    names = [NVVM.format(version) for version in ("13.0.88", "13.5.37", "13.0.88.9", "13.0.88.10")]
    assert best(names, "nvidia-nvvm", "==13.0.88.*", X86) == NVVM.format("13.0.88.10")


@pytest.mark.parametrize(
    "name",
    [
        "nvidia_nvvm-13.0.88-py3-none-manylinux_2_17_aarch64.whl",
        "nvidia_nvvm-13.0.88-py3-none-win_amd64.whl",
        "nvidia_nvvm-13.5.37-py3-none-manylinux_2_17_x86_64.whl",
        "nvidia_nvvm_x-13.0.88-py3-none-any.whl",
        "nvidia_nvvm-13.0.88.tar.gz",
        "nvidia_nvvm-what-py3-none-any.whl",
        "SHA256SUMS",
    ],
)
def test_other_files_do_not_fit(name):
    assert not fits(name, "nvidia-nvvm", "==13.0.88.*", X86)


@pytest.mark.parametrize(
    ("member", "target"),
    [
        ("nvidia/cu13/bin/nvcc", "bin/nvcc"),
        ("nvidia/cu14/nvvm/bin/cicc", "nvvm/bin/cicc"),
        ("nvidia/cu13/lib/cmake/cccl/cccl-config.cmake", "lib/cmake/cccl/cccl-config.cmake"),
        ("nvidia/cu13/cuda_cccl/lib/cmake/cccl/cccl-config.cmake", "lib/cmake/cccl/cccl-config.cmake"),
        ("nvidia/cu13/cccl/lib/cmake/cub/cub-config.cmake", "lib/cmake/cub/cub-config.cmake"),
        (
            "nvidia_nvvm-13.0.88.dist-info/licenses/License.txt",
            "share/licenses/nvidia_nvvm-13.0.88/License.txt",
        ),
        ("nvidia/__init__.py", None),
        ("nvidia/cu13/.metadata/provenance.txt", None),
        ("nvidia_nvvm-13.0.88.dist-info/RECORD", None),
        ("nvidia/cu13/../../../etc/passwd", None),
        ("nvidia/cu13//etc/passwd", None),
        ("/etc/passwd", None),
    ],
)
def test_places(member, target):
    assert place(member) == target


def test_links_for_the_linker():
    names = ["libcudart.so.13", "libnvperf_host.so", "libnvrtc-builtins.so.13.0", "libculibos.a", "cmake"]
    assert dev_links(names) == (
        ("libcudart.so", "libcudart.so.13"),
        ("libnvrtc-builtins.so", "libnvrtc-builtins.so.13.0"),
    )


def test_a_link_that_is_there_stays_and_the_newest_library_is_taken():
    assert dev_links(["libx.so", "libx.so.1"]) == ()
    assert dev_links(["liby.so.9", "liby.so.10"]) == (("liby.so", "liby.so.10"),)


def test_names_of_version_json():
    names = [
        vendor_name(f"nvidia-{name}") for name in ("cuda-runtime", "cuda-nvcc", "nvvm", "cublas", "cuda-crt")
    ]
    assert names == ["cuda_cudart", "cuda_nvcc", "libnvvm", "libcublas", "cuda_crt"]


def test_a_checksum_that_was_cut_off_is_none():
    whole = "a" * 64
    assert checksums(f"{whole}  x.whl\n{whole[:-1]}b *x.whl\n{whole}  y.w") == {
        "x.whl": whole[:-1] + "b",
        "y.w": whole,
    }
    assert checksums("abc  x.whl\n\n") == {}

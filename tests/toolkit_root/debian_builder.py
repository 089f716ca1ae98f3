"""A small archive of Debian's: packages with what an older toolkit needs, of several xz blocks, and an index."""

import hashlib
import io
import lzma
import struct
import tarfile
import zlib

from envdoctor.toolkit_root.pool import Deb, Part
from tests.toolkit_root import builder

NVCC = builder.NVCC.replace("13.0", "12.4").replace("V12.4.88", "V12.4.131")
POOL = "pool/non-free/n/nvidia-cuda-toolkit"
MATH = """#if defined(__cplusplus) && defined(__CUDACC__)
extern __DEVICE_FUNCTIONS_DECL__ double sinpi(double x);
__func__(double sinpi(double a));
"""
COMPONENTS = {
    "nvidia-cuda-nvcc-cu12": (
        "12.4.131",
        {
            "cuda_nvcc/bin/ptxas": "of the wheel",
            "cuda_nvcc/include/crt/host_config.h": "#if __GNUC__ > 13\n",
            "cuda_nvcc/include/crt/math_functions.h": MATH,
            "cuda_nvcc/include/crt/math_functions.hpp": "__func__(double sinpi(double a))\n{\n  return a;\n}\n",
            "cuda_nvcc/nvvm/lib64/libnvvm.so": "ELF",
            "cuda_nvcc/include/__init__.py": "",
        },
    ),
    "nvidia-cuda-runtime-cu12": (
        "12.4.127",
        {"cuda_runtime/lib/libcudart.so.12": "ELF", "cuda_runtime/include/cuda.h": builder.CUDA_H},
    ),
}
TOOLKIT = {
    "usr/bin/nvcc": (0o755, "#!/bin/sh\nexec /usr/lib/nvidia-cuda-toolkit/bin/nvcc\n"),
    "usr/bin/ptxas": (0o755, "of the package"),
    "usr/bin/cudafe++": (0o755, "#!/bin/sh\n"),
    "usr/lib/nvidia-cuda-toolkit/bin/nvcc": (0o755, NVCC),
    "usr/lib/nvidia-cuda-toolkit/bin/nvcc.profile": "/etc/nvcc.profile",
    "usr/lib/nvidia-cuda-toolkit/bin/cicc": (0o755, "#!/bin/sh\n"),
    "usr/share/doc/nvidia-cuda-toolkit/copyright": (0o644, "NVIDIA\n"),
}
GCC = {
    "usr/bin/x86_64-linux-gnu-g++-11": (0o755, "#!/bin/sh\n"),
    "usr/bin/g++-11": "x86_64-linux-gnu-g++-11",
    "usr/lib/gcc/x86_64-linux-gnu/11/libstdc++.so": "../../../x86_64-linux-gnu/libstdc++.so.6",
    "usr/bin/x86_64-linux-gnu-lto-dump-11": (0o755, "large"),
}


def deb(path, files):
    """A package: text for a link, (mode, text) for a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = xz(tar(files))
    control = xz(tar({"control": (0o644, "Package: x\n")}))
    with path.open("wb") as stream:
        stream.write(b"!<arch>\n")
        members = ((b"debian-binary", b"2.0\n"), (b"control.tar.xz", control), (b"data.tar.xz", data))
        for name, content in members:
            stream.write(b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name, 0, 0, 0, b"100644", len(content)))
            stream.write(content + b"\n" * (len(content) % 2))
    return path


def tar(files):
    """A tar file as dpkg writes it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, what in files.items():
            member = tarfile.TarInfo(f"./{name}")
            if isinstance(what, str):
                member.type, member.linkname = tarfile.SYMTYPE, what
                archive.addfile(member)
            else:
                content = what[1].encode()
                member.mode, member.size = what[0], len(content)
                archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def xz(data, size=4096):
    """Blocks of that size each, as several threads write them: the library itself writes one."""
    blocks, numbers = b"", b""
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    for piece in pieces:
        alone = lzma.compress(piece)
        length = (struct.unpack("<I", alone[-8:-4])[0] + 1) * 4
        index = alone[-12 - length : -12]
        blocks += alone[12 : -12 - length]
        numbers += index[2:-4].rstrip(b"\0")  # sizes that end in 0 are not used here
    index = b"\0" + bytes([len(pieces)]) + numbers
    index += bytes(-len(index) % 4)
    footer = struct.pack("<I", len(index) // 4) + alone[6:8]
    return alone[:12] + blocks + index + _sum(index) + _sum(footer) + footer + b"YZ"


def _sum(data):
    return struct.pack("<I", zlib.crc32(data))


def wheelhouse(folder):
    """What a folder of wheels has of CUDA 12.4."""
    folder.mkdir()
    lines = ["Metadata-Version: 2.4", "Name: cuda-toolkit", "Version: 12.4.1"]
    for extra, project in (("nvcc", "nvidia-cuda-nvcc-cu12"), ("cudart", "nvidia-cuda-runtime-cu12")):
        version, files = COMPONENTS[project]
        lines += [
            f"Provides-Extra: {extra}",
            f"Requires-Dist: {project}=={version}.*; sys_platform == 'linux' and extra == '{extra}'",
        ]
        builder.wheel(folder, project, version, {f"//nvidia/{name}": text for name, text in files.items()})
    metadata = {"//cuda_toolkit-12.4.1.dist-info/METADATA": "\n".join(lines) + "\n"}
    builder.wheel(folder, "cuda-toolkit", "12.4.1", metadata)
    return folder


def archive(folder, monkeypatch):
    """The archive, made known in place of Debian's."""
    machine = builder.host(folder.parent).machine().architecture
    files = {"usr/share/before": (0o644, "x" * 9000), "usr/lib/libcudart_static.a": (0o644, "static" * 900)}
    known = {
        "nvidia-cuda-toolkit_12.4.131~12.4.1-2": TOOLKIT,
        "nvidia-cuda-dev_12.4.127~12.4.1-2": files,
    }
    found = {}
    for name, content in known.items():
        path = deb(folder / POOL / f"{name}_amd64.deb", content)
        found[name.split("_")[0]] = Deb("trixie", "non-free", f"{POOL}/{path.name}", _sha256(path))
    gcc = deb(folder / "pool/main/g++-11_11.3.0-12_amd64.deb", GCC)
    static = hashlib.sha256(files["usr/lib/libcudart_static.a"][1].encode()).hexdigest()
    part = Part(found["nvidia-cuda-dev"], "usr/lib/libcudart_static.a", static)
    tables = "envdoctor.toolkit_root.debian"
    monkeypatch.setattr(f"{tables}.COMPILERS", {("12.4", machine): found["nvidia-cuda-toolkit"]})
    monkeypatch.setattr(f"{tables}.PARTS", {("12.4", machine): (part,)})
    host_compiler = Deb("bookworm", "main", f"pool/main/{gcc.name}", _sha256(gcc))
    monkeypatch.setattr(f"{tables}.HOST_COMPILERS", {machine: (host_compiler,)})
    return folder


def moves_on(folder):
    """A new Debian release of the compiler's package in place of the old one."""
    old = next((folder / POOL).glob("nvidia-cuda-toolkit_*"))
    new = old.rename(old.with_name("nvidia-cuda-toolkit_12.4.131~12.4.1-2+deb13u1_amd64.deb"))
    with new.open("ab") as stream:
        stream.write(b"\n")
    index = folder / "dists/trixie/non-free/binary-amd64/Packages.xz"
    index.parent.mkdir(parents=True)
    lines = (
        "Package: other\nVersion: 1\n\nPackage: nvidia-cuda-toolkit\nVersion: 12.4.131~12.4.1-2+deb13u1\n"
        f"Filename: {POOL}/{new.name}\nDescription: x\n more: y\nSHA256: {_sha256(new)}\n"
    )
    index.write_bytes(lzma.compress(lines.encode()))
    return new


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()

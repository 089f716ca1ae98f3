"""Tiny wheels with what a toolkit needs, a pip that fetches them from a folder, and a compiler that answers as nvcc."""

import base64
import hashlib
import os
import sys
import zipfile

from envdoctor.host import LocalHost

NVCC = """#!/bin/sh
case "$1" in
  --version) echo "Cuda compilation tools, release 13.0, V13.0.88" ;;
  --list-gpu-arch) printf 'compute_75\\ncompute_80\\n' ;;
  *) echo "$@" >> "$(dirname "$0")/asked" ;;
esac
"""
CUDA_H = "CUresult CUDAAPI cuInit(unsigned int Flags);\n"
COMPONENTS = {
    "nvidia-cuda-nvcc": ("13.0.88", {"bin/nvcc": NVCC, "bin/nvcc.profile": "TOP = $(_HERE_)/..\n"}),
    "nvidia-nvvm": ("13.0.88", {"nvvm/bin/cicc": "#!/bin/sh\n", "lib/libnvvm.so.4": "ELF"}),
    "nvidia-cuda-crt": ("13.0.88", {"include/crt/host_config.h": "// gcc\n"}),
    "nvidia-cuda-runtime": ("13.0.96", {"lib/libcudart.so.13": "ELF", "include/cuda.h": CUDA_H}),
    "nvidia-cuda-cccl": ("13.0.85", {"include/cccl/nv/target": "// nv\n"}),
    "nvidia-cublas": ("13.1.0.3", {"lib/libcublas.so.13": "ELF", "include/cublas_v2.h": "// blas\n"}),
}
_EXTRAS = {
    "nvcc": "nvidia-cuda-nvcc",
    "nvvm": "nvidia-nvvm",
    "crt": "nvidia-cuda-crt",
    "cudart": "nvidia-cuda-runtime",
    "cccl": "nvidia-cuda-cccl",
    "cublas": "nvidia-cublas",
}
# What the interpreter that has pip is asked: `-m pip --version`, and `-m pip download ... -d FOLDER REQUIREMENT`.
_PIP = """#!{python}
import os, shutil, sys, time
if "--version" in sys.argv:
    print({version!r}); sys.exit()
project, _, pin = sys.argv[-1].partition("==")
with open({log!r}, "a") as log:
    log.write(project + "\\n")
if os.path.exists({hang!r}) and open({hang!r}).read().strip() == project:
    open(os.path.join(os.environ["TMPDIR"], "half"), "w").write("x" * 1000)
    open({hang!r} + ".reached", "w").close()
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.1)
    sys.exit(1)
found = [name for name in sorted(os.listdir({index!r})) if name.startswith(project.replace("-", "_") + "-")]
if not found:
    print("ERROR: Could not find a version that satisfies the requirement " + sys.argv[-1] + " (from versions: none)")
    sys.exit(1)
print("  Downloading " + found[-1] + " (1.0 kB)")
shutil.copy(os.path.join({index!r}, found[-1]), sys.argv[sys.argv.index("-d") + 1])
"""


def wheel(folder, project, version, files, tag="py3-none-any"):
    """A wheel with these members below nvidia/cu13 (or as named, with "//" in front), as NVIDIA's mark them."""
    stem = f"{project.replace('-', '_')}-{version}"
    members = {
        name[2:] if name.startswith("//") else f"nvidia/cu13/{name}": text.encode()
        for name, text in files.items()
    }
    members.setdefault(
        f"{stem}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n".encode()
    )
    members[f"{stem}.dist-info/WHEEL"] = f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n".encode()
    members[f"{stem}.dist-info/licenses/License.txt"] = b"NVIDIA\n"
    record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in members.items())
    members[f"{stem}.dist-info/RECORD"] = record.encode()
    path = os.path.join(str(folder), f"{stem}-{tag}.whl")
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100744 if "/bin/" in name and "." not in name else 0o100644) << 16
            archive.writestr(entry, data)
    return path


def meta(folder, version="13.0.2"):
    """The meta package that pins the components."""
    lines = ["Metadata-Version: 2.4", "Name: cuda-toolkit", f"Version: {version}"]
    for extra, project in _EXTRAS.items():
        pin = f"{project}=={COMPONENTS[project][0]}.*"
        lines += [
            f"Provides-Extra: {extra}",
            f"Requires-Dist: {pin}; sys_platform == 'linux' and extra == '{extra}'",
        ]
    text = "\n".join(lines) + "\n"
    return wheel(folder, "cuda-toolkit", version, {f"//cuda_toolkit-{version}.dist-info/METADATA": text})


def wheelhouse(folder):
    """A folder with everything."""
    folder.mkdir()
    meta(folder)
    for project, (version, files) in COMPONENTS.items():
        wheel(folder, project, version, files)
    return folder


def host(tmp_path, index=None, pip="pip 23.2.1 from /x (python 3.11)"):
    """This machine, with that folder for an index; without one there is no Python that has pip."""
    tools = tmp_path / "tools"
    tools.mkdir(exist_ok=True)
    for name in ("sh", "dirname", "g++"):
        if not (tools / name).exists():
            (tools / name).symlink_to("/bin/true" if name == "g++" else f"/bin/{name}")
    if not os.path.exists("/bin/dirname"):
        (tools / "dirname").unlink()
        (tools / "dirname").symlink_to("/usr/bin/dirname")
    found = LocalHost(env={"PATH": str(tools)}, cwd=str(tmp_path), limit=300)
    found.own_python = None
    if index is not None:
        python = tmp_path / "python-with-pip"
        names = {"log": tmp_path / "log", "hang": tmp_path / "hang", "index": index}
        python.write_text(
            _PIP.format(python=sys.executable, **{key: str(path) for key, path in names.items()}, version=pip)
        )
        python.chmod(0o755)
        found.own_python = str(python)
    return found


def _digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()

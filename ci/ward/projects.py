"""Public projects, unmodified: a checkout that somebody else made is a patient, too."""

import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ward.box import Box
from ward.patient import Patient


class Known(NamedTuple):
    """How its README builds it, and what shows that it was built."""

    build: str
    imports: str
    #: What of its source does not fit today's torch, where that is so.
    tells: str = ""


#: By the name of the checkout's folder.
KNOWN = {
    "AutoGPTQ": Known(
        "pip install -vvv --no-build-isolation -e .", "autogptq_cuda_64, exllama_kernels, exllamav2_kernels"
    ),
    "bitsandbytes": Known("cmake -DCOMPUTE_BACKEND=cuda -S . && make && pip install .", "bitsandbytes"),
    "diff-gaussian-rasterization": Known("pip install .", "diff_gaussian_rasterization"),
    "marlin": Known("pip install .", "marlin"),
    "pytorch_scatter": Known("FORCE_CUDA=1 pip install --no-build-isolation .", "torch_scatter"),
    "torch-int": Known("python setup.py install", "torch_int._CUDA"),
}
#: What builds leave in and beside their sources.
OUTPUTS = "build dist *.egg-info *.so *.o CMakeFiles CMakeCache.txt cmake_install.cmake"
CHANGES = "venv/* home/.cache tmp/torchinductor_* project/.git project/Makefile"


def project(checkout: Path, python: str, build: str) -> Patient:
    """The patient that a checkout is; `build` is for those that are not known."""
    known = KNOWN.get(checkout.name, Known("pip install .", ""))
    git = ("git", "-C", str(checkout), "rev-parse", "--short", "HEAD")
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    return Patient(
        name=checkout.name,
        title=f"a public project, unmodified, at {commit or 'no commit'}",
        rules=(),
        also=(),
        then=(),
        says="",
        tells=known.tells,
        build=build or known.build,
        imports=known.imports,
        project={},
        environment={},
        needs=("g++", "no-gpu"),
        outputs=tuple(f"project/{name}" for name in OUTPUTS.split()),
        changes=tuple(CHANGES.split()),
        options=("--arch", "8.0"),
        small=False,
        make=partial(_make, checkout, python),
    )


def _make(checkout: Path, python: str, box: Box) -> None:
    """A copy of it, and a virtual environment on top of the one that has torch: that one is not written into."""
    box.project.rmdir()
    shutil.copytree(checkout, box.project, symlinks=True)
    box.prepare(python, "-m", "venv", "venv")
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
    own = next((box.folder / "venv").glob("lib/python*/site-packages"))
    (own / "with-torch.pth").write_text(f"{site}\n")
    box.environment["VIRTUAL_ENV"] = str(box.folder / "venv")
    box.search_first("venv/bin")
    box.watched.append(Path(site))
    for nvcc in Path(site).glob("nvidia/*/bin/nvcc"):
        box.environment["CUDA_HOME"] = str(nvcc.parent.parent)

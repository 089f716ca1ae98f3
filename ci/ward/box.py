"""A box: the folder in which one patient lives, with a home, a project and an environment of its own."""

import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ward import prints
from ward.needs import CUDA, SEARCHED, Missing, find_python

STAND_IN = Path(__file__).resolve().parents[2] / "tests" / "patients" / "stand_in"
PLACEHOLDER = "{box}"
#: A remote helper of git: see gitremote-helpers(7).
HTTPS = """\
    #!/bin/sh
    [ -z "$REMOTE_WANTS" ] || [ "$(git config http.extraHeader)" = "$REMOTE_WANTS" ] || {
      echo 'fatal: Authentication failed' >&2; exit 128; }
    while read -r command service; do
      case $command in
        capabilities) printf 'connect\\n\\n' ;;
        connect) echo; exec "$service" "{box}/remote/${2#https://*/}" ;;
      esac
    done
"""
#: A build that takes longer hangs.
LIMIT = 1800


class Box:
    """Made by a patient's `make`; every path that is given to it is relative to its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = folder / "project"
        #: Everything that a command in the box gets: nothing of whoever runs this leaks into it.
        self.environment: Dict[str, str] = {
            "HOME": str(folder / "home"),
            "LC_ALL": "C.UTF-8",
            "PATH": SEARCHED,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TERM": "dumb",
            "TMPDIR": str(folder / "tmp"),
        }
        #: What every command in the box is started by.
        self.starter: Tuple[str, ...] = ()
        #: What is left to do when the box goes.
        self.leave: List[Callable[[], None]] = []
        #: Folders outside that builds read.
        self.watched: List[Path] = [CUDA] if CUDA.exists() else []
        for name in ("home", "project", "tmp"):
            (folder / name).mkdir(parents=True)

    def set(self, variables: Mapping[str, str]) -> None:
        """Set variables of the sick environment; `{box}` in a value is the box's folder."""
        for name, value in variables.items():
            self.environment[name] = value.replace(PLACEHOLDER, str(self.folder))

    def write(self, path: str, text: str, executable: bool = False) -> Path:
        """A text file, its common indentation taken away."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text).replace(PLACEHOLDER, str(self.folder)))
        if executable:
            file.chmod(0o755)
        return file

    def link(self, path: str, target: object) -> None:
        """A symbolic link, in place of what is there."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() or file.is_symlink():
            file.unlink()
        file.symlink_to(str(target))

    def venv(self, *requirements: str, path: str = "venv", version: str = "") -> Path:
        """A virtual environment that holds those packages and nothing else, active; its site-packages."""
        python = find_python(version) if version else sys.executable
        self.prepare(python, "-m", "venv", "--without-pip", path)
        site = next((self.folder / path).glob("lib/python*/site-packages"))
        if requirements:
            self.install(str(site), *requirements, python=python)
        self.environment["VIRTUAL_ENV"] = str(self.folder / path)
        self.search_first(f"{path}/bin")
        return site

    def install(self, target: str, *requirements: str, python: str = "") -> None:
        """Packages from the index, without what they require, into a site-packages or a folder like one."""
        options = ("--quiet", "--no-deps", "--no-compile", "--target", target)
        self.prepare(python or sys.executable, "-m", "pip", "install", *options, *requirements, need="index")

    def wheels(self, target: str, *requirements: str) -> None:
        """Wheels from the index in a folder, alone."""
        options = ("--quiet", "--no-deps", "--only-binary", ":all:", "--dest", target)
        self.prepare(sys.executable, "-m", "pip", "download", *options, *requirements, need="index")

    def cmake(self, version: str) -> None:
        """That CMake from the index, as its own archive would unpack; `opt/cmake/bin` goes onto PATH."""
        self.install("opt/wheel", f"cmake=={version}")
        (self.folder / "opt/wheel/cmake/data").rename(self.folder / "opt/cmake")
        shutil.rmtree(self.folder / "opt/wheel")
        for program in (self.folder / "opt/cmake/bin").iterdir():
            program.chmod(0o755)
        self.search_first("opt/cmake/bin")

    def search_first(self, path: str) -> None:
        """A folder goes to the front of PATH."""
        self.environment["PATH"] = f"{self.folder / path}:{self.environment['PATH']}"

    def toolkit(self, path: str = "opt/cuda", own: Sequence[str] = ()) -> Path:
        """This machine's CUDA toolkit at another place: an nvcc of its own, links for all the rest.

        Folders named in `own` (outer ones first) are folders of links, so that things in them can be taken away.
        """
        root = self.folder / path
        for name in ("", "bin", *own):
            if (root / name).is_symlink():
                (root / name).unlink()
            (root / name).mkdir(parents=True)
            for file in (CUDA / name).iterdir():
                if name or file.name not in ("bin", "lib", "targets"):
                    (root / name / file.name).symlink_to(file.resolve())
        # nvcc looks for the rest of itself beside its own file, not beside the link.
        for name in ("nvcc", "nvcc.profile"):
            (root / "bin" / name).unlink()
            shutil.copy2(CUDA / "bin" / name, root / "bin" / name)
        for target in (CUDA / "targets").iterdir():
            (root / "targets" / target.name).mkdir(parents=True)
            (root / "targets" / target.name / "include").symlink_to("../../include")
            (root / "targets" / target.name / "lib").symlink_to("../../lib64")
        return root

    def stub(self, folder: str) -> None:
        """A stub of the driver's library, as toolkits bring it for linking on machines without a driver."""
        self.write(f"{folder}/stub.c", "int cuInit(unsigned flags) { return flags == 0 ? 34 : 34; }\n")
        flags = ("-shared", "-fPIC", "-Wl,-soname,libcuda.so.1")
        self.prepare("gcc", *flags, f"{folder}/stub.c", "-o", f"{folder}/libcuda.so")

    def cudart_11(self, folder: str) -> None:
        """A library that passes for the run time of CUDA 11."""
        self.write(f"{folder}/cudart.c", "int cudaFree(void* p) { return p == 0; }\n")
        flags = ("-shared", "-fPIC", "-Wl,-soname,libcudart.so.11.0")
        self.prepare("gcc", *flags, f"{folder}/cudart.c", "-o", f"{folder}/libcudart.so.11.0")
        self.link(f"{folder}/libcudart.so", "libcudart.so.11.0")

    def package(self, site: Path, name: str, *flags: str) -> None:
        """An installed package that loads a compiled library and does no more."""
        where = str(site.relative_to(self.folder))
        self.write(
            f"{where}/{name}/kernels.c", "int cudaFree(void* p);\nint use(void* p) { return cudaFree(p); }\n"
        )
        self.prepare(
            "gcc", "-shared", "-fPIC", f"{where}/{name}/kernels.c", *flags, "-o", f"{where}/{name}/kernels.so"
        )
        load = "import ctypes, os\nctypes.CDLL(os.path.join(os.path.dirname(__file__), 'kernels.so'))\n"
        self.write(f"{where}/{name}/__init__.py", load)
        self.write(
            f"{where}/{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        )
        self.write(f"{where}/{name}-1.0.dist-info/RECORD", f"{name}/__init__.py,,\n{name}/kernels.so,,\n")

    def repository(
        self, path: str, files: Mapping[str, str], submodules: Optional[Mapping[str, str]] = None
    ) -> None:
        """A git repository with one commit; submodules, path to URL, are named in it and not checked out."""
        git = ("git", "-C", path, "-c", "user.name=nobody", "-c", "user.email=nobody@example.invalid")
        for name, text in files.items():
            self.write(f"{path}/{name}", text)
        self.prepare("git", "init", "--quiet", path)
        for place, url in (submodules or {}).items():
            remote = self.folder / "remote" / url.partition(".invalid")[2][1:]
            self.prepare(*git, "config", "-f", ".gitmodules", f"submodule.{place}.path", place)
            self.prepare(*git, "config", "-f", ".gitmodules", f"submodule.{place}.url", url)
            self.prepare(*git, "update-index", "--add", "--cacheinfo", f"160000,{self._head(remote)},{place}")
            (self.folder / path / place).mkdir(parents=True)
        self.prepare(*git, "add", "--all", "--", ":!build", *(f":!{place}" for place in submodules or ()))
        self.prepare(*git, "commit", "--quiet", "--message", "first")

    def _head(self, repository: Path) -> str:
        command = ("git", "-C", str(repository), "rev-parse", "HEAD")
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def serve_remotes(self) -> None:
        """Let git find `https://HOST/x` in `remote/x`, without a server: its part for HTTPS is replaced."""
        own = subprocess.run(
            ["git", "--exec-path"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for program in Path(own).iterdir():
            self.link(f"opt/git/{program.name}", program)
        (self.folder / "opt/git/git-remote-https").unlink()
        self.write("opt/git/git-remote-https", HTTPS, executable=True)
        self.environment["GIT_EXEC_PATH"] = str(self.folder / "opt/git")

    def limit_memory(self, mebibytes: int) -> None:
        """Run everything in a control group of its own; Missing where none can be made."""
        version_1 = Path("/sys/fs/cgroup/memory")
        parent = version_1 if version_1.is_dir() else Path("/sys/fs/cgroup")
        group = parent / f"envdoctor-{self.folder.parent.name}"
        limit = "memory.limit_in_bytes" if parent == version_1 else "memory.max"
        try:
            group.mkdir(exist_ok=True)
            (group / limit).write_text(f"{mebibytes}M")
        except OSError as error:
            raise Missing("memory-cgroup", f"a memory cgroup: {error.strerror}") from None
        self.starter = ("sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh")
        self.leave.append(group.rmdir)

    def torch(self, site: Path, version: str = "2.9.1", cuda: str = "") -> None:
        """A stand-in for a torch that was built with this CUDA, or with that of this machine's toolkit."""
        cuda = cuda or self.cuda_release()
        version = f"{version}+cu{cuda.replace('.', '')}"
        shutil.copytree(STAND_IN / "torch", site / "torch")
        (site / "torch/version.py").write_text(f"__version__ = '{version}'\ncuda = '{cuda}'\nhip = None\n")
        metadata = site / f"torch-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n")
        (metadata / "RECORD").write_text("")

    @staticmethod
    def cuda_release() -> str:
        """Of this machine's toolkit, as `13.0`."""
        said = subprocess.run(
            [CUDA / "bin" / "nvcc", "--version"], capture_output=True, text=True, check=True
        )
        found = re.search(r"release ([\d.]+)", said.stdout)
        assert found is not None
        return found.group(1)

    def prepare(self, *command: str, need: str = "") -> None:
        """Run a command that makes the box; with this machine's way to the index, unlike the patient's."""
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            if need:
                raise Missing(need, f"{need}: {last}")
            raise RuntimeError(f"{' '.join(command)}: {last}")

    def run(self, command: Sequence[str], errors: bool = True) -> Tuple[int, str]:
        """Exit status and output of a command that is run in the project, with what it says of errors or without."""
        with tempfile.TemporaryFile() as stream:
            done = subprocess.run(
                (*self.starter, *command),
                cwd=self.project,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT if errors else subprocess.DEVNULL,
                timeout=LIMIT,
                check=False,
            )
            stream.seek(0)
            return done.returncode, stream.read().decode(errors="replace")

    def prints(self, own: Sequence[str]) -> prints.Prints:
        """What is in the box, apart from a build's own and the overlay, and what is in the folders that are watched."""
        found = prints.of_folder(str(self.folder), [*own, "project/.envdoctor"])
        for folder in self.watched:
            found.update(prints.of_large_folder(str(folder.resolve())))
        return found

    def remove(self, outputs: Sequence[str]) -> None:
        """Take away what a build left, for the next one to begin as the first did."""
        for path in list(prints.matching(str(self.folder), outputs)):
            full = self.folder / path
            shutil.rmtree(full) if full.is_dir() and not full.is_symlink() else full.unlink()

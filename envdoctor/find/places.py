"""Folders that hold libraries and headers, whose they are, and the lists that linkers and compilers search."""

import posixpath
import re
import shlex
from typing import Dict, Iterable, List, NamedTuple, Optional, Tuple

from envdoctor import compat
from envdoctor.facts import (
    Compiler,
    Environment,
    Facts,
    Packages,
    Project,
    Python,
    Resolution,
    Toolkit,
    Toolkits,
    Torch,
)
from envdoctor.host import Host


class Place(NamedTuple):
    """A folder and how it was reached."""

    folder: str
    why: str


def variable(facts: Facts, host: Host, name: str) -> List[Place]:
    """The folders of a colon-separated variable; an empty entry is the working folder to gcc and the loader."""
    value = facts.environment.get(name) if isinstance(facts.environment, Environment) else host.env.get(name)
    return [Place(posixpath.join(host.cwd, part), name) for part in (value or "").split(":") if part]


def compiler(facts: Facts, host: Host) -> Optional[str]:
    """The host compiler that a build uses."""
    return (
        facts.compiler.path
        if isinstance(facts.compiler, Compiler)
        else host.which("c++") or host.which("g++")
    )


def linker_folders(facts: Facts, host: Host) -> List[Place]:
    """Where -lNAME is looked for without any -L: LIBRARY_PATH, the compiler's folders, the linker's."""
    found = variable(facts, host, "LIBRARY_PATH")
    name = compiler(facts, host)
    if name:
        answer = host.run(name, "-print-search-dirs").stdout
        listed = next((line for line in answer.splitlines() if line.startswith("libraries: =")), "")
        found += [
            Place(part, "the compiler's folders") for part in listed[len("libraries: =") :].split(":") if part
        ]
    script = host.run("ld", "--verbose").stdout
    found += [
        Place(part, "the linker's folders") for part in re.findall(r'SEARCH_DIR\("=?([^"]+)"\)', script)
    ]
    return existing(host, found)


def include_folders(facts: Facts, host: Host) -> List[Place]:
    """Where #include <...> is looked for without any -I, as the compiler itself says (CPATH included)."""
    name = compiler(facts, host)
    if not name:
        return existing(host, variable(facts, host, "CPATH"))
    text = host.run(name, "-xc++", "-E", "-v", "/dev/null").stderr
    listed = text.partition("#include <...> search starts here:")[2].partition("End of search list.")[0]
    named = {host.realpath(place.folder) for place in variable(facts, host, "CPATH")}
    folders = [line.strip() for line in listed.splitlines() if line.strip()]
    whys = ("CPATH" if host.realpath(folder) in named else "the compiler's folders" for folder in folders)
    return existing(host, [Place(folder, why) for folder, why in zip(folders, whys)])


def nvcc_folders(facts: Facts, host: Host, kind: str) -> List[Place]:
    """What nvcc adds by itself, asked from it: kind "-L" for libraries, "-I" for headers."""
    toolkit = facts.toolkit
    if not isinstance(toolkit, Toolkit) or not toolkit.nvcc:
        return []
    variables = {"-L": ("LIBRARIES",), "-I": ("INCLUDES", "SYSTEM_INCLUDES")}[kind]
    text = host.run(toolkit.nvcc, "--dryrun", "-x", "cu", "/dev/null").stderr
    found = []
    for line in text.splitlines():
        name, _, value = line[3:].partition("=") if line.startswith("#$ ") else ("", "", "")
        if name.strip() in variables:
            words = [word for word in _words(value) if word != "-isystem"]
            found += [
                Place(word[2:] if word.startswith(kind) else word, f"nvcc {toolkit.version}'s own {kind}")
                for word in words
            ]
    return existing(host, found)


def torch_folders(facts: Facts, host: Host, kind: str) -> List[Place]:
    """What torch's cpp_extension adds for a CUDA extension: its own folders, then CUDA_HOME's."""
    if not isinstance(facts.torch, Torch):
        return []
    own = {"-L": ("lib",), "-I": ("include", "include/torch/csrc/api/include")}[kind]
    found = [Place(posixpath.join(facts.torch.path, part), "torch") for part in own]
    home = cuda_home(facts)
    if home and kind == "-I":
        found.append(Place(f"{home}/include", "CUDA_HOME as torch finds it"))
    elif home:
        name = "lib64" if host.is_dir(f"{home}/lib64") else "lib"
        found.append(Place(f"{home}/{name}", "CUDA_HOME as torch finds it"))
    return existing(host, found)


def python_includes(facts: Facts, host: Host) -> List[Place]:
    """What setuptools adds by itself behind an extension's own folders."""
    if not isinstance(facts.python, Python):
        return []
    own = f"{facts.python.prefix}/include" if facts.python.prefix != facts.python.base_prefix else ""
    why = "Python, as setuptools adds it"
    return existing(host, [Place(folder, why) for folder in (own, facts.python.include) if folder])


def cuda_home(facts: Facts) -> Optional[str]:
    """The CUDA root that torch's cpp_extension takes."""
    answer = facts.resolution.get("torch cpp_extension") if isinstance(facts.resolution, Resolution) else None
    return answer.takes if answer else None


def toolkits(facts: Facts) -> Tuple[Toolkit, ...]:
    """Every toolkit known."""
    return facts.toolkits.items if isinstance(facts.toolkits, Toolkits) else ()


def site_folders(facts: Facts) -> Tuple[str, ...]:
    """site-packages of the examined interpreter."""
    return facts.python.site_packages if isinstance(facts.python, Python) else ()


def wheel_folders(facts: Facts, host: Host, name: str) -> List[Place]:
    """nvidia/*/lib or nvidia/*/include of NVIDIA's wheels."""
    return [
        Place(f"{folder}/{name}", "NVIDIA's wheels")
        for site in site_folders(facts)
        for folder in host.glob(f"{site}/nvidia", "*")
        if host.is_dir(f"{folder}/{name}")
    ]


def prefixes(facts: Facts, host: Host) -> Tuple[str, ...]:
    """Environments that may hold libraries and headers of their own: conda's, the interpreter's."""
    own = (facts.python.prefix, facts.python.base_prefix) if isinstance(facts.python, Python) else ()
    found = dict.fromkeys((*own, host.env.get("CONDA_PREFIX", "")))
    return tuple(prefix for prefix in found if prefix and prefix not in ("/", "/usr"))


def header_packages(facts: Facts, host: Host) -> List[Place]:
    """Header folders of packages that keep them in a place of their own (CUTLASS)."""
    found = [
        Place(f"{site}/{folder}", f"package {package}")
        for site in site_folders(facts)
        for _, package, folders in compat.HEADER_PACKAGES
        for folder in folders
    ]
    return existing(host, found)


def project_includes(facts: Facts, host: Host) -> List[Place]:
    """Include folders that the project's own files name, where they can be resolved."""
    project = facts.project
    if not isinstance(project, Project):
        return []
    named = [(folder, "CMakeLists.txt") for folder in (project.cmake.include_dirs if project.cmake else ())]
    for extension in project.setup.extensions if project.setup else ():
        named += [(folder, f"{extension.file}:{extension.line}") for folder in extension.include_dirs]
    found = [Place(posixpath.join(project.root, folder), why) for folder, why in named if "$" not in folder]
    return existing(host, found)


def existing(host: Host, places: Iterable[Place]) -> List[Place]:
    """Folders that are there, each once (links followed), the first spelling kept."""
    found: Dict[str, Place] = {}
    for place in places:
        folder = posixpath.normpath(place.folder)
        real = host.realpath(folder)
        if real not in found and host.is_dir(real):
            found[real] = Place(folder, place.why)
    return list(found.values())


def owner(path: str, facts: Facts, host: Host) -> str:
    """Whose a file is, by where it lies."""
    real = host.realpath(path)
    for toolkit in sorted(toolkits(facts), key=lambda item: -len(item.root)):
        inside = toolkit.root != "/usr" and any(
            p.startswith(toolkit.root.rstrip("/") + "/") for p in (path, real)
        )
        if inside and "/site-packages/" not in toolkit.root:
            return f"CUDA {toolkit.version or '?'} toolkit {toolkit.root}"
    for site in site_folders(facts):
        if path.startswith(site + "/"):
            return _package(path, site, facts, host)
    project = facts.project
    if isinstance(project, Project) and project.builds and path.startswith(project.root.rstrip("/") + "/"):
        return "the project"
    for prefix in prefixes(facts, host):
        if path.startswith(prefix.rstrip("/") + "/"):
            return (
                f"conda environment {prefix}"
                if host.is_dir(f"{prefix}/conda-meta")
                else f"Python at {prefix}"
            )
    return (
        "system"
        if real.startswith(("/usr/lib", "/usr/include", "/usr/bin", "/lib", "/bin", "/usr/libexec"))
        else "other"
    )


def system_package(paths: List[str], host: Host) -> Dict[str, str]:
    """Debian's package of each file, for those that have one; asked once for all."""
    if not paths or not host.which("dpkg-query"):
        return {}
    # dpkg knows files by the names in its lists: before and after /lib became a link to /usr/lib.
    spellings = {
        spelling: path
        for path in paths
        for spelling in (path, host.realpath(path), re.sub(r"^/usr(?=/lib)", "", path))
    }
    text = host.run("dpkg-query", "-S", *sorted(spellings)).stdout
    found = {}
    for line in text.splitlines():
        package, separator, path = line.partition(": ")
        if separator and path in spellings:
            found[spellings[path]] = package.split(":")[0]
    return found


def _package(path: str, site: str, facts: Facts, host: Host) -> str:
    """The wheel that brought a file, by NVIDIA's and torch's records; else its top folder."""
    inside = path[len(site) + 1 :]
    for package in facts.packages.items if isinstance(facts.packages, Packages) else ():
        likely = package.name.startswith("nvidia-") if inside.startswith(("nvidia/", "cutlass")) else False
        if (
            likely
            and package.kind == "dist-info"
            and f"\n{inside}," in "\n" + _record(package.location, host)
        ):
            return f"package {package.name} {package.version}"
    top = inside.split("/")[0]
    version = (
        facts.packages.version(top.lower().replace("_", "-"))
        if isinstance(facts.packages, Packages)
        else None
    )
    return f"package {top} {version}" if version else f"site-packages/{top}"


def _record(location: str, host: Host) -> str:
    return host.try_text(posixpath.join(location, "RECORD"), 8 << 20) or ""


def _words(value: str) -> List[str]:
    try:
        return shlex.split(value)
    except ValueError:
        return value.split()

"""One root out of wheels and packages: their files, the links that a build expects, and a record of it all."""

import contextlib
import json
import re
from typing import Any, Dict, Iterable, Iterator, Sequence, Tuple

from envdoctor.host import Host, archives, install, write_whole
from envdoctor.progress import Progress
from envdoctor.toolkit_root import stub, unpack
from envdoctor.toolkit_root.packages import Package
from envdoctor.toolkit_root.plan import Plan, PlanError
from envdoctor.toolkit_root.wheels import Wheel, component_of, place

MANIFEST = "envdoctor-toolkit.json"
SCHEMA = "envdoctor.toolkit/1"
#: Link -> target, beside it. Nothing leads out of the root, so that the root can be moved.
#: lib64: nvcc.profile of 13.0 and 13.1, torch's cpp_extension and half of all Makefiles. nvvm/lib64: numba and others
#: that load libnvvm from a toolkit; nvvm/include: what they compile against.
LINKS = {"lib64": "lib", "nvvm/lib64": "../lib", "nvvm/include": "../include"}
_SONAME = re.compile(r"(?P<stem>lib.+\.so)(?P<version>(?:\.\d+)+)")
#: Names in NVIDIA's version.json where they are not the project's own. Source: version.json of the run files.
_VENDOR_NAMES = {"cuda_runtime": "cuda_cudart", "nvvm": "libnvvm", "cuda_nvml_dev": "cuda_nvml_dev"}
_VENDOR_LIBRARIES = (
    "cublas cusparse cusolver curand cufft cufile npp nvfatbin nvjitlink nvjpeg nvptxcompiler".split()
)


def assemble(
    host: Host,
    plan: Plan,
    wheels: Sequence[Wheel],
    packages: Sequence[Package],
    extras: Sequence[str],
    root: str,
    progress: Progress,
) -> None:
    """Fill a new folder. Raises PlanError for a broken wheel or package, OSError."""
    count = len(wheels) + len(packages)
    for number, wheel in enumerate(wheels, 1):
        progress.start(f"unpacking {wheel.project} ({number} of {count})")
        _unpack_wheel(wheel, root)
        progress.finish("")
    for number, package in enumerate(packages, len(wheels) + 1):
        progress.start(f"unpacking {package.name} ({number} of {count})")
        unpack.unpack(host, package, root)
        progress.finish("")
    unpack.mend(host, packages, root)
    for name, target in dev_links(host.scan(f"{root}/lib")):
        install.link(f"{root}/lib/{name}", target)
    for name, image in _stubs(host, root):
        install.write_chunks(f"{root}/lib/stubs/{name}", [image])
    for name, target in LINKS.items():
        with contextlib.suppress(FileExistsError):  # CUDA 11 and 12 have folders of those names in nvvm
            install.link(f"{root}/{name}", target)
    write_whole(f"{root}/version.json", _json(version_json(plan, wheels)))
    write_whole(f"{root}/{MANIFEST}", _json(manifest(host, plan, wheels, packages, extras)))


def _unpack_wheel(wheel: Wheel, root: str) -> None:
    try:
        archives.unpack(wheel.path, root, place)
    except archives.BrokenArchive as error:
        raise PlanError(f"{wheel.path} is broken: {error}; remove it and fetch it again") from None


def dev_links(names: Iterable[str]) -> Tuple[Tuple[str, str], ...]:
    """(libcudart.so, libcudart.so.13) for every library that has no such name: wheels carry the loader's name alone."""
    found: Dict[str, str] = {}
    names = set(names)
    for name in sorted(names, key=_version_key):
        match = _SONAME.fullmatch(name)
        if match and match["stem"] not in names:
            found[match["stem"]] = name
    return tuple(sorted(found.items()))


def _stubs(host: Host, root: str) -> Iterator[Tuple[str, bytes]]:
    """The driver's libraries for the linker: wheels have none, and machines that only build have no driver."""
    for item in stub.STUBS:
        texts = (host.try_text(f"{root}/include/{header}") or "" for header in item.headers)
        functions = stub.functions_of(item, "\n".join(texts))
        image = stub.library(item, functions, host.machine().architecture)
        if image:
            yield item.name, image


def version_json(plan: Plan, wheels: Iterable[Wheel]) -> Dict[str, Any]:
    """Component versions in the form of the file that NVIDIA's installers leave."""
    entries = {
        vendor_name(wheel.project): {"name": wheel.project, "version": wheel.version} for wheel in wheels
    }
    cuda = ".".join(plan.version.split(".")[:3])  # the meta package of 13.0.3 calls itself 13.0.3.0
    return {"cuda": {"name": "CUDA SDK", "version": cuda}, **dict(sorted(entries.items()))}


def vendor_name(project: str) -> str:
    """ "nvidia-cuda-runtime" -> "cuda_cudart", "nvidia-cublas" -> "libcublas"."""
    name = component_of(project)[len("nvidia-") :].replace("-", "_")
    return _VENDOR_NAMES.get(name, f"lib{name}" if name in _VENDOR_LIBRARIES else name)


def manifest(
    host: Host,
    plan: Plan,
    wheels: Iterable[Wheel],
    packages: Sequence[Package],
    extras: Sequence[str],
) -> Dict[str, Any]:
    """What the root is made of; the same wheels and packages give the same text."""
    document: Dict[str, Any] = {
        "schema": SCHEMA,
        "cuda": plan.version,
        "machine": host.machine().architecture,
        "with": list(extras),
        "wheels": [
            {"project": wheel.project, "version": wheel.version, "file": wheel.name, "sha256": wheel.sha256}
            for wheel in sorted(wheels, key=lambda wheel: wheel.project)
        ],
    }
    if packages:
        document["debian"] = [
            {"file": package.name, "sha256": package.sha256}
            for package in sorted(packages, key=lambda package: package.name)
        ]
    return document


def _version_key(name: str) -> Tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", name.rpartition(".so")[2]))


def _json(document: Dict[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"

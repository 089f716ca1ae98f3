"""From what is asked for to a bundle that was tried; what is unfinished lies beside it, and is renamed at the end."""

import contextlib
import json
import posixpath
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Sequence, Tuple

import envdoctor
from envdoctor.bundle import layout, pyz, texts
from envdoctor.bundle.build import build, check_fits
from envdoctor.bundle.fetch import fetch
from envdoctor.bundle.floors import check
from envdoctor.bundle.layout import Contents, Package
from envdoctor.bundle.lock import Chosen, File
from envdoctor.bundle.prove import prove
from envdoctor.bundle.resolve import find_uv, pip_settings, resolve
from envdoctor.bundle.target import BundleError, Target
from envdoctor.host import Host, locked, make_folder, remove, replace_whole, tarballs, write_whole
from envdoctor.host.install import link_file, move, sha256_of
from envdoctor.progress import Progress


@dataclass(frozen=True)
class Wanted:
    """What is asked for; paths are absolute."""

    requirements: Tuple[str, ...]
    projects: Tuple[str, ...]
    files: Tuple[str, ...]
    targets: Tuple[Target, ...]
    out: str

    @property
    def part(self) -> str:
        """The folder of what is unfinished; fetched wheels stay in it after a failure."""
        return f"{self.out}.part"

    @property
    def packed(self) -> bool:
        """Whether it is to be one file."""
        return self.out.endswith(tarballs.SUFFIXES)


@dataclass(frozen=True)
class Made:
    """A bundle that is in its place."""

    contents: Tuple[Contents, ...]
    proofs: Tuple[Dict[str, Any], ...]
    size: int


def create(host: Host, wanted: Wanted, progress: Progress) -> Made:
    """Make it. Raises BundleError, in one line; then nothing is at the place."""
    if host.lstat(wanted.out) is not None:
        raise BundleError(f"{wanted.out} is there already; give a new name")
    with _told(wanted.part):
        make_folder(wanted.part)
        with locked(posixpath.join(wanted.part, "lock")):
            made = _made(host, wanted, progress)
        remove(wanted.part)
    return made


def _made(host: Host, wanted: Wanted, progress: Progress) -> Made:
    wheels, bundle = posixpath.join(wanted.part, "wheels"), posixpath.join(wanted.part, "bundle")
    remove(bundle)  # of a run that was killed
    contents, tools = _gathered(host, wanted, wheels, progress)
    size = _written(bundle, wheels, contents, posixpath.join(wheels, tools))
    _sum_up(host, bundle)
    notes = _floors(host, bundle, contents, wanted.part, progress)
    proofs = prove(host, bundle, contents, wanted.part, progress)
    for proof in proofs:
        proof["too new for it"] = notes[proof["target"]]
    write_whole(posixpath.join(bundle, "proof.json"), json.dumps(proofs, indent=2) + "\n")
    _sum_up(host, bundle)
    move(_packed(wanted, bundle) if wanted.packed else bundle, wanted.out)
    return Made(contents, tuple(proofs), size)


def _gathered(
    host: Host, wanted: Wanted, wheels: str, progress: Progress
) -> Tuple[Tuple[Contents, ...], str]:
    """What each target gets, all of it fetched; and the wheel of `packaging` for the doctor."""
    python = _python(host)
    uv, options = find_uv(host), pip_settings(host, python)
    built = [
        build(host, python, project, posixpath.join(wanted.part, "built", str(number)), progress)
        for number, project in enumerate(wanted.projects)
    ]
    asked = [*wanted.requirements, *(f"{_project(file)} @ {file.url}" for file in built)]
    resolved: List[Tuple[Target, List[Chosen], Chosen]] = []
    for target in wanted.targets:
        progress.start(f"resolving for {target.name}")
        releases = resolve(host, uv, options, asked, wanted.files, target)
        pip = resolve(host, uv, options, ["pip"], (), target)[0]
        progress.finish(f"{len(releases)} packages")
        resolved.append(
            (target, [_with_wheel(host, wanted, python, one, target, progress) for one in releases], pip)
        )
    oldest = min(wanted.targets, key=lambda target: target.minor)
    packaging = resolve(host, uv, options, ["packaging"], (), oldest)[0]
    every = {
        file.name: file
        for _, some, pip in resolved
        for one in (*some, pip, packaging)
        for file in [_wheel(one)]
    }
    progress.start(f"fetching {len(every)} wheels")
    found = fetch(tuple(every.values()), wheels, progress)
    progress.finish(f"{sum(file.size or 0 for file in found.values()) / 1e6:.1f} MB")
    requested = (*wanted.requirements, *(f"{_project(file)}=={_version(file)}" for file in built))
    contents = tuple(
        Contents(target, requested, tuple(_package(one, found) for one in some), _package(pip, found))
        for target, some, pip in resolved
    )
    return contents, _wheel(packaging).name


def _python(host: Host) -> str:
    if not host.own_python:
        raise BundleError("this Python does not know its own path, so that pip cannot be run")
    return host.own_python


def _with_wheel(
    host: Host, wanted: Wanted, python: str, one: Chosen, target: Target, progress: Progress
) -> Chosen:
    """A release that has only source is built here."""
    if one.wheel is not None:
        check_fits(one.wheel, [target])
        return one
    folder = posixpath.join(wanted.part, "built", f"{target.name}-{one.project}")
    wheel = build(host, python, f"{one.project}=={one.version}", folder, progress)
    check_fits(wheel, [target])
    return Chosen(one.project, one.version, wheel, one.sdist)


def _wheel(one: Chosen) -> File:
    assert one.wheel is not None
    return one.wheel


def _project(wheel: File) -> str:
    return wheel.name.partition("-")[0]


def _version(wheel: File) -> str:
    return wheel.name.split("-")[1]


def _package(one: Chosen, found: Dict[str, File]) -> Package:
    file = found[_wheel(one).name]
    assert file.sha256 is not None and file.size is not None
    return Package(one.project, one.version or _version(file), file.name, file.sha256, file.size)


def _written(bundle: str, wheels: str, contents: Sequence[Contents], packaging: str) -> int:
    """All files but the proof; how many bytes of wheels there are."""
    packages = {each.file: each for one in contents for each in (*one.packages, one.pip)}
    for each in packages.values():
        link_file(posixpath.join(wheels, each.file), posixpath.join(bundle, each.path))
    about = json.dumps(
        layout.about(contents, f"envdoctor {envdoctor.__version__}"), indent=2, ensure_ascii=False
    )
    written = {**layout.texts(contents), **texts.texts(contents), layout.ABOUT: about + "\n"}
    for path, text in written.items():
        full = posixpath.join(bundle, path)
        make_folder(posixpath.dirname(full))
        write_whole(full, text, 0o755 if path.endswith(".sh") else 0o644)
    doctor = pyz.pack(posixpath.dirname(envdoctor.__file__), packaging)
    replace_whole(posixpath.join(bundle, "envdoctor.pyz"), doctor, 0o755)
    return sum(each.size for each in packages.values())


def _packed(wanted: Wanted, bundle: str) -> str:
    """The bundle as one file."""
    name = posixpath.basename(wanted.out)
    path = posixpath.join(wanted.part, name)
    remove(path)  # of a run that was killed
    try:
        tarballs.pack(bundle, path, name.partition(".tar")[0])
    except ImportError as error:
        raise BundleError(str(error)) from None
    return path


def _floors(
    host: Host, bundle: str, contents: Sequence[Contents], work: str, progress: Progress
) -> Dict[str, List[str]]:
    """Target -> compiled files that do not run there, beside others that do."""
    notes: Dict[str, List[str]] = {}
    for one in contents:
        progress.start(f"reading what is compiled for {one.target.name}")
        paths = (posixpath.join(bundle, each.path) for each in one.packages)
        notes[one.target.name] = [text for path in paths for text in check(host, path, one.target, work)]
        progress.finish(
            "runs on its glibc" if not notes[one.target.name] else "; ".join(notes[one.target.name])
        )
    return notes


def _sum_up(host: Host, bundle: str) -> None:
    """SHA256SUMS, of everything else."""
    paths = [path for path in _below(host, bundle, "") if path != layout.CHECKSUMS]
    sums = {path: sha256_of(posixpath.join(bundle, path)) for path in paths}
    write_whole(posixpath.join(bundle, layout.CHECKSUMS), layout.checksums(sums), 0o644)


def _below(host: Host, folder: str, path: str) -> Iterator[str]:
    for name in host.scan(posixpath.join(folder, path)):
        inside = posixpath.join(path, name)
        if host.is_dir(posixpath.join(folder, inside)):
            yield from _below(host, folder, inside)
        else:
            yield inside


@contextlib.contextmanager
def _told(part: str) -> Iterator[None]:
    """What the system refuses, in one line."""
    try:
        yield
    except BlockingIOError:
        raise BundleError(f"{part}: another process makes this bundle; wait for it") from None
    except OSError as error:
        raise BundleError(f"{error.filename or part}: {error.strerror or error}") from None

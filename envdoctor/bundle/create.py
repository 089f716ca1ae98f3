"""From what is asked for to a bundle that was tried; what is unfinished lies beside it, and is renamed at the end."""

import contextlib
import json
import posixpath
from dataclasses import dataclass
from typing import Any, Dict, Iterator, Sequence, Tuple

import envdoctor
from envdoctor.bundle import layout, pyz, record, texts
from envdoctor.bundle.evidence import subjects
from envdoctor.bundle.gather import gather
from envdoctor.bundle.layout import Contents
from envdoctor.bundle.prove import prove
from envdoctor.bundle.refused import refused
from envdoctor.bundle.sbom import sbom
from envdoctor.bundle.static import table
from envdoctor.bundle.target import BundleError
from envdoctor.bundle.verify import files
from envdoctor.bundle.wanted import Wanted
from envdoctor.host import Host, locked, make_folder, remove, replace_whole, tarballs, write_whole
from envdoctor.host.install import link_file, move, sha256_of
from envdoctor.progress import Progress


@dataclass(frozen=True)
class Made:
    """A bundle that is in its place."""

    contents: Tuple[Contents, ...]
    proofs: Tuple[Dict[str, Any], ...]
    size: int


def create(host: Host, wanted: Wanted, progress: Progress) -> Made:
    """Make it. Raises BundleError, in one line; then nothing is at the place."""
    _check_place(host, wanted.out)
    if wanted.out.endswith(".zst"):
        with _told(wanted.part):
            tarballs.zstandard()
    with _told(wanted.part):
        make_folder(wanted.part)
        with locked(posixpath.join(wanted.part, "lock")):
            made = _made(host, wanted, progress)
        remove(wanted.part)
    return made


def _check_place(host: Host, out: str) -> None:
    """Raises BundleError for one that is there, or that can be no bundle."""
    if host.lstat(out) is not None:
        raise BundleError(f"{out} is there already; give a new name")
    suffix, (name, packed) = tarballs.foreign_suffix(out), tarballs.split(posixpath.basename(out))
    if suffix:
        kinds = f"a folder, or as {', '.join(tarballs.SUFFIXES)}"
        raise BundleError(f"{out}: bundles are written as {kinds}, not as {suffix}; give a name that ends so")
    if packed and tarballs.leads_out(name):
        raise BundleError(f"{out}: {name!r} is not the name of a folder; give another name before {packed}")


def _made(host: Host, wanted: Wanted, progress: Progress) -> Made:
    wheels, bundle = posixpath.join(wanted.part, "wheels"), posixpath.join(wanted.part, "bundle")
    remove(bundle)  # of a run that was killed
    contents, packaging = gather(host, wanted, wheels, progress)
    size = _written(bundle, wheels, contents, posixpath.join(wheels, packaging))
    _sum_up(host, bundle)
    told = _read(host, bundle, contents, wanted.part, progress)
    proofs = [{**one, **told[one["target"]]} for one in prove(host, bundle, contents, wanted.part, progress)]
    write_whole(posixpath.join(bundle, layout.PROOF), json.dumps(proofs, indent=2) + "\n")
    _sum_up(host, bundle)
    move(_packed(wanted, bundle) if tarballs.split(wanted.out)[1] else bundle, wanted.out)
    return Made(contents, tuple(proofs), size)


def _written(bundle: str, wheels: str, contents: Sequence[Contents], packaging: str) -> int:
    """All files but the proof; how many bytes of wheels there are."""
    packages = {each.file: each for one in contents for each in (*one.packages, one.pip)}
    for each in packages.values():
        link_file(posixpath.join(wheels, each.file), posixpath.join(bundle, each.path))
    made_by = f"envdoctor {envdoctor.__version__}"
    about = json.dumps(layout.about(contents, made_by), indent=2, ensure_ascii=False) + "\n"
    told = {layout.ABOUT: about, "sbom.cdx.json": sbom(contents, made_by)}
    written = {**layout.texts(contents), **texts.texts(contents), **told}
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
    tarballs.pack(bundle, path, tarballs.split(name)[0])
    return path


def _read(
    host: Host, bundle: str, contents: Sequence[Contents], work: str, progress: Progress
) -> Dict[str, Dict[str, Any]]:
    """Target -> what the files alone prove. Raises BundleError where they prove that it does not run."""
    found = {}
    for one, subject in zip(contents, subjects(host, bundle, contents, work, progress)):
        outcomes = table.outcomes(subject)
        record.check(subject, outcomes)
        found[one.target.name] = record.document(subject, outcomes, [each.file for each in one.sources])
    return found


def _sum_up(host: Host, bundle: str) -> None:
    """SHA256SUMS, of everything else."""
    paths = [path for path in files(host, bundle) if path != layout.CHECKSUMS]
    sums = {path: sha256_of(posixpath.join(bundle, path)) for path in paths}
    write_whole(posixpath.join(bundle, layout.CHECKSUMS), layout.checksums(sums), 0o644)


@contextlib.contextmanager
def _told(part: str) -> Iterator[None]:
    """What the system refuses, in one line."""
    try:
        yield
    except BlockingIOError:
        raise BundleError(f"{part}: another process makes this bundle; wait for it") from None
    except ImportError as error:
        raise BundleError(str(error)) from None
    except OSError as error:
        raise BundleError(refused(error, part)) from None

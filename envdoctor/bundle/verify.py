"""Whether a bundle is whole, and holds what its targets need: from its files alone."""

import contextlib
import json
import posixpath
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envdoctor.bundle.layout import ABOUT, CHECKSUMS, PROOF, Contents, Package, read_about, texts
from envdoctor.bundle.metadata import requirements
from envdoctor.bundle.refused import refused
from envdoctor.bundle.target import BundleError
from envdoctor.host import Host, tarballs
from envdoctor.host.install import sha256_of
from envdoctor.requirements import accepts, parse

#: What to do where some of it is not as it was made.
_AGAIN = "copy the bundle again, and compare it with the original"


@contextlib.contextmanager
def opened(host: Host, path: str) -> Iterator[str]:
    """The folder of a bundle, which may be a tar file: of that, a copy for the time being. Raises BundleError."""
    if host.is_dir(path):
        yield path
        return
    try:
        with tarballs.unpacked(path) as folder:
            yield folder
    except (tarballs.BrokenTarball, ImportError) as error:
        raise BundleError(f"{path}: {error}") from None


def verify(host: Host, bundle: str) -> Tuple[Contents, ...]:
    """What it holds. Raises BundleError for the first thing that is wrong."""
    try:
        sums = _sums(host.read_text(posixpath.join(bundle, CHECKSUMS)))
        _check_files(host, bundle, sums)
        contents = read_about(host.read_text(posixpath.join(bundle, ABOUT)))
        for one in contents:
            _check_packages(one, sums)
            _check_complete(bundle, one)
        _check_texts(host, bundle, contents)
    except FileNotFoundError as error:
        raise BundleError(f"{error.filename}: not there; {bundle} is no whole bundle; {_AGAIN}") from None
    except OSError as error:
        raise BundleError(refused(error, bundle)) from None
    return contents


def proofs(host: Host, bundle: str) -> Any:
    """What proof.json says. Raises BundleError."""
    try:
        return json.loads(host.read_text(posixpath.join(bundle, PROOF)))
    except OSError as error:
        raise BundleError(f"{PROOF}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{PROOF}: not JSON ({error})") from None


def needs(host: Host, bundle: str) -> Dict[str, Mapping[str, Any]]:
    """Target -> what its files need of a machine, as they were read when the bundle was made."""
    found = proofs(host, bundle)
    each = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return {str(one.get("target")): one.get("needs") or {} for one in each}


def _sums(text: str) -> Dict[str, str]:
    """Path -> checksum."""
    found: Dict[str, str] = {}
    for line in text.splitlines():
        digest, _, path = line.partition("  ")
        parts = path.split("/")
        if len(digest) != 64 or not path or path in found or {"", ".", ".."}.intersection(parts):
            raise BundleError(f"{CHECKSUMS}: {line[:120]!r} is not a line of checksums; {_AGAIN}")
        found[path] = digest
    if len({path.lower() for path in found}) != len(found):
        raise BundleError(f"{CHECKSUMS}: two names differ only in upper and lower case")
    return found


def _check_files(host: Host, bundle: str, sums: Dict[str, str]) -> None:
    there = set(files(host, bundle)) - {CHECKSUMS}
    for path in sorted(there.symmetric_difference(sums)):
        so = f"in {CHECKSUMS}, and not there" if path in sums else f"there, and not in {CHECKSUMS}"
        raise BundleError(f"{path}: {so}; {_AGAIN}")
    for path, digest in sums.items():
        if sha256_of(posixpath.join(bundle, path)) != digest:
            raise BundleError(f"{path}: not what {CHECKSUMS} says: it was changed or cut off; {_AGAIN}")


def files(host: Host, bundle: str, below: str = "") -> Iterator[str]:
    """Their paths in it, in order. Raises BundleError for what is neither a file nor a folder."""
    for name in sorted(host.scan(posixpath.join(bundle, below))):
        path = posixpath.join(below, name)
        found = host.lstat(posixpath.join(bundle, path))
        if found is not None and found.kind == "folder":
            yield from files(host, bundle, path)
        elif found is None or found.kind != "file":
            raise BundleError(f"{path}: neither a file nor a folder; bundles hold nothing else")
        else:
            yield path


def _check_packages(one: Contents, sums: Dict[str, str]) -> None:
    for each in (*one.packages, one.pip):
        if sums.get(each.path) != each.sha256:
            raise BundleError(f"{ABOUT}: {each.file} is not the one in {CHECKSUMS}")


def _check_texts(host: Host, bundle: str, contents: Tuple[Contents, ...]) -> None:
    """What pip and uv are given lists the same: who has changed it may have written new checksums, too."""
    for path, text in texts(contents).items():
        if host.read_text(posixpath.join(bundle, path)) != text:
            raise BundleError(f"{path}: does not list what {ABOUT} does; {_AGAIN}")


def _check_complete(bundle: str, one: Contents) -> None:
    """What a package asks for on the target is there, in a version that fits; of extras, those that are asked for."""
    packages = {
        each.project: each for each in one.packages
    }  # what sources ask for is known when they are built
    waiting = [(each.project, "") for each in one.packages]
    asked = filter(None, map(parse, one.requested))
    here = [each for each in asked if one.target.holds(str(each.marker or ""))]
    waiting += [pair for requirement in here for pair in _with_extras(requirement)]
    for project, extra in waiting:  # grows meanwhile
        each = packages.get(project)
        for requirement in _asked(bundle, each):
            if each is None or not one.target.holds(str(requirement.marker or ""), extra):
                continue
            found = packages.get(canonicalize_name(requirement.name))
            if found is None or not (requirement.url or accepts(requirement, found.version)):
                has = f"the bundle has {found.version}" if found else "which the bundle lacks"
                raise BundleError(f"{one.target.name}: {each.file} asks for {requirement}; {has}")
            waiting += [pair for pair in _with_extras(requirement) if pair not in waiting]


def _with_extras(requirement: Requirement) -> Iterator[Tuple[str, str]]:
    yield from ((canonicalize_name(requirement.name), extra) for extra in sorted(requirement.extras))


def _asked(bundle: str, each: Optional[Package]) -> List[Requirement]:
    """Its Requires-Dist; of sources it is known when they are built."""
    return [] if each is None or each.is_source else requirements(posixpath.join(bundle, each.path))

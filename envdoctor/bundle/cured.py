"""Sources are built at the target as under `envdoctor run`: what is wrong with its toolkit or compiler is cured."""

import contextlib
import posixpath
from typing import Iterator, Tuple

from envdoctor.bundle.layout import Contents
from envdoctor.host import tarballs


@contextlib.contextmanager
def cured(bundle: str, one: Contents, python: str) -> Iterator[Tuple[str, ...]]:
    """What pip is run by: the bundle's own doctor, once for each source, which is unpacked for it to read."""
    doctor = (python, "-I", posixpath.join(bundle, "envdoctor.pyz"), "run", "--python", python)
    argv: Tuple[str, ...] = ()
    with contextlib.ExitStack() as stack:
        for each in one.sources:
            # What is no plain tar file is built all the same, by pip alone.
            with contextlib.suppress(tarballs.BrokenTarball):
                project = stack.enter_context(tarballs.unpacked(posixpath.join(bundle, each.path)))
                argv += (*doctor, "--project", project, "--")
        yield argv

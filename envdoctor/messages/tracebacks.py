"""What Python's tracebacks in a log tell: modules and names that are not there, and the file that asked. Pure."""

import re
import sys
from typing import Iterator, List, Tuple

from envdoctor.log import GAP, BuildLog, Hit

# A frame as CPython prints it, as IPython does (old and new), and as rich draws it.
_FRAME = re.compile(
    r"File \"(?P<file>[^\"\n]+)\", line \d+|^File (?P<cell>\S+?):\d+|^(?P<old>[~/\w]\S*\.py) in "
    r"|^\W{0,2}\s?(?P<rich>\S+\.py):\d+ in ",
    re.MULTILINE,
)
#: How far above a message its frame may stand.
NEAR = 1200

#: The last part of the name of a module that is compiled, by custom.
COMPILED = re.compile(
    r"_[A-Z]+\w*$|_?\w*(?:_cuda|_ext|_C|_cpp|_kernels?|_ops|_backend|_umath|_impl|_core|_native)$|_[a-z]\w*$|C$"
)

#: Packages that many distributions share: a part may be missing on its own.
NAMESPACES = frozenset("google azure ruamel zope backports mpl_toolkits nvidia sphinxcontrib jaraco".split())

#: Python's own modules. Before 3.10 it knows those by name that are compiled in; of the others those are added that
#: a Python lacks which was packaged in parts, or was compiled where the library was missing that they need.
OWN = frozenset(getattr(sys, "stdlib_module_names", sys.builtin_module_names)) | frozenset(
    "_bz2 _ctypes _curses _lzma _sqlite3 _ssl _tkinter bz2 ctypes curses dbm ensurepip hashlib idlelib"
    " lzma readline sqlite3 ssl tkinter tomllib turtle uuid venv zlib zoneinfo".split()
)

#: Names that every release of a package has: without them it is another module that is imported.
ALWAYS_THERE = frozenset(
    f"torch.{name}"
    for name in "nn cuda Tensor tensor zeros ones device float32 __version__ utils optim".split()
)

INSTALLED = re.compile(r"[\\/](?:site|dist)-packages[\\/]", re.IGNORECASE)
_NOT_OWN = re.compile(rf"{INSTALLED.pattern}|[\\/]lib[\\/]python\d", re.IGNORECASE)


def asking(log: BuildLog, hit: Hit) -> str:
    """The file of the frame above; "" where there is none."""
    return next(reversed(_frames(log, hit)), "")


def hiding(log: BuildLog, hit: Hit, module: str) -> str:
    """The file of one's own that stands in for a module: named so in the message or in a frame above it; or ""."""
    own = re.compile(rf"(?:^|[\\/]){re.escape(module)}\.py$")
    files = (hit["file"], *reversed(_frames(log, hit)))
    return next((file for file in files if own.search(file) and not _NOT_OWN.search(file)), "")


def _frames(log: BuildLog, hit: Hit) -> List[str]:
    """The files of the frames above, the nearest last."""
    end = hit.match.start()
    start = max(
        0, end - NEAR, log.text.rfind(GAP, 0, end) + 1
    )  # what is above a gap belongs to something else
    frames = list(_FRAME.finditer(log.text, start, end))
    return [next((text for text in frame.groups() if text), "") for frame in frames]


def absent_modules(log: BuildLog) -> Iterator[Tuple[Hit, str]]:
    """Modules that Python does not find, with their full names; of a package that is absent as a whole, its own."""
    for hit in log.search(
        r"(?P<raised>ImportError: )?No module named (?P<quote>['\"])?(?P<name>[A-Za-z_][\w.]*)"
        r"(?P<single>['\"]; '\w+' is not a package)?"
    ):
        name = hit["name"].rstrip(".")
        top = name.partition(".")[0]
        yield hit, top if in_python_2(hit) and top not in NAMESPACES else name


def in_python_2(absent: Hit) -> bool:
    """Whether it is Python 2 that misses a module: it quotes none, and names all that was asked for."""
    return bool(absent["raised"]) and not absent["quote"]


def is_no_package(absent: Hit) -> bool:
    """Whether a file stands where a package is expected."""
    return bool(absent["single"])

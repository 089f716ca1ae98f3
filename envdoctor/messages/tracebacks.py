"""What Python's tracebacks in a log tell: modules and names that are not there, and the file that asked. Pure."""

import re
import sys
from typing import Iterator, Tuple

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

#: Python's own modules; before 3.10 those in C alone, which Python knows by itself.
OWN = frozenset(getattr(sys, "stdlib_module_names", sys.builtin_module_names))

INSTALLED = re.compile(r"[\\/](?:site|dist)-packages[\\/]", re.IGNORECASE)


def asking(log: BuildLog, hit: Hit) -> str:
    """The file of the frame above; "" where there is none."""
    end = hit.match.start()
    start = max(
        0, end - NEAR, log.text.rfind(GAP, 0, end) + 1
    )  # what is above a gap belongs to something else
    frames = list(_FRAME.finditer(log.text, start, end))
    return next((text for text in frames[-1].groups() if text), "") if frames else ""


def absent_modules(log: BuildLog) -> Iterator[Tuple[Hit, str]]:
    """Modules that Python does not find, with their full names."""
    for hit in log.search(
        r"No module named ['\"]?(?P<name>[A-Za-z_][\w.]*)",
        r"ImportError: No module named (?P<name>[A-Za-z_][\w.]*)",
    ):
        yield hit, hit["name"].rstrip(".")

"""What the system refuses, in one line, and what to do where that is known. Pure."""

import errno

_ROOM = "make room there, or give another place (TMPDIR=DIR names one for what is temporary)"
_CURES = {errno.ENOSPC: _ROOM, errno.EDQUOT: _ROOM}


def refused(error: OSError, otherwise: str) -> str:
    """The file that it is about, else what is given."""
    cure = _CURES.get(error.errno or 0)
    return f"{error.filename or otherwise}: {error.strerror or error}" + (f"; {cure}" if cure else "")

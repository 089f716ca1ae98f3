"""Which variants of a family there are, and one of them forced for tests and comparisons."""

import contextlib
import ctypes
import itertools
from typing import Iterator, List

from envdoctor.kernels.calls import function


class Variants:
    """Of the family whose functions start with envdoctor_<family>_."""

    def __init__(self, family: str) -> None:
        self._name = function(f"envdoctor_{family}_variant_name", ctypes.c_char_p, ctypes.c_int)
        #: What every call takes; "auto" but in tests and comparisons.
        self.number = 0

    def names(self) -> List[str]:
        """All of them; which run depends on the device and the call."""
        names = (self._name(number) for number in itertools.count())
        return [name.decode() for name in itertools.takewhile(bool, names)]

    @contextlib.contextmanager
    def forced(self, name: str) -> Iterator[None]:
        """Calls within take this variant; NotImplementedError where it does not run."""
        before, self.number = self.number, self.names().index(name)
        try:
            yield
        finally:
            self.number = before

"""Takes a named variant of a family instead of the one that its table would choose: for tests and comparisons."""

import contextlib
import ctypes
import itertools
from typing import Iterator, List

from envdoctor.kernels.calls import function


class Forcing:
    """Of one family, by the function that names its variants."""

    def __init__(self, name_function: str) -> None:
        self._name = function(name_function, ctypes.c_char_p, ctypes.c_int)
        #: What calls ask for; 0: the table decides.
        self.number = 0

    def variants(self) -> List[str]:
        """Names of all but "auto"; which of them run depends on the device and the call."""
        names = itertools.takewhile(bool, (self._name(number) for number in itertools.count(1)))
        return [name.decode() for name in names]

    @contextlib.contextmanager
    def to(self, variant: str) -> Iterator[None]:
        """Calls within take this variant; NotImplementedError where it does not run."""
        before, self.number = self.number, 1 + self.variants().index(variant)
        try:
            yield
        finally:
            self.number = before

"""The checks, in the order in which they are told."""

from typing import Callable, List, Tuple

from envdoctor.bundle.static import copies, cuda_line, floors, gpu_code, libraries, tags, unresolved
from envdoctor.bundle.static.subject import Outcome, Subject

CHECKS: Tuple[Tuple[str, Callable[[Subject], Outcome]], ...] = (
    ("tags", tags.check),
    ("CUDA", cuda_line.check),
    ("floors", floors.check),
    ("libraries", libraries.check),
    ("symbols", unresolved.check),
    ("GPU code", gpu_code.check),
    ("copies", copies.check),
)


def outcomes(subject: Subject) -> List[Tuple[str, Outcome]]:
    """Every check by its name, with what it says."""
    return [(name, check(subject)) for name, check in CHECKS]

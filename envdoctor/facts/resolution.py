"""Resolution replay: what each finder of a build would take, and how we know."""

from dataclasses import dataclass
from typing import Optional, Tuple


@dataclass(frozen=True)
class Answer:
    """One finder's answer.

    Finders, `subject` "cuda": "shell", "torch cpp_extension", "CMake CUDA language", "FindCUDAToolkit";
    `subject` "python": "shell", "FindPython3", "FindPython3 (CMP0094 OLD)", "FindPython", "FindPythonInterp".
    """

    subject: str  # "cuda" | "python"
    finder: str
    takes: Optional[str]  # a CUDA root or a Python executable; None: nothing found
    reason: str  # "CUDA_HOME", "first nvcc on PATH", ...
    how: str  # "asked" (the real tool) | "computed"


@dataclass(frozen=True)
class Resolution:
    """All answers."""

    answers: Tuple[Answer, ...]

    def get(self, finder: str) -> Optional[Answer]:
        """By finder name, None when it was not replayed."""
        return next((answer for answer in self.answers if answer.finder == finder), None)

    def about(self, subject: str) -> Tuple[Answer, ...]:
        """All answers on one subject."""
        return tuple(answer for answer in self.answers if answer.subject == subject)

"""Where a finding is shown by tools that want a file of the project for each."""

import posixpath
from typing import Optional

from envdoctor.facts import Facts, Project

MAIN_FILES = {
    "setup.py": "setup.py",
    "pyproject": "pyproject.toml",
    "cmake": "CMakeLists.txt",
    "make": "Makefile",
}


def project_path(file: str, facts: Facts, prefix: str) -> Optional[str]:
    """A file of the project as seen from where the report is read; None for a file outside it."""
    root = facts.project.root if isinstance(facts.project, Project) else facts.request.project
    if file.startswith("/"):
        if not root or not file.startswith(root.rstrip("/") + "/"):
            return None
        file = file[len(root.rstrip("/")) + 1 :]
    path = posixpath.normpath(posixpath.join(prefix, file))
    return None if path.startswith("../") else path


def main_file(facts: Facts, prefix: str) -> str:
    """The file that builds the project, or its folder: the anchor of findings about the machine."""
    builds = facts.project.builds if isinstance(facts.project, Project) else ()
    name = next((MAIN_FILES[kind] for kind in builds if kind in MAIN_FILES), ".")
    return posixpath.normpath(posixpath.join(prefix, name))

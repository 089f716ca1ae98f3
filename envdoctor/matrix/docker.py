"""Dockerfiles, written from the table: an image for every CUDA line, and one from a bundle without a network."""

import json
import shlex
from typing import Any, Dict

from envdoctor.matrix.lines import targets
from envdoctor.matrix.rendering import rendered
from envdoctor.matrix.steps import LONG_AGO
from envdoctor.matrix.table import CudaLine, Docker, Table, TableError

#: No other user of a base image has this number; one that is known can be given rights outside.
USER_ID = "10001"


def dockerfiles(table: Table, name: str) -> Dict[str, str]:
    """Path below the folder of images -> text; `name` is the table's own. Raises TableError."""
    if table.docker is None:
        raise TableError(f"{name} has no [docker], which says what images are made of and start with")
    shared = _shared(table.docker, name)
    found = {
        f"cuda-{line.version}/Dockerfile": rendered(
            "docker/cuda.Dockerfile", {**shared, **_of_line(table, table.docker, line)}
        )
        for line in table.cuda
    }
    found["offline/Dockerfile"] = rendered(
        "docker/offline.Dockerfile", {**shared, "python": table.python.builder}
    )
    return found


def _shared(docker: Docker, name: str) -> Dict[str, Any]:
    labels = {"title": docker.title, "description": docker.description, "licenses": docker.licenses}
    return {
        "table": name,
        "docker": docker,
        "name": docker.title or docker.entrypoint[0],
        "labels": [(key, json.dumps(text)) for key, text in labels.items() if text],
        "entrypoint": json.dumps(docker.entrypoint),
        "user_id": USER_ID,
    }


def _of_line(table: Table, docker: Docker, line: CudaLine) -> Dict[str, Any]:
    return {
        "line": line,
        "base": line.image or docker.base,
        "runtime": line.runtime_image or line.image or docker.base,
        "made": not line.image,
        "packages": " ".join(sorted({*docker.packages, "python3", "python3-venv"})),
        "archs": ",".join(targets(table, line)),
        "settings": [_setting(each) for each in table.wheel.settings],
        "envdoctor": table.github.envdoctor,
        "long_ago": LONG_AGO,
    }


def _setting(text: str) -> str:
    """An option for pip as the shell reads it, in which `{archs}` is the Dockerfile's variable."""
    parts = f"--config-settings={text}".split("{archs}")
    return '"${ARCHS}"'.join(shlex.quote(part) if part else "" for part in parts)

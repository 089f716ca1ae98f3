"""What a bundle says to the person at the target, and the script that installs it. Pure."""

import pkgutil
from typing import Dict, Sequence

from envdoctor.bundle.cuda_lines import words
from envdoctor.bundle.layout import Contents
from envdoctor.bundle.target import Target

_TEMPLATES = ("install.sh", "README.md", "README.zh.md")


def texts(contents: Sequence[Contents]) -> Dict[str, str]:
    """Path in the bundle -> text."""
    minors = dict.fromkeys("python{}.{}".format(*one.target.minor) for one in contents)
    values = {
        "@PYTHONS@": " ".join([*minors, "python3", "python"]),
        "@TITLE@": ", ".join(dict.fromkeys(each for one in contents for each in one.requested)),
        "@COUNT@": str(len({each for one in contents for each in one.packages})),
        "@TARGETS@": "\n".join(f"- {_machine(one.target)}: {len(one.packages)}" for one in contents),
    }
    return {name: _filled(name, values) for name in _TEMPLATES}


def _machine(target: Target) -> str:
    cuda = [words(target.cuda)] if target.cuda else []
    gpus = [f"GPU {', '.join(target.gpus)}"] if target.gpus else []
    glibc = "glibc {}.{} +".format(*target.glibc)
    return ", ".join([f"Python {target.python}", target.machine, glibc, *cuda, *gpus])


def _filled(name: str, values: Dict[str, str]) -> str:
    text = (pkgutil.get_data(__name__, f"templates/{name}") or b"").decode()
    for place, value in values.items():
        text = text.replace(place, value)
    return text

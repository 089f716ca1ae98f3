"""Wheels made by hand, and folders of them that stand for an index."""

import base64
import ensurepip
import hashlib
import importlib.metadata
import shutil
import zipfile
from pathlib import Path


def wheel(folder, project, version="1.0", tag="py3-none-any", requires=(), extras=(), files=None):
    """A wheel with one module, or with these files; its path."""
    info = f"{project}-{version}.dist-info"
    members = dict(files if files is not None else {f"{project}.py": f"VERSION = {version!r}\n"})
    members[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n" + "".join(
        [
            *(f"Requires-Dist: {each}\n" for each in requires),
            *(f"Provides-Extra: {each}\n" for each in extras),
        ]
    )
    members[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n"
    lines = [f"{name},{_digest(text)},{len(_bytes(text))}\n" for name, text in members.items()]
    members[f"{info}/RECORD"] = "".join(lines) + f"{info}/RECORD,,\n"
    path = Path(folder) / f"{project}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def _bytes(text):
    return text.encode() if isinstance(text, str) else text


def _digest(text):
    digest = hashlib.sha256(_bytes(text)).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def add_tools(folder):
    """What every bundle brings: pip, as ensurepip has it, and `packaging`, as it is installed here."""
    bundled = Path(ensurepip.__file__).parent / "_bundled"
    shutil.copy(next(bundled.glob("pip-*.whl")), folder)
    installed = importlib.metadata.distribution("packaging")
    names = [
        name for name in installed.files if name.parts[0] == "packaging" and name.suffix in (".py", ".typed")
    ]
    files = {str(name): name.read_binary() for name in names}
    wheel(folder, "packaging", installed.version, files=files)

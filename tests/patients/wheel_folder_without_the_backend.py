"""No index may be asked, and the wheel folder lacks the build backend, which is installed already."""

RULES = "build-requirements-unreachable"
SAYS = r"No matching distribution found for setuptools"
NEEDS = "index"
BUILD = "python -m pip wheel --no-deps -w dist ."
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": "{box}/wheels",
    "PIP_NO_CACHE_DIR": "1",
}
PROJECT = {
    "pyproject.toml": """\
        [build-system]
        requires = ["setuptools>=61"]
        build-backend = "setuptools.build_meta"

        [project]
        name = "ledger"
        version = "1.0"

        [tool.setuptools]
        py-modules = ["ledger"]
    """,
    "ledger.py": "TOTAL = 0\n",
}


def make(box):
    box.venv("pip", "setuptools", "wheel", "packaging")
    box.wheels("wheels", "packaging")

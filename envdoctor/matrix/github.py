"""GitHub's workflows, written from the table: tests, a wheel for every CUDA line and platform, a release."""

from typing import Any, Dict, List

from envdoctor.matrix.lines import release_line
from envdoctor.matrix.rendering import rendered
from envdoctor.matrix.table import Table

#: Actions by commit, which a tag that is moved does not change.
ACTIONS = {
    "checkout": "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2",
    "setup_python": "actions/setup-python@a26af69be951a213d495a4c3e4e4022e16d87065 # v5.6.0",
    "cache": "actions/cache@5a3ec84eff668545956fd18022155c47e93e2684 # v4.2.3",
    "upload_artifact": "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2",
    "download_artifact": "actions/download-artifact@d3f86a106a0bac45b974a628896c90dbdf5c8093 # v4.3.0",
    "attest": "actions/attest-build-provenance@e8998f949152b193b063cb0ec769d69d929409be # v2.4.0",
    "publish": "pypa/gh-action-pypi-publish@76f52bc884231f62b9a034ebfe128415bbaabdfc # v1.12.4",
}


def workflows(table: Table, name: str) -> Dict[str, str]:
    """File name -> text; `name` is the table's own, for who reads them. Raises TableError."""
    found = {"ci.yml": rendered("github/ci.yml", _values(table, name))}
    if table.github.release:
        found["release.yml"] = rendered("github/release.yml", _values(table, name))
    return found


def jobs(table: Table) -> List[Dict[str, str]]:
    """Every CUDA line on every platform that has it."""
    runners = {each.name: each.runner for each in table.platforms}
    return [
        {"cuda": line.version, "platform": platform, "runner": runners[platform]}
        for line in table.cuda
        for platform in line.platforms
    ]


def _values(table: Table, name: str) -> Dict[str, Any]:
    tested = [version for version in table.python.tested if version != table.python.builder]
    return {
        "table": name,
        "actions": ACTIONS,
        "github": table.github,
        "platforms": table.platforms,
        "pythons": [*tested, table.python.builder],
        "builder": table.python.builder,
        "jobs": jobs(table),
        "release": release_line(table).version if table.github.release else "",
    }

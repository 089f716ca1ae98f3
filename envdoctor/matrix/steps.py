"""What is run to build a CUDA line's wheel and to try it: lines of a shell, which a person can run as well."""

import posixpath
import shlex
from dataclasses import dataclass
from typing import Iterator, Tuple

from envdoctor.matrix.table import CudaLine, WheelBuild

#: Folders that builds and tools make.
MADE = (".envdoctor", ".nox", ".tox", ".venv", "venv", "build", "dist")
#: Most back ends give a wheel's files this time, 2020-02-02, so that the same source gives the same wheel.
LONG_AGO = "1580601600"


@dataclass(frozen=True)
class Places:
    """Where a line's work is done; absolute."""

    project: str
    folder: str  # of the line
    toolkit: str  # a CUDA root that is there, or is to be made
    python: str  # that builds
    envdoctor: str  # the command that runs this program
    made: bool  # whether the toolkit is ours to make

    @property
    def wheels(self) -> str:
        """A folder of one wheel."""
        return f"{self.folder}/wheel"

    @property
    def source(self) -> str:
        """A copy of the project, while it is built."""
        return f"{self.folder}/source"

    @property
    def below_project(self) -> str:
        """The folder of all lines as seen from the project; "" where it is elsewhere."""
        found = posixpath.relpath(posixpath.dirname(self.folder), self.project)
        return "" if found.startswith("..") else found

    @property
    def variables(self) -> str:
        """A file of the shell with the toolkit's variables."""
        return f"{self.folder}/toolkit.sh"

    @property
    def report(self) -> str:
        """What `wheel check` read of the wheel."""
        return f"{self.folder}/wheel.json"


@dataclass(frozen=True)
class Step:
    """One command line of sh, run in the line's folder."""

    name: str
    command: str


def steps(wheel: WheelBuild, line: CudaLine, targets: Tuple[str, ...], places: Places) -> Tuple[Step, ...]:
    """All of them, in order; each wants those before it."""
    return (
        Step("toolkit", _toolkit(line, places)),
        Step("sources", _copy(places)),
        Step("wheel", _wheel(wheel, targets, places)),
        Step("check", _check(places)),
        *_trial(wheel, places),
    )


def _toolkit(line: CudaLine, places: Places) -> str:
    if places.made:
        more = f" --with {','.join(line.components)}" if line.components else ""
        create = f"{places.envdoctor} toolkit create {line.version}{more} --prefix {_quoted(places.toolkit)}"
        return f"{create} > {_quoted(places.variables)}"
    home = f"export CUDA_HOME={_quoted(places.toolkit)}"
    exported = (home, 'export CUDACXX="$CUDA_HOME/bin/nvcc"', 'export PATH="$CUDA_HOME/bin:$PATH"')
    return f"printf '%s\\n' {' '.join(map(_quoted, exported))} > {_quoted(places.variables)}"


def _wheel(wheel: WheelBuild, targets: Tuple[str, ...], places: Places) -> str:
    settings = " ".join(
        _quoted(f"--config-settings={each.replace('{archs}', ','.join(targets))}") for each in wheel.settings
    )
    pip = f"{_quoted(places.python)} -m pip wheel --disable-pip-version-check --progress-bar off --no-deps"
    return " && ".join(
        (
            f". {_quoted(places.variables)}",
            f"export SOURCE_DATE_EPOCH=${{SOURCE_DATE_EPOCH:-{LONG_AGO}}}",
            f"export TORCH_CUDA_ARCH_LIST={_quoted(';'.join(targets))}",
            f"rm -rf {_quoted(places.wheels)}",
            f"{pip} --wheel-dir {_quoted(places.wheels)} {settings} {_quoted(places.source)}",
            f"rm -rf {_quoted(places.source)}",
        )
    )


def _copy(places: Places) -> str:
    """Sources of the line's own: setuptools, say, builds in the tree, and would take what another line has left."""
    project, source, packed = map(_quoted, (places.project, places.source, f"{places.source}.tar"))
    left_out = " ".join(_quoted(f"--exclude=./{name}") for name in (*MADE, places.below_project) if name)
    return (
        f"rm -rf {source} && mkdir {source} && tar -C {project} {left_out} -cf {packed} . "
        f"&& tar -C {source} -xf {packed} && rm {packed}"
    )


def _check(places: Places) -> str:
    report = _quoted(places.report)
    check = f"{places.envdoctor} wheel check --json {_quoted(places.wheels)}/*.whl > {report}"
    return f"{check} || {{ cat {report}; exit 1; }}"


def _trial(wheel: WheelBuild, places: Places) -> Iterator[Step]:
    """In a new environment, in a folder without the project's sources."""
    if not wheel.tests:
        return
    environment = f"{_quoted(places.folder)}/environment"
    required = " ".join(map(_quoted, wheel.requires))
    yield Step(
        "install",
        f"{_quoted(places.python)} -m venv --clear {environment} && {environment}/bin/python -m pip install "
        f"--disable-pip-version-check --progress-bar off {_quoted(places.wheels)}/*.whl {required}".rstrip(),
    )
    for test in wheel.tests:
        yield Step(f"test: {test}", f'PATH={environment}/bin:"$PATH" && export PATH && {test}')


_quoted = shlex.quote

"""Steps of a job, with the two files that the runner reads between them."""

import pytest

from envdoctor.finding import SetEnv
from envdoctor.overlay.activation import github
from envdoctor.overlay.plan import MARKER, applied
from tests.overlay.activation.shells import SHELLS, Session, here, without_state
from tests.overlay.activation.test_shells import overlay

MADE = overlay(
    SetEnv("CC", None),
    SetEnv("CPATH", "/x", "prepend"),
    SetEnv("NOTE", "a\n_ENVDOCTOR_END\nb'\n"),
    SetEnv("PATH", "/one", "prepend"),
    SetEnv("PATH", "/two", "prepend"),
)
BEFORE = {"PATH": "/usr/bin:/bin", "CC": "gcc", "CPATH": "/a"}


class Job:
    """The environment that steps hand on, and the folders that go to the front of PATH."""

    def __init__(self, shell, folder):
        self.shell, self.folder = shell, folder
        self.environment, self.path, self.steps = dict(BEFORE), [], 0

    def step(self, code, output=b""):
        """Run code in a step; what a child sees at its end."""
        folder = self.folder / str(self.steps)
        folder.mkdir()
        self.steps += 1
        files = {name: str(folder / name) for name in ("GITHUB_ENV", "GITHUB_PATH")}
        path = ":".join([*reversed(self.path), self.environment["PATH"]])
        session = Session(self.shell, str(folder), {**self.environment, "PATH": path, **files})
        (seen,) = session.read(code).look().seen(output)
        self._read(folder)
        return {name: value for name, value in seen.items() if name not in files}

    def _read(self, folder):
        text = (folder / "GITHUB_ENV").read_text() if (folder / "GITHUB_ENV").exists() else ""
        lines = iter(text.split("\n")[:-1])
        for line in lines:
            name, delimiter = line.split("<<")
            self.environment[name] = "\n".join(iter(lambda: next(lines), delimiter))
        if (folder / "GITHUB_PATH").exists():
            new = (folder / "GITHUB_PATH").read_text().splitlines()
            self.path = [folder for folder in self.path if folder not in new] + new


@pytest.fixture(params=["bash", "bash, strict", "dash"])
def job(request, tmp_path):
    """A job whose steps are run by this shell."""
    assert request.param in SHELLS
    return Job(here(request.param), tmp_path)


WARNING = b"::warning::envdoctor: later steps have %s empty, not unset\n"


def test_this_step_and_the_next(job):
    wanted = applied(MADE.variables, BEFORE)
    assert without_state(job.step(github.render(MADE), WARNING % b"CC")) == wanted
    assert without_state(job.step("")) == {**wanted, "CC": ""}


def test_once_more_in_a_later_step(job):
    job.step(github.render(MADE), WARNING % b"CC")
    wanted = applied(MADE.variables, BEFORE)
    assert job.step(github.render(MADE), WARNING % b"CC")["CPATH"] == wanted["CPATH"]
    assert job.step("")["PATH"] == wanted["PATH"]


def test_the_way_back_in_a_later_step(job):
    job.step(github.render(MADE), WARNING % b"CC")
    job.step(github.leaving(), WARNING % b"NOTE" + WARNING % MARKER.encode())
    after = without_state(job.step(""))
    assert {name: value for name, value in after.items() if value and name != "PATH"} == {
        "CC": "gcc",
        "CPATH": "/a",
    }


def test_outside_of_a_job_it_is_for_this_shell_alone(tmp_path):
    session = Session(here("bash"), str(tmp_path), BEFORE)
    (seen,) = session.read(github.render(MADE)).look().seen()
    assert without_state(seen) == applied(MADE.variables, BEFORE)

"""Real shells that read activation code, and what a child process of theirs sees of it."""

import os
import shutil
import subprocess
from typing import Dict, List, NamedTuple

import pytest


class Shell(NamedTuple):
    """How a shell is started so that it reads no file of the user's, and what its code is called here."""

    form: str
    argv: List[str]
    package: str
    source: str = "."


SHELLS = {
    "bash": Shell("bash", ["bash", "--norc", "--noprofile"], "bash"),
    "bash, strict": Shell("bash", ["bash", "--norc", "--noprofile", "-eu"], "bash"),
    "bash, posix": Shell("bash", ["bash", "--norc", "--noprofile", "--posix", "-eu"], "bash"),
    "zsh": Shell("zsh", ["zsh", "-f"], "zsh"),
    "zsh, strict": Shell("zsh", ["zsh", "-f", "-eu", "-o", "rcquotes", "-o", "warncreateglobal"], "zsh"),
    "dash": Shell("sh", ["dash", "-eu"], "dash"),
    "fish": Shell("fish", ["fish", "--no-config"], "fish", "source"),
    "tcsh": Shell("csh", ["tcsh", "-f"], "tcsh", "source"),
    "csh": Shell("csh", ["bsd-csh", "-f"], "csh", "source"),
}

#: What shells set for themselves.
OWN = "_ PWD OLDPWD SHLVL HOST HOSTTYPE VENDOR OSTYPE MACHTYPE LOGNAME GROUP USER".split()


def here(name: str) -> Shell:
    """The shell; the test is skipped where it is not installed, which bash always is."""
    shell = SHELLS[name]
    if shutil.which(shell.argv[0]) is None:
        assert shell.package != "bash", "bash is not installed, and most people's activation code is for it"
        pytest.skip(f"{shell.argv[0]} is not installed: apt-get install {shell.package}")
    return shell


class Session:
    """A script of one shell, written line by line, in which the environment of children can be looked at."""

    def __init__(self, shell: Shell, folder: str, environment: Dict[str, str]) -> None:
        self.shell = shell
        self.folder = folder
        self.environment = environment
        self.lines: List[str] = []
        self.files = 0

    def run(self, line: str) -> "Session":
        """Any line."""
        self.lines.append(line)
        return self

    def read(self, code: str) -> "Session":
        """Activation code, sourced from a file."""
        path = self._file("code")
        with open(path, "wb") as stream:
            stream.write(code.encode("utf-8", "surrogateescape"))
        return self.run(f"{self.shell.source} {path}")

    def look(self) -> "Session":
        """What a child process sees at this point."""
        return self.run(f"/usr/bin/env -0 > {self._file('seen')}")

    def seen(self, output: bytes = b"") -> List[Dict[str, str]]:
        """Run it; the environments that were looked at. It says nothing else than `output`."""
        script = os.path.join(self.folder, "script")
        with open(script, "w") as stream:
            stream.write("\n".join([*self.lines, ""]))
        program = shutil.which(self.shell.argv[0])
        done = subprocess.run(
            [program, *self.shell.argv[1:], script],
            env={os.fsencode(k): os.fsencode(v) for k, v in self.environment.items()},
            capture_output=True,
            timeout=60,
        )
        assert (done.returncode, done.stderr, done.stdout) == (0, b"", output)
        files = (os.path.join(self.folder, f"{number}-seen") for number in range(self.files))
        return [variables_in(path) for path in files if os.path.exists(path)]

    def _file(self, kind: str) -> str:
        path = os.path.join(self.folder, f"{self.files}-{kind}")
        self.files += 1
        return path


def variables_in(path: str) -> Dict[str, str]:
    """What `env -0` wrote there."""
    with open(path, "rb") as stream:
        items = os.fsdecode(stream.read()).split("\0")[:-1]
    pairs = (item.partition("=") for item in items)
    return {name: value for name, _, value in pairs if name not in OWN}


def without_state(environment: Dict[str, str]) -> Dict[str, str]:
    """What is left of an environment without the variables in which activation code keeps what was there before."""
    return {name: value for name, value in environment.items() if not name.startswith("_ENVDOCTOR_")}

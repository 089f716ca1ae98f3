"""A trial: the plain build fails, check names why, run cures it or says what to do, and nothing else is touched."""

import json
import re
from typing import Dict, List, Sequence, Set, Tuple

from ward import prints
from ward.box import Box

OVERLAY = "project/.envdoctor"


class Failed(Exception):
    """Something that must hold does not: in which step, why, and the output that shows it."""

    def __init__(self, step: str, why: str, output: str = "") -> None:
        super().__init__(f"{step}: {why}")
        self.output = output


class Trial:
    """The steps, in the order in which they are taken; each raises Failed."""

    def __init__(
        self, box: Box, doctor: Sequence[str], outputs: Sequence[str], changes: Sequence[str]
    ) -> None:
        self.box = box
        self.doctor = list(doctor)
        self.outputs = outputs
        self.own = (*outputs, *changes)
        self.before = self._prints()

    def plain(self, command: Sequence[str], says: str) -> None:
        """The command fails, and for the reason that is expected."""
        status, output = self.box.run(command)
        if status == 0:
            raise Failed("plain", "the command succeeds, so nothing is sick", output)
        if not re.search(says, output):
            raise Failed("plain", f"exit status {status}, but nothing says: {says}", output)
        self._untouched("plain")

    def check(self, rules: Sequence[str], also: Sequence[str], options: Sequence[str]) -> List[str]:
        """Every expected rule is named, no other error is, and the exit status says whether there are errors.

        Where no rule is expected, any will do. The names of those that are found.
        """
        command = [*self.doctor, "check", ".", "--format", "json", *options]
        status, output = self.box.run(command, errors=False)
        try:
            severities: Dict[str, str] = {
                found["rule"]: found["severity"] for found in json.loads(output)["findings"]
            }
        except ValueError:
            raise Failed("check", f"exit status {status} and no JSON", self._report(options)) from None
        errors = {rule for rule, severity in severities.items() if severity == "error"}
        absent = sorted(set(rules) - severities.keys())
        if absent:
            raise Failed("check", f"does not name {', '.join(absent)}", self._report(options))
        unexpected = sorted(errors - {*rules, *also})
        if rules and unexpected:
            raise Failed("check", f"names {', '.join(unexpected)}, unexpected", self._report(options))
        if status != int(bool(errors)):
            raise Failed("check", f"exit status {status} with {len(errors)} errors", self._report(options))
        self._untouched("check")
        return sorted(rules or errors)

    def run(
        self,
        command: Sequence[str],
        cures: Sequence[str],
        tells: str,
        options: Sequence[str],
    ) -> None:
        """The command succeeds, by those cures; or, where none from outside helps, it fails and says what does."""
        status, output = self._run(command, options)
        if tells and not re.search(tells, output):
            raise Failed("run", f"does not tell: {tells}", output)
        if bool(status) != bool(tells):
            raise Failed("run", f"exit status {status}", output)
        absent = sorted(set(cures) - self._cures()) if not tells else []
        if absent:
            raise Failed("run", f"succeeds without a cure for {', '.join(absent)}", output)
        self._untouched("run")

    def imports(self, modules: str) -> None:
        """What was built can be imported, in the patient's own environment and far from the sources."""
        status, output = self.box.run(["sh", "-c", f"cd / && exec python -c 'import torch, {modules}'"])
        if status:
            raise Failed("imports", f"exit status {status}", output)

    def again(self, command: Sequence[str], options: Sequence[str]) -> None:
        """A second run, that names the same command and does nothing, finds the overlay as it would make it."""
        before = self._overlay()
        self._run(["true", *command], options)
        changed = prints.differences(before, self._overlay())
        if changed:
            raise Failed("again", "a second run changes the overlay", "\n".join(changed))
        self._untouched("again")

    def _report(self, options: Sequence[str]) -> str:
        """What a person would read."""
        return self.box.run([*self.doctor, "check", ".", *options])[1]

    def _run(self, command: Sequence[str], options: Sequence[str]) -> Tuple[int, str]:
        self.box.remove(self.outputs)
        return self.box.run([*self.doctor, "run", *options, "--", *command])

    def _untouched(self, step: str) -> None:
        changed = prints.differences(self.before, self._prints())
        if changed:
            raise Failed(step, "changes what is not its own", "\n".join(changed))

    def _prints(self) -> prints.Prints:
        return self.box.prints(self.own)

    def _cures(self) -> Set[str]:
        """The rules for which the overlay holds something, by its own record."""
        record = self.box.folder / OVERLAY / "run/overlay.json"
        return (
            {cure["rule"] for cure in json.loads(record.read_text())["cures"]} if record.exists() else set()
        )

    def _overlay(self) -> prints.Prints:
        return prints.of_folder(str(self.box.folder / OVERLAY))

"""What CMake files do with variables: set, option, list, string, file and their like."""

import posixpath
import re
from typing import List, Set

from envdoctor.probes._project.cmake_run import Run
from envdoctor.probes._project.cmake_syntax import Command
from envdoctor.probes._project.tree import Tree

_CUDA_OPTION = re.compile(r"(?!.*(?:NO|DISABLE|WITHOUT|SKIP|TESTS?)(?:_|CUDA))(?:\w+_)?CUDA")


class Variables:
    """Handlers of the commands that change variables; what a value asks for is the business of the subclass."""

    tree: Tree
    run: Run
    #: Files that configuring makes, by name: headers of these names are not missing.
    generated: Set[str]
    #: Whether the caller stated that CUDA is to be built: options for it then count as chosen.
    cuda_stated: bool

    def assigned(self, name: str, value: str, command: Command) -> None:
        """A variable was given a value, or a list or text was appended to it."""
        raise NotImplementedError

    def downloaded(self, url: str, command: Command) -> None:
        """The network is asked for something."""
        raise NotImplementedError

    def on_set(self, command: Command, words: List[str]) -> None:
        if not words or "{" in words[0]:
            return
        name, values = words[0], words[1:]
        cached = "CACHE" in values
        parent = values[-1:] == ["PARENT_SCOPE"]
        values = values[: values.index("CACHE")] if cached else values[:-1] if parent else values
        if name in self.run.given or (cached and name in self.run.variables and name not in self.run.unsure):
            return
        if parent and self.run.caller is not None:
            self.run.caller[name] = ";".join(values)
        if values or cached:
            self.run.set(name, ";".join(values))
        else:
            self.run.variables.pop(name, None)
        self.assigned(name, ";".join(values), command)

    def on_option(self, command: Command, words: List[str]) -> None:
        if words and words[0] not in self.run.variables:
            wanted = self.cuda_stated and _CUDA_OPTION.fullmatch(words[0])
            self.run.set(words[0], "ON" if wanted else words[2] if len(words) > 2 else "OFF")

    def choices(self, name: str, values: List[str]) -> None:
        """A cached variable has a list of values to choose from."""
        cuda = next((value for value in values if value.lower() == "cuda"), None)
        if self.cuda_stated and cuda and name not in self.run.given and self.run.certain:
            self.run.set(name, cuda)

    def on_cmake_dependent_option(self, command: Command, words: List[str]) -> None:
        for word in words[:1]:
            self.run.forget(word)

    def on_unset(self, command: Command, words: List[str]) -> None:
        for word in words[:1]:
            self.run.variables.pop(word, None)

    def on_list(self, command: Command, words: List[str]) -> None:
        if len(words) < 2:
            return
        action, name, values = words[0], words[1], words[2:]
        self.run.tainted = self.run.tainted or name in self.run.unsure
        before = [part for part in self.run.variables.get(name, "").split(";") if part]
        if action in ("APPEND", "PREPEND"):
            joined = before + values if action == "APPEND" else values + before
            self.run.set(name, ";".join(joined))
            self.assigned(name, ";".join(values), command)
        elif action == "REMOVE_ITEM" and name in self.run.variables:
            self.run.set(name, ";".join(part for part in before if part not in values))
        elif action == "REMOVE_DUPLICATES" and name in self.run.variables:
            self.run.set(name, ";".join(dict.fromkeys(before)))
        elif action not in ("SORT", "REVERSE"):
            for word in (
                values[-1:]
                if action in ("LENGTH", "GET", "FIND", "JOIN", "SUBLIST")
                else [name, *values[-1:]]
            ):
                self.run.forget(word)

    def on_string(self, command: Command, words: List[str]) -> None:
        if len(words) < 3:
            return
        action = words[0]
        if action == "APPEND":
            self.run.tainted = self.run.tainted or words[1] in self.run.unsure
            self.run.set(words[1], self.run.variables.get(words[1], "") + "".join(words[2:]))
            self.assigned(words[1], "".join(words[2:]), command)
        elif action in ("TOLOWER", "TOUPPER") and "$" not in words[1]:
            self.run.set(words[2], words[1].lower() if action == "TOLOWER" else words[1].upper())
        elif action == "REPLACE" and len(words) > 4 and not any("$" in word for word in words):
            self.run.set(words[3], "".join(words[4:]).replace(words[1], words[2]))
        else:
            for word in words[1:]:
                if re.fullmatch(r"[A-Za-z_]\w*", word):
                    self.run.forget(word)

    def on_get_filename_component(self, command: Command, words: List[str]) -> None:
        if len(words) < 3 or "$" in words[1]:
            return
        path = self.tree.full(self.run.path(words[1]))
        made = {
            "DIRECTORY": posixpath.dirname(path),
            "PATH": posixpath.dirname(path),
            "NAME": posixpath.basename(path),
        }
        made.update(ABSOLUTE=path, REALPATH=path)
        (self.run.set(words[0], made[words[2]]) if words[2] in made else self.run.forget(words[0]))

    def on_file(self, command: Command, words: List[str]) -> None:
        if len(words) > 2 and words[0] in ("GLOB", "GLOB_RECURSE"):
            patterns = [word for word in words[2:] if any(mark in word for mark in "*?.")]
            recursive = words[0] == "GLOB_RECURSE"
            found = [
                path for pattern in patterns for path in self.tree.glob(self.run.path(pattern), recursive)
            ]
            self.run.set(words[1], ";".join(self.tree.full(path) for path in found[:2000]))
        elif words[:1] == ["DOWNLOAD"] and len(words) > 1:
            self.downloaded(words[1], command)

    def on_execute_process(self, command: Command, words: List[str]) -> None:
        for option, name in zip(words, words[1:]):
            if option.endswith("_VARIABLE"):
                self.run.forget(name)

    def on_message(self, command: Command, words: List[str]) -> None:
        """Says something and sets nothing."""

    def on_configure_file(self, command: Command, words: List[str]) -> None:
        self.generated.update(posixpath.basename(word) for word in words[1:2])

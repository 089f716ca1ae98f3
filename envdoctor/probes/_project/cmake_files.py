"""What a project's CMake files ask for: versions, languages, packages, standards, architectures, libraries, folders."""

import posixpath
import re
from typing import Any, Dict, List, Mapping, Optional, Set, Tuple

from envdoctor.facts import CMakeProject, FindPackage, Located
from envdoctor.probes._project import flags
from envdoctor.probes._project.cmake_run import Run
from envdoctor.probes._project.cmake_syntax import Command
from envdoctor.probes._project.cmake_variables import Variables
from envdoctor.probes._project.tree import SOURCE_SUFFIXES, Tree

_KEYWORDS = frozenset(
    "PUBLIC PRIVATE INTERFACE LINK_PUBLIC LINK_PRIVATE LINK_INTERFACE_LIBRARIES SYSTEM BEFORE AFTER debug"
    " optimized general".split()
)
_FIND_OPTIONS = frozenset(
    "EXACT QUIET MODULE REQUIRED COMPONENTS OPTIONAL_COMPONENTS CONFIG NO_MODULE NO_POLICY_SCOPE GLOBAL"
    " BYPASS_PROVIDER NAMES"
    " PATHS HINTS PATH_SUFFIXES NO_DEFAULT_PATH CONFIGS".split()
)
_GENERATOR = re.compile(
    r"\$<(?:BUILD_INTERFACE|COMPILE_LANGUAGE:\w+|\$<COMPILE_LANGUAGE:\w+>|LINK_ONLY)[:>]?"
)
_FLAG_VARIABLES = re.compile(
    r"CMAKE_(CXX|CUDA)_FLAGS(?:_\w+)?$|(CUDA)_NVCC_FLAGS(?:_\w+)?$|\w*(NVCC|GENCODE|CUDA)_?\w*FLAGS$"
)
_ARCHITECTURE_VARIABLES = frozenset(("CMAKE_CUDA_ARCHITECTURES", "TORCH_CUDA_ARCH_LIST"))
_STANDARD_VARIABLE = re.compile(r"CMAKE_(CXX|CUDA)_STANDARD$")
_FEATURE = re.compile(r"(cxx|cuda)_std_(\d\d)$")
#: Parts of other people's projects that are built, if at all, for their own sake.
_ASIDE = frozenset(("test", "tests", "examples", "example", "benchmark", "benchmarks", "docs", "doc"))


class Reader(Variables):
    """Collects facts while a Run goes through the files."""

    def __init__(
        self, tree: Tree, folder: str, definitions: Mapping[str, str], cuda_stated: bool = False
    ) -> None:
        self.tree = tree
        self.cuda_stated = cuda_stated
        self.run = Run(tree, folder, definitions)
        self.found: Dict[str, List[Any]] = {}
        self.minimum_of: Set[str] = set()
        self.include_dirs: List[str] = []
        #: Sources of targets, and those of targets that are built only perhaps.
        self.sources: Dict[str, None] = {}
        self.maybe: Dict[str, None] = {}
        self.targets: Set[str] = set()
        self.declared: Dict[str, Located] = {}
        #: Folders of the tree that FetchContent takes in place of a download.
        self.local: Dict[str, str] = {}
        self.generated = set()
        #: Macros that are defined for the whole build or a target.
        self.defined: List[str] = []
        self.name: Optional[str] = None
        handlers = {name[3:]: getattr(self, name) for name in dir(self) if name.startswith("on_")}
        self.run.handlers.update(handlers)
        for same, name in _SAME.items():
            self.run.handlers[same] = handlers[name]

    def at(self, text: str, command: Command) -> Located:
        return Located(text, self.run.file, command.line)

    def add(self, kind: str, text: str, command: Command) -> None:
        """Note a text once, where it is first said."""
        known = self.found.setdefault(kind, [])
        if all(other.text != text for other in known):
            known.append(self.at(text, command))

    def own(self) -> bool:
        """Whether the project itself says it, for certain: what a vendored file sets is that file's business."""
        return self.run.certain and not self.tree.is_vendored(self.run.file)

    # Versions, languages, packages

    def on_cmake_minimum_required(self, command: Command, words: List[str]) -> None:
        first = self.run.file not in self.minimum_of and not self.run.branches
        if len(words) > 1 and words[0].upper() == "VERSION" and first:
            self.minimum_of.add(self.run.file)
            self.found.setdefault("minimums", []).append(self.at(words[1], command))

    def on_project(self, command: Command, words: List[str]) -> None:
        if not words:
            return
        self.name = self.name or words[0]
        for name in ("PROJECT_SOURCE_DIR", f"{words[0]}_SOURCE_DIR"):
            self.run.set(name, self.tree.full(self.run.folder))
        self.run.set("PROJECT_NAME", words[0])
        rest = words[1:]
        if "LANGUAGES" in rest:
            languages = rest[rest.index("LANGUAGES") + 1 :]
        elif rest and not {"VERSION", "DESCRIPTION", "HOMEPAGE_URL"} & set(rest):
            languages = rest
        else:
            languages = ["C", "CXX"]
        for language in languages:
            self.language(language, command)

    def language(self, language: str, command: Command) -> None:
        if language.isupper() and language not in ("NONE", "VERSION") and not self.run.branches:
            self.add("languages", language, command)
        if language == "CUDA":
            self.run.forget("CMAKE_CUDA_COMPILER")

    def on_enable_language(self, command: Command, words: List[str]) -> None:
        for word in words[:1]:
            self.language(word, command)

    def on_find_package(self, command: Command, words: List[str]) -> None:
        if not words:
            return
        options = [index for index, word in enumerate(words) if word in _FIND_OPTIONS]
        version = words[1] if len(words) > 1 and re.match(r"\d", words[1]) else None
        components: List[str] = []
        for index in options:
            if words[index] in ("COMPONENTS", "REQUIRED"):
                stop = next((later for later in options if later > index), len(words))
                components.extend(words[index + 1 : stop])
        required = "REQUIRED" in words and not self.run.branches
        entry = FindPackage(words[0], version, tuple(components), required, self.run.file, command.line)
        self.found.setdefault("packages", []).append(entry)
        self.run.prefixes += (words[0].lower(),)

    def on_pkg_check_modules(self, command: Command, words: List[str]) -> None:
        for word in words[1:]:
            if word not in ("REQUIRED", "QUIET", "IMPORTED_TARGET", "GLOBAL", "STATIC_TARGET"):
                name = re.split(r"[<>=]", word)[0]
                entry = FindPackage(
                    f"pkg-config {name}", None, (), "REQUIRED" in words, self.run.file, command.line
                )
                self.found.setdefault("packages", []).append(entry)
        self.run.prefixes += tuple(word.lower() for word in words[:1])

    def assigned(self, name: str, value: str, command: Command) -> None:
        """What a variable's value asks for."""
        if name in _ARCHITECTURE_VARIABLES:
            if value and self.run.certain:
                self.architecture(value, command)
            elif not self.tree.is_vendored(self.run.file):  # computed in a way that cannot be followed
                self.add("architectures", f"${{{name}}}", command)
        standard, options = _STANDARD_VARIABLE.match(name), _FLAG_VARIABLES.match(name)
        if standard:
            self.standard(standard.group(1), value, command)
        elif options:
            self.options(value.replace(";", " "), "CXX" if options.group(1) == "CXX" else "CUDA", command)

    # Other files

    def on_add_subdirectory(self, command: Command, words: List[str]) -> None:
        if words:
            folder = self.run.path(words[0])
            self.found.setdefault("subdirectories", []).append(
                self.at(folder if "$" not in words[0] else words[0], command)
            )
            aside = self.tree.is_vendored(f"{folder}/x") and posixpath.basename(folder) in _ASIDE
            if self.tree.relative(folder) and not aside:
                self.run.directory(folder)

    def on_include(self, command: Command, words: List[str]) -> None:
        for word in words[:1]:
            self.run.include(word)

    def on_fetchcontent_declare(self, command: Command, words: List[str]) -> None:
        url = next(
            (words[i + 1] for i, word in enumerate(words[:-1]) if word in ("URL", "GIT_REPOSITORY")), None
        )
        if words and url:
            self.declared[words[0].lower()] = self.at(url, command)
        local = next((words[i + 1] for i, word in enumerate(words[:-1]) if word == "SOURCE_DIR"), None)
        if words and local and not url:
            self.local[words[0].lower()] = self.run.path(local)

    def on_fetchcontent_makeavailable(self, command: Command, words: List[str]) -> None:
        known = self.found.setdefault("downloads", [])
        known.extend(self.declared.pop(word.lower()) for word in words if word.lower() in self.declared)
        self.run.prefixes += tuple(word.lower() for word in words)
        for word in words:
            folder = self.local.get(word.lower())
            if folder and self.tree.relative(folder):
                self.run.directory(folder)

    def on_externalproject_add(self, command: Command, words: List[str]) -> None:
        for option, value in zip(words, words[1:]):
            if option in ("URL", "GIT_REPOSITORY", "GITHUB_REPOSITORY", "DOWNLOAD_COMMAND"):
                self.downloaded(value, command)

    # Targets

    def on_add_library(self, command: Command, words: List[str]) -> None:
        self.targets.update(words[:1])
        for word in words[1:]:
            suffix = posixpath.splitext(word)[1][1:]
            path = self.run.path(word)
            if suffix in SOURCE_SUFFIXES and "$" not in path and not self.tree.is_vendored(self.run.file):
                (self.sources if self.run.certain else self.maybe)[path] = None

    def on_target_link_libraries(self, command: Command, words: List[str]) -> None:
        for word in words[1:] if command.name != "link_libraries" else words:
            word = _GENERATOR.sub("", word).rstrip(">").strip()
            if word and word not in _KEYWORDS and self.own():
                self.add("libraries", word, command)

    def on_target_include_directories(self, command: Command, words: List[str]) -> None:
        for word in words[1:] if command.name != "include_directories" else words:
            if word in _KEYWORDS or word.startswith("$<INSTALL_INTERFACE"):
                continue
            for part in _GENERATOR.sub("", word).rstrip(">").split(";"):
                folder = part if "$" in part else self.run.path(part)
                if folder not in self.include_dirs:
                    self.include_dirs.append(folder)

    def on_target_compile_features(self, command: Command, words: List[str]) -> None:
        for word in words[1:]:
            feature = _FEATURE.match(word)
            if feature:
                self.standard(feature.group(1).upper(), feature.group(2), command)

    def on_set_target_properties(self, command: Command, words: List[str]) -> None:
        if words[:1] == ["CACHE"] and words[2:4] == ["PROPERTY", "STRINGS"]:
            self.choices(words[1], words[4:])
        marker = "PROPERTIES" if command.name == "set_target_properties" else "PROPERTY"
        values = words[words.index(marker) + 1 :] if marker in words else []
        pairs = (
            list(zip(values[::2], values[1::2]))
            if marker == "PROPERTIES"
            else [(w, ";".join(values[1:])) for w in values[:1]]
        )
        for name, value in pairs:
            if name == "CUDA_ARCHITECTURES":
                self.architecture(value, command)
            elif name in ("CXX_STANDARD", "CUDA_STANDARD"):
                self.standard(name.split("_")[0], value, command)
            elif name in ("COMPILE_FLAGS", "COMPILE_OPTIONS"):
                self.options(value.replace(";", " "), "CXX", command)
            elif name == "INCLUDE_DIRECTORIES":
                self.on_target_include_directories(command, ["", *value.split(";")])

    def on_add_definitions(self, command: Command, words: List[str]) -> None:
        self.on_target_compile_options(command, words)
        self.on_target_compile_definitions(command, [word for word in words if word.startswith("-D")])

    def on_target_compile_options(self, command: Command, words: List[str]) -> None:
        for index, word in enumerate(words):
            text = (
                word
                if word not in ("-gencode", "-arch", "--gpu-architecture")
                else " ".join(words[index : index + 2])
            )
            self.options(_GENERATOR.sub(" ", text).rstrip(">"), "CUDA" if "CUDA" in word else "CXX", command)

    def on_target_compile_definitions(self, command: Command, words: List[str]) -> None:
        if self.own():
            self.defined.extend(f"-D{word[2:] if word.startswith('-D') else word}" for word in words)

    def on_cuda_select_nvcc_arch_flags(self, command: Command, words: List[str]) -> None:
        for word in words[1:]:
            if flags.architecture_list(word):
                self.architecture(word, command)
        for word in words[:1]:
            self.run.forget(word)

    def architecture(self, value: str, command: Command) -> None:
        if value and self.own():
            self.add("architectures", value, command)

    def standard(self, language: str, value: str, command: Command) -> None:
        if value.isdigit() and self.own():
            place = self.at(f"{language} {value}", command)
            known = self.found.setdefault("standards", [])
            if place not in known:
                known.append(place)

    def options(self, text: str, language: str, command: Command) -> None:
        """Flags for the compilers."""
        for standard in flags.standards(text):
            self.standard(language, standard, command)
        for architecture in flags.architectures(text):
            self.architecture(architecture, command)
        self.include_dirs.extend(
            folder for folder in flags.include_dirs(text) if folder not in self.include_dirs
        )

    def downloaded(self, url: str, command: Command) -> None:
        self.add("downloads", url, command)

    def fact(self) -> CMakeProject:
        names = (
            "minimums",
            "languages",
            "packages",
            "standards",
            "architectures",
            "libraries",
            "subdirectories",
            "downloads",
        )
        lists: Dict[str, Tuple[Any, ...]] = {name: tuple(self.found.get(name, ())) for name in names}
        return CMakeProject(**lists, include_dirs=tuple(self.include_dirs), cmake_lists=self.run.cmake_lists)

    def link_names(self) -> List[Located]:
        """Libraries that the linker is asked for: no targets of the project, no unresolved names."""
        found = []
        for library in self.found.get("libraries", ()):
            name = library.text[6:] if library.text.startswith("CUDA::") else library.text
            name = name[2:] if name.startswith("-l") else name
            if (
                re.fullmatch(r"[A-Za-z_][\w.+-]*", name)
                and name not in self.targets
                and not name.endswith(("_LIBRARIES", "_LIBRARY"))
            ):
                found.append(Located(name, library.file, library.line))
        return found


_SAME = {
    "add_executable": "add_library",
    "target_sources": "add_library",
    "cuda_add_library": "add_library",
    "cuda_add_executable": "add_library",
    "pybind11_add_module": "add_library",
    "nanobind_add_module": "add_library",
    "python_add_library": "add_library",
    "python3_add_library": "add_library",
    "link_libraries": "target_link_libraries",
    "include_directories": "target_include_directories",
    "set_property": "set_target_properties",
    "add_compile_options": "target_compile_options",
    "add_compile_definitions": "target_compile_definitions",
    "fetchcontent_populate": "fetchcontent_makeavailable",
    "cpmaddpackage": "externalproject_add",
}


def read(
    tree: Tree,
    folder: str = ".",
    definitions: Optional[Mapping[str, str]] = None,
    cuda_stated: bool = False,
) -> Optional[Reader]:
    """Read a folder's CMakeLists.txt and what it adds; None without one."""
    if not tree.is_file(posixpath.join(folder, "CMakeLists.txt")):
        return None
    reader = Reader(tree, folder, definitions or {}, cuda_stated)
    try:
        reader.run.start()
    except RecursionError:
        tree.note(f"{reader.run.file}: nested too deeply to be followed to its end")
    if reader.run.left <= 0:
        tree.note(f"{posixpath.join(folder, 'CMakeLists.txt')}: too long to be followed to its end")
    return reader


def definitions(arguments: str) -> Dict[str, str]:
    """-DNAME=VALUE of a cmake command line or CMAKE_ARGS."""
    found = re.findall(r"(?:^|\s)-D\s*([A-Za-z_]\w*)(?::\w+)?=(\"[^\"]*\"|'[^']*'|[^\s]*)", arguments)
    return {name: value.strip("\"'") for name, value in found}

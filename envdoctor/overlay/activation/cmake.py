"""An overlay for CMake: an initial cache for `cmake -C`, and presets.

A cache file reaches the configure step alone; what compilers and linkers read from the environment while they build
(CPATH, LIBRARY_PATH, NVCC_APPEND_FLAGS) is carried by the presets, in which the build step inherits it.
"""

import json
import posixpath
import re
import shlex
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from envdoctor.finding import SetEnv
from envdoctor.overlay.activation.names import changed
from envdoctor.overlay.plan import PRESETS, Overlay, applied, new_value

LEAVING = "# envdoctor: the way back is to remove the build folder\n"

#: The cache entry that CMake makes of an environment variable when it configures anew. Source: cmake-env-variables(7).
ENTRIES = {
    "CC": ("CMAKE_C_COMPILER", "FILEPATH"),
    "CXX": ("CMAKE_CXX_COMPILER", "FILEPATH"),
    "CUDACXX": ("CMAKE_CUDA_COMPILER", "FILEPATH"),
    "CUDAHOSTCXX": ("CMAKE_CUDA_HOST_COMPILER", "FILEPATH"),
    "CUDAARCHS": ("CMAKE_CUDA_ARCHITECTURES", "STRING"),
    "CUDAToolkit_ROOT": ("CUDAToolkit_ROOT", "PATH"),
    "CMAKE_TOOLCHAIN_FILE": ("CMAKE_TOOLCHAIN_FILE", "FILEPATH"),
    "CMAKE_POLICY_VERSION_MINIMUM": ("CMAKE_POLICY_VERSION_MINIMUM", "STRING"),
}

_COMPILERS = ("CC", "CXX", "CUDACXX", "CUDAHOSTCXX")
#: What compilers, linkers and what they start read while they build.
BUILD_STEP = re.compile(
    r"PATH|CPATH|\w+_INCLUDE_PATH|LIBRARY_PATH|LD_\w+|NVCC_\w+|MAKEFLAGS|CMAKE_BUILD_PARALLEL_LEVEL|TMPDIR|PYTHONPATH"
)

_DEFINED = re.compile(r"-D([^=:]+)(?::([A-Z]+))?=(.*)", re.DOTALL)

_JOIN = """\
function(envdoctor_join name mode gap item)
  set(now "$ENV{${name}}")
  string(LENGTH "${now}" there)
  if(there EQUAL 0)
    set(now "${item}")
  elseif(mode STREQUAL "prepend")
    string(FIND "${now}${gap}" "${item}${gap}" found)
    if(NOT found EQUAL 0)
      set(now "${item}${gap}${now}")
    endif()
  else()
    string(FIND "${gap}${now}" "${gap}${item}" found REVERSE)
    string(LENGTH "${item}" length)
    math(EXPR end "${found} + ${length}")
    if(found EQUAL -1 OR NOT end EQUAL there)
      set(now "${now}${gap}${item}")
    endif()
  endif()
  set(ENV{${name}} "${now}")
endfunction()
"""


class Entry(NamedTuple):
    """One entry of CMake's cache."""

    name: str
    type: str
    value: str


def render(overlay: Overlay) -> str:
    """The file for `cmake -C`."""
    changed(overlay)
    lines = [
        f"# envdoctor: an overlay for CMake, as an initial cache: {_program(overlay)} -C FILE -S . -B build",
        "# The way back: remove the build folder.",
        "# The environment below is that of the configure step alone; no cache carries it into the build step.",
        f"# What the build step reads ({', '.join(_read_later(overlay)) or 'here nothing'}) comes by the presets:",
        f"# {posixpath.join(overlay.folder, PRESETS)!a}",
        *(_entry(entry) for entry in entries(overlay)),
        *([_JOIN.rstrip()] if any(change.mode != "set" for change in overlay.variables) else []),
        *(_changed(change) for change in overlay.variables),
    ]
    return "\n".join(lines) + "\n"


def entries(overlay: Overlay) -> Tuple[Entry, ...]:
    """Cache entries for the variables that stand for one, and for what wrappers of cmake add to its arguments."""
    after = applied(overlay.variables, {})
    # CMake reads "gcc -m64" from CC; a cache entry for it is the program alone.
    stated = {name: value for name, value in after.items() if not (name in _COMPILERS and " " in value)}
    made = [Entry(*ENTRIES[name], value) for name, value in stated.items() if name in ENTRIES]
    words = (word for shim in overlay.wrappers if _is_cmake(shim.path) for word in shlex.split(shim.content))
    defined = (match for match in map(_DEFINED.fullmatch, words) if match)
    made += [Entry(match[1], match[2] or "UNINITIALIZED", match[3]) for match in defined]
    return tuple({entry.name: entry for entry in made}.values())


def presets(overlay: Overlay, before: Mapping[str, str]) -> str:
    """Presets, version 6, to configure, build and test with; `before` is the environment without the overlay."""
    configure: Dict[str, Any] = {
        "name": "envdoctor",
        "displayName": "Cured from outside by envdoctor",
        "binaryDir": "${sourceDir}/build",
        "environment": dict(_environment(overlay, before)),
        "cacheVariables": {
            entry.name: {"type": entry.type, "value": _literal(entry.value)} for entry in entries(overlay)
        },
    }
    later = {"name": "envdoctor", "configurePreset": "envdoctor"}
    document = {
        "version": 6,
        "cmakeMinimumRequired": {"major": 3, "minor": 25, "patch": 0},
        "configurePresets": [configure],
        "buildPresets": [later],
        "testPresets": [later],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def hint(overlay: Overlay, file: str) -> str:
    """How both are used, for a person; `file` is what `render` is written to."""
    program, path = _program(overlay), posixpath.join(overlay.folder, PRESETS)
    later = _read_later(overlay)
    short = f" (not enough here: the build step reads {', '.join(later)})" if later else ""
    return (
        f"  as a cache:  {program} -C {shlex.quote(file)} -S . -B build{short}\n"
        f"  as presets:  cp {shlex.quote(path)} . && {program} --preset envdoctor"
        f" && {program} --build --preset envdoctor\n"
        f'               (a CMakeUserPresets.json of your own can "include": [{json.dumps(path)}] instead)\n'
    )


def _read_later(overlay: Overlay) -> Tuple[str, ...]:
    """The variables that the build step reads too; PATH counts when there is more on it than another cmake."""
    names = tuple(name for name in changed(overlay) if BUILD_STEP.fullmatch(name))
    programs = [path for path, _ in overlay.shims if "/bin/" in path]
    only_cmake = programs and all(_is_cmake(path) for path in programs)
    return tuple(name for name in names if not (name == "PATH" and only_cmake))


def _environment(overlay: Overlay, before: Mapping[str, str]) -> Iterator[Tuple[str, str]]:
    """Values as presets state them: what was there before is asked for when they are used.

    They unset nothing (null only keeps another preset's value away; tried with 3.25 and 4.4): empty comes nearest.
    """
    for name in changed(overlay):
        now: Optional[str] = before.get(name)
        value: Optional[str] = f"$penv{{{name}}}" if now else None
        for change in overlay.variables:
            if change.name != name:
                continue
            item = None if change.value is None else _literal(change.value)
            if change.mode == "set" or new_value(change, now) != now:
                value = new_value(SetEnv(name, item, change.mode), value)
            now = new_value(change, now)
        yield name, value or ""


def _changed(change: SetEnv) -> str:
    if change.value is None:
        return f"unset(ENV{{{change.name}}})"
    if change.mode == "set":
        return f"set(ENV{{{change.name}}} {quoted(change.value)})"
    words: List[str] = [change.name, change.mode, quoted(change.separator), quoted(change.value)]
    return f"envdoctor_join({' '.join(words)})"


def _entry(entry: Entry) -> str:
    return f'set({entry.name} {quoted(entry.value)} CACHE {_cache_type(entry)} "by envdoctor")'


def _cache_type(entry: Entry) -> str:
    """`set` knows no entry without a type; that of an argument without one is a string."""
    return "STRING" if entry.type == "UNINITIALIZED" else entry.type


def quoted(value: str) -> str:
    """A quoted argument of CMake's language."""
    return '"' + re.sub(r'[\\"$@]', r"\\\g<0>", value) + '"'


def _literal(value: str) -> str:
    """A string in which presets expand nothing."""
    return value.replace("$", "${dollar}")


def _is_cmake(path: str) -> bool:
    return posixpath.basename(path) == "cmake"


def _program(overlay: Overlay) -> str:
    """The cmake to call: where the overlay has another one in front of PATH, that one."""
    links = [path for path, shim in overlay.shims if _is_cmake(path) and shim.kind == "link"]
    return shlex.quote(links[-1]) if links else "cmake"

"""Scripts that stand in front of a program: the one that PATH has next is run, with other arguments. Pure."""

import posixpath
import shlex

# Arguments that lead cmake away from configuring: as the first one, and anywhere.
# Source: cmakemain.cxx of CMake 4.1, cmake(1).
_OTHER_MODES = "--build|--install|--open|--workflow|--find-package|--version|--help*|-E"
_NO_CONFIGURING = "-P|-N"

# What lies in front of the script's own folder is passed over: another layer's script may have led here.
_NEXT = """\
rest=:$PATH:
own=${{0%/*}}
case $rest in *":$own:"*) rest=${{rest#*":$own:"}} ;; esac
set -f
IFS=:
for folder in $rest; do
  real=$folder/{name}
  [ -x "$real" ] && ! [ -d "$real" ] && ! [ "$real" -ef "$0" ] && break
done
unset IFS
set +f
"""
_CONFIGURES = f"""\
case "$1" in {_OTHER_MODES}) exec "$real" "$@" ;; esac
for argument; do case "$argument" in {_NO_CONFIGURING}) exec "$real" "$@" ;; esac; done
"""

# Standards from old to new, as GCC and Clang spell them. Source: gcc(1), -std=.
_STANDARDS = {
    3: "98 03",
    11: "0x 11",
    14: "1y 14",
    17: "1z 17",
    20: "2a 20",
}
# A response file stays as it is: the last -std counts.
_RAISES = """\
count=$#
last=
while [ "$count" -gt 0 ]; do
  argument=$1; shift; count=$((count - 1))
  case "$argument" in
    {old}) argument=-std=${{argument#*-std=}}; argument=${{argument%++*}}++{standard} ;;
    @*) grep -Eqs -e '-std=(c|gnu)\\+\\+({older})(["[:space:]]|$)' "${{argument#@}}" && last=-std=gnu++{standard} ;;
  esac
  set -- "$@" "$argument"
done
[ -z "$last" ] || set -- "$@" "$last"
"""


def script(path: str, arguments: str) -> str:
    """For a shim at `path`; `arguments` are words for the shell. cmake gets them only when it configures."""
    name = posixpath.basename(path)
    head = f"#!/bin/sh\n# Runs the next {name} on PATH with more arguments.\n{_NEXT.format(name=name)}"
    return f'{head}{_CONFIGURES if name == "cmake" else ""}exec "$real" "$@" {arguments}\n'


def fresh(cache: str, entry: str) -> str:
    """cmake that forgets what a cache file remembers as long as that stands in it, then configures as it is told."""
    told = f"grep -qsF -e {shlex.quote(entry)} {shlex.quote(cache)}"
    head = f"#!/bin/sh\n# Configures afresh while a folder's cache holds what is stale.\n{_NEXT.format(name='cmake')}"
    return f'{head}{_CONFIGURES}{told} && exec "$real" --fresh "$@"\nexec "$real" "$@"\n'


def raising(compiler: str, standard: int) -> str:
    """A compiler that reads every older C++ standard as that one; by its name on PATH, or a path.

    A compiler cache that it runs is not led back to it: PATH has what comes after the script's own folder.
    """
    spellings = [text for number, texts in _STANDARDS.items() if number < standard for text in texts.split()]
    old = "|".join(
        f"{dash}std={kind}++{text}" for text in spellings for kind in ("c", "gnu") for dash in ("-", "--")
    )
    raises = _RAISES.format(old=old, older="|".join(spellings), standard=standard)
    head = f"#!/bin/sh\n# Reads older C++ standards as C++{standard}, then runs the real compiler.\n"
    if "/" in compiler:
        return f'{head}{raises}exec {shlex.quote(compiler)} "$@"\n'
    return (
        f'{head}{_NEXT.format(name=compiler)}PATH=${{rest#:}} PATH=${{PATH%:}}\n{raises}exec "$real" "$@"\n'
    )

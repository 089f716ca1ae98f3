"""Scripts that stand in front of a program: the one that PATH has next is run, with other arguments. Pure."""

import posixpath
import shlex
from dataclasses import replace

from envdoctor.finding import Shim

# Arguments that lead cmake away from configuring: as the first one, and anywhere.
# Source: cmakemain.cxx of CMake 4.1, cmake(1).
_OTHER_MODES = "--build|--install|--open|--workflow|--find-package|--version|--help*|-E"
_NO_CONFIGURING = "-P|-N"

# What lies in front of the script's own folder is passed over: another layer's script may have led here. The names of
# variables are ours alone: one that the build exports too would reach the program with another value.
_NEXT = """\
envdoctor_own=${{0%/*}}
envdoctor_rest=:$PATH:
case $envdoctor_rest in
  *":$envdoctor_own:"*) envdoctor_rest=${{envdoctor_rest#*":$envdoctor_own:"}} ;;
  *) envdoctor_rest=$PATH: ;;
esac
envdoctor_real=
set -f
IFS=:
for envdoctor_folder in $envdoctor_rest; do
  envdoctor_real=${{envdoctor_folder:-.}}/{name}
  [ -x "$envdoctor_real" ] && ! [ -d "$envdoctor_real" ] && ! [ "$envdoctor_real" -ef "$0" ] && break
  envdoctor_real=
done
unset IFS
set +f
[ -n "$envdoctor_real" ] || {{ echo "$0: PATH has no other {name} behind this one" >&2; exit 127; }}
"""
_CONFIGURES = f"""\
case "$1" in {_OTHER_MODES}) exec "$envdoctor_real" "$@" ;; esac
for envdoctor_word; do
  case "$envdoctor_word" in {_NO_CONFIGURING}) exec "$envdoctor_real" "$@" ;; esac
done
"""

# The folder that this call configures: -B, a folder that was configured before, else the current one.
_BINARY_FOLDER = """\
envdoctor_binary=.
envdoctor_before=
for envdoctor_word; do
  case "$envdoctor_before" in -B) envdoctor_binary=$envdoctor_word ;; esac
  case "$envdoctor_word" in
    -B?*) envdoctor_binary=${envdoctor_word#-B} ;;
    -*) ;;
    *) case "$envdoctor_before" in
         -S|-C|-D|-U|-G|-T|-A|-B) ;;
         *) [ -f "$envdoctor_word/CMakeCache.txt" ] && envdoctor_binary=$envdoctor_word ;;
       esac ;;
  esac
  envdoctor_before=$envdoctor_word
done
"""

_STALE = """\
envdoctor_stale() {{
  while IFS= read -r envdoctor_line; do
    case "$envdoctor_line" in {entry}) return 0 ;; esac
  done 2>/dev/null < {folder}/CMakeCache.txt
  return 1
}}
if [ "$envdoctor_binary" -ef {folder} ] && envdoctor_stale; then
  cp -p {folder}/CMakeCache.txt "${{0%/*}}/../../CMakeCache.before.txt"
  exec "$envdoctor_real" --fresh "$@"
fi
"""

# Standards from old to new, as GCC and Clang spell them. Source: gcc(1), -std=.
_STANDARDS = {
    3: "98 03",
    11: "0x 11",
    14: "1y 14",
    17: "1z 17",
    20: "2a 20",
}
# A response file stays as it is: its standard is overruled behind it, where a later -std still counts.
_RAISES = """\
envdoctor_count=$#
while [ "$envdoctor_count" -gt 0 ]; do
  envdoctor_word=$1; shift; envdoctor_count=$((envdoctor_count - 1))
  envdoctor_raised=
  case "$envdoctor_word" in
    {old}) envdoctor_word=-std=${{envdoctor_word#*-std=}}; envdoctor_word=${{envdoctor_word%++*}}++{standard} ;;
    @*) for envdoctor_kind in c gnu; do
          grep -Eqs -e "-std=$envdoctor_kind\\+\\+({older})([^0-9a-z]|\\$)" "${{envdoctor_word#@}}" &&
            envdoctor_raised=-std=$envdoctor_kind++{standard}
        done ;;
  esac
  set -- "$@" "$envdoctor_word"
  [ -z "$envdoctor_raised" ] || set -- "$@" "$envdoctor_raised"
done
"""


def as_script(shim: Shim) -> Shim:
    """A wrapper as the script that it stands for; other files as they are."""
    if shim.kind != "wrapper":
        return shim
    return replace(shim, kind="script", content=script(shim.path, shim.content))


def script(path: str, arguments: str) -> str:
    """For a shim at `path`; `arguments` are words for the shell, and the caller's own words come after them.

    cmake gets them only when it configures.
    """
    name = posixpath.basename(path)
    head = f"#!/bin/sh\n# Runs the next {name} on PATH with more arguments.\n{_NEXT.format(name=name)}"
    return f'{head}{_CONFIGURES if name == "cmake" else ""}exec "$envdoctor_real" {arguments} "$@"\n'


def fresh(folder: str, name: str, value: str) -> str:
    """cmake that forgets what a folder's cache remembers while an entry has that value, then configures as it is told.

    Other folders are left alone; the old cache is kept in the overlay.
    """
    head = f"#!/bin/sh\n# Configures a folder afresh while its cache holds what is stale.\n{_NEXT.format(name='cmake')}"
    quoted = shlex.quote(folder)
    stale = _STALE.format(entry=f"{shlex.quote(f'{name}:')}*{shlex.quote(f'={value}')}", folder=quoted)
    return f'{head}{_CONFIGURES}{_BINARY_FOLDER}{stale}exec "$envdoctor_real" "$@"\n'


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
    path = "PATH=${envdoctor_rest#:} PATH=${PATH%:}\n"
    return f'{head}{_NEXT.format(name=compiler)}{path}{raises}exec "$envdoctor_real" "$@"\n'

"""The script behind a shim of kind "wrapper": the program that PATH has next, with more arguments."""

import posixpath

# Arguments that lead cmake away from configuring: as the first one, and anywhere.
# Source: cmakemain.cxx of CMake 4.1, cmake(1).
_OTHER_MODES = "--build|--install|--open|--workflow|--find-package|--version|--help*|-E"
_NO_CONFIGURING = "-P|-N"

# What lies in front of the wrapper's own folder is passed over: another layer's wrapper may have led here.
_NEXT = """#!/bin/sh
# Runs the next {name} on PATH with more arguments.
rest=:$PATH:
own=${{0%/*}}
case $rest in *":$own:"*) rest=${{rest#*":$own:"}} ;; esac
IFS=:
for folder in $rest; do
  real=$folder/{name}
  [ -x "$real" ] && ! [ -d "$real" ] && ! [ "$real" -ef "$0" ] && break
done
unset IFS
"""
_CONFIGURES = f"""\
case "$1" in {_OTHER_MODES}) exec "$real" "$@" ;; esac
for argument; do case "$argument" in {_NO_CONFIGURING}) exec "$real" "$@" ;; esac; done
"""


def script(path: str, arguments: str) -> str:
    """For a shim at `path`; `arguments` are words for the shell. cmake gets them only when it configures."""
    name = posixpath.basename(path)
    return f'{_NEXT.format(name=name)}{_CONFIGURES if name == "cmake" else ""}exec "$real" "$@" {arguments}\n'

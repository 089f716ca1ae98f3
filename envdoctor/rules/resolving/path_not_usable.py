"""A folder or file that the build is told to use does not exist, is not writable, or forbids running programs.

## What it means

Compilers write temporary files into TMPDIR, and builds write beside their sources. A TMPDIR that is not there makes gcc
and nvcc fail in odd ways; a read-only checkout stops the build at its first object file; a `noexec` temporary folder
breaks configure checks and extensions that are compiled and loaded from there. CMAKE_TOOLCHAIN_FILE names
a file, and CMake stops where it is gone.

## How envdoctor knows

The folder was looked at: existence, write access, mount options.

## What to do

Make the folder, or point the variable elsewhere; build a read-only checkout in another folder.

## When to ignore it

A read-only project can be built out of tree when its build system allows it.
"""

import posixpath
import shlex
from typing import Iterator, Optional

from envdoctor.facts import Environment, Folder, Folders, Project
from envdoctor.finding import Evidence, Finding, Fix, Run, SetEnv, Severity

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")


def check(folders: Folders, environment: Environment, project: Optional[Project]) -> Iterator[Finding]:
    for variable in environment.missing("TMPDIR"):
        yield Finding(
            message=f"TMPDIR is {variable.value}, which does not exist.",
            consequence="Compilers cannot write their temporary files: Cannot create temporary file.",
            evidence=(Evidence("TMPDIR", variable.value),),
            fix=Fix("Use the default temporary folder", (SetEnv("TMPDIR", None),)),
        )
    for variable in environment.missing("CMAKE_TOOLCHAIN_FILE") if project and project.cmake else ():
        yield Finding(
            message=f"CMAKE_TOOLCHAIN_FILE is {variable.value}, which does not exist.",
            consequence="CMake stops: Could not find toolchain file.",
            evidence=(Evidence(variable.name, variable.value),),
            fix=Fix("Unset it, or name the file that exists", (SetEnv(variable.name, None),)),
        )
    tmp, build = folders.get("tmp"), folders.get("build")
    value = environment.get("TMPDIR")
    # Python goes on to the next usable folder; nvcc does not.
    if value and tmp and tmp.found_via != "TMPDIR" and not environment.missing("TMPDIR"):
        yield Finding(
            message=f"TMPDIR is {value}, which is not a folder that can be written into.",
            consequence="nvcc stops: Could not open output file. Others take another folder without a word.",
            evidence=(Evidence("TMPDIR", value), Evidence(tmp.path, "the first usable temporary folder")),
            fix=Fix(f"Use {tmp.path} for temporary files", (SetEnv("TMPDIR", tmp.path),)),
        )
    if tmp and tmp.exists and (tmp.noexec or not tmp.writable):
        yield _temporary(tmp, folders)
    if build and build.exists and not build.writable and project and project.builds:
        name = posixpath.basename(build.path)
        yield Finding(
            message=f"The project's folder {build.path} is not writable.",
            consequence="The build ends at its first output file: Permission denied or Read-only file system.",
            evidence=(Evidence(build.path, f"not writable, on {build.filesystem}"),),
            fix=Fix(
                "Build in a copy",
                (Run(f"cp -r {shlex.quote(build.path)} /tmp/ && cd /tmp/{shlex.quote(name)}"),),
            ),
        )


def _temporary(tmp: Folder, folders: Folders) -> Finding:
    other = next(
        (
            f
            for f in folders.items
            if f.role in ("home", "build") and f.exists and f.writable and not f.noexec
        ),
        None,
    )
    what = "is mounted noexec" if tmp.noexec else "is not writable"
    return Finding(
        message=f"The temporary folder {tmp.path} {what}.",
        consequence="Configure checks and just-in-time extensions that run from there fail: Permission denied.",
        evidence=(Evidence(tmp.found_via, f"{tmp.path} on {tmp.filesystem}: {what}"),),
        fix=Fix(f"Use {other.path} for temporary files", (SetEnv("TMPDIR", other.path),)) if other else None,
        severity=Severity.WARNING if tmp.writable else Severity.ERROR,
    )

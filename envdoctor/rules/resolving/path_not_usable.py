"""A folder or file that the build is told to use does not exist, is not writable, or forbids running programs.

## What it means

Compilers write temporary files into TMPDIR, and builds write beside their sources. A TMPDIR that is not there makes gcc
and nvcc fail in odd ways; a read-only checkout stops the build at its first object file; a `noexec` temporary folder
breaks configure checks and extensions that are compiled and loaded from there. CMAKE_TOOLCHAIN_FILE names
a file, and CMake stops where it is gone. git refuses to work in a checkout that belongs to another user ("detected
dubious ownership"), as in a container that mounts one; pip is told of a wheel that is not there.

## How envdoctor knows

The folder was looked at: existence, write access, mount options.

In a log, what the system, pip, apt and git say of a path counts: too long, read-only, permission denied, of another
owner.

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
from envdoctor.log import BuildLog

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


_LONG = (
    r"[Ff]ile\s?name too long",
    r"Filename longer than 260 characters",
    r"WinError 206\]|The filename or extension is too long",
    r"The specified path, file name, or both,? are too long",
    r"does not have Windows Long Path support enabled",
    r"exceeds the OS max path limit",
    r"Errno 36\]",
    r"AF_UNIX path too long|ipc path .* is longer than \d+ characters",
    # What Windows says of a path that it cuts off: any file is "not found".
    r"(?:No such file or directory|cannot open|Cannot open|WinError [23]\]).{0,60}['\"]?[A-Za-z]:[\\/][^'\"\n]{235,}",
    r"[A-Za-z]:[\\/][^'\"\n]{235,600}['\"]?: No such file or directory",
)
_READ_ONLY = (
    r"(?:^|[\s'])(?P<path>/[^\s:']+)'?: Read-only file system",
    r"Read-only file system",
    r"Errno 30\]",
)
_NOEXEC = (
    r"(?:^|\s)(?P<path>/[^\s:]+): failed to map segment from shared object",
    r"failed to map segment from shared object: Operation not permitted",
    r"(?P<path>/[^\s:]+): bad interpreter: Permission denied",
    r"\b(?:sh|bash|env): (?:line )?(?:\d+: )?'?(?P<path>\.{0,2}/[^\s:']+)'?: (?:cannot execute: )?Permission denied",
)
_DENIED = (
    r"\[Errno 13\] Permission denied: b?'(?P<path>[^'\n]+)'",
    r"could not create '(?P<path>[^'\n]+)': Permission denied",
    (
        r"(?:cannot|can't|could not) (?:create|open|make|remove|write|touch|copy)\b[^\n]{0,120}?'?(?P<path>[^\s:']+)"
        r"'?: Permission denied"
    ),
    r"cannot open output file (?P<path>\S+): (?:Permission denied|Read-only file system|No such file)",
    r"\[WinError (?:5|32)\] (?:Access is denied|The process cannot access the file)[^\n']*(?:'(?P<path>[^'\n]+)')?",
    r"EnvironmentNotWritableError|NotWritableError|NoWritableEnvsDirError|NoWritablePkgsDirError",
    r"[Pp]ermission denied \(os error 13\)",
    r"(?:fatal|error): could not create (?:work tree|leading) director\w+ .*'(?P<path>[^'\n]+)': Permission denied",
    r"opening dependency file (?P<path>\S+): (?:Permission denied|No such file)",
)
# Source: apt-pkg's fileutl.cc and debsystem.cc.
_ROOTS = (
    r"[Cc]ould not open lock file (?P<path>\S+) - open \(13: Permission denied\)",
    r"List directory (?P<path>\S+) is missing\. - Acquire \(13: Permission denied\)",
    r"Unable to (?:acquire|lock) the [^\n(]{1,40}\((?P<path>[^)\n]+)\), are you root\?",
)
_GONE = (
    r"Cannot create temporary file in (?P<path>\S+?):",
    r"nvcc fatal\s*: Could not open output file '(?P<path>[^'\n]+)'",
    r"No usable temporary (?:directory|file\w*) (?:name )?found",
    r"can't create (?P<path>\S+): (?:No such file|Permission denied)",
    r"Could not find toolchain file: (?P<path>\S+)",
    r"Unable to \(re\)create the private pkgRedirects directory: (?P<path>\S+)",
    r"unable to open output file '(?P<path>[^'\n]+)'",
    r"error: unable to make temporary file",
    r"error writing to (?P<path>\S+): (?:Permission denied|No such file)",
)
# pip, of files that it is told to install. Source: pip's req/constructors.py, models/wheel.py, commands/install.py.
_NO_FILE = (
    r"Requirement '(?P<path>[^'\n]+)' looks like a filename, but the file does not exist",
    r"It looks like a path\. File '(?P<path>[^'\n]+)' does not exist",
    (
        r"Could not install packages due to an (?:OSError|EnvironmentError): \[Errno 2\] No such file or directory:"
        r" '(?P<path>[^'\n]+\.(?:whl|zip|tar\.\w+|tgz))'"
    ),
)
_NO_WHEELS_NAME = (
    r"(?<![^\s:'/])(?P<path>(?!\s)[^\n:'/]{1,150}\.whl) is not a valid wheel filename",
    r"Invalid wheel filename[^\n:]*: '?(?P<path>[^'\n]+)",
    r"The wheel filename '?\"?(?P<path>[^'\"\n]+\.whl)'?\"? is invalid",
)
# Source: git's setup.c; 2.35.2 and 2.35.3 said it in other words.
_NOT_OWNED = (
    r"detected dubious ownership in repository at '(?P<path>[^'\n]+)'",
    r"unsafe repository \('(?P<path>[^'\n]+)' is owned by someone else\)",
)
_OTHERS = (
    r"^.*(?:docker(?:\.sock| daemon| API)|/dev/(?:nvidia|kfd|dri)|publickey|/bin/nvcc'|/etc/sudoers).*$",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    log = log.without(*_OTHERS)
    for patterns, message, cure, confidence in (
        (_LONG, "A path is longer than the system allows.", _SHORTER, "high"),
        (_READ_ONLY, "{path} is on a read-only file system.", _ELSEWHERE, "high"),
        (
            _NOEXEC,
            "{path} may not be run: its file system is mounted noexec, or it is not executable.",
            _EXECUTABLE,
            "high",
        ),
        (_DENIED, "{path} is not writable for this user.", _ELSEWHERE, "high"),
        (_ROOTS, "{path} is for root alone.", _AS_ROOT, "high"),
        (_GONE, "{path} cannot be written or does not exist.", _MAKE, "high"),
        (_NO_FILE, "pip is told to install {path}, and there is no such file.", _NAME_IT, "high"),
        (_NO_WHEELS_NAME, "{path} is not the name of a wheel.", _WHEELS_NAME, "high"),
        # What only asks git for a version goes on without.
        (_NOT_OWNED, "{path} belongs to another user, and git refuses to work in it.", _TRUST, "medium"),
    ):
        hit = log.first(*patterns)
        if hit:
            path = (hit.match.groupdict().get("path") or "A folder that the command uses").strip("'\"")
            yield hit.finding(
                message.format(path=path),
                "The command stops at that file.",
                Fix(cure.replace("PATH", hit["path"] or "PATH") if cure is _TRUST else cure),
                confidence,
            )


_SHORTER = (
    "Switch long paths on (registry LongPathsEnabled=1, `git config --system core.longpaths true`, then"
    " a new shell), and"
    " build in a short folder: TEMP and TMP=C:\\t, the checkout at C:\\src"
)
_ELSEWHERE = (
    "See with `ls -ld` whose folder it is; use one of your own: a virtual environment rather than the"
    " system's Python, a"
    " copy of the checkout, TORCH_EXTENSIONS_DIR, TMPDIR, PIP_CACHE_DIR or XDG_CACHE_HOME; or chown it to you"
)
_AS_ROOT = (
    "Run apt as root: sudo apt-get ... (in a Dockerfile behind USER root); without those rights take what is wanted"
    " from conda or pip"
)
_EXECUTABLE = (
    "Set TMPDIR to a folder on a file system without noexec (`findmnt -T $TMPDIR` shows the options); of a script,"
    " chmod +x it"
)
_MAKE = "Make the folder, or unset the variable that names it (TMPDIR, TEMP, CMAKE_TOOLCHAIN_FILE)"
_NAME_IT = (
    "Give the path of a file that is there (ls shows them; the path counts from the current folder, in a Dockerfile"
    " from what COPY brought); a name from the index is given without ./ and .whl"
)
_WHEELS_NAME = (
    "pip reads what a wheel is for from its name, NAME-VERSION-PYTHON-ABI-PLATFORM.whl: give it the name under which it"
    " was built or downloaded (browsers add ' (1)'), or the whole path of the file that is meant"
)
_TRUST = (
    "git config --global --add safe.directory PATH for the user who runs git (in a container that builds a mounted"
    " checkout this is root); or chown -R $(id -u) PATH"
)

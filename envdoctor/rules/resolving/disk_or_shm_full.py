"""A folder that the build writes into has no room left.

## What it means

nvcc and pip unpack and compile in the temporary folder, CMake and ninja in the build folder. A full one ends the
build with `No space left on device`, sometimes as a compiler error that hides the reason. A full /dev/shm stops
PyTorch's data loaders with a bus error.

## How envdoctor knows

Free bytes and free inodes of the file system under each folder. Below 50 MiB nothing compiles (an error); below 500
MiB a build of CUDA sources is likely to fail (a warning).

In a log, `No space left on device`, an exceeded quota and the like count; of a limit of watched files (inotify)
they say nothing.

## What to do

Free space, or point TMPDIR (and pip's cache) to a larger file system. A container's /dev/shm grows with
`--shm-size`.

## When to ignore it

When the build is known to be small.
"""

from typing import Iterator, Optional

from envdoctor.facts import Folder, Folders
from envdoctor.finding import Evidence, Finding, Fix, Here, SetEnv, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.WARNING
NOTHING_WORKS, LIKELY_TO_FAIL = 50 << 20, 500 << 20
MEANS = {"tmp": "the temporary folder", "build": "the project's folder", "shm": "shared memory"}


def check(folders: Folders) -> Iterator[Finding]:
    roomy = next((folder for folder in folders.items if _roomy(folder)), None)
    for folder in folders.items:
        if folder.role in MEANS and folder.exists and _full(folder):
            yield Finding(
                message=f"{folder.path}, {MEANS[folder.role]}, has {_room(folder)} left.",
                consequence="A build or load that writes there ends with: No space left on device.",
                evidence=(
                    Evidence(folder.found_via, f"{folder.path} on {folder.filesystem}: {_room(folder)} free"),
                ),
                fix=_fix(folder, roomy),
                severity=Severity.ERROR if _no_room(folder) else Severity.WARNING,
            )


def _roomy(folder: Folder) -> bool:
    """Whether temporary files may go there: a folder that is there already, on a disk."""
    usable = folder.role in ("home", "build") and folder.exists and folder.writable and not folder.noexec
    return usable and (folder.free_bytes or 0) > 4 << 30


def _full(folder: Folder) -> bool:
    if folder.role == "shm":
        return _no_room(folder)  # 64 MiB is docker's default, and enough for a build
    return _no_room(folder) or (folder.free_bytes is not None and folder.free_bytes < LIKELY_TO_FAIL)


def _no_room(folder: Folder) -> bool:
    limit = 1 << 20 if folder.role == "shm" else NOTHING_WORKS
    return (folder.free_bytes is not None and folder.free_bytes < limit) or folder.free_inodes == 0


def _room(folder: Folder) -> str:
    return "no inodes" if folder.free_inodes == 0 else f"{(folder.free_bytes or 0) >> 20} MiB"


def _fix(folder: Folder, roomy: Optional[Folder]) -> Fix:
    if folder.role == "tmp" and roomy:
        return Fix(f"Use {roomy.path} for temporary files", (SetEnv("TMPDIR", roomy.path),))
    return Fix("Start the container with a larger --shm-size" if folder.role == "shm" else "Free space there")


# Shared memory. Source: NCCL's shmutils.cc, torch's MapAllocator.cpp and data loader.
_SHARED = (
    r"[Ee]rror while creating shared memory segment",
    r"posix_fallocate failed\s?: No space left",
    r"shared memory (?:object|file) .*No space left|/dev/shm\S*.{0,80}No space left|No space left.{0,80}/dev/shm",
    r"insufficient shared memory \(shm\)",
    r"out of shared memory\. Please try to raise your shared memory limit",
    r"unable to (?:write to|mmap|resize|allocate shared memory).{0,60}</?torch_",
)
# A disk, a quota, or inodes. Source: the C library, Windows, pip, conda, docker, apt.
_DISK = (
    r"[Nn]o space left on device",
    r"\bErrno 28\]|\bENOSPC\b|os error 28\b",
    r"(?i:not enough (?:free )?disk space|not enough (?:free )?space (?:left )?on )|WinError 112\]|os error 112\b",
    r"[Dd]isk quota exceeded|Errno 122\]",
    r"NoSpaceLeftError|[Dd]isk full|disk is full",
    r"You don't have enough free space in",
    r"C1085: Cannot write .*: No space left|LNK1180|insufficient disk space",
)
# The kernel says the same of its limit of watched files.
_WATCHED = r"(?i:inotify|\bwatch(?:es|ers?)?\b)"


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = log.first(*_SHARED)
    if hit:
        yield hit.finding(
            "Shared memory (/dev/shm) is full, or too small.",
            "Processes that share tensors or NCCL buffers cannot start.",
            Fix(
                "Start the container with more: docker run --shm-size=16g (or --ipc=host), in Kubernetes an emptyDir of"
                " medium Memory at /dev/shm; `df -h /dev/shm` shows it"
            ),
        )
        return
    hit = log.without(_WATCHED).first(*_DISK)
    if hit:
        yield hit.finding(
            "A disk that the command writes to is full, or a quota is.",
            "What was written last is cut off; other errors follow from it.",
            Fix(
                "Look at `df -h` and `df -i` for the build folder, $TMPDIR (/tmp) and ~/.cache; free"
                " space (pip cache purge,"
                " conda clean --all, docker system prune), or set TMPDIR and PIP_CACHE_DIR to a larger disk"
            ),
        )


def judge(finding: Finding, folders: Folders) -> Optional[Here]:
    shared = finding.message.startswith("Shared memory")
    seen = [folder for folder in folders.items if folder.role in MEANS and (folder.role == "shm") == shared]
    if not seen or any(folder.free_bytes is None or _full(folder) for folder in seen):
        return None
    return Here("contradicted", "there is room: " + ", ".join(f"{each.path} {_room(each)}" for each in seen))

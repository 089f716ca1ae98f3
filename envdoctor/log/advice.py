"""What to do about failures that belong to no rule: limits of a shell, rights, other tools' own messages."""

from typing import NamedTuple, Optional, Tuple

from envdoctor.log.build_log import BuildLog


class Advice(NamedTuple):
    """What helps where a pattern of `BuildLog.search` is found; {flag} is what its group of that name matched."""

    when: str
    do: str


_MEMORY = (
    "Something ended it by signal 9, mostly the kernel when memory ran out (dmesg | grep -i killed, docker inspect's"
    " OOMKilled): give the machine or container more memory, or build with MAX_JOBS=1; if it dies after a fixed time,"
    " look at ulimit -t and at the runner's time limit"
)

#: Of two that are found, the earlier one counts.
ADVICE: Tuple[Advice, ...] = (
    # The C library's words for errno 24 and 11, by whoever passes them on.
    Advice(
        r"Too many open files|out of file descriptors|\[Errno 24\]",
        "More files are open than a process may have: ulimit -n 65536 in the shell that builds (in Docker --ulimit"
        " nofile=65536:65536), or fewer jobs at once",
    ),
    Advice(
        r"BlockingIOError: |[Rr]esource temporarily unavailable|can't start new thread|Cannot fork|fork: retry",
        "More processes or threads are wanted than are allowed: see ulimit -u and the container's limit (docker"
        " --pids-limit), and use fewer jobs and OMP_NUM_THREADS=1",
    ),
    Advice(
        r"failed to map segment from shared object|cannot allocate memory in static TLS block",
        "The library is there and the system does not map it: a limit of address space (ulimit -v unlimited), or a file"
        " system that is mounted noexec (findmnt -T FILE)",
    ),
    Advice(
        r"bad_alloc|^MemoryError\b|[Cc]annot allocate memory",
        "The memory did not suffice, or a limit forbade more: see free -g, ulimit -v and the container's limit; use"
        " fewer jobs at once",
    ),
    # Source: torch's CUDACachingAllocator, of the GPU's memory and not of the compiler's.
    Advice(
        r"CUDA out of memory|HIP out of memory|cuda\.OutOfMemoryError|CUDA_ERROR_OUT_OF_MEMORY|CUDA error: out of mem",
        "The GPU's memory does not hold it: see nvidia-smi for other processes, take a smaller batch, model or context,"
        " or a narrower type; PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True against fragments",
    ),
    # Source: dockerd's client.
    Advice(
        r"permission denied while trying to connect to the Docker daemon|docker\.sock: [^\n]{0,80}permission denied",
        "This user may not talk to Docker: sudo usermod -aG docker $USER and a new login, or sudo docker, or rootless"
        " Docker",
    ),
    Advice(
        r"Cannot connect to the Docker daemon",
        "Docker does not run, or listens elsewhere: sudo systemctl start docker (Docker Desktop: start it), and see"
        " DOCKER_HOST and docker context ls",
    ),
    Advice(
        r"unable to prepare context: unable to evaluate symlinks in Dockerfile path|failed to read dockerfile",
        "There is no Dockerfile where docker build looks: run it in the folder that has one, or name it with -f",
    ),
    Advice(
        r"docker: invalid reference format|invalid reference format: ",
        "What stands where the image's name belongs is none: an empty variable, a space in a path without quotes, or a"
        " capital letter in the name",
    ),
    # Source: the kernel, of a script that was written on Windows.
    Advice(
        r"\^M: (?:bad interpreter|not found)|'(?:bash|sh|python3?)\\r'|\$'\\r': command not found",
        "The script has Windows' line ends: sed -i 's/\\r$//' FILE, and git config core.autocrlf input before the next"
        " checkout",
    ),
    Advice(
        r"file too short|[Ii]nvalid ELF header|not a dynamic executable: file truncated|unexpected end of file",
        "The file is cut off or no program at all (a full disk, a broken download, a Git LFS pointer): see its size"
        " with ls -l and what file FILE says; delete it, and build or download it again",
    ),
    # Source: apt; NVIDIA's CUDA repository changed its key on 2022-04-27.
    Advice(
        r"NO_PUBKEY (?:A4B469963BF863CC|F60F4B3D7FA2AF80)",
        "NVIDIA changed its repositories' key in April 2022: apt-key del 7fa2af80, remove old cuda.list and"
        " nvidia-ml.list of /etc/apt/sources.list.d, and install cuda-keyring_1.1-1_all.deb from"
        " developer.download.nvidia.com/compute/cuda/repos",
    ),
    Advice(
        r"NO_PUBKEY \w+|The repository '[^'\n]*' is not signed",
        "apt does not know the key of that repository: fetch it into /etc/apt/keyrings and name it with signed-by= in"
        " the repository's line, or leave the repository out",
    ),
    Advice(
        r"^E: (?:Could not get lock|Unable to acquire the dpkg frontend lock|Unable to lock)",
        "Another apt runs (often the system's own updates): wait for it (ps aux | grep -i apt); without root, use sudo",
    ),
    # A signal of the processor's.
    Advice(
        r"Illegal instruction|SIGILL",
        "The program uses instructions that this processor does not have, as after a build with -march=native"
        " elsewhere, or under emulation: see lscpu, and build it here or for an older -march",
    ),
    # Source: setuptools_scm; conda's shell integration.
    Advice(
        r"setuptools[-_]scm was unable to detect version",
        "The version comes from git's tags, and there are none: clone with the history (git fetch --unshallow --tags),"
        " COPY .git into the image, or set SETUPTOOLS_SCM_PRETEND_VERSION=1.0",
    ),
    Advice(
        r"CondaError: Run 'conda init'|shell has not been properly configured to use 'conda activate'",
        'A script has no conda functions: eval "$(conda shell.bash hook)" before conda activate, or conda run -n NAME'
        " COMMAND",
    ),
    # Compilers, of an option that is another one's.
    Advice(
        r"nvcc fatal\s*: Unknown option '(?P<flag>-f\w+|-W\w+|-m\w+|-pthread|-std=gnu[^'\n]*)'",
        "{flag} is the host compiler's, not nvcc's: extra_compile_args={'cxx': ['{flag}'], 'nvcc': ['-Xcompiler',"
        " '{flag}']}; in CMake $<$<COMPILE_LANGUAGE:CXX>:{flag}>",
    ),
    Advice(
        r"(?:g\+\+|gcc|c\+\+|cc1plus|clang\S*): error: (?:unrecognized command-line option|unknown argument:?)"
        r" '(?P<flag>--?(?:expt-[\w-]+|extended-lambda|gencode\S*|arch=\S*|use_fast_math|ptxas-options\S*|Xptxas"
        r"|Xcompiler|threads|lineinfo|rdc\S*))'",
        "{flag} is nvcc's, not the host compiler's: extra_compile_args={'cxx': [...], 'nvcc': ['{flag}']}; in CMake"
        " $<$<COMPILE_LANGUAGE:CUDA>:{flag}>",
    ),
    Advice(
        r"recompile with -f(?:PIC|PIE)",
        "An object that goes into a shared library was compiled without -fPIC: add it to its flags (in CMake"
        " POSITION_INDEPENDENT_CODE ON, of autotools --with-pic), and rebuild that object or static library",
    ),
    Advice(
        r"No rule to make target",
        "A file that the Makefile names is not there: see its name, the folder that make runs in, and whether a"
        " configure step or a submodule was to bring it",
    ),
    Advice(
        r"^[^\S\n]*Killed\b|exit code:? 137\b|non-zero code: 137\b|Error 137\b|exit status:? -?(?:137|9)\b",
        _MEMORY,
    ),
)


def advice(log: BuildLog) -> Optional[str]:
    """What helps against the first of those failures that the table knows."""
    for when, do in ADVICE:
        hit = log.first(when)
        if hit:
            return do.replace("{flag}", hit["flag"])
    return None

"""Advice where no rule speaks."""

import pytest

from envdoctor.explanation import explain
from envdoctor.log import read_text
from envdoctor.log.advice import ADVICE, advice

SAID = [
    ("", ""),
    ("Successfully installed x-1.0", ""),
    ("OSError: [Errno 24] Too many open files: '/tmp/x'", "ulimit -n"),
    ("/usr/bin/ld: cannot find -lstdc++: Too many open files", "ulimit -n"),
    ("BlockingIOError: [Errno 11] Resource temporarily unavailable", "ulimit -u"),
    ("ImportError: libtorch_cuda.so: failed to map segment from shared object", "ulimit -v"),
    ("terminate called after throwing an instance of 'std::bad_alloc'", "ulimit -v"),
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", "smaller batch"),
    (
        (
            "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get"
            ' "http://%2Fvar%2Frun/v1.24/info": dial unix /var/run/docker.sock: connect: permission denied'
        ),
        "usermod",
    ),
    (
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
        "DOCKER_HOST",
    ),
    (
        (
            "unable to prepare context: unable to evaluate symlinks in Dockerfile path: lstat /w/Dockerfile:"
            " no such file or directory"
        ),
        "-f",
    ),
    ("docker: invalid reference format.", "image's name"),
    ("bash: ./configure: /bin/sh^M: bad interpreter: No such file or directory", "Windows' line ends"),
    ("ImportError: /w/ext.so: file too short", "cut off"),
    (
        (
            "W: GPG error: https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2004/x86_64  InRelease: The"
            " following signatures couldn't be verified because the public key is not available: NO_PUBKEY"
            " A4B469963BF863CC"
        ),
        "cuda-keyring",
    ),
    ("E: The repository 'https://x.org/deb stable InRelease' is not signed.", "/etc/apt/keyrings"),
    ("E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (apt)", "wait"),
    ("./bench: line 1:   71 Illegal instruction     (core dumped) ./a.out", "lscpu"),
    ("LookupError: setuptools-scm was unable to detect version for /src.", "SETUPTOOLS_SCM_PRETEND_VERSION"),
    ("CondaError: Run 'conda init' before 'conda activate'", "conda run"),
    ("nvcc fatal   : Unknown option '-fopenmp'", "'nvcc': ['-Xcompiler', '-fopenmp']}"),
    ("g++: error: unrecognized command-line option '--expt-relaxed-constexpr'", "'nvcc': ['--expt-relaxed-"),
    (
        (
            "/usr/bin/ld: p.o: relocation R_X86_64_PC32 against symbol `g' can not be used when making a shared object;"
            " recompile with -fPIC\n/usr/bin/ld: final link failed: bad value"
        ),
        "POSITION_INDEPENDENT_CODE",
    ),
    ("make: *** No rule to make target 'a.c', needed by 'a.o'.  Stop.", "names is not there"),
    ("Killed", "memory"),
]


@pytest.mark.parametrize(("text", "says"), SAID)
def test_a_failure_that_no_rule_explains_is_helped_nevertheless(text, says):
    found = explain(read_text(text))
    assert found.verdict == ("not-environment" if says else "no-failure")
    assert says in found.more and bool(says) == bool(found.more)


def test_every_advice_is_for_something():
    told = [advice(read_text(text)) for text, _ in SAID]
    assert len({text for text in told if text}) == len(ADVICE)


def test_what_shows_more_comes_after_what_is_known():
    wrapped = 'ERROR: process "/bin/sh -c pip install ." did not complete successfully: exit code: 137'
    found = explain(read_text(wrapped))
    assert found.verdict == "not-enough"
    assert "memory" in found.more and found.more.endswith("give that file")


def test_the_line_that_tells_is_the_one_that_is_shown():
    (line,) = explain(read_text(SAID[-3][0])).signs
    assert "relocation" in line.text

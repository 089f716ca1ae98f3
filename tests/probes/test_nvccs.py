"""nvcc on PATH: the program itself, a link to it, a script around it."""

from envdoctor.host import Completed
from envdoctor.probes.nvccs import probe
from tests.fakes import FakeHost

VERSION = "nvcc: NVIDIA (R) Cuda compiler driver\nCuda compilation tools, release 13.0, V13.0.88\n"
PROFILE = "\nTOP              = $(_HERE_)/..\n\nCICC_PATH        = $(TOP)/nvvm/bin\n"
DRYRUN = "#$ _SPACE_= \n#$ _CUDART_=cudart\n#$ _HERE_=/usr/local/cuda-13.0/bin\n#$ TOP=/usr/local/cuda-13.0/bin/..\n"
WRAPPER = '#!/bin/sh\nexec /usr/local/cuda-13.0/bin/nvcc "$@"\n'
FILES = {"/usr/local/cuda-13.0/bin/nvcc": "\x7fELF", "/usr/local/cuda-13.0/bin/nvcc.profile": PROFILE}


def host(path, programs=None, files=None, links=None):
    everything = {**FILES, **(files or {})}
    return FakeHost(
        {"nvcc --version": VERSION, **(programs or {})}, everything, {"PATH": path}, links, list(everything)
    )


def test_none():
    assert probe(host("/usr/bin")).items == ()


def test_the_program_in_its_own_folder_reached_by_a_link_of_folders():
    (found,) = probe(host("/usr/local/cuda/bin", links={"/usr/local/cuda": "/usr/local/cuda-13.0"})).items
    assert (found.kind, found.root, found.wins, found.error) == ("binary", "/usr/local/cuda-13.0", True, None)
    assert found.real == "/usr/local/cuda-13.0/bin/nvcc"


def test_a_link_to_the_file_alone_knows_no_root():
    (found,) = probe(host("/home/u/bin", links={"/home/u/bin/nvcc": "/usr/local/cuda-13.0/bin/nvcc"})).items
    assert (found.kind, found.real, found.root) == ("link", "/usr/local/cuda-13.0/bin/nvcc", None)


def test_a_wrapper_is_asked():
    asked = {"/usr/local/bin/nvcc --dryrun -lib x.o": Completed(0, "", DRYRUN)}
    (found,) = probe(host("/usr/local/bin", asked, {"/usr/local/bin/nvcc": WRAPPER})).items
    assert (found.kind, found.real, found.root) == (
        "wrapper",
        "/usr/local/cuda-13.0/bin/nvcc",
        "/usr/local/cuda-13.0",
    )


def test_without_a_host_compiler_the_wrappers_text_must_do():
    silent = {
        "/usr/local/bin/nvcc --dryrun -lib x.o": Completed(
            1, "", "nvcc fatal   : Failed to preprocess host compiler properties.\n"
        )
    }
    (found,) = probe(host("/usr/local/bin", silent, {"/usr/local/bin/nvcc": WRAPPER})).items
    assert found.root == "/usr/local/cuda-13.0"
    (found,) = probe(
        host("/usr/local/bin", silent, {"/usr/local/bin/nvcc": '#!/bin/sh\nexec "$CUDA/bin/nvcc" "$@"\n'})
    ).items
    assert (found.kind, found.root, found.real) == ("wrapper", None, "/usr/local/bin/nvcc")


def test_a_wrapper_that_hangs_is_asked_once():
    silent = {
        "/usr/local/bin/nvcc --version": Completed(None, "", "", "gave no answer within 5 s and was stopped")
    }
    machine = host("/usr/local/bin", silent, {"/usr/local/bin/nvcc": WRAPPER})
    (found,) = probe(machine).items
    assert (found.root, found.error) == ("/usr/local/cuda-13.0", "gave no answer within 5 s and was stopped")
    assert machine.calls == [("/usr/local/bin/nvcc", "--version")]


def test_debians_split_layout_is_one_root():
    debian = "/usr/lib/nvidia-cuda-toolkit/bin"
    files = {
        "/usr/bin/nvcc": f'#!/bin/sh\n\nexec {debian}/nvcc "$@"\n',
        f"{debian}/nvcc": "\x7fELF",
        "/etc/nvcc.profile": "NVVMIR_LIBRARY_DIR = /usr/lib/nvidia-cuda-toolkit/libdevice\n",
    }
    dryrun = {"/usr/bin/nvcc --dryrun -lib x.o": Completed(0, "", f"#$ _HERE_={debian}\n")}
    (found,) = probe(host("/usr/bin", dryrun, files, {f"{debian}/nvcc.profile": "/etc/nvcc.profile"})).items
    assert (found.kind, found.root, found.real) == ("wrapper", "/usr", f"{debian}/nvcc")


def test_one_that_does_not_run_says_why_and_the_first_wins():
    broken = {"/opt/a/bin/nvcc --version": Completed(None, "", "", "cannot be run: Exec format error")}
    files = {"/opt/a/bin/nvcc": "\x7fELF", "/opt/a/bin/nvcc.profile": PROFILE}
    first, second = probe(host("/opt/a/bin:/usr/local/cuda-13.0/bin", broken, files)).items
    assert (first.wins, first.error, first.root) == (True, "cannot be run: Exec format error", "/opt/a")
    assert (second.wins, second.error) == (False, None)

"""Builds that ask a GPU and see none."""

from envdoctor.log import read_text
from envdoctor.messages.unseen_gpus import asked_by_setup, without_architecture

SETUP = 'running build_ext\n  File "setup.py", line 12, in <module>\n    torch.cuda.get_device_capability()\n'
UNSEEN = "RuntimeError: No CUDA GPUs are available\n"


def test_quiet_for_a_build_that_asks_nothing_and_for_a_program_that_is_no_build():
    assert without_architecture(read_text("nvcc -arch=sm_90 -c a.cu\n")) is None
    assert asked_by_setup(read_text(SETUP)) is None
    assert asked_by_setup(read_text(f'  File "train.py", line 1\n{UNSEEN}')) is None


def test_a_setup_script_that_asks_and_an_empty_list_are_told():
    setup, unseen = asked_by_setup(read_text(SETUP + UNSEEN))
    assert (setup.line, unseen.line) == (2, 4)
    assert (
        without_architecture(
            read_text("  arch_list[-1] += '+PTX'\nIndexError: list index out of range\n")
        ).line
        == 1
    )

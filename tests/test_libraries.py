"""CUDA's libraries as link lines name them."""

from envdoctor.libraries import wheel_command
from tests.factory import toolkit


def test_the_command_for_a_wheel_reads_an_interpreter_as_one_word():
    assert (
        wheel_command("cublas", toolkit(), "/venv/bin/python")
        == "/venv/bin/python -m pip install nvidia-cublas"
    )
    command = wheel_command("cublas", toolkit("12.4"), "/my venv/bin/python")
    assert command == "'/my venv/bin/python' -m pip install nvidia-cublas-cu12"
    assert wheel_command("cuda", toolkit(), "python") is None

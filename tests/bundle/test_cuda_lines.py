import pytest

from envdoctor.bundle.cuda_lines import candidates, line

LISTED = "torch (2.14.1)\nAvailable versions: 2.14.1, 2.14.0, 2.13.0+cu126, 2.13.0+cpu, 2.13.0, 2.10.0, 2.10.0+cpu\n"


@pytest.mark.parametrize(
    ("releases", "made_for"),
    [
        ([("torch", "2.13.0+cu126"), ("nvidia-cublas-cu12", "12.6")], "12"),
        ([("torch", "1.13.1+cu117")], "11"),
        ([("torch", "2.13.0+cpu"), ("nvidia-ml-py", "13.0")], "cpu"),
        ([("torch", "2.9.0+rocm6.4")], "rocm"),
        ([("torch", "2.14.1"), ("nvidia-cudnn-cu13", "9.2"), ("nvidia-cublas", "13.1")], "13"),
        ([("torch", "2.14.1"), ("cuda-toolkit", "13.0.3")], "13"),
        ([("torch", "2.0.0")], None),
        ([("numpy", "2.0.0")], None),
        ([("cupy-cuda12x", "13.0"), ("nvidia-cublas-cu12", "12.6")], "12"),
    ],
)
def test_what_releases_are_made_for(releases, made_for):
    assert line(releases)[0] == made_for


def test_which_torch_to_try():
    assert candidates(LISTED, "cpu") == ["2.13.0+cpu", "2.10.0+cpu"]
    assert candidates(LISTED, "12") == ["2.13.0+cu126", "2.14.1", "2.13.0", "2.10.0"]
    assert candidates("ERROR: nothing\n", "12") == []

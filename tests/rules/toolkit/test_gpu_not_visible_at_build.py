"""Builds that ask a GPU which is not there."""

import os
import subprocess
import sys

import pytest

from envdoctor.facts import Request
from envdoctor.finding import SetEnv, Severity, Shim
from envdoctor.rules.toolkit.gpu_not_visible_at_build import check
from tests.factory import (
    at,
    cmake,
    driver,
    environment,
    extension,
    gpu,
    program,
    project,
    setup,
    toolkit,
    tools,
    torch,
)

EXTENSION = project(setup=setup(extension()))
ASKING = project(setup=setup(extension(), calls=(at("torch.cuda.get_device_capability", "setup.py", 9),)))
NATIVE = project(
    builds=("cmake",),
    cmake=cmake("3.24", "CXX", "CUDA"),
    architectures=(at("native", "CMakeLists.txt", 3),),
)


def run(project=EXTENSION, driver=None, request=None, version="3.25.1", built=None, **variables):
    return list(
        check(
            request or Request(role="build"),
            environment(**variables),
            project,
            tools(program("cmake", version)),
            toolkit(),
            built or torch(),
            driver,
        )
    )


def test_quiet_with_a_gpu_or_a_list():
    assert not run(driver=driver(gpu()))
    assert not run(driver=driver(gpu()), project=NATIVE)
    assert not run(driver=driver(gpu()), CUDA_VISIBLE_DEVICES="0")
    assert not run(TORCH_CUDA_ARCH_LIST="8.0")


def test_quiet_for_projects_that_ask_no_gpu():
    assert not run(project=project())
    assert not run(project=project(setup=setup(extension()), architectures=(at("80"),)))
    assert not run(built=torch("2.13.0+cpu", cuda=None))
    assert not run(project=project(builds=("cmake",), cmake=cmake("3.24", "CUDA")))


def test_torch_gets_a_list_that_torch_and_nvcc_know():
    (finding,) = run()
    assert "IndexError" in finding.consequence
    assert finding.fix is not None
    assert finding.fix.steps == (SetEnv("TORCH_CUDA_ARCH_LIST", "7.5;8.0;8.6;8.9;9.0;10.0;12.0+PTX"),)
    (finding,) = run(request=Request(role="build", architectures=("8.0", "9.0")))
    assert finding.fix is not None and finding.fix.steps == (SetEnv("TORCH_CUDA_ARCH_LIST", "8.0;9.0"),)


def test_hidden_gpus_and_ci_count_as_none():
    (finding,) = run(driver=driver(gpu()), CUDA_VISIBLE_DEVICES="")
    assert any(evidence.source == "CUDA_VISIBLE_DEVICES" for evidence in finding.evidence)
    assert run(driver=driver(gpu()), CUDA_VISIBLE_DEVICES="-1")
    assert run(driver=driver(gpu()), request=Request(role="ci"))


def test_native_stops_some_cmakes_and_misleads_the_others():
    (finding,) = run(project=NATIVE)
    assert finding.severity is None and finding.location is not None and finding.location.line == 3
    assert finding.fix is not None
    assert SetEnv("CMAKE_TOOLCHAIN_FILE", "{overlay}/cmake/architectures.cmake") in finding.fix.steps
    (finding,) = run(project=NATIVE, version="3.31.10")
    assert finding.severity is Severity.WARNING
    assert not run(project=NATIVE, version="3.18.4")
    assert not run(project=NATIVE, ENVDOCTOR_CUDA_ARCHITECTURES="80")


def test_an_own_toolchain_file_is_kept():
    (finding,) = run(project=NATIVE, CMAKE_TOOLCHAIN_FILE="/x/vcpkg.cmake")
    assert finding.fix is not None
    assert SetEnv("ENVDOCTOR_TOOLCHAIN_FILE", "/x/vcpkg.cmake") in finding.fix.steps


def test_a_setup_script_that_asks_gets_an_answer():
    findings = run(project=ASKING, TORCH_CUDA_ARCH_LIST="8.0")
    (finding,) = findings
    assert finding.location is not None and finding.location.line == 9
    assert finding.fix is not None
    (shim,) = [step for step in finding.fix.steps if isinstance(step, Shim)]
    compile(shim.content, shim.path, "exec")
    assert SetEnv("TORCH_CUDA_ARCH_LIST", "8.0") in finding.fix.steps
    # One finding, one value of the variable.
    assert run(project=ASKING)[0].fix == finding.fix and len(run(project=ASKING)) == 1
    hopper = Request(role="build", architectures=("9.0a",))
    (finding,) = run(project=ASKING, request=hopper)
    assert finding.fix is not None and SetEnv("ENVDOCTOR_CUDA_ARCHITECTURES", "90a") in finding.fix.steps


def test_quiet_for_a_setup_script_that_asks_first_or_takes_the_list():
    call = at("torch.cuda.get_device_capability", "setup.py", 9)
    guarded = setup(extension(), calls=(at("torch.cuda.is_available"), call))
    assert not run(project=project(setup=guarded), TORCH_CUDA_ARCH_LIST="8.0")
    taking = setup(extension(), calls=(call,), variables=(at("TORCH_CUDA_ARCH_LIST"),))
    assert not run(project=project(setup=taking), TORCH_CUDA_ARCH_LIST="8.0")
    (finding,) = run(project=project(setup=taking))
    assert "IndexError" in finding.consequence


def test_a_question_for_the_gpus_properties_is_answered_too():
    asking = setup(extension(), calls=(at("torch.cuda.get_device_properties", "setup.py", 4),))
    (finding,) = run(project=project(setup=asking))
    assert finding.fix is not None and SetEnv("ENVDOCTOR_CUDA_ARCHITECTURES", "80") in finding.fix.steps


def test_a_script_beside_setup_py_does_not_count():
    beside = project(setup=setup(extension()), architectures=(at("80", "build_cutlass.sh", 7),))
    assert run(project=beside)


@pytest.mark.parametrize(("value", "said"), [("90a;80", "(9, 0)"), ("120", "(12, 0)"), (None, "no GPU")])
def test_the_start_up_module_answers_and_lets_others_start(tmp_path, value, said):
    (finding,) = run(project=ASKING, TORCH_CUDA_ARCH_LIST="8.0")
    assert finding.fix is not None
    (shim,) = [step for step in finding.fix.steps if isinstance(step, Shim)]
    cuda = "def get_device_capability(device=None):\n    return 'no GPU'\n"
    cuda += "def get_device_properties(device=None):\n    raise RuntimeError\ncurrent_device = get_device_properties\n"
    files = {
        shim.path: shim.content,
        "other/sitecustomize.py": "print('own start-up')\n",
        "site/torch/__init__.py": "import torch.cuda\n",
        "site/torch/cuda/__init__.py": cuda,
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def answer(*folders):
        variables = {name: text for name, text in os.environ.items() if not name.startswith("ENVDOCTOR_")}
        variables["PYTHONPATH"] = os.pathsep.join(str(tmp_path / folder) for folder in folders)
        if value:
            variables["ENVDOCTOR_CUDA_ARCHITECTURES"] = value
        script = "from torch import cuda; print(cuda.get_device_capability(0))"
        if value:
            script += "; p = cuda.get_device_properties(cuda.current_device())"
            script += "; assert (p.major, p.minor) == cuda.get_device_capability(0)"
        command = [sys.executable, "-c", script]
        child = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
        return child.stdout.split("\n"), child.stderr

    assert answer("python", "other", "site") == (["own start-up", said, ""], "")
    out, complaints = answer("python", "site")
    assert said in out and "Error in sitecustomize" not in complaints


def test_nvccs_own_native_is_a_warning():
    native = project(builds=("make",), cuda_sources=("k.cu",), architectures=(at("native", "Makefile", 2),))
    (finding,) = run(project=native)
    assert finding.severity is Severity.WARNING and finding.fix is not None
    assert finding.fix.steps == (SetEnv("NVCC_APPEND_FLAGS", "-arch=sm_80", "append"),)
    assert not run(project=native, NVCC_APPEND_FLAGS="-arch=sm_90")
    assert not run(project=native, driver=driver(gpu()))


def test_targets_have_the_instructions_of_the_code():
    async_copies = project(setup=setup(extension()), features=(at("cp.async"), at("__dp4a")))
    (finding,) = run(project=async_copies)
    assert finding.fix is not None
    assert finding.fix.steps == (SetEnv("TORCH_CUDA_ARCH_LIST", "8.0;8.6;8.9;9.0;10.0;12.0+PTX"),)
    hopper = project(setup=setup(extension()), features=(at("wgmma"),))
    (finding,) = run(project=hopper)
    assert finding.fix is not None and finding.fix.steps == (SetEnv("TORCH_CUDA_ARCH_LIST", "9.0a+PTX"),)


def test_a_cuda_part_that_is_left_out_without_a_word():
    asking = setup(gpu_only=(at("demo._C", "setup.py", 7),), variables=(at("FORCE_CUDA", "setup.py", 6),))
    (finding,) = run(project(setup=asking))
    assert finding.severity is Severity.WARNING
    assert finding.location.line == 7
    assert "FORCE_CUDA=1" in finding.fix.title
    assert not run(project(setup=asking), driver=driver(gpu()))
    assert not run(project(setup=asking), built=torch("2.13.0+cpu", None))


def test_a_setup_py_that_ends_without_a_gpu_is_answered_that_there_is_one(tmp_path):
    refusing = project(setup=setup(extension(), stops_without_gpu=at("raise", "setup.py", 5)))
    (finding,) = run(project=refusing, TORCH_CUDA_ARCH_LIST="8.0")
    assert "setup.py:5" in finding.message and finding.fix is not None
    assert SetEnv("ENVDOCTOR_CUDA_AVAILABLE", "1") in finding.fix.steps
    assert not run(project=refusing, ENVDOCTOR_CUDA_ARCHITECTURES="80")
    assert not run(project=refusing, built=torch("2.13.0+cpu", cuda=None))
    (shim,) = [step for step in finding.fix.steps if isinstance(step, Shim)]
    cuda = "def is_available():\n    return False\ndef device_count():\n    return 0\n"
    for name, text in {
        shim.path: shim.content,
        "torch/__init__.py": "",
        "torch/cuda/__init__.py": cuda,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    variables = {"PYTHONPATH": f"{tmp_path}/python:{tmp_path}", "ENVDOCTOR_CUDA_ARCHITECTURES": "80"}
    for extra, said in (({}, "False 0"), ({"ENVDOCTOR_CUDA_AVAILABLE": "1"}, "True 1")):
        command = [sys.executable, "-c", "import torch.cuda as c; print(c.is_available(), c.device_count())"]
        child = subprocess.run(
            command, env={**variables, **extra}, capture_output=True, text=True, check=True
        )
        assert child.stdout.strip() == said


def test_native_in_cudaarchs():
    plain = project(builds=("cmake",), cmake=cmake("3.24", "CXX", "CUDA"))
    (finding,) = run(project=plain, CUDAARCHS="native")
    assert finding.evidence[0].source == "CUDAARCHS" and finding.location is None and finding.fix is not None
    (step,) = finding.fix.steps
    assert isinstance(step, SetEnv) and step.name == "CUDAARCHS" and step.value != "native"
    assert not run(project=plain, CUDAARCHS="80") and not run(
        project=plain, CUDAARCHS="native", driver=driver(gpu())
    )


def test_native_in_cmake_args():
    scripted = project(
        builds=("setup.py", "cmake"),
        cmake=cmake("3.24", "CXX", "CUDA"),
        setup=setup(variables=(at("CMAKE_ARGS"),)),
    )
    (finding,) = run(project=scripted, CMAKE_ARGS="-GNinja -DCMAKE_CUDA_ARCHITECTURES=native")
    assert finding.evidence[0].source == "CMAKE_ARGS" and finding.fix is not None
    (step,) = finding.fix.steps
    assert step.name == "CMAKE_ARGS" and step.value.startswith("-GNinja -DCMAKE_CUDA_ARCHITECTURES=75")
    assert not run(project=scripted, CMAKE_ARGS="-DCMAKE_CUDA_ARCHITECTURES=80", CUDAARCHS="native")


def test_stated_targets_that_are_refused_are_not_advised():
    def advised(*stated):
        return [
            step.value
            for finding in run(request=Request(role="build", architectures=stated))
            for step in finding.fix.steps
        ]

    assert advised("3.5+PTX", "8.0") == ["8.0"]
    assert not run(request=Request(role="build", architectures=("3.5+PTX",)))  # arch-dropped-by-nvcc speaks
    assert not run(request=Request(role="build", architectures=("99.9+PTX",)))
    assert not advised("8.8")  # nvcc knows it, torch does not


def test_what_torch_says_without_a_driver_and_with_one():
    (finding,) = run(project=ASKING)
    assert "Found no NVIDIA driver on your system" in finding.consequence
    (finding,) = run(project=ASKING, driver=driver())
    assert "No CUDA GPUs are available" in finding.consequence
    assert "Found no" not in finding.consequence
    (finding,) = run(project=ASKING, driver=driver(gpu()), request=Request(role="ci"))
    assert "Found no" in finding.consequence

"""setup.py read as syntax."""

import pytest

from envdoctor.probes._project import setup_script
from envdoctor.probes._project.known_torch import KnownTorch
from envdoctor.probes._project.tree import Tree
from tests.fakes import FakeHost


def read(text, env=None, **files):
    paths = {"/work/demo/setup.py": text, **{f"/work/demo/{name}": body for name, body in files.items()}}
    return setup_script.read(Tree(FakeHost(files=paths, env=env or {}), "/work/demo"))


def asked(setup, kind):
    return [
        (value, line)
        for built in setup.built
        for one, value, line in setup_script.asked(built)
        if one == kind
    ]


TORCH_INT = """\
from setuptools import setup
import torch
from torch.utils import cpp_extension

major, minor = torch.cuda.get_device_capability()
setup(
    name='torch_int',
    ext_modules=[cpp_extension.CUDAExtension(
        name='torch_int._CUDA',
        sources=['k/a.cu', 'k/b.cpp'],
        extra_link_args=['-lcublas_static',
                         '-lrt', '-L/usr/lib'],
        extra_compile_args={'cxx': ['-std=c++14', '-O3'],
                            'nvcc': ['-O3', f'-DARCH={major}']})],
)
"""


def test_an_extension_of_torch():
    setup = read(TORCH_INT)
    (extension,) = setup.fact.extensions
    assert (extension.kind, extension.name, extension.line) == ("CUDAExtension", "torch_int._CUDA", 8)
    assert extension.sources == ("k/a.cu", "k/b.cpp")
    assert extension.flags == (
        "-std=c++14",
        "-O3",
        "-O3",
        "-DARCH={major}",
        "-lcublas_static",
        "-lrt",
        "-L/usr/lib",
    )
    assert asked(setup, "std") == [("14", 13)]
    assert asked(setup, "lib") == [("cublas_static", 11), ("rt", 12)]
    assert [place.text for place in setup.fact.imports] == ["setuptools", "torch"]
    assert [(call.text, call.line) for call in setup.fact.calls] == [("torch.cuda.get_device_capability", 5)]
    assert setup.text("name").text == "torch_int"


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        ("from torch.utils.cpp_extension import CUDAExtension as CE", "CE"),
        ("import torch.utils.cpp_extension as ext", "ext.CUDAExtension"),
        ("import torch", "torch.utils.cpp_extension.CUDAExtension"),
    ],
)
def test_under_any_alias(imports, call):
    assert read(f"{imports}\nx = {call}('a', ['b.cu'])\n").fact.extensions[0].kind == "CUDAExtension"


def test_lists_built_piece_by_piece():
    text = """\
import glob, os
from pathlib import Path
from setuptools import setup, Extension
HERE = os.path.dirname(os.path.abspath(__file__))
root = Path(__file__).resolve().parent / "csrc"
flags = ["-O3"] + ["-std=c++17"]
flags.append("-gencode")
flags += ["arch=compute_80,code=sm_80"]
for arch in ("90", "90a"):
    flags.extend(["-gencode", f"arch=compute_{arch},code=sm_{arch}"])
sources = sorted(glob.glob(os.path.join(HERE, "csrc", "*.cpp"))) + [str(root / "k" / "a.cu")]
kwargs = dict(libraries=["cudart"])
kwargs["include_dirs"] = [str(root / "include"), os.path.join(unknown(), "extra")]
kwargs.update({"define_macros": [("WITH_CUDA", None), ("N", "3")]})
setup(ext_modules=[Extension(f"{'demo'}._C", sources, extra_compile_args=flags, **kwargs)])
"""
    setup = read(text, **{"csrc/x.cpp": "", "csrc/y.cpp": "", "csrc/z.h": ""})
    (extension,) = setup.fact.extensions
    assert extension.name == "demo._C"
    assert extension.sources == ("csrc/x.cpp", "csrc/y.cpp", "csrc/k/a.cu")
    assert extension.include_dirs == ("csrc/include", "{}/extra")
    assert extension.flags[-2:] == ("-DWITH_CUDA", "-DN=3")
    assert asked(setup, "arch") == [("80", 8), ("90", 10), ("90a", 10)]
    assert asked(setup, "std") == [("17", 6)]


def test_functions_that_setup_calls_are_followed():
    text = """\
from setuptools import setup
def modules(suffix, extra=()):
    from torch.utils.cpp_extension import CUDAExtension
    return [CUDAExtension("m" + suffix, ["m.cu", *extra])]
def never():
    import pkg_resources
setup(ext_modules=modules("_cuda", extra=["n.cu"]))
"""
    setup = read(text)
    assert setup.fact.extensions[0].name == "m_cuda"
    assert setup.fact.extensions[0].sources == ("m.cu", "n.cu")
    assert [place.text for place in setup.fact.imports] == ["setuptools", "torch"]


def test_commands_run_when_setup_does():
    text = """\
import subprocess
from setuptools import setup
from setuptools.command.build_ext import build_ext
class Build(build_ext):
    def run(self):
        import torch
        subprocess.check_call(["cmake", "--build", "."])
setup(cmdclass={"build_ext": Build})
"""
    setup = read(text)
    assert [(place.text, place.line) for place in setup.fact.imports] == [
        ("subprocess", 1),
        ("setuptools", 2),
        ("torch", 6),
    ]
    assert [call.text for call in setup.fact.calls] == ["subprocess.check_call cmake"]


@pytest.mark.parametrize(
    ("handler", "wanted"),
    [("sys.exit(1)", True), ("raise RuntimeError('no')", True), ("torch = None", False), ("pass", False)],
)
def test_an_import_that_the_script_can_do_without_is_not_asked_for(handler, wanted):
    text = f"import sys\ntry:\n    import torch\nexcept ImportError:\n    {handler}\n"
    assert ("torch" in [place.text for place in read(text).fact.imports]) is wanted


def test_questions_behind_a_test_for_a_gpu_are_not_asked_without_one():
    text = "import torch\nif torch.cuda.is_available():\n    c = torch.cuda.get_device_capability()\n"
    assert [call.text for call in read(text).fact.calls] == ["torch.cuda.is_available"]


def test_both_ways_of_an_open_condition_are_read_and_the_first_stays():
    text = """\
import torch
from torch.utils.cpp_extension import CUDAExtension, CppExtension, CUDA_HOME
if torch.cuda.is_available() and CUDA_HOME is not None:
    kind, sources = CUDAExtension, ["a.cu"]
else:
    kind, sources = CppExtension, ["a.cpp"]
kind("x", sources)
"""
    (extension,) = read(text).fact.extensions
    assert (extension.kind, extension.sources) == ("CUDAExtension", ("a.cu",))


def test_variables_decide_what_they_decide():
    text = """\
import os
from setuptools import Extension
if int(os.environ.get("BUILD_EXT", "1")) == 1 and not os.getenv("SKIP"):
    Extension("a", ["a.c"])
if "FORCE" in os.environ:
    Extension("b", ["b.c"])
os.environ["TORCH_CUDA_ARCH_LIST"] = "8.0;9.0"
"""
    assert [e.name for e in read(text).fact.extensions] == ["a"]
    assert [e.name for e in read(text, env={"BUILD_EXT": "0", "FORCE": "1"}).fact.extensions] == ["b"]
    variables = read(text).fact.variables
    assert [(place.text, place.line) for place in variables] == [("BUILD_EXT", 3), ("SKIP", 3), ("FORCE", 5)]
    assert read(text).assigned == {"TORCH_CUDA_ARCH_LIST": "8.0;9.0"}


def test_values_of_strange_variables_are_not_kept():
    text = """\
import os
from setuptools import Extension
Extension('a', [], extra_compile_args=['-DK=' + os.environ['KEY']])
"""
    assert "s3cret" not in repr(read(text, env={"KEY": "s3cret"}).fact)


def test_other_platforms_are_left_out():
    text = "import os, sys\nif sys.platform == 'win32' or os.name == 'nt':\n    import torch\nelse:\n    import numpy\n"
    assert [place.text for place in read(text).fact.imports] == ["os", "sys", "numpy"]


def test_a_module_beside_it_is_followed():
    setup = read(
        "from tools import ext\next('x')\n",
        **{"tools.py": "import torch\nfrom setuptools import Extension as ext\n"},
    )
    assert [(place.text, place.place) for place in setup.fact.imports][1:] == [
        ("torch", "tools.py:1"),
        ("setuptools", "tools.py:2"),
    ]
    assert setup.fact.extensions[0].name == "x"


def test_requirements_with_their_lines():
    text = """\
from setuptools import setup
needed = [
  "torch>=1.13",
  "numpy",
]
setup(install_requires=needed, setup_requires="wheel")
"""
    setup = read(text)
    assert [(place.text, place.line) for place in setup.fact.requirements] == [
        ("torch>=1.13", 3),
        ("numpy", 4),
        ("wheel", 6),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    return f()\nf()\n",
        "while True:\n    pass\n",
        "for i in range(10**12):\n    x = [i] * 10**9\n",
        "x = 'a' * 10**12\n",
        "x = 2 ** 10 ** 10\n",
        "x = 'a' * 1000000000000\ny = [0] * 1000000000000\n",
        "x = 'aa'\nfor i in range(1000000000000):\n    x = x + x\n    x += x\n",
        "x = [1]\nfor i in range(1000):\n    x.extend(x)\n    x += x\n    y = x + x\n",
        "x = '%9999999999d' % 1\ny = '{:9999999999}'.format(1)\n",
        "x = 'a' * 9999\nfor i in 1, 2, 3, 4:\n    x = x.replace('a', x)\n    x = x.join(list(x))\n",
        "import setup\n",
        "a = []\na.append(a)\nfrom setuptools import Extension\nExtension('x', a)\n",
        "class A(A): pass\n",
        "[x for x in y for z in x]\nprint(*a, **b)\n",
    ],
)
def test_hostile_scripts_end(text):
    assert read(text).fact.file == "setup.py"


@pytest.mark.parametrize(
    "test",
    [
        "torch.__version__ >= '2.4'",
        "torch.__version__ == '2.13.0+cu130'",
        "Version(torch.__version__) > Version('2.4.1')",
        "Version(torch.__version__).release >= (2, 9)",
        "Version(torch.__version__).minor == 13",
        "tuple(int(part) for part in torch.__version__.split('.')[:2]) >= (2, 9)",
        "torch.version.cuda.startswith('13')",
    ],
)
def test_conditions_on_the_installed_torch_are_decided(test):
    text = (
        "import torch\nfrom packaging.version import Version\nfrom torch.utils.cpp_extension import CppExtension\n"
        f"std = '-std=c++17' if {test} else '-std=c++14'\nif not ({test}):\n    std = '-std=c++11'\n"
        "CppExtension('a', ['a.cpp'], extra_compile_args=[std])\n"
    )
    tree = Tree(FakeHost(files={"/work/demo/setup.py": text}), "/work/demo")
    known = setup_script.read(tree, torch=KnownTorch("2.13.0+cu130", "13.0"))
    assert known.fact.extensions[0].flags == ("-std=c++17",)


def test_a_name_in_the_place_of_a_version_is_no_version():
    text = (
        "import torch\nfrom torch.utils.cpp_extension import CppExtension\n"
        "if torch.__version__ == 'parrots':\n    CppExtension('a', ['a.cpp'])\n"
    )
    tree = Tree(FakeHost(files={"/work/demo/setup.py": text}), "/work/demo")
    assert not setup_script.read(tree, torch=KnownTorch("2.13.0")).fact.extensions


def test_functions_of_modules_beside_it_see_their_own_names():
    helper = "import torch\nBASE = 10\ndef sm():\n    n, _ = torch.cuda.get_device_capability()\n    return flag(8)\n"
    helper += "def flag(n, times=BASE):\n    return '-DSM=%d' % (n * times)\n"
    text = "from build_utils import sm\nfrom setuptools import Extension, setup\nBASE = 7\n"
    text += "setup(ext_modules=[Extension('a', ['a.c'], extra_compile_args=[sm()])])\n"
    found = read(text, **{"build_utils.py": helper})
    assert [(call.text, call.place) for call in found.fact.calls] == [
        ("torch.cuda.get_device_capability", "build_utils.py:4")
    ]
    assert found.fact.extensions[0].flags == ("-DSM=80",)

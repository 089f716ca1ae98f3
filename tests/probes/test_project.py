"""A project folder as a whole: what builds it, what it asks for, and what it lacks."""

from envdoctor.facts import Located, Request
from envdoctor.probes.project import probe
from tests.factory import driver, gpu, python, toolkit, toolkits, torch
from tests.fakes import FakeHost


def examine(
    files,
    env=None,
    python_fact=None,
    toolkits_fact=None,
    outside=None,
    torch_fact=None,
    driver_fact=None,
    **host,
):
    """The project made of `files` (paths below its root), with `outside` beside it on the machine."""
    paths = {f"/work/demo/{name}": text for name, text in files.items()}
    machine = FakeHost(files={**paths, **(outside or {})}, env=env or {}, **host)
    return probe(machine, Request(project="/work/demo"), python_fact, toolkits_fact, torch_fact, driver_fact)


def told(places):
    return [(place.text, place.place) for place in places]


def test_no_project_when_none_is_named_or_nothing_of_one_is_there():
    assert probe(FakeHost(), Request(), None, None, None, None) is None
    assert examine({"notes.md": "# hello", "run.py": "print()"}) is None


def test_scripts_with_requirements_build_nothing():
    found = examine(
        {
            "requirements.txt": "torch==2.4\n-f ./wheels\n\n# none\nnumpy>=1  # old\n",
            "serve.py": "import torch",
        }
    )
    assert (found.builds, found.setup, found.cmake, found.name) == ((), None, None, None)
    assert told(found.requirements) == [
        ("torch==2.4", "requirements.txt:1"),
        ("-f ./wheels", "requirements.txt:2"),
        ("numpy>=1", "requirements.txt:5"),
    ]


def test_included_requirement_files_are_read_and_a_circle_ends():
    found = examine({"requirements.txt": "-r more.txt\na\n", "more.txt": "b\n-r requirements.txt\n"})
    assert told(found.requirements) == [("b", "more.txt:1"), ("a", "requirements.txt:2")]


def test_builds_in_the_order_of_use():
    files = {
        "pyproject.toml": '[build-system]\nrequires = ["setuptools>=61",\n  "wheel"]\n'
        'build-backend = "setuptools.build_meta"\n'
        '[project]\nname = "demo"\nrequires-python = ">=3.9"\ndependencies = [\n  "numpy",\n]\n',
        "setup.py": "import skbuild\nskbuild.setup()\n",
        "CMakeLists.txt": "cmake_minimum_required(VERSION 3.18)\nproject(inner CXX)\n",
        "Makefile": "a.o: a.cpp\n\tg++ -c a.cpp\n",
    }
    found = examine(files)
    assert found.builds == ("pyproject", "setup.py", "cmake")
    assert (found.name, found.build_system) == ("demo", True)
    assert told(found.build_requires) == [
        ("setuptools>=61", "pyproject.toml:2"),
        ("wheel", "pyproject.toml:3"),
    ]
    assert found.build_backend == Located("setuptools.build_meta", "pyproject.toml", 4)
    assert found.requires_python == Located(">=3.9", "pyproject.toml", 7)
    assert told(found.requirements) == [("numpy", "pyproject.toml:9")]


def test_a_library_beside_a_python_build_is_another_product():
    setup = "from setuptools import setup, Extension\nsetup(ext_modules=[Extension('demo._C', ['c.cpp'])])\n"
    cmake = "cmake_minimum_required(VERSION 3.0)\nproject(d CUDA)\nset(CMAKE_CUDA_ARCHITECTURES 70)\n"
    make = "a.o: a.cu\n\tnvcc -arch=sm_60 a.cu\n"
    found = examine({"setup.py": setup, "CMakeLists.txt": cmake, "Makefile": make})
    assert (found.builds, found.cmake, found.architectures) == (("setup.py",), None, ())
    drives = "import subprocess\nsubprocess.check_call(['cmake', '.'])\n" + setup
    found = examine({"setup.py": drives, "CMakeLists.txt": cmake, "Makefile": make})
    assert (found.builds, told(found.architectures)) == (("setup.py", "cmake"), [("70", "CMakeLists.txt:3")])
    plain = examine({"setup.py": "from setuptools import setup\nsetup()\n", "Makefile": make})
    assert (plain.builds, told(plain.architectures)) == (("setup.py", "make"), [("60", "Makefile:2")])


def test_pyproject_and_setup_cfg_that_only_hold_tools_build_nothing():
    found = examine(
        {"pyproject.toml": "[tool.ruff]\nline-length = 100\n", "setup.cfg": "[flake8]\nmax = 1\n"}
    )
    assert (found.builds, found.build_system) == ((), False)


def test_setup_cfg_is_read():
    text = (
        "[metadata]\nname = old\n[options]\npython_requires = >=3.6\ninstall_requires =\n"
        "    torch>=1.0\n    # no\n    numpy\n"
    )
    found = examine({"setup.cfg": text})
    assert (found.builds, found.name) == (("setup.py",), "old")
    assert told(found.requirements) == [("torch>=1.0", "setup.cfg:6"), ("numpy", "setup.cfg:8")]
    assert found.requires_python == Located(">=3.6", "setup.cfg", 4)


def test_a_makefile_that_compiles_nothing_is_no_build():
    assert examine({"Makefile": "style:\n\truff check src\n"}).builds == ()


def test_broken_files_are_said_to_be_unread():
    found = examine({"pyproject.toml": "[project\nname=", "setup.py": "print 'hello'\n"})
    assert found.setup is not None and "line 1" in found.setup.error
    assert [note.split(":")[0] for note in found.unread] == ["pyproject.toml", "setup.py"]
    assert found.builds == ("setup.py",)


def test_a_folder_in_place_of_a_file_and_an_unreadable_file_end_in_notes():
    found = examine(
        {"pyproject.toml/x": "", "setup.py": "import torch\n", "CMakeLists.txt": "project(x CUDA)"},
        unreadable=["/work/demo/setup.py"],
    )
    assert any("setup.py: Permission denied" in note for note in found.unread)
    assert [language.text for language in found.cmake.languages] == ["CUDA"]


def test_submodules_present_empty_and_absent():
    text = "".join(
        f'[submodule "{name}"]\n\tpath = third_party/{name}\n\turl = git@host.example.invalid:{name}.git\n'
        for name in "abc"
    )
    found = examine({".gitmodules": text, "third_party/a/x.h": ""}, folders=["/work/demo/third_party/b"])
    states = [(module.path, module.state, module.line) for module in found.submodules]
    assert states == [
        ("third_party/a", "present", 1),
        ("third_party/b", "empty", 4),
        ("third_party/c", "absent", 7),
    ]
    assert found.submodules[0].url == "git@host.example.invalid:a.git"


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:6f1d\nsize 48213\n"


def test_nothing_below_a_folder_of_many_checkouts_is_read():
    files = {
        "try.cpp": "int x;",
        "other/a.cu": POINTER,
        "build/CMakeCache.txt": "CMAKE_COMMAND:INTERNAL=/x\n",
    }
    found = examine(files)
    assert (found.lfs_pointers, found.build_folders) == ((), ())
    assert examine({**files, "requirements.txt": "numpy"}).lfs_pointers == ("other/a.cu",)
    assert examine({**files, ".git/HEAD": "ref"}).lfs_pointers == ("other/a.cu",)


def test_lfs_pointers_by_attributes_and_by_content():
    files = {
        ".gitattributes": "data/** filter=lfs diff=lfs\n*.model filter=lfs\n*.txt text\n",
        "Makefile": "x:\n\tg++ a.cpp\n",
        "data/weights.xyz.bin": POINTER,
        "examples/demo.ipynb": POINTER,
        "tables/nf4.inc": POINTER,
        "tables/real.inc": "1, 2, 3",
        "README.md": POINTER,
    }
    assert examine(files).lfs_pointers == ("data/weights.xyz.bin", "examples/demo.ipynb", "tables/nf4.inc")


CACHE = """# cache
CMAKE_HOME_DIRECTORY:INTERNAL=/old/place
CMAKE_MAKE_PROGRAM:FILEPATH=/tmp/pip-build-env-1/ninja
_Python3_EXECUTABLE:INTERNAL=/usr/bin/python3
CMAKE_CXX_FLAGS:STRING=-O2
"""


def test_earlier_builds():
    files = {
        "setup.py": "",
        "build/CMakeCache.txt": CACHE,
        "build/lib.linux-x86_64-3.8/demo/_C.cpython-38-x86_64-linux-gnu.so": "",
        "demo.egg-info/PKG-INFO": "",
        "out/notes.txt": "",
    }
    cached, compiled, egg = examine(files, outside={"/usr/bin/python3": ""}).build_folders
    assert told(cached.entries)[1] == (
        "CMAKE_MAKE_PROGRAM=/tmp/pip-build-env-1/ninja",
        "build/CMakeCache.txt:3",
    )
    assert [entry.line for entry in cached.missing] == [2, 3]
    assert (compiled.path, compiled.entries[0].text) == (
        "build/lib.linux-x86_64-3.8",
        "demo/_C.cpython-38-x86_64-linux-gnu.so",
    )
    assert (egg.path, egg.entries) == ("demo.egg-info", ())


def test_a_source_folder_reached_by_a_link_is_this_one():
    cache = "CMAKE_HOME_DIRECTORY:INTERNAL=/link/demo\nCMAKE_COMMAND:INTERNAL=/gone/cmake\n"
    files = {"CMakeLists.txt": "project(demo)", "build/CMakeCache.txt": cache}
    (folder,) = examine(files, links={"/link/demo": "/work/demo"}).build_folders
    assert [entry.text for entry in folder.entries] == ["CMAKE_COMMAND=/gone/cmake"]


def test_a_package_without_its_compiled_module_shadows_the_installed_one():
    setup = "from setuptools import setup, Extension\nsetup(ext_modules=[Extension('demo._C', ['c.cpp'])])\n"
    files = {"setup.py": setup, "demo/__init__.py": "", "other/__init__.py": ""}
    assert examine(files).packages == ("demo",)
    assert examine({**files, "demo/_C.cpython-311-x86_64-linux-gnu.so": ""}).packages == ()
    assert examine({"setup.py": setup, "src/demo/__init__.py": ""}).packages == ()


def test_a_script_that_configures_a_vendored_project():
    files = {
        "setup.py": "from setuptools import setup\nsetup(name='outer')\n",
        "build_it.sh": "cd submodules/inner\nmkdir -p build && cd build\ncmake .. -DINNER_NVCC_ARCHS=80\nmake\n",
        "submodules/inner/CMakeLists.txt": "cmake_minimum_required(VERSION 3.19)\nproject(inner CUDA)\n"
        "find_package(Python3 3.5 COMPONENTS Interpreter REQUIRED)\nset(CMAKE_CUDA_STANDARD 11)\n",
    }
    found = examine(files)
    assert (found.builds, found.name) == (("setup.py", "cmake"), "outer")
    assert found.cmake.minimum == Located("3.19", "submodules/inner/CMakeLists.txt", 1)
    assert found.cmake.package("Python3").version == "3.5"
    assert told(found.architectures) == [("80", "build_it.sh:3")]
    assert found.cxx_standards == ()  # what a vendored project sets for itself


def test_headers_of_the_toolkit_count_only_where_there_is_one():
    files = {
        "Makefile": "a.o: a.cu\n\tnvcc -c a.cu\n",
        "a.cu": "#include <cusparse.h>\n#include <cuda_runtime.h>\n",
    }
    outside = {"/usr/local/cuda/include/cuda_runtime.h": ""}
    assert examine(files, outside=outside).unresolved_headers == ()
    found = examine(files, outside=outside, toolkits_fact=toolkits(toolkit()))
    assert [header.name for header in found.unresolved_headers] == ["cusparse.h"]
    assert told(found.includes) == [("cusparse.h", "a.cu:1"), ("cuda_runtime.h", "a.cu:2")]


def test_headers_of_torch_count_only_where_there_is_one():
    files = {
        "setup.py": "from setuptools import setup, Extension\nsetup(ext_modules=[Extension('x', ['a.cpp'])])\n",
        "a.cpp": "#include <THC/THC.h>\n#include <torch/extension.h>\n#include <Python.h>\n",
    }
    assert examine(files, python_fact=python()).unresolved_headers == ()
    outside = {f"{python().site_packages[0]}/torch/include/torch/extension.h": ""}
    found = examine(files, python_fact=python(), outside=outside)
    assert [header.name for header in found.unresolved_headers] == ["THC/THC.h"]
    assert told(found.features) == [("THC/THC.h", "a.cpp:1")]


GUARDED = """\
import os, torch
from setuptools import setup
from torch.utils.cpp_extension import CUDAExtension, CppExtension, CUDA_HOME
cuda = torch.cuda.is_available() and CUDA_HOME is not None or os.getenv("FORCE_CUDA", "0") == "1"
if cuda:
    extensions = [CUDAExtension("demo._C", ["a.cu"], libraries=["cublas"])]
else:
    extensions = [CppExtension("demo._C", ["a.cpp"])]
setup(name="demo", ext_modules=extensions)
"""


def kinds(**given):
    found = examine({"setup.py": given.pop("text", GUARDED)}, **given)
    return [item.kind for item in found.setup.extensions], told(found.setup.gpu_only)


def test_a_cuda_part_for_a_visible_gpu_alone():
    left_out = ["CppExtension"], [("demo._C", "setup.py:6")]
    assert kinds(torch_fact=torch()) == left_out
    assert kinds() == left_out  # a torch that is installed for the build sees no GPU either
    assert kinds(torch_fact=torch("2.13.0+cpu", None), driver_fact=driver(gpu())) == left_out
    assert not examine({"setup.py": GUARDED}).link_names


def test_a_cuda_part_that_is_forced_or_has_its_gpu():
    both = ["CUDAExtension", "CppExtension"], []
    assert kinds(torch_fact=torch(), driver_fact=driver(gpu())) == both
    assert kinds(torch_fact=torch(), driver_fact=driver(error="NVML: no permission")) == both
    assert kinds(torch_fact=torch(), env={"FORCE_CUDA": "1"}) == (["CUDAExtension"], [])


def test_a_script_that_stops_without_a_gpu_is_read_as_if_there_were_one():
    text = (
        "import torch\nfrom setuptools import setup\nfrom torch.utils.cpp_extension import CUDAExtension\n"
        "if not torch.cuda.is_available():\n    raise RuntimeError('no GPU')\n"
        "setup(ext_modules=[CUDAExtension('a', ['a.cu'])])\n"
    )
    assert kinds(text=text) == (["CUDAExtension"], [])
    stops = examine({"setup.py": text}).setup.stops_without_gpu
    assert (stops.text, stops.place) == ("raise", "setup.py:5")
    assert (
        examine({"setup.py": text}, torch_fact=torch(), driver_fact=driver(gpu())).setup.stops_without_gpu
        is None
    )
    assert examine({"setup.py": GUARDED}).setup.stops_without_gpu is None


def test_options_that_torchs_builder_hands_to_nvcc():
    text = (
        "from setuptools import setup\nfrom torch.utils.cpp_extension import CUDAExtension\n"
        "flags = ['-O3',\n  '-std=c++20', '--compress-mode', 'size']\n"
        "setup(ext_modules=[CUDAExtension('a', ['a.cu'], extra_compile_args={'cxx': ['-std=c++23'], 'nvcc': flags})])\n"
    )
    assert told(examine({"setup.py": text}).nvcc_options) == [
        ("std=c++20", "setup.py:4"),
        ("compress-mode", "setup.py:4"),
    ]


def test_what_a_backend_of_its_own_imports():
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "tools.backend:B"\nbackend-path = ["_b"]\n',
        "_b/tools/backend.py": "import torch\ntry:\n    import numpy\nexcept ImportError:\n    numpy = None\n",
    }
    assert told(examine(files).backend_imports) == [("torch", "_b/tools/backend.py:1")]
    del files["_b/tools/backend.py"]
    assert examine(files).backend_imports == ()


def test_what_a_required_package_of_cmakes_own_is_found_by():
    text = "cmake_minimum_required(VERSION 3.18)\nproject(a CXX)\nfind_package(CURL REQUIRED)\nfind_package(ZLIB)\n"

    def lacking(outside=None, **env):
        return told(examine({"CMakeLists.txt": text}, env=env, outside=outside).packages_without_header)

    assert lacking() == [("curl/curl.h", "CMakeLists.txt:3")]
    assert lacking({"/usr/include/curl/curl.h": ""}) == []
    assert lacking({"/usr/include/x86_64-linux-gnu/curl/curl.h": ""}) == []
    assert lacking(CURL_ROOT="/opt/curl") == lacking(CMAKE_PREFIX_PATH="/opt/curl") == []


def test_cuda_sources_that_nothing_builds_are_compiled_by_hand():
    assert examine({"k.cu": "", "sub/l.cu": "", "notes.md": ""}).cuda_sources == ("k.cu",)
    assert examine({"k.cu": "", "serve.py": ""}).cuda_sources == ()
    assert examine({"k.cu": "", "requirements.txt": "torch\n"}).cuda_sources == ()

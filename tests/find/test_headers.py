"""Copies of a header and who includes which."""

from envdoctor.facts import Facts
from envdoctor.find import kinds, search
from envdoctor.host import Completed
from tests import factory
from tests.fakes import FakeHost

R = "/usr/local/cuda"
LISTED = "#include <...> search starts here:\n /opt/inc\n /usr/include\nEnd of search list.\n"
VERSION = "#define CUTLASS_MAJOR 3\n#define CUTLASS_MINOR 5\n#define CUTLASS_PATCH 1\n"
SITE = "/venv/lib/python3.11/site-packages"


def host(*headers, env=None, folders=(), **texts):
    return FakeHost(
        programs={"g++ -xc++ -E -v /dev/null": Completed(0, "", LISTED)},
        files={**dict.fromkeys(headers, ""), **texts},
        env=env or {},
        folders=("/opt/inc", "/usr/include", *folders),
    )


def facts(**changes):
    values = {
        "system": factory.system(),
        "compiler": factory.compiler(),
        "toolkits": factory.toolkits(factory.toolkit()),
        "toolkit": factory.toolkit(),
        "python": factory.python(),
        "packages": factory.packages(),
        "project": factory.project(),
        **changes,
    }
    return Facts(**values)


def test_names_tell_what_they_are():
    assert kinds("cutlass/core_io.h") == kinds("cusparse.h") == kinds("nv/target") == ("header",)
    assert kinds("libcublas.so.12") == kinds("-lcublas") == kinds("libx.a") == ("library",)
    assert kinds("cublas_static") == kinds("cudart") == ("library",)
    assert kinds("/usr/bin/x") == kinds("/bin/x") == ("program",)
    assert kinds("cmake") == ("program", "library")


def test_a_missing_header_says_what_brings_it():
    (answer,) = search("cusparse.h", facts(), host())
    assert not answer.copies
    assert any("nvidia-cusparse" in hint for hint in answer.hints)
    (answer,) = search("cutlass/gemm/gemm.h", facts(), host())
    assert any("nvidia-cutlass" in hint for hint in answer.hints)
    (answer,) = search("zlib.h", facts(), host())
    assert any("apt-get install zlib1g-dev" in hint for hint in answer.hints)
    (answer,) = search("zlib.h", facts(system=factory.system(package_manager="apk")), host())
    assert any("apk add zlib-dev" in hint for hint in answer.hints)


def test_a_path_is_looked_for_as_the_sources_include_it():
    there = host("/usr/include/sub/x.h", "/opt/inc/sub/x.h", "/elsewhere/y.h")
    (answer,) = search("/usr/include/sub/x.h", facts(), there)
    assert (answer.name, len(answer.copies)) == ("sub/x.h", 2)
    (answer,) = search("/elsewhere/y.h", facts(), there)
    assert [copy.path for copy in answer.copies] == ["/elsewhere/y.h"]
    assert all(taken.path is None for taken in answer.taken)


def test_a_program_by_its_path_is_no_header():
    there = FakeHost(
        files={"/usr/bin/cmake": "#!/bin/sh\n"}, executables=["/usr/bin/cmake"], env={"PATH": "/usr/bin"}
    )
    (answer,) = search("/usr/bin/cmake", facts(), there)
    assert answer.what == "program"
    assert [copy.path for copy in answer.copies] == ["/usr/bin/cmake"]


def test_the_compiler_s_own_list_decides():
    (answer,) = search("x.h", facts(), host("/usr/include/x.h", "/opt/inc/x.h", env={"CPATH": "/opt/inc"}))
    assert {copy.path for copy in answer.copies} == {"/usr/include/x.h", "/opt/inc/x.h"}
    (gcc, nvcc) = answer.taken
    assert (gcc.by, gcc.path) == ("g++", "/opt/inc/x.h")
    assert "CPATH" in gcc.why
    assert nvcc.by == "nvcc"


def test_a_header_of_the_toolkit_is_nvcc_s_and_not_the_compiler_s():
    there = host(f"{R}/include/cusparse.h", **{f"{R}/include/cuda.h": "#define CUDA_VERSION 13000\n"})
    there.programs[f"{R}/bin/nvcc --dryrun -x cu /dev/null"] = Completed(
        0, "", f'#$ INCLUDES="-I{R}/bin/../include" \n'
    )
    (answer,) = search("cusparse.h", facts(), there)
    (copy,) = answer.copies
    assert (copy.version, copy.owner) == ("13.0", f"CUDA 13.0 toolkit {R}")
    assert [item.path for item in answer.taken] == [None, f"{R}/include/cusparse.h"]


def test_a_tree_below_the_project_is_found_with_the_folder_to_add():
    root = "/work/demo/third_party/cutlass/include"
    there = host(f"{root}/cutlass/core_io.h", **{f"{root}/cutlass/version.h": VERSION})
    (answer,) = search("cutlass/core_io.h", facts(), there)
    (copy,) = answer.copies
    assert (copy.version, copy.owner) == ("3.5.1", "the project")
    assert f"-I{root} would" in copy.remark
    assert all(item.path is None for item in answer.taken)


def test_the_project_s_own_include_folders_are_searched():
    extension = factory.extension(include_dirs=("third_party/include", "$CUTLASS/include"))
    project = factory.project(setup=factory.setup(extension))
    (answer,) = search("a/b.h", facts(project=project), host("/work/demo/third_party/include/a/b.h"))
    own = next(item for item in answer.taken if "project" in item.by)
    assert own.path == "/work/demo/third_party/include/a/b.h"
    assert "setup.py:5" in own.why


def test_header_packages_and_torch_are_searched():
    path = f"{SITE}/cutlass_library/source/include/cutlass/core_io.h"
    (answer,) = search("cutlass/core_io.h", facts(), host(path))
    assert [copy.path for copy in answer.copies] == [path]
    torch = f"{SITE}/torch/include/torch/extension.h"
    (answer,) = search("torch/extension.h", facts(torch=factory.torch()), host(torch))
    assert {item.path for item in answer.taken if item.by.startswith("torch")} == {torch}


def test_a_folder_of_that_name_is_no_header_and_loops_end():
    there = host(folders=("/work/demo/deep/cusparse.h",))
    there.links["/work/demo/loop"] = "/work/demo"
    (answer,) = search("cusparse.h", facts(), there)
    assert not answer.copies


def test_python_s_own_headers_reach_torch_s_extensions_by_setuptools():
    path = "/usr/include/python3.11/Python.h"
    (answer,) = search("Python.h", facts(torch=factory.torch()), host(path))
    taken = {item.by: (item.path, item.why) for item in answer.taken}
    assert taken["g++"][0] is None
    assert taken["torch extension, .cpp files"] == (path, "from Python, as setuptools adds it")

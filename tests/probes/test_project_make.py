"""Makefiles, shell scripts and the flags in them."""

import pytest

from envdoctor.probes._project import flags, makefiles
from envdoctor.probes._project.tree import Tree
from tests.fakes import FakeHost


def tree(**files):
    return Tree(FakeHost(files={f"/w/{name}": text for name, text in files.items()}), "/w")


def told(places):
    return [(place.text, place.place) for place in places]


MAKEFILE = """\
# nvcc -arch=sm_35
CUDA_HOME ?= /usr/local/cuda
NVCC := $(CUDA_HOME)/bin/nvcc
ARCH ?= sm_80
GENCODE := -gencode arch=compute_70,code=sm_70 \\
           -gencode arch=compute_75,code=[sm_75,compute_75]
SRCS = $(wildcard src/*.cu) main.cpp
LIBS = -lcublas -lcudart

all: prog

src/%.o: src/%.cu
\t$(NVCC) $(GENCODE) -arch=$(ARCH) -std=c++14 -Iinclude -I $(CUDA_HOME)/include -c $< -o $@

prog: $(SRCS)
\tg++ $^ $(LIBS) -lineinfo -cudart shared -o $@
"""


def test_a_makefile():
    found = makefiles.read(
        tree(Makefile=MAKEFILE, **{"src/a.cu": "", "src/b.cu": "", "main.cpp": "", "old.cpp": ""})
    )
    assert found.makes
    assert told(found.asked["arch"]) == [("70", "Makefile:5"), ("75", "Makefile:6"), ("80", "Makefile:13")]
    assert told(found.asked["std"]) == [("14", "Makefile:13")]
    assert told(found.asked["lib"]) == [("cublas", "Makefile:8"), ("cudart", "Makefile:8")]
    assert found.include_dirs == ["include", "/usr/local/cuda/include"]
    assert found.sources == ["src/a.cu", "src/b.cu", "main.cpp"]


def test_architectures_made_in_a_loop():
    text = (
        "SMS ?= 60 80\nFLAGS = $(foreach sm,$(SMS),-gencode arch=compute_$(sm),code=sm_$(sm))\na.o: a.cu\n"
        "\tnvcc $(FLAGS) a.cu\n"
    )
    found = makefiles.read(tree(Makefile=text))
    assert [place.text for place in found.asked["arch"]] == ["60", "80"]


def test_the_file_that_make_takes():
    found = makefiles.read(
        tree(
            GNUmakefile="a:\n\tgcc a.c -lone\n", Makefile="a:\n\tgcc a.c -ltwo\n", **{"x.mk": "L = -lthree\n"}
        )
    )
    assert sorted(place.text for place in found.asked["lib"]) == ["one", "three"]


@pytest.mark.parametrize(
    "text",
    ["", "A = $(A)\nx:\n\tgcc $(A)\n", "B = $(C)\nC = $(B)\nx:\n\tgcc $(B)\n", "\\\n\\\n\\", "x:\n\tgcc $(("],
)
def test_strange_makefiles_end(text):
    assert makefiles.read(tree(Makefile=text)).asked["arch"] == []


def test_variables_that_double_end():
    text = (
        "A0 = -I. -I.\n" + "".join(f"A{i + 1} = $(A{i}) $(A{i})\n" for i in range(60)) + "x:\n\tgcc $(A60)\n"
    )
    assert makefiles.read(tree(Makefile=text)).include_dirs[:1] == ["."]


def test_scripts_that_configure():
    text = (
        '#!/bin/sh\n# cmake old\nset -e\ncd "$(dirname "$0")/libs/x"\nmkdir b && cd b\n'
        'cmake .. -DCMAKE_CUDA_ARCHITECTURES="80;90a" \\\n  -DWITH=ON\ncmake --build .\n'
    )
    found = makefiles.scripts(tree(**{"build.sh": text, "libs/x/CMakeLists.txt": ""}))
    assert found.configured == {"libs/x": {"CMAKE_CUDA_ARCHITECTURES": "80;90a", "WITH": "ON"}}
    assert told(found.asked["arch"]) == [("80", "build.sh:6"), ("90a", "build.sh:6")]


def test_scripts_that_say_where_or_compile():
    text = "cmake -S native -B out -DX=1\nnvcc -gencode arch=compute_86,code=sm_86 a.cu -lcufft\n"
    found = makefiles.scripts(tree(**{"go.sh": text, "native/CMakeLists.txt": ""}))
    assert found.configured == {"native": {"X": "1"}}
    assert (told(found.asked["arch"]), told(found.asked["lib"])) == (
        [("86", "go.sh:2")],
        [("cufft", "go.sh:2")],
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("-gencode arch=compute_70,code=sm_70", ["70"]),
        ("-gencode=arch=compute_90a,code=sm_90a", ["90a"]),
        ('-gencode=arch=compute_80,code=\\"sm_80,compute_80\\"', ["80"]),
        ("--generate-code arch=compute_100f,code=[sm_100f,compute_100f]", ["100f"]),
        ("-arch sm_80", ["80"]),
        ("--gpu-architecture=sm_75 -code=sm_75,sm_80", ["75", "80"]),
        ("-arch=all-major", ["all-major"]),
        ("-arch=native", ["native"]),
        ("-march=native -mtune=native", []),
        ("kernels/flash_sm_80.cu -DSM_80 -Isrc/sm_80", []),
        ("--offload-arch=gfx90a", []),
        ("-arch=compute_$(SM)", []),
    ],
)
def test_architectures_in_flags(text, wanted):
    assert flags.architectures(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("7.0;7.5 8.0+PTX", ["70", "75", "80"]),
        ("80-real;90a-virtual;native", ["80", "90a", "native"]),
        ("12.0a,10.0f", ["120a", "100f"]),
        ("${ARCHS};Ampere;OFF", []),
    ],
)
def test_architecture_lists(text, wanted):
    assert flags.architecture_list(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("-std=c++17", ["17"]),
        ("--std gnu++1y -O2", ["14"]),
        ("-Xcompiler=-std=c++20", ["20"]),
        ("-std=c11 -stdlib=libc++", []),
    ],
)
def test_standards_in_flags(text, wanted):
    assert flags.standards(text) == wanted


@pytest.mark.parametrize(
    ("recipe", "called"),
    [
        ("$(NVCC) -arch=sm_80 -o $@ $<", "/usr/local/cuda/bin/nvcc"),
        ("mkdir -p build && nvcc -shared -o build/lib.so a.cu", "nvcc"),
        ("@$(CUDAC) $(FLAGS) \\\n\t  a.cu -o prog", "$(NVCC)"),
        ("nvcc -Lempty -o prog a.cu", "nvcc"),
        ("nvcc -Lvendor -o prog a.cu", None),
        ("nvcc -c a.cu -o a.o", None),
        ("nvcc $(DC) a.cu -o a.o", None),
        ("nvcc --ptx a.cu", None),
        ("nvcc --version", None),
        ("g++ a.o -o prog", None),
    ],
)
def test_recipes_in_which_nvcc_links(recipe, called):
    variables = "CUDA ?= /usr/local/cuda\nNVCC = $(CUDA)/bin/nvcc\nDC = -dc\n"
    if "CUDAC" in recipe:
        recipe = recipe.replace("CUDAC", "NVCC")
        variables = "NVCC = $(shell which nvcc)\nifeq ($(OS), Windows_NT)\nNVCC :=\nendif\n"
    found = makefiles.read(
        tree(Makefile=f"{variables}prog: a.cu\n\t{recipe}\n", **{"a.cu": "", "vendor/libcudadevrt.a": ""})
    )
    assert told(found.nvcc_links) == (
        [(called, f"Makefile:{variables.count(chr(10)) + 2}")] if called else []
    )


def test_files_that_a_makefile_includes():
    found = makefiles.read(
        tree(
            Makefile="include mk/*.mk\n-include $(DEPS) none.mk\nall:\n\tnvcc a.cu $(LIBS)\n",
            **{"mk/libs.mk": "include Makefile\nLIBS += -lcuda\n"},
        )
    )
    assert told(found.asked["lib"]) == [("cuda", "mk/libs.mk:2")]


def test_options_that_nvcc_is_given():
    text = "STD = -std=c++20\nNVCCFLAGS := -O2 $(STD)\n"
    text += "a.o: a.cu\n\tnvcc $(NVCCFLAGS) --compress-mode=size -c $< -o $@\n"
    text += "b.o: b.cpp\n\tg++ -std=c++23 -c $< -o $@\n"
    found = makefiles.read(tree(Makefile=text)).nvcc_options
    assert told(found) == [("std=c++20", "Makefile:4"), ("compress-mode", "Makefile:4")]


def test_a_toolkit_that_the_makefile_names_and_that_is_gone():
    text = "# CUDA_HOME = /opt/x\nCUDA_HOME ?= /opt/cuda-11\nCUDA_DIR = /opt/cuda-12\n"
    text += "a:\n\t$(CUDA_HOME)/bin/nvcc a.cu\n\t${CUDA_DIR}/bin/nvcc b.cu\n"

    def gone(programs=(), **env):
        files = {"/w/Makefile": text, **dict.fromkeys(programs, "")}
        host = FakeHost(files=files, env=env, executables=programs)
        return told(makefiles.toolkits_gone(Tree(host, "/w")))

    both = [("CUDA_HOME=/opt/cuda-11", "Makefile:2"), ("CUDA_DIR=/opt/cuda-12", "Makefile:3")]
    assert gone() == both and gone(CUDA_DIR="/usr/local/cuda") == both
    assert gone(CUDA_HOME="/usr/local/cuda") == both[1:]
    assert gone(programs=["/opt/cuda-11/bin/nvcc", "/opt/cuda-12/bin/nvcc"]) == []


def test_the_toolkit_that_make_takes_from_the_environment():
    def links(first_line):
        text = f"{first_line}\nNVCC = $(CUDA_HOME)/bin/nvcc\na.so: a.cu\n\t$(NVCC) -shared -o a.so a.cu\n"
        host = FakeHost(files={"/w/Makefile": text, "/w/a.cu": ""}, env={"CUDA_HOME": "/venv/cu13"})
        return [place.text for place in makefiles.read(Tree(host, "/w")).nvcc_links]

    assert links("") == ["/venv/cu13/bin/nvcc"]
    assert links("CUDA_HOME ?= /usr/local/cuda") == ["/venv/cu13/bin/nvcc"]
    assert links("CUDA_HOME = /usr/local/cuda") == ["/usr/local/cuda/bin/nvcc"]


def test_the_folder_that_make_runs_in():
    text = "ROOT := $(shell pwd)\nx.o: $(CURDIR)/src/x.cu\n\tnvcc -I$(ROOT)/third/include -I$(PWD)/a -c $< -o $@\n"
    found = makefiles.read(tree(Makefile=text, **{"src/x.cu": ""}))
    assert found.include_dirs == ["./third/include", "./a"]
    assert found.sources == ["src/x.cu"]


def test_a_compiler_behind_another_command_of_a_script():
    text = "mkdir -p out && nvcc -arch=sm_70 -c a.cu -o out/a.o; /usr/bin/g++ -lcudart out/a.o\n"
    found = makefiles.scripts(tree(**{"build.sh": text}))
    assert told(found.asked["arch"]) == [("70", "build.sh:1")]
    assert told(found.asked["lib"]) == [("cudart", "build.sh:1")]

"""Copies of a program and who runs which."""

from envdoctor.facts import Answer, Facts, NvccPath, Nvccs, Resolution
from envdoctor.find import programs, search
from envdoctor.report.copies import as_json, as_text
from envdoctor.report.style import PLAIN, Style
from tests import factory
from tests.fakes import FakeHost

R = "/usr/local/cuda"


def host(*paths, path="/venv/bin:/usr/bin"):
    return FakeHost(files=dict.fromkeys(paths, "\x7fELF"), executables=paths, env={"PATH": path})


def test_copies_come_in_the_order_of_path():
    tools = factory.tools(
        factory.program("cmake", "3.16.3", "/usr/bin/cmake", wins=False),
        factory.program("cmake", "3.30.1", "/venv/bin/cmake", owner="python"),
        factory.program(
            "cmake", "4.0", "/site/cmake/data/bin/cmake", wins=False, found_via="pip package cmake"
        ),
    )
    there = host("/usr/bin/cmake", "/venv/bin/cmake", "/site/cmake/data/bin/cmake")
    found = programs.search("cmake", Facts(tools=tools), there)
    assert [(copy.version, copy.remark) for copy in found.copies] == [
        ("3.30.1", ""),
        ("3.16.3", "hidden by an earlier one on PATH"),
        ("4.0", "by pip package cmake; not on PATH"),
    ]
    assert (found.taken[0].path, found.taken[0].why) == (
        "/venv/bin/cmake",
        "first found of the 2 folders on PATH",
    )


def test_every_finder_s_nvcc_is_told():
    resolution = Resolution(
        (
            Answer("cuda", "shell", "/opt/a", "PATH", "computed"),
            Answer("cuda", "torch cpp_extension", R, "CUDA_HOME", "computed"),
            Answer("cuda", "FindCUDAToolkit", None, "nothing", "asked"),
        )
    )
    nvccs = Nvccs((NvccPath("/usr/bin/nvcc", "wrapper", "/usr/bin/nvcc", R, True, None),))
    facts = Facts(toolkits=factory.toolkits(factory.toolkit()), nvccs=nvccs, resolution=resolution)
    found = programs.search("nvcc", facts, host("/usr/bin/nvcc", f"{R}/bin/nvcc"))
    assert [copy.path for copy in found.copies] == ["/usr/bin/nvcc", f"{R}/bin/nvcc"]
    assert f"runs the nvcc of {R}" in found.copies[0].remark
    assert [(item.by, item.path) for item in found.taken] == [
        ("shell", "/usr/bin/nvcc"),
        ("torch cpp_extension", f"{R}/bin/nvcc"),
        ("FindCUDAToolkit", None),
    ]


def test_programs_that_the_facts_do_not_know_are_found_too():
    found = programs.search(
        "patchelf", Facts(python=factory.python()), host("/venv/bin/patchelf", path="/usr/bin")
    )
    (copy,) = found.copies
    assert (copy.path, copy.version, copy.remark) == ("/venv/bin/patchelf", None, "not on PATH")
    assert found.taken[0].path is None


def test_one_folder_under_two_names_is_one_copy():
    there = host("/usr/bin/tool", path="/bin:/usr/bin")
    there.links["/bin"] = "/usr/bin"
    assert [copy.path for copy in programs.search("tool", Facts(), there).copies] == ["/bin/tool"]
    there = host(f"{R}-13.0/bin/nvcc", path=f"{R}/bin")
    there.links[R] = f"{R}-13.0"
    toolkits = factory.toolkits(factory.toolkit(root=f"{R}-13.0"))
    nvccs = Nvccs((NvccPath(f"{R}/bin/nvcc", "binary", f"{R}-13.0/bin/nvcc", f"{R}-13.0", True, None),))
    (copy,) = programs.search("nvcc", Facts(toolkits=toolkits, nvccs=nvccs), there).copies
    assert (copy.path, copy.version, copy.remark) == (f"{R}/bin/nvcc", "13.0.88", "")


def test_what_is_not_executable_is_no_copy():
    there = host()
    there.files["/usr/bin/tool"] = b"x"
    assert not programs.search("tool", Facts(), there).copies


def test_text_names_copies_takers_and_missing_things():
    tools = factory.tools(factory.program("cmake", "3.30.1", "/usr/bin/cmake"))
    answers = search("cmake", Facts(tools=tools), host("/usr/bin/cmake"))
    text = as_text(answers, PLAIN)
    assert text.startswith("cmake: program, 1 copy\n")
    assert "  shell\n    /usr/bin/cmake (" in text
    assert as_json(answers)["answers"][0]["copies"][0]["version"] == "3.30.1"
    missing = as_text(search("nosuch", Facts(), host(path=":".join(f"/p{i}" for i in range(30)))), PLAIN)
    assert missing.startswith("nosuch: no program or library of that name was found.\n")
    assert "more folders" in missing
    assert "/p29" in as_text(
        search("nosuch", Facts(), host(path=":".join(f"/p{i}" for i in range(30)))), Style(verbose=True)
    )

"""Host compilers: which there are, and what they say of themselves."""

from envdoctor.host import Completed
from envdoctor.probes.compilers import ccbin, named_by, probe
from tests.fakes import FakeHost


def gcc_says(version, target="x86_64-linux-gnu"):
    text = f"Using built-in specs.\nTarget: {target}\nThread model: posix\ngcc version {version} (Debian)\n"
    return Completed(0, "", text)


CLANG = """Debian clang version 14.0.6
Target: x86_64-pc-linux-gnu
Thread model: posix
InstalledDir: /usr/bin
Found candidate GCC installation: /usr/bin/../lib/gcc/x86_64-linux-gnu/12
Selected GCC installation: /usr/bin/../lib/gcc/x86_64-linux-gnu/12
"""
CC1PLUS = "/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus"


def host(programs, files, path="/usr/bin", links=None, **env):
    everything = {**dict.fromkeys(files, "\x7fELF"), CC1PLUS: ""}
    return FakeHost(programs, everything, {"PATH": path, **env}, links=links, executables=files)


def plain():
    return {"g++ -v": gcc_says("12.2.0"), "g++ -print-prog-name=cc1plus": CC1PLUS + "\n"}


def test_one_compiler_under_several_names_is_one():
    machine = host(
        {"g++ -v": gcc_says("12.2.0"), "g++ -print-prog-name=cc1plus": CC1PLUS},
        ["/usr/bin/x86_64-linux-gnu-g++-12"],
        links={"/usr/bin/g++-12": "x86_64-linux-gnu-g++-12", "/usr/bin/g++": "g++-12", "/usr/bin/c++": "g++"},
    )
    (found,) = probe(machine).items
    assert (found.name, found.version, found.target, found.cxx) == ("g++", "12.2.0", "x86_64-linux-gnu", True)


def test_a_versioned_compiler_late_on_path_is_found():
    machine = host(
        {
            **plain(),
            "/opt/gcc-11/bin/g++-11 -v": gcc_says("11.3.0"),
            "g++-11 -print-prog-name=cc1plus": CC1PLUS,
        },
        ["/usr/bin/g++", "/opt/gcc-11/bin/g++-11"],
        "/usr/bin:/opt/gcc-11/bin",
    )
    assert [(found.name, found.major) for found in probe(machine).items] == [("g++", 12), ("g++-11", 11)]


def test_gcc_without_its_cplusplus_half_is_told():
    machine = host(
        {"gcc -v": gcc_says("13.2.0"), "gcc -print-prog-name=cc1plus": "cc1plus\n"}, ["/usr/bin/gcc"]
    )
    assert [found.cxx for found in probe(machine).items] == [False]


def test_clang_needs_the_headers_of_the_gcc_that_it_selects():
    machine = host({"clang++-14 -v": Completed(0, "", CLANG)}, ["/usr/bin/clang++-14"])
    assert [(found.kind, found.version, found.cxx) for found in probe(machine).items] == [
        ("clang", "14.0.6", False)
    ]
    machine = FakeHost(
        {"clang++-14 -v": Completed(0, "", CLANG)},
        {"/usr/bin/clang++-14": "\x7fELF", "/usr/include/c++/12/vector": ""},
        {"PATH": "/usr/bin"},
        executables=["/usr/bin/clang++-14"],
    )
    assert [found.cxx for found in probe(machine).items] == [True]


def test_cross_compilers_and_cache_links_are_left_out():
    machine = host(
        {**plain(), "aarch64-linux-gnu-g++ -v": gcc_says("12.2.0", "aarch64-linux-gnu")},
        ["/usr/bin/g++", "/usr/bin/aarch64-linux-gnu-g++", "/usr/bin/ccache"],
        "/usr/lib/ccache:/usr/bin",
        links={"/usr/lib/ccache/g++": "/usr/bin/ccache"},
    )
    assert [found.path for found in probe(machine).items] == ["/usr/bin/g++"]


def test_condas_compilers_by_their_long_name():
    name = "/opt/conda/bin/x86_64-conda-linux-gnu-c++"
    machine = host({f"{name} -v": gcc_says("11.4.0", "x86_64-conda-linux-gnu")}, [name], "/opt/conda/bin")
    assert [(found.name, found.major) for found in probe(machine).items] == [
        ("x86_64-conda-linux-gnu-c++", 11)
    ]


def test_variables_name_compilers_with_launchers_and_flags():
    machine = host(
        {**plain(), "g++-9 -v": gcc_says("9.5.0"), "g++-9 -print-prog-name=cc1plus": CC1PLUS},
        ["/usr/bin/g++", "/usr/bin/g++-9"],
        CXX="ccache g++-9 -m64",
    )
    assert named_by(machine, "CXX") == "/usr/bin/g++-9"
    assert [(found.name, found.found_via) for found in probe(machine).items] == [
        ("g++-9", "CXX"),
        ("g++", "PATH"),
    ]


def test_ccbin_in_flags():
    assert ccbin(["-std=c++17", "-ccbin", "g++-11"]) == "g++-11"
    assert ccbin(["--compiler-bindir=/opt/gcc/bin/g++"]) == "/opt/gcc/bin/g++"
    assert ccbin(["-ccbin"]) is None
    machine = host(plain(), ["/opt/gcc/gcc"], NVCC_APPEND_FLAGS="-O2 -ccbin /opt/gcc")
    assert named_by(machine, "NVCC_APPEND_FLAGS") == "/opt/gcc/gcc"


def test_one_that_does_not_answer_is_a_note():
    machine = host({"g++ -v": Completed(1, "", "g++: fatal error: something\n")}, ["/usr/bin/g++"])
    assert probe(machine).items == ()
    assert "fatal error: something" in machine.notes[0][1]

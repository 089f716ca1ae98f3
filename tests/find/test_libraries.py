"""Copies of a library and who takes which."""

from envdoctor.facts import Component, Facts, LoadedLibrary, Loader
from envdoctor.facts import Copy as LoadedCopy
from envdoctor.find import libraries, search
from tests import factory
from tests.fakes import FakeHost

ELF = b"\x7fELF\x02\x01\x01\x00"
R = "/usr/local/cuda"
SEARCHED = "install: /x\nlibraries: =/usr/lib/gcc/12/:/usr/lib/\n"
WHEEL = "/venv/lib/python3.11/site-packages/nvidia/cublas/lib"


def host(env=None, **files):
    return FakeHost(
        programs={
            "g++ -print-search-dirs": SEARCHED,
            "ld --verbose": 'SEARCH_DIR("=/usr/local/lib"); SEARCH_DIR("=/usr/lib");',
        },
        files={
            f"{R}/lib64/libcublas.so.13.0.2.14": ELF,
            f"{R}/lib64/libcublas_static.a": b"!<arch>\nxx",
            f"{R}/lib64/stubs/libcublas.so": ELF,
            f"{R}/lib64/libcublasLt.so.13": ELF,
            f"{WHEEL}/libcublas.so.12": ELF,
            "/opt/mine/libcublas.a": b"INPUT ( -lcublasLt )",
            "/usr/lib/libother.so.1": ELF,
            **files,
        },
        links={
            f"{R}/lib64/libcublas.so": "libcublas.so.13",
            f"{R}/lib64/libcublas.so.13": "libcublas.so.13.0.2.14",
            "/usr/lib/libgone.so": "/nowhere/libgone.so.1",
        },
        env=env or {},
        folders=("/usr/local/lib", "/usr/lib/gcc/12"),
    )


def facts(**changes):
    values = {
        "system": factory.system(),
        "compiler": factory.compiler(),
        "toolkits": factory.toolkits(factory.toolkit()),
        "toolkit": factory.toolkit(),
        "python": factory.python(),
        "packages": factory.packages(),
        **changes,
    }
    return Facts(**values)


def by_path(found):
    return {copy.path: copy for copy in found.copies}


def taken(found, by):
    return next(item for item in found.taken if item.by == by)


def test_a_library_that_is_nowhere_says_where_it_looked_and_what_brings_it():
    (answer,) = search("libcusparse.so", facts(), host())
    assert not answer.copies
    assert not answer.taken
    assert f"{R}/lib64" in answer.looked
    assert any("nvidia-cusparse" in hint for hint in answer.hints)
    assert not libraries.search("nosuchthing", facts(), host()).hints


def test_the_soname_says_for_which_cuda_the_wheel_must_be():
    (answer,) = search("libcublas.so.11", facts(), host())
    assert any("nvidia-cublas-cu11" in hint for hint in answer.hints)
    static = libraries.search("cusparse_static", facts(), host())
    assert any("no wheel brings it" in hint for hint in static.hints)


def test_links_of_one_folder_are_one_copy_with_version_and_owner():
    copies = by_path(libraries.search("cublas", facts(), host()))
    main = copies[f"{R}/lib64/libcublas.so"]
    assert main.links == ("libcublas.so.13", "libcublas.so.13.0.2.14")
    assert (main.kind, main.version, main.owner) == ("shared", "13.0.2.14", f"CUDA 13.0 toolkit {R}")
    assert copies[f"{R}/lib64/libcublas_static.a"].kind == "static"
    assert copies[f"{R}/lib64/stubs/libcublas.so"].kind == "stub"
    assert f"{R}/lib64/libcublasLt.so.13" not in copies


def test_a_copy_that_the_linker_cannot_find_says_so():
    wheel = by_path(libraries.search("cublas", facts(), host()))[f"{WHEEL}/libcublas.so.12"]
    assert "-lcublas does not find it" in wheel.remark


def test_an_exact_file_name_shows_only_that_one():
    assert [copy.path for copy in libraries.search("libcublas.so.12", facts(), host()).copies] == [
        f"{WHEEL}/libcublas.so.12"
    ]
    assert (
        libraries.search("-lcublas", facts(), host()).copies
        == libraries.search("cublas", facts(), host()).copies
    )


def test_linker_scripts_and_broken_links_are_told_apart():
    mine = libraries.search("cublas", facts(), host(env={"LIBRARY_PATH": "/opt/mine"}))
    assert by_path(mine)["/opt/mine/libcublas.a"].kind == "linker script"
    (gone,) = libraries.search("gone", facts(), host()).copies
    assert (gone.kind, gone.links) == ("broken link", ("/nowhere/libgone.so.1",))


def test_the_linker_takes_library_path_first_and_nothing_else_by_itself():
    nothing = taken(libraries.search("cublas", facts(), host()), "g++ -lcublas")
    assert nothing.path is None
    found = libraries.search("cublas", facts(), host(env={"LIBRARY_PATH": f"/none:{R}/lib64"}))
    assert taken(found, "g++ -lcublas").path == f"{R}/lib64/libcublas.so"
    assert "LIBRARY_PATH" in taken(found, "g++ -lcublas").why


def test_nvcc_and_torch_add_their_own_folders():
    there = host()
    there.programs[f"{R}/bin/nvcc --dryrun -x cu /dev/null"] = ""
    from envdoctor.facts import Answer, Resolution
    from envdoctor.host import Completed

    text = f'#$ LIBRARIES=  "-L{R}/bin/../lib64/stubs" "-L{R}/bin/../lib64"\n'
    there.programs[f"{R}/bin/nvcc --dryrun -x cu /dev/null"] = Completed(0, "", text)
    resolution = Resolution((Answer("cuda", "torch cpp_extension", R, "CUDA_HOME", "computed"),))
    found = libraries.search("cublas", facts(torch=factory.torch(), resolution=resolution), there)
    assert taken(found, "nvcc -lcublas").path == f"{R}/lib64/stubs/libcublas.so"
    assert taken(found, "torch extension, -lcublas").path == f"{R}/lib64/libcublas.so"


def test_the_loader_answers_for_each_soname():
    found = libraries.search("cublas", facts(), host(env={"LD_LIBRARY_PATH": WHEEL}))
    assert taken(found, "loader, libcublas.so.12").path == f"{WHEEL}/libcublas.so.12"
    assert taken(found, "loader, libcublas.so.13").path is None
    copy = LoadedCopy("/from/facts/libcublas.so.13", "ld.so.cache", False, None)
    known = facts(loader=Loader((), (LoadedLibrary("libcublas.so.13", copy, ()),)))
    assert taken(libraries.search("cublas", known, host()), "loader, libcublas.so.13").path == copy.path


def test_a_driver_s_version_is_no_soname():
    there = host(**{"/usr/lib/libcuda.so.580.159.04": ELF})
    there.links.update(
        {"/usr/lib/libcuda.so": "libcuda.so.1", "/usr/lib/libcuda.so.1": "libcuda.so.580.159.04"}
    )
    found = libraries.search("cuda", facts(), there)
    assert [item.by for item in found.taken if item.by.startswith("loader")] == ["loader, libcuda.so.1"]
    assert by_path(found)["/usr/lib/libcuda.so"].version == "580.159.04"


def test_torch_s_own_copy_is_told_apart():
    part = Component("cublas", f"{WHEEL}/libcublas.so.12", "12.4.5.8", "wheel metadata")
    found = libraries.search("cublas", facts(torch=factory.torch(libraries=(part,))), host())
    assert taken(found, "torch's own modules").path == part.path


def test_a_file_that_a_link_of_another_folder_leads_to_is_found():
    there = host()
    there.links["/usr/lib/gcc/12/libother.so"] = "../../libother.so.1"
    found = libraries.search("other", facts(), there)
    assert by_path(found)["/usr/lib/libother.so.1"].remark == ""
    assert taken(found, "g++ -lother").path == "/usr/lib/gcc/12/libother.so"


def test_debian_s_package_is_named():
    there = host()
    there.executables.add("/usr/bin/dpkg-query")
    there.files["/usr/bin/dpkg-query"] = b""
    there.env["PATH"] = "/usr/bin"
    there.folders.add("/usr/bin")
    there.programs["dpkg-query -S /lib/libother.so.1 /usr/lib/libother.so.1"] = (
        "libother1:amd64: /usr/lib/libother.so.1\n"
    )
    (copy,) = libraries.search("other", facts(), there).copies
    assert copy.owner == "system package libother1"


def test_the_record_of_a_wheel_names_it():
    location = "/venv/lib/python3.11/site-packages/nvidia_cublas_cu12-12.4.5.8.dist-info"
    package = factory.package("nvidia-cublas-cu12", "12.4.5.8", location=location)
    there = host(**{f"{location}/RECORD": "x\nnvidia/cublas/lib/libcublas.so.12,sha256=abc,1\n"})
    copies = by_path(libraries.search("cublas", facts(packages=factory.packages(package)), there))
    wheel = copies[f"{WHEEL}/libcublas.so.12"]
    assert (wheel.owner, wheel.version) == ("package nvidia-cublas-cu12 12.4.5.8", "12.4.5.8")


def test_a_bare_machine_is_no_crash():
    (answer,) = search("cublas", Facts(), FakeHost())
    assert not answer.copies


def test_the_plain_name_beside_a_versioned_one_is_seen_though_another_name_was_asked_for():
    (copy,) = libraries.search("libother.so.1", facts(), host(**{"/usr/lib/libother.so": ELF})).copies
    assert not copy.remark
    (copy,) = libraries.search("libother.so.1", facts(), host()).copies
    assert "there is no libother.so beside it" in copy.remark


def test_a_name_that_is_there_in_other_letters_is_told():
    (program, library) = search("CUBLAS", facts(), host())
    assert any(f"case-sensitive, and {R}/lib64/libcublas" in hint for hint in library.hints)
    assert not program.hints
    assert not [hint for answer in search("cuBLASx", facts(), host()) for hint in answer.hints]

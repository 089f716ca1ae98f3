import zipfile

from envdoctor.bundle.cured import cured
from envdoctor.bundle.layout import Contents, Package
from envdoctor.bundle.target import Target
from envdoctor.host import tarballs


def test_every_source_is_read_by_the_doctor_of_the_bundle_where_it_can_be(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "setup.py").write_text("")
    (tmp_path / "sources").mkdir()
    tarballs.pack(str(tmp_path / "source"), str(tmp_path / "sources" / "one-1.tar.gz"), "one-1")
    with zipfile.ZipFile(str(tmp_path / "sources" / "two-2.zip"), "w") as archive:
        archive.writestr("two-2/setup.py", "")
    packages = tuple(
        Package(name[:3], "1", name, "", 0)
        for name in ("one-1.tar.gz", "two-2.zip", "three-3-py3-none-any.whl")
    )
    contents = Contents(Target("3.11", "manylinux_2_28_x86_64"), (), packages, packages[2])
    with cured(str(tmp_path), contents, "/env/bin/python") as argv:
        *doctor, flag, project, end = argv
        assert (tmp_path / project / "setup.py").is_file()
    assert doctor == [
        "/env/bin/python",
        "-I",
        f"{tmp_path}/envdoctor.pyz",
        "run",
        "--python",
        "/env/bin/python",
    ]
    assert (flag, end) == ("--project", "--") and not (tmp_path / project).exists()

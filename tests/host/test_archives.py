import zipfile

import pytest

from envdoctor.host import archives


def test_a_member_that_is_made_to_fill_memory(tmp_path):
    path = tmp_path / "x-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x-1.0.dist-info/METADATA", b"\0" * (65 << 20))
    with pytest.raises(archives.BrokenArchive, match=r"METADATA in it has 68157440 bytes"):
        archives.read_member(str(path), ".dist-info/METADATA")

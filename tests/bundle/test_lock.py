import pytest

from envdoctor.bundle.lock import chosen, is_lock
from envdoctor.bundle.target import BundleError, Target

OLD = Target("3.8", "manylinux_2_31_x86_64")
LOCK = """lock-version = "1.0"
created-by = "uv"

[[packages]]
name = "Some_Thing"
version = "2.1"
sdist = { url = "https://files.example/some_thing-2.1.tar.gz", hashes = { sha256 = "00" } }
wheels = [
  { url = "https://files.example/some_thing-2.1-py3-none-any.whl", size = 7, hashes = { sha256 = "11" } },
  { url = "https://files.example/some_thing-2.1-cp38-cp38-manylinux_2_17_x86_64.whl", hashes = { sha256 = "22" } },
  { url = "https://files.example/some_thing-2.1-cp38-cp38-manylinux_2_34_x86_64.whl", hashes = { sha256 = "33" } },
]

[[packages]]
name = "tomli"
version = "2.0"
marker = "python_full_version < '3.11'"
sdist = { url = "file:///srv/tomli-2.0.tar.gz", hashes = { sha256 = "44" } }

[[packages]]
name = "newer"
version = "1.0"
marker = "python_full_version >= '3.9'"
wheels = [{ url = "https://files.example/newer-1.0-py3-none-any.whl" }]

[[packages]]
name = "local"
archive = { path = "/srv/a%20b/local-1.0+cu12-py3-none-any.whl", hashes = { sha256 = "55" } }
"""


def test_what_the_target_gets():
    thing, tomli, local = chosen(LOCK, OLD)
    assert (thing.project, thing.version, thing.wheel.sha256) == ("some-thing", "2.1", "22")
    assert tomli.wheel is None and tomli.sdist.name == "tomli-2.0.tar.gz"
    assert local.wheel.name == "local-1.0+cu12-py3-none-any.whl" and local.wheel.url.startswith(
        "file:///srv/"
    )


def test_another_target_gets_another():
    assert [each.project for each in chosen(LOCK, Target("3.12", "manylinux_2_31_x86_64"))] == [
        "some-thing",
        "newer",
        "local",
    ]
    assert chosen(LOCK, Target("3.8", "manylinux_2_35_x86_64"))[0].wheel.sha256 == "33"
    assert chosen(LOCK, Target("3.8", "manylinux_2_35_aarch64"))[0].wheel.sha256 == "11"


def test_no_lock_file():
    with pytest.raises(BundleError, match="not a lock file"):
        chosen("[[packages", OLD)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('requires-python = ">=3.9"\n', "is for Python >=3.9, and cp38"),
        ('requires-python = "new"\n', "not a lock file as PEP 751 has it"),
        ("[[packages]]\nversion = '1'\n", "not a lock file as PEP 751 has it: KeyError"),
        ("[[packages]]\nname = 'x'\nmarker = 'what'\n", "not a lock file as PEP 751 has it: InvalidMarker"),
        (
            "[[packages]]\nname = 'x'\nsdist = { url = 'https://[x/x-1.tar.gz' }\n",
            "not a lock file as PEP 751 has it: ValueError",
        ),
        (
            "[[packages]]\nname = 'x'\nsdist = { url = 'https://x/a%2F..' }\n",
            "not a lock file as PEP 751 has it: 'https://x/a%2F..' names no file",
        ),
        (
            "[[packages]]\nname = 'x'\n[packages.vcs]\ntype = 'git'\n",
            "x: there is no wheel .* and no source",
        ),
    ],
)
def test_lock_files_that_are_of_no_use(text, said):
    with pytest.raises(BundleError, match=said):
        chosen(text, OLD)


def test_a_name_leads_nowhere_else():
    text = "[[packages]]\nname = 'x'\nsdist = { url = 'https://x/a%2F..%2F..%2Fx-1.tar.gz' }\n"
    assert chosen(text, OLD)[0].sdist.name == "x-1.tar.gz"


def test_paths_are_relative_to_the_file():
    text = "[[packages]]\nname = 'x'\n[[packages.wheels]]\npath = 'wheels/x-1-py3-none-any.whl'\nurl = 'https://x'\n"
    (only,) = chosen(text, OLD, "/a b")
    assert (
        only.wheel.url == "file:///a%20b/wheels/x-1-py3-none-any.whl"
        and only.wheel.name == "x-1-py3-none-any.whl"
    )
    assert is_lock("/a/pylock.cu12.toml") and is_lock("pylock.toml") and not is_lock("/a/pylock.a.b.toml")


def test_folders_of_projects_and_repositories_in_files_of_requirements():
    """A folder is built here; what a repository holds is not fetched."""
    head = 'lock-version = "1.0"\n[[packages]]\nname = "mine"\n'
    for path, url in ((".", "file:///srv/a%20b/"), ("/opt/x", "file:///opt/x/"), ("../c", "file:///srv/c/")):
        (one,) = chosen(f'{head}directory = {{ path = "{path}", editable = true }}\n', OLD, "/srv/a b")
        assert one.file.url == url and one.file.is_folder and one.wheel is None
    with pytest.raises(BundleError, match=r"mine: there is no wheel .* build a wheel of it, and give that"):
        chosen(f'{head}vcs = {{ type = "git", url = "https://example.org/mine" }}\n', OLD)

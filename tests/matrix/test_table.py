"""The table of this project, and what is said of a wrong one."""

import re
from pathlib import Path

import pytest

from envdoctor.matrix.lines import release_line, targets
from envdoctor.matrix.table import TableError, read

OURS = Path(__file__).parents[2] / "ci/matrix.toml"
SMALL = """
[python]
tested = ["3.8"]
builder = "3.11"
[wheel]
archs = ["8.0", "9.0a", "12.0"]
[github]
test = "make test"
[[platform]]
name = "here"
runner = "ubuntu-24.04"
[[cuda]]
version = "13.0"
platforms = ["here"]
[[cuda]]
version = "12.4"
platforms = ["here"]
"""


def test_ours_is_read_and_its_release_is_built_by_the_oldest_compiler_that_knows_all():
    table = read(OURS.read_text())
    line = release_line(table)
    assert line is not None
    assert line.version == "13.0"
    assert targets(table, line) == ("7.5", "8.0", "9.0", "10.0", "12.0+PTX")
    assert targets(table, table.line("11.8")) == ("7.5", "8.0", "9.0+PTX")


def test_other_files_say_the_same():
    table, root = read(OURS.read_text()), OURS.parents[1]
    project = (root / "pyproject.toml").read_text()
    assert tuple(re.findall(r'"Programming Language :: Python :: (\d\.\d+)"', project)) == table.python.tested
    assert f'"{table.wheel.requires[0]}"' in project
    defaults = re.search(
        r"ENVDOCTOR_DEFAULT_ARCHS ([\d. ]+)\)", (root / "cmake/choose_architectures.cmake").read_text()
    )
    assert defaults is not None
    assert tuple(defaults[1].split()) == table.wheel.archs


def test_lines_come_in_order_and_take_what_they_know():
    table = read(SMALL)
    assert [line.version for line in table.cuda] == ["12.4", "13.0"]
    assert targets(table, table.cuda[0]) == ("8.0+PTX", "9.0a")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('version = "13.0"', "version = 13.0", "[[cuda]] number 1: version is a string, versions in quotes: not 13.0"),
        ('tested = ["3.8"]', "tested = [3.8]", "tested is a list of strings"),
        ("[wheel]", "[wheels]", "wheels is no part of the table"),
        ('runner = "ubuntu-24.04"', "", "[[platform]] number 1: runner is missing"),
        ('version = "12.4"', 'version = "13.0"', "CUDA 13.0 is there twice"),
        ('platforms = ["here"]', 'platforms = ["there"]', "'there' is no platform of the table; it has here"),
        ('version = "12.4"', 'version = "latest"', "'latest' is no version"),
        ('"9.0a"', '"9.0+PTX"', "'9.0+PTX' is no architecture"),
        ('"9.0a"', '"nine"', "'nine' is no architecture"),
        ('builder = "3.11"', 'builder = "3.11"\nbilder = "3"', "[python]: bilder is not one of tested, builder"),
        ("[python]", "[python", "not TOML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(old: str, new: str, said: str):
    with pytest.raises(TableError) as error:
        read(SMALL.replace(old, new, 1))
    assert said in str(error.value)

"""The TOML reader, beside tomllib where there is one."""

import datetime as dt
import sys

import pytest

from envdoctor.probes._project import toml

DOCUMENT = '''\
# comment
title = "a \\"b\\" \\u00e9 \\U0001F600"
[build-system]  # why
requires = [
  "setuptools>=61",  # one
  'wheel',
]
build-backend = "x"
"quoted key" = 1_000
'' = 'empty'

[tool.scikit-build]
cmake.define.A = "1"
cmake.define."B.C" = true
wheel = {py-api = "py3", exclude = ["**/x", "y"], deep.er = {}}
[[tool.scikit-build.overrides]]
if.x = ">=1"
[[tool.scikit-build.overrides]]
y = [[1, 2.5], ["a"], []]
[tool.scikit-build.overrides.inner]
z = 0xFF
[times]
a = 1979-05-27T07:32:00Z
b = 1979-05-27 07:32:00.5
c = 07:32:00
d = -1e3
e = +inf
text = """
first \\
   joined
"" quotes""""
raw = \'\'\'
C:\\path'\'\'\'
'''


def plain(value):
    """tomllib's values as ours are: numbers and dates as text do not count."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    scalars = (int, float, dt.date, dt.time)
    return "scalar" if isinstance(value, scalars) and not isinstance(value, bool) else value


def ours(value, beside):
    """Our values, with text where tomllib has a number or a date replaced likewise."""
    if isinstance(beside, dict):
        return {key: ours(item, beside.get(key)) for key, item in value.items()}
    if isinstance(beside, list):
        return [ours(*pair) for pair in zip(value, beside)]
    return "scalar" if plain(beside) == "scalar" else value


def test_values_and_their_lines():
    document = toml.parse(DOCUMENT)
    assert document.get("title") == 'a "b" \u00e9 \U0001f600'
    assert document.get("build-system", "requires") == ["setuptools>=61", "wheel"]
    assert [document.line("build-system", "requires", index) for index in (0, 1)] == [5, 6]
    assert document.line("build-system", "build-backend") == 8
    assert document.get("tool", "scikit-build", "cmake", "define") == {"A": "1", "B.C": True}
    assert document.get("tool", "scikit-build", "wheel", "exclude") == ["**/x", "y"]
    assert document.get("times", "text") == 'first joined\n"" quotes"'
    assert document.get("times", "raw") == "C:\\path'"
    assert document.get("nothing", "here") is None
    assert document.line("tool", "scikit-build", "wheel", "nowhere") == 15


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib came with Python 3.11")
@pytest.mark.parametrize(
    "text", [DOCUMENT, DOCUMENT.replace("\n", "\r\n"), "", "a=1", "[a.b.c]\n[a]\nx=1\n", "a.b=1\na.c=2\n"]
)
def test_the_same_as_tomllib(text):
    import tomllib

    wanted = tomllib.loads(text)
    assert ours(toml.parse(text).tables, wanted) == plain(wanted)


BROKEN = [
    "a",
    "a =",
    "= 1",
    "[a",
    "[a]]",
    "[]",
    "a = 1 2",
    "a = 'x",
    'a = "x\ny"',
    'a = """x',
    "a = [1",
    "a = [1 2]",
    "a = {b = 1",
    "a = {b = 1,}",
    "a = 1\na = 2",
    "[a]\n[a]",
    "a = 1\n[a]",
    "a = {}\n[a]",
    "a = []\n[[a]]",
    "a = 1\na.b = 2",
    'a = "\\x"',
    'a = "\\uD8"',
    "a = 01",
    "a = 1__0",
    "a = nope",
    "a.b.c",
    "\x00",
    "<html>",
]


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_not_toml_is_refused(text):
    with pytest.raises(toml.TomlError, match=r"line \d"):
        toml.parse(text)


def test_every_beginning_of_a_file_is_read_or_refused():
    read = 0
    for end in range(len(DOCUMENT)):
        try:
            toml.parse(DOCUMENT[:end])
        except toml.TomlError:
            continue
        read += 1
    assert len(DOCUMENT) > read > DOCUMENT.count("\n") / 2

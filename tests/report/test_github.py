"""The report as workflow commands."""

import re
from dataclasses import replace

from envdoctor.report import render
from envdoctor.report.github import as_outputs
from envdoctor.report.style import Style
from tests import factory
from tests.report.examples import CLEAN, EVERYTHING, HOME, UNDETERMINED, USUAL, healthy

COMMAND = re.compile(r"::(?P<name>error|warning|notice) (?P<properties>[^:]*)::(?P<data>.*)")


def commands(diagnosis, style=None):
    lines = render("github", healthy(), diagnosis, HOME, style or Style()).splitlines()
    found = [COMMAND.fullmatch(line) for line in lines[:-1]]
    assert all(found), lines
    assert not lines[-1].startswith("::")
    return found


def test_nothing_but_a_plain_line_when_nothing_is_wrong():
    assert not commands(CLEAN)


def test_no_name_gives_a_command_of_its_own():
    facts = replace(healthy(), project=factory.project(name="demo\n::add-mask::x", builds=("setup.py",)))
    (line,) = render("github", facts, CLEAN, HOME, Style()).splitlines()
    assert "project demo ::add-mask::x," in line


def test_levels_files_and_lines():
    error, first, second = commands(USUAL)
    assert (error["name"], first["name"]) == ("error", "warning")
    assert "file=" not in error["properties"]
    assert first["properties"].startswith("file=csrc/a.cu,line=3,title=")
    assert second["properties"].startswith("file=csrc/a.cu,line=4,title=")


def test_a_project_below_the_working_folder_keeps_its_path():
    assert commands(USUAL, Style(prefix="libs/demo"))[1]["properties"].startswith("file=libs/demo/csrc/a.cu,")


def test_what_commands_are_made_of_is_escaped():
    last = commands(EVERYTHING)[-1]
    assert last["name"] == "notice"
    assert "file=dir with space/ünï%2Cc%3Ad%25.cu,line=7,title=envdoctor%3A " in last["properties"]
    assert "100 %25 of" in last["data"]
    assert "%0A" in last["data"]


def test_outputs_say_how_it_stands():
    assert as_outputs(CLEAN) == {"status": "clean", "errors": "0", "warnings": "0"}
    assert as_outputs(UNDETERMINED)["status"] == "undetermined"
    assert as_outputs(USUAL) == {"status": "findings", "errors": "1", "warnings": "2"}

"""Cures on a real machine: programs that are really there, files that are really written."""

import pytest

from envdoctor.cure import treat
from envdoctor.facts import Request
from envdoctor.finding import Finding, Fix, SetEnv
from envdoctor.host import LocalHost
from envdoctor.overlay.folder import for_shells
from envdoctor.overlay.treatment import Choice


@pytest.fixture
def machine(tmp_path):
    """A PATH with a CMake that says it is 4.1.3, and one behind it that says it is 3.20.0."""
    for name, version in (("new", "4.1.3"), ("old", "3.20.0")):
        program = tmp_path / name / "cmake"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\necho "cmake version {version}"\n')
        program.chmod(0o755)
    return {"PATH": f"{tmp_path}/new:{tmp_path}/old:/usr/bin:/bin", "HOME": str(tmp_path)}


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    (folder / "sub").mkdir(parents=True)
    (folder / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(x CXX)\nadd_subdirectory(sub)\n"
    )
    (folder / "sub/CMakeLists.txt").write_text("cmake_minimum_required(VERSION 2.8)\nproject(sub CXX)\n")
    return folder


def treated(project, environment, **choice):
    request = Request(project=str(project))
    chosen = Choice(**choice)
    return treat(
        lambda env: LocalHost(env, str(project)),
        environment,
        request,
        chosen,
        lambda host: for_shells(host, request, chosen),
    )


def files(folder):
    return {str(path.relative_to(folder)): path.lstat().st_mtime_ns for path in folder.rglob("*")}


def test_a_finding_is_cured_and_gone(project, machine):
    treatment = treated(project, machine, only=("cmake-too-new",))
    assert [finding.rule for finding in treatment.cured] == ["cmake-too-new"]
    assert "cmake-too-new" not in {finding.rule for finding in treatment.left}
    assert treatment.environment["CMAKE_POLICY_VERSION_MINIMUM"] == "3.5"
    assert treatment.environment["ENVDOCTOR_OVERLAY"] == treatment.overlay.folder


def test_two_runs_make_the_same_overlay(project, machine):
    first = treated(project, machine)
    before = files(project)
    again = treated(project, machine)
    assert again.overlay == first.overlay and again.environment == first.environment
    assert files(project) == before


def test_nothing_to_cure_writes_nothing(project, machine):
    (project / "sub/CMakeLists.txt").write_text("")
    treatment = treated(project, machine, only=("cmake-too-new",))
    assert not treatment.overlay.layers and treatment.environment == machine
    assert not (project / ".envdoctor").exists()


def test_rules_that_are_left_out_cure_nothing(project, machine):
    treatment = treated(project, machine, without=("cmake-too-new",))
    assert "CMAKE_POLICY_VERSION_MINIMUM" not in treatment.environment
    assert "cmake-too-new" in {finding.rule for finding in treatment.left}


def test_inside_an_overlay_nothing_is_cured_twice_and_its_files_stay(project, machine):
    outer = treated(project, machine)
    before = files(project)
    inner = treated(project, outer.environment)
    assert not inner.overlay.layers and inner.environment == outer.environment
    assert files(project) == before


def test_what_outlives_its_cure_is_said_and_not_tried_for_ever(project, machine, monkeypatch):
    finding = Finding("m", "c", (), Fix("useless", (SetEnv("X", "y"),)), rule="r")

    class Stubborn:
        findings = (finding,)
        notes = ()

    monkeypatch.setattr("envdoctor.cure.diagnose", lambda facts: Stubborn)
    monkeypatch.setattr("envdoctor.cure.confirmed", lambda host, system, diagnosis: diagnosis)
    treatment = treated(project, machine)
    assert treatment.cured == () and treatment.left == (finding,) and len(treatment.overlay.layers) == 1


def test_what_a_cure_brings_to_light_is_cured_in_a_layer_in_front(project, machine, monkeypatch):
    def finding(number):
        steps = (SetEnv("PATH", "{overlay}/bin", "prepend"), SetEnv("STEP", str(number)))
        return Finding("abc"[number], "c", (), Fix("t", steps), rule="r")

    def diagnose(facts):
        class Diagnosis:
            step = seen.pop(0)
            findings = (finding(step),) if step < 3 else ()
            notes = ()

        return Diagnosis

    seen = [1, 2, 3]
    monkeypatch.setattr("envdoctor.cure.diagnose", diagnose)
    monkeypatch.setattr("envdoctor.cure.confirmed", lambda host, system, diagnosis: diagnosis)
    treatment = treated(project, machine)
    assert len(treatment.cured) == 2 and treatment.environment["STEP"] == "2"
    overlay = f"{project}/.envdoctor/env"
    assert treatment.environment["PATH"].startswith(f"{overlay}/2/bin:{overlay}/1/bin:")

"""Examining: probes in the order of what they ask for, and what becomes of those that fail."""

import time

import pytest

from envdoctor import doctor
from envdoctor.facts import NotExamined, Project, Request, Submodule, Unknown
from tests import factory
from tests.fakes import FakeHost


def examine(monkeypatch, host=None, request=None, **probes):
    monkeypatch.setattr(doctor, "probes", lambda: dict(probes))
    return doctor.examine(host or FakeHost(), request or Request())


def test_a_probe_gets_the_facts_that_it_names(monkeypatch):
    python, torch = factory.python(), factory.torch()

    def of_torch(host, python):
        assert host.cwd == "/work"
        return torch if python == factory.python() else None

    facts = examine(monkeypatch, torch=of_torch, python=lambda host: python)
    assert (facts.python, facts.torch) == (python, torch)
    assert isinstance(facts.driver, NotExamined)
    assert facts.notes == ()


def test_a_probe_that_fails_is_unknown_and_none_to_those_that_ask_for_it(monkeypatch):
    def broken(host):
        raise ValueError("no such thing")

    facts = examine(monkeypatch, python=broken, torch=lambda python: python)
    assert facts.python == Unknown("ValueError: no such thing")
    assert facts.torch is None


def test_notes_of_the_host_are_facts(monkeypatch):
    facts = examine(monkeypatch, torch=lambda host: host.note("nvcc", "hangs"))
    assert [(note.source, note.text) for note in facts.notes] == [("nvcc", "hangs")]


@pytest.mark.parametrize(
    ("changes", "role"),
    [
        ({"builds": ("setup.py",)}, "build"),
        ({"builds": ()}, "runtime"),
        ({"builds": (), "cuda_sources": ("k.cu",)}, "build"),
        ({"builds": (), "submodules": (Submodule("third", "git@x.org:a", "empty", 1),)}, "build"),
        ({"builds": (), "submodules": (Submodule("third", "git@x.org:a", "present", 1),)}, "runtime"),
    ],
)
def test_the_project_settles_the_role_unless_it_is_stated(monkeypatch, changes, role):
    project: Project = factory.project(**changes)
    assert examine(monkeypatch, project=lambda host: project).request.role == role
    stated = Request(role="ci", role_stated=True)
    assert examine(monkeypatch, request=stated, project=lambda host: project).request.role == "ci"


def test_our_own_mistakes_are_said_at_once(monkeypatch):
    with pytest.raises(TypeError, match="asks for 'nothing'"):
        examine(monkeypatch, torch=lambda nothing: None)
    with pytest.raises(RuntimeError, match="python, torch"):
        examine(monkeypatch, torch=lambda python: None, python=lambda torch: None)


def test_an_interrupted_examination_stops_the_host(monkeypatch):
    host = FakeHost()

    def interrupted(*_, **__):
        time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        examine(monkeypatch, host, torch=lambda host: None)
    assert host.stopped


def test_every_probe_learns_a_field_of_facts():
    from dataclasses import fields

    from envdoctor.facts import Facts

    assert set(doctor.probes()) == {field.name for field in fields(Facts)} - {"request", "notes"}

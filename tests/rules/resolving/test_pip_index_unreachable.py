"""Indexes and folders that certainly cannot answer."""

import pytest

from envdoctor.facts import Environment, Index, Variable, Wheel, WheelFolder, Wheelhouse
from envdoctor.finding import SetEnv, Severity
from envdoctor.rules.resolving.pip_index_unreachable import check
from tests.factory import at, environment, packages, project, python, system


def told(wheelhouse, project=project(builds=()), **variables):  # noqa: B008
    return list(check(wheelhouse, project, packages(), python(), system(), environment(**variables), None))


def test_quiet_when_nothing_is_certain_or_no_index_is_asked():
    unknown = Index("https://pypi.org/simple", "PIP_INDEX_URL", None)
    gone = Index("http://127.0.0.1:3141/", "/etc/pip.conf:2", False)
    assert not told(Wheelhouse(None, (), (unknown,)))
    assert not told(Wheelhouse("PIP_NO_INDEX", (), (gone,)))


def test_the_line_that_names_it_is_the_evidence():
    (finding,) = told(Wheelhouse(None, (), (Index("http://127.0.0.1:3141/", "/etc/pip.conf:2", False),)))
    assert finding.evidence[0].source == "/etc/pip.conf:2"


def test_a_missing_folder_is_worse_without_an_index():
    folder = WheelFolder("/mnt/wheels", "PIP_FIND_LINKS", False, ())
    assert next(iter(told(Wheelhouse(None, (folder,), ())))).severity is Severity.WARNING
    assert next(iter(told(Wheelhouse("PIP_NO_INDEX", (folder,), ())))).severity is Severity.ERROR


def folder(*names):
    wheels = tuple(Wheel(f"/w/{name}.whl", name, "1.0", "py3-none-any", ()) for name in names)
    return WheelFolder("/w", "PIP_FIND_LINKS", True, wheels)


@pytest.mark.parametrize(
    ("names", "steps"), [(("tqdm", "regex"), (SetEnv("PIP_NO_INDEX", "1"),)), (("tqdm",), ()), ((), ())]
)
def test_no_index_is_asked_where_the_folder_has_everything(names, steps):
    dead = (Index("http://127.0.0.1:3141/", "/etc/pip.conf:2", False),)
    wanted = project(builds=(), requirements=(at("tqdm"), at("regex>=1"), at("--find-links /w")))
    (finding,) = told(Wheelhouse(None, (folder(*names),), dead), wanted)
    assert finding.fix.steps == steps


def test_an_isolated_build_needs_its_requirements_in_the_folder_too():
    dead = (Index("http://127.0.0.1:3141/", "/etc/pip.conf:2", False),)
    isolated = project(build_system=True, build_requires=(at("setuptools"),))
    (finding,) = told(Wheelhouse(None, (folder("setuptools"),), dead), isolated)
    assert finding.fix.steps
    (finding,) = told(Wheelhouse(None, (folder("tqdm"),), dead), isolated)
    assert not finding.fix.steps


def test_a_constraints_file_that_is_gone():
    for exists in (False, True):
        named = Environment((Variable("PIP_CONSTRAINT", "/opt/constraints.txt", exists),))
        nowhere = Wheelhouse(None, (), ())
        found = list(check(nowhere, None, packages(), python(), system(), named, None))
        assert [finding.fix.steps for finding in found] == [(SetEnv("PIP_CONSTRAINT", None),)] * (not exists)

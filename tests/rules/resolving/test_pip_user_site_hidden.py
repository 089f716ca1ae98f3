"""pip's --user in a virtual environment."""

from envdoctor.facts import Configuration, Setting
from envdoctor.finding import SetEnv
from envdoctor.rules.resolving.pip_user_site_hidden import check
from tests.factory import environment, python


def run(interpreter=None, configuration=None, **variables):
    return list(check(interpreter or python(), environment(**variables), configuration))


def test_quiet_outside_a_venv_and_where_it_is_off():
    assert not run()
    assert not run(PIP_USER="0")
    assert not run(python(kind="system", prefix="/usr"), PIP_USER="1")
    assert not run(python(path=("/venv/lib/site-packages", "/home/me/.local/site-packages")), PIP_USER="1")


def test_the_variable_and_the_configuration_are_overridden():
    setting = Setting("pip", "global.user", "true", "/etc/pip.conf", 2, True)
    (finding,) = run(PIP_USER="1")
    assert finding.fix.steps == (SetEnv("PIP_USER", "0"),)
    (finding,) = run(configuration=Configuration((setting,)))
    assert "/etc/pip.conf" in finding.evidence[0].source
    assert not run(configuration=Configuration((setting,)), PIP_USER="0")

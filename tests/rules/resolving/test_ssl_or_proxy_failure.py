"""Certificate files that are gone, and a wrong clock."""

from envdoctor.facts import Environment, Index, Located, Variable, Wheelhouse
from envdoctor.finding import SetEnv
from envdoctor.rules.resolving.ssl_or_proxy_failure import check as check_all
from tests.factory import environment, system


def check(environment, system, wheelhouse=None):
    return check_all(environment, system, wheelhouse)


def test_quiet_when_the_file_is_there_and_the_clock_is_right():
    there = Environment((Variable("SSL_CERT_FILE", "/etc/ssl/ca.pem", True),))
    assert not list(check(there, system()))
    assert not list(check(environment(SSL_CERT_FILE="/not/looked/at"), None))


def test_a_missing_file_is_named():
    (finding,) = check(Environment((Variable("PIP_CERT", "/gone.pem", False),)), system())
    assert "/gone.pem" in finding.message
    assert finding.fix is not None and finding.fix.steps == (SetEnv("PIP_CERT", None),)


def test_a_clock_in_the_past():
    (finding,) = check(environment(), system(clock=86_400))
    assert "clock" in finding.message


def test_a_proxy_that_is_gone():
    def told(source, no_index=None, indexes=()):
        house = Wheelhouse(no_index, (), indexes, Located("http://127.0.0.1:3128", source))
        return list(check(environment(), system(), house))

    (finding,) = told("https_proxy")
    assert finding.fix is not None and finding.fix.steps == (SetEnv("https_proxy", None),)
    (finding,) = told("/home/u/.config/pip/pip.conf")
    assert finding.fix is not None and not finding.fix.steps
    assert not told("https_proxy", no_index="PIP_NO_INDEX")
    assert not told("https_proxy", indexes=(Index("https://mirror.example.org/simple", "pip.conf", False),))
    assert not list(check(environment(), system(), Wheelhouse(None, (), ())))

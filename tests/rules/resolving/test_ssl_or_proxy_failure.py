"""Certificate files that are gone, and a wrong clock."""

from envdoctor.facts import Environment, Variable
from envdoctor.finding import SetEnv
from envdoctor.rules.resolving.ssl_or_proxy_failure import check
from tests.factory import environment, system


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

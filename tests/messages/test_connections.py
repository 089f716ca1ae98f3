"""TLS, proxies and broken connections."""

import pytest

from envdoctor.log import read_text
from envdoctor.messages import connections

BROKEN = "curl: (6) Could not resolve host: example.org\n"
TLS = "fatal: unable to access 'https://x/': SSL certificate problem: self-signed certificate\n"
PROXY = "OSError('Tunnel connection failed: 407')\n"


def test_quiet_where_nothing_failed_and_where_a_retry_succeeded():
    quiet = read_text("Collecting numpy\nSuccessfully installed numpy-2.0\n")
    assert not connections.tls(quiet) and not connections.proxy(quiet) and not connections.broken(quiet)
    retried = (
        "WARNING: Retrying after connection broken by 'ReadTimeoutError(\"x\")'\nSuccessfully installed x\n"
    )
    assert not connections.broken(read_text(retried))


@pytest.mark.parametrize(
    ("text", "asked"),
    [(BROKEN, connections.broken), (TLS, connections.tls), (PROXY, connections.proxy)],
)
def test_each_is_told_by_its_own_words(text, asked):
    log = read_text(text)
    assert asked(log).line == 1
    assert not [
        other
        for other in (connections.tls, connections.proxy, connections.broken)
        if other != asked and other(log)
    ]

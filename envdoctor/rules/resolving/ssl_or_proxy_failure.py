"""Downloads cannot work here: a certificate file or a proxy that is not there, or a clock that is wrong.

## What it means

pip, git and curl verify certificates against the file that a variable names. When the file is gone (an image was
rebuilt, a company CA moved) every download fails: `Could not find a suitable TLS CA certificate bundle` or
`CERTIFICATE_VERIFY_FAILED`. A proxy that has been switched off says `Cannot connect to proxy`. A clock far in the past
makes every certificate `not yet valid`.

## How envdoctor knows

SSL_CERT_FILE, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, PIP_CERT or GIT_SSL_CAINFO names a path that does not exist; or the
clock is before the day on which this envdoctor was released; or a proxy of this machine is named at whose port nothing
listens. Other proxies are not asked. A proxy that inspects TLS with a CA of its own cannot be
seen without a network; the log of a failed download shows it.

## What to do

Correct or unset the variable or setting; set the clock.

## When to ignore it

When nothing is downloaded.
"""

from typing import Iterator, Optional

from envdoctor.facts import Environment, System, Wheelhouse
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity
from envdoctor.log import BuildLog
from envdoctor.messages import connections

SEVERITY = Severity.ERROR
VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO")
VARIABLES_OF_PROXIES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
RELEASED = 1_767_225_600  # 2026-01-01: no machine on which this runs can be earlier


def check(
    environment: Environment,
    system: Optional[System],
    wheelhouse: Optional[Wheelhouse],
) -> Iterator[Finding]:
    proxy = wheelhouse.dead_proxy if wheelhouse and not wheelhouse.no_index else None
    if wheelhouse and proxy and not wheelhouse.indexes:  # a named index behind it: pip-index-unreachable
        named = proxy.file in VARIABLES_OF_PROXIES
        yield Finding(
            message=f"{proxy.file} names the proxy {proxy.text}, and nothing listens there.",
            consequence="pip fetches nothing: Cannot connect to proxy, No matching distribution found.",
            evidence=(Evidence(proxy.file, proxy.text),),
            fix=Fix(f"Unset {proxy.file}, or start the proxy", (SetEnv(proxy.file, None),))
            if named
            else Fix(f"Correct or remove the proxy in {proxy.file}"),
        )
    for variable in environment.missing(*VARIABLES):
        yield Finding(
            message=f"{variable.name} names a certificate file that does not exist: {variable.value}.",
            consequence="Downloads by the programs that read it fail to verify any server.",
            evidence=(Evidence(variable.name, variable.value),),
            fix=Fix(
                f"Unset {variable.name}, or set it to the file that exists", (SetEnv(variable.name, None),)
            ),
        )
    if system is not None and system.clock < RELEASED:
        yield Finding(
            message="This machine's clock is wrong: it is before 2026.",
            consequence="Every TLS certificate is not yet valid, so nothing can be downloaded.",
            evidence=(Evidence("clock", f"{system.clock} seconds since 1970"),),
            fix=Fix("Set the clock (in a virtual machine: on its host)"),
        )


def explain(log: BuildLog) -> Iterator[Finding]:
    certificate, proxy = connections.tls(log), connections.proxy(log)
    if certificate:
        yield certificate.finding(
            f"A server's certificate is not accepted{_why(log)}.",
            "Nothing can be downloaded from there; errors about missing packages follow from it.",
            Fix(_cure(log)),
        )
    if proxy:
        yield proxy.finding(
            "The proxy does not let the connection through.",
            "Nothing can be downloaded; errors about missing packages follow from it.",
            Fix(
                "Correct or unset https_proxy, HTTPS_PROXY and all_proxy (git: http.proxy; pip: pip config debug)"
            ),
        )


def _why(log: BuildLog) -> str:
    if log.has(r"not (?:yet valid|valid yet)|has expired|CERT_EXPIRED"):
        return ": by this machine's clock it is not valid"
    return (
        ": its issuer is unknown here"
        if log.has(r"self[- ]signed|issuer|unknown authority|UNTRUSTED")
        else ""
    )


def _cure(log: BuildLog) -> str:
    if log.has(r"not (?:yet valid|valid yet)|has expired|CERT_EXPIRED"):
        return "Set this machine's clock (date), and upgrade its ca-certificates"
    if log.has(r"TLS CA certificate bundle, invalid path|setting certificate (?:verify locations|file)"):
        return f"Unset {', '.join(VARIABLES)}, or have them name a file that exists"
    if log.has(r"SSL module is not available|the ssl module in Python is not available"):
        return "Use a Python with the ssl module: build it with OpenSSL's headers, or activate conda's environment"
    return (
        "Give the network's own CA to the program: PIP_CERT or SSL_CERT_FILE, git's http.sslCAInfo;"
        " without such a CA, upgrade ca-certificates"
    )

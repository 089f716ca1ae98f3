"""What to do where an index does not answer, or does not have what is asked for. Pure."""

import re

#: What uv, requests and pip say, and what helps; the first that is found counts.
_CURES = (
    (
        r"\b(?:401|403|407)\b",
        (
            "it wants a name and a password: PIP_INDEX_URL=https://NAME:TOKEN@HOST/simple, or ~/.netrc; for a proxy "
            "HTTPS_PROXY=http://NAME:PASSWORD@HOST:PORT"
        ),
    ),
    (
        r"certificate|UnknownIssuer",
        (
            "name the certificates of your network: SSL_CERT_FILE=FILE, and for pip and the download PIP_CERT and "
            "REQUESTS_CA_BUNDLE"
        ),
    ),
    (
        r"[Ff]ailed to fetch|error sending request|(?:dns|tunnel) error|Connection|Max retries|timed out",
        (
            "name an index that this machine reaches (PIP_INDEX_URL=https://HOST/simple), or the proxy to it "
            "(HTTPS_PROXY=http://HOST:PORT), or folders of wheels instead (PIP_NO_INDEX=1 PIP_FIND_LINKS='DIR DIR')"
        ),
    ),
    (
        r"provided package locations",
        (
            "no index is asked (PIP_NO_INDEX, or no-index in pip.conf): put its wheel into a folder of PIP_FIND_LINKS, "
            "or unset that"
        ),
    ),
)


def with_cure(text: str) -> str:
    """A complaint, and what to do."""
    cure = next((cure for pattern, cure in _CURES if re.search(pattern, text)), "")
    return f"{text.rstrip('.')}. Do: {cure}" if cure else text

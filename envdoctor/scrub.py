"""Takes home folders, user names and credentials out of what leaves the machine."""

import re
from typing import Any

# Every repetition has a bound: a long line of a broken file must not take seconds.
_CREDENTIALS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]{0,20}://)[^/\s]{1,500}@", re.IGNORECASE)
# A proxy is often written without a scheme: user:password@host:3128.
_BARE_CREDENTIALS = re.compile(r"(?<![\w/.@-])[^\s/:@]{1,100}:[^\s/]{1,200}@(?=[\w.-])")
# Index servers take tokens in the query (?token=...), conda's in the path (/t/TOKEN/channel).
_URL_TOKENS = re.compile(
    r"(?P<before>[?&][\w-]{0,20}(?:token|secret|passw(?:or)?d|api_?key|signature)=|://[^\s/]{0,100}conda[^\s/]{0,100}/t/)[^\s/&#'\"]{1,500}",
    re.IGNORECASE,
)
_TOKENS = re.compile(
    r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{20,}"
    r"|pypi-[A-Za-z0-9_-]{20,}|AKIA[A-Z0-9]{16})\b"
)
# Nothing that is looked for lacks all of these: most strings need no further look.
_SUSPECT = re.compile(r"[/@_-]|AKIA")
# Where a path begins: not inside another one, but also after a compiler's flag: -I/home/ann/include.
_PATH_START = r"(?:(?<![A-Za-z0-9_.~/-])|(?<=[^\w/.-]-[ILBR])|(?<=^-[ILBR]))"


def scrub_text(text: str, home: str) -> str:
    """`home` (whole path components only) becomes "~", other users' homes /home/USER, credentials in URLs go.

    A home of "/" or "" hides nothing. Git over SSH keeps its well-known user: git@host.
    """
    if not _SUSPECT.search(text):
        return text
    if home.strip("/"):
        text = re.sub(home_pattern(home), "~", text)
    text = re.sub(_PATH_START + r"(/home|/Users)/[^/\s:;,'\"]+", r"\1/USER", text)
    return scrub_credentials(text)


def home_pattern(home: str) -> str:
    """A regular expression for the home folder as a whole, not as the beginning of another name."""
    return _PATH_START + re.escape(home.rstrip("/")) + r"(?=/|$|[^A-Za-z0-9_.-])"


def scrub_credentials(text: str) -> str:
    """Names, passwords and tokens of URLs and proxies, and well-known tokens, become "***"."""
    if "@" in text:
        text = _CREDENTIALS.sub(
            lambda m: m.group(0) if m.group(0).endswith("//git@") else m["scheme"] + "***@", text
        )
        text = _BARE_CREDENTIALS.sub("***@", text)
    if "://" in text:
        text = _URL_TOKENS.sub(lambda m: m["before"] + "***", text)
    return _TOKENS.sub("***", text)


def scrub(value: Any, home: str) -> Any:
    """Every string of a JSON value."""
    if isinstance(value, str):
        return scrub_text(value, home)
    if isinstance(value, list):
        return [scrub(item, home) for item in value]
    if isinstance(value, dict):
        return {name: scrub(item, home) for name, item in value.items()}
    return value

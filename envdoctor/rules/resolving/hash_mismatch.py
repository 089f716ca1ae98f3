"""A downloaded file does not have the hash that a lock or requirements file promises.

## What it means

`THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE`: the file was replaced upstream, a mirror serves
another build under the same name, a proxy altered it, or a download broke.

## How envdoctor knows

From the log only: pip prints Expected and Got. It cannot be foreseen without downloading the file.

## What to do

Clear pip's cache (`pip cache purge`) and try once more. If the hash stays different, find out which index the file
comes from (`pip -v`) before the lock file is changed: a hash that is simply replaced protects nobody.

## When to ignore it

Never.
"""

from typing import Iterator

from envdoctor.finding import Finding, Fix, Severity
from envdoctor.log import BuildLog, Hit

SEVERITY = Severity.ERROR


# pip, uv, Poetry, conda, CMake, apt, torch.hub, cargo, sha256sum.
_MISMATCH = (
    r"THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE",
    r"Hash mismatch for '?(?P<what>[^'\n]+)",
    r"Hash for (?P<what>\S+) .{0,300}not found in known hashes",
    r"\b(?:HashMismatch|ChecksumMismatchError)\b",
    r"[Hh]ash [Ss]um mismatch",
    r"(?:DOWNLOAD|file\(DOWNLOAD\)) HASH mismatch|hash of [^\n]* does not match expected value",
    r"invalid hash value \(expected",
    r"computed checksums? did NOT match",
    r"[Cc]hecksum for .* (?:changed between lock files|does not match)",
    r"(?:SHA256|sha256|MD5|md5|SHA-256) (?:checksum |hash |sum )?mismatch|(?:[Cc]hecksum|[Hh]ash) mismatch",
)
_UNLISTED = (
    r"Hashes are required in --require-hashes mode, but they are missing",
    r"In '?--require-hashes'? mode, all requirements must",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = log.first(*_MISMATCH)
    if hit:
        got = log.first(r"(?:Got|Computed|actual).{0,20}\b[0-9a-f]{32,64}\b")
        yield hit.finding(
            f"{_what(hit)} does not have the hash that was promised for it.",
            "It is not installed: a broken download, a mirror or proxy with another file, or a file that was replaced.",
            Fix(
                "Clear the cache and try once more (`pip cache purge`, then pip install --no-cache-dir)."
                " If the hash stays"
                " different, see with `pip -v` which index the file comes from before any lock file is changed"
            ),
            because=(got,) if got else (),
        )
        return
    hit = log.first(*_UNLISTED)
    if hit:
        yield hit.finding(
            "Hashes are demanded, and a requirement has none.",
            "pip installs nothing.",
            Fix("Write the lock file anew with all hashes: pip-compile --generate-hashes or uv pip compile"),
        )


def _what(hit: Hit) -> str:
    return f"The downloaded {hit['what']}" if hit["what"] else "A downloaded file"

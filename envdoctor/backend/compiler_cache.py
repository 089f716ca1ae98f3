"""How much of a build came out of a compiler cache: of this build, not of all that the cache has ever seen."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from typing import Any, Dict, Iterator, Mapping, NamedTuple

# What ccache's log has for one compilation; a word for each of its steps, too, which do not count.
_CCACHE_HITS = {"direct_cache_hit", "preprocessed_cache_hit"}
_CCACHE_MISS = "cache_miss"


class Count(NamedTuple):
    hits: int
    misses: int

    def __sub__(self, other: "Count") -> "Count":
        return Count(self.hits - other.hits, self.misses - other.misses)


class Report:
    """What is there to be said; filled when the build has ended."""

    text = ""


@contextlib.contextmanager
def counted(settings: Mapping[str, Any]) -> Iterator[Report]:
    """Count what the cache answers meanwhile; a build at the same time counts along in sccache, whose server is one."""
    report = Report()
    sccache = _sccache(settings)
    before = _sccache_counts(sccache) if sccache else {}
    with tempfile.TemporaryDirectory() as folder:
        log = os.environ.setdefault("CCACHE_STATSLOG", os.path.join(folder, "ccache"))
        start = os.path.getsize(log) if os.path.exists(log) else 0
        try:
            yield report
        finally:
            counts = ccache_counts(_read(log, start))
            name = "ccache"
            if not counts and sccache:
                name = "sccache"
                now = _sccache_counts(sccache)
                counts = {kind: count - before.get(kind, Count(0, 0)) for kind, count in now.items()}
            report.text = in_words(name, counts)
            if log.startswith(folder):
                del os.environ["CCACHE_STATSLOG"]


def in_words(name: str, counts: Mapping[str, Count]) -> str:
    """One line, or nothing where the cache was asked nothing."""
    asked = {kind: count for kind, count in sorted(counts.items()) if sum(count)}
    if not asked:
        return ""
    hits, every = sum(count.hits for count in asked.values()), sum(map(sum, asked.values()))
    parts = ", ".join(f"{kind} {count.hits} of {sum(count)}" for kind, count in asked.items())
    return f"{name} had {hits} of {every} compilations ({100 * hits // every} %): {parts}"


def ccache_counts(log: str) -> Dict[str, Count]:
    """From its log: a line with the source, then a line for each thing that happened to it."""
    counts: Dict[str, Count] = {}
    for part in log.split("# ")[1:]:
        source, *words = part.split("\n")
        kind = "device code" if source.endswith(".cu") else "C++"
        before = counts.get(kind, Count(0, 0))
        hit, miss = bool(_CCACHE_HITS.intersection(words)), _CCACHE_MISS in words
        counts[kind] = Count(before.hits + hit, before.misses + miss)
    return counts


def sccache_counts(stats: Mapping[str, Any]) -> Dict[str, Count]:
    """From its statistics; device code is counted by what each compiler of NVIDIA's made."""
    hits, misses = (stats["stats"][kind]["counts"] for kind in ("cache_hits", "cache_misses"))
    return {kind: Count(hits.get(kind, 0), misses.get(kind, 0)) for kind in {*hits, *misses}}


def _sccache(settings: Mapping[str, Any]) -> str:
    """The sccache that this build may use, as cmake/choose_cache.cmake finds it; empty: none."""
    chosen = str(settings.get("cmake.define.ENVDOCTOR_CACHE", "")).lower()
    if chosen in ("off", "ccache"):
        return ""
    return shutil.which("sccache") or ""


def _sccache_counts(program: str) -> Dict[str, Count]:
    """None where its server does not answer: no reason for a build to fail."""
    command = [program, "--show-stats", "--stats-format", "json"]
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, subprocess.SubprocessError):
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20, check=True
        )
        return sccache_counts(json.loads(done.stdout))
    return {}


def _read(log: str, start: int) -> str:
    with contextlib.suppress(OSError), open(log, encoding="utf-8", errors="replace") as stream:
        stream.seek(start)
        return stream.read()
    return ""

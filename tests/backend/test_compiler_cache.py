"""What a compiler cache did for one build, out of what it says."""

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from envdoctor.backend import compiler_cache
from envdoctor.backend.compiler_cache import Count, ccache_counts, counted, in_words, sccache_counts

# As ccache 4.14 writes it; 4.7 has a line for each result alone.
LOG = """\
# cpp/quantize/cuda.cu
cache_miss
direct_cache_miss
local_storage_miss
local_storage_read_miss
local_storage_write
preprocessed_cache_miss
# cpp/selftest/cuda.cu
direct_cache_hit
local_storage_hit
# /src/cpp/quantize/dispatch.cpp
direct_cache_miss
preprocessed_cache_hit
# /src/h.c
unsupported_code_directive
"""
STATS = {
    "stats": {
        "compile_requests": 9,
        "cache_hits": {"counts": {"CUBIN": 2, "PTX": 2, "C/C++": 5}, "adv_counts": {}},
        "cache_misses": {"counts": {"C/C++": 3}, "adv_counts": {}},
    }
}


def test_a_log_of_ccache():
    assert ccache_counts("") == {}
    assert ccache_counts(LOG) == {"device code": Count(1, 1), "C++": Count(1, 0)}


def test_statistics_of_sccache():
    assert sccache_counts(STATS) == {"CUBIN": Count(2, 0), "PTX": Count(2, 0), "C/C++": Count(5, 3)}


def test_in_words():
    assert in_words("ccache", {}) == ""
    assert in_words("ccache", {"C++": Count(0, 0)}) == ""
    said = in_words("ccache", {"device code": Count(1, 1), "C++": Count(1, 0)})
    assert said == "ccache had 2 of 3 compilations (66 %): C++ 1 of 1, device code 1 of 2"


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A search path of this folder alone."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CCACHE_STATSLOG", raising=False)
    return tmp_path


def program(path: Path, code: str) -> None:
    path.write_text(f"#!{sys.executable}\n{code}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_a_build_without_a_cache_has_nothing_to_say(path):
    with counted({}) as report:
        assert os.environ["CCACHE_STATSLOG"]
    assert report.text == ""
    assert "CCACHE_STATSLOG" not in os.environ


def test_only_what_ccache_adds_counts(path, monkeypatch):
    log = path / "log"
    log.write_text(LOG)
    monkeypatch.setenv("CCACHE_STATSLOG", str(log))
    with counted({}) as report, log.open("a") as stream:
        stream.write("# a.cpp\ndirect_cache_hit\n")
    assert report.text == "ccache had 1 of 1 compilations (100 %): C++ 1 of 1"
    assert os.environ["CCACHE_STATSLOG"] == str(log)


def test_only_what_sccache_adds_counts(path):
    said = path / "said"
    said.write_text(json.dumps(STATS))
    program(path / "sccache", f"print(open({str(said)!r}).read())")
    with counted({}) as report:
        after = json.loads(said.read_text())
        after["stats"]["cache_hits"]["counts"]["PTX"] = 6
        after["stats"]["cache_misses"]["counts"]["CUBIN"] = 1
        said.write_text(json.dumps(after))
    assert report.text == "sccache had 4 of 5 compilations (80 %): CUBIN 0 of 1, PTX 4 of 4"


@pytest.mark.parametrize("said", ["", "{}", '{"stats": 1}', "sccache: error"])
def test_an_sccache_that_answers_otherwise_stops_nothing(path, said):
    program(path / "sccache", f"print({said!r})")
    with counted({}) as report:
        pass
    assert report.text == ""


@pytest.mark.parametrize("chosen", ["off", "ccache"])
def test_an_sccache_that_is_not_used_is_not_asked(path, chosen):
    assert compiler_cache._sccache({"cmake.define.ENVDOCTOR_CACHE": chosen}) == ""

"""Questions in words."""

import pytest

from envdoctor.catalogue import rules
from envdoctor.rule_search import ASKED, search


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("compiler killed out of memory", "out-of-memory-compiler-killed"),
        ("编译器版本太新", "host-compiler-too-new"),
        ("编译时内存不足被杀死", "out-of-memory-compiler-killed"),
        ("子模块没有克隆", "submodule-not-checked-out"),
        ("显卡驱动太旧", "driver-too-old"),
        ("磁盘空间不足", "disk-or-shm-full"),
        ("pip behind a proxy with its own certificate", "ssl-or-proxy-failure"),
        ("which gpu architectures were dropped by nvcc", "arch-dropped-by-nvcc"),
        ("glibc too old", "glibc-too-old"),
        ("numpy 2", "numpy-abi-mismatch"),
        ("Permission denied", "path-not-usable"),
        ("why does my build not find torch", "build-isolation-hides-torch"),
        ("为什么编译时找不到torch", "python-dependency-missing"),
        ("pip 安装失败", "network-failure"),
    ],
)
def test_the_rule_is_among_the_first(question, name):
    assert name in [rule.name for rule in search(question, rules())[:3]]


def test_what_is_mostly_meant_are_rules():
    assert {name for _, names in ASKED for name in names} <= {rule.name for rule in rules()}


@pytest.mark.parametrize("question", ["", "the of and", "zzzz qqqq", "你好"])
def test_words_of_no_page_find_nothing(question):
    assert search(question, rules()) == []

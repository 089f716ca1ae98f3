"""Messages in other languages, every one of the table."""

import json
import pkgutil
import re

import pytest

from envdoctor.log import read_text
from envdoctor.log.locales import in_english
from envdoctor.log.reader import SHORT

TABLE = json.loads(pkgutil.get_data("envdoctor.log", "locales.json").decode("utf-8"))
EACH = [(text, english) for english, translations in TABLE.items() for text in translations]
HARMLESS = ("warning: ", "note: ", "line {0}:")


def filled(text):
    return re.sub(r"\{(\d)\}", r"name\1", text).strip()


@pytest.mark.parametrize("front", ["", "/usr/bin/ld: a.o: "])
def test_every_translation_is_read_as_english(front):
    meant = {}
    for text, english in EACH:
        meant.setdefault(text, []).append(front + filled(english))
    wrong = [
        (text, in_english(front + filled(text)))
        for text in meant
        if in_english(front + filled(text)) not in meant[text]
    ]
    assert wrong == []


def test_in_a_long_log_every_translation_of_a_failure_is_kept():
    filler = "-- Installing: /usr/include/x.h\n" * (SHORT // 30)
    texts = [filled(text) for text, english in EACH if english not in HARMLESS]
    lost = [text for text in texts if len(read_text(f"{filler}{text}\n{filler}").lines) < 21]
    assert lost == []


@pytest.mark.parametrize(
    ("line", "english"),
    [
        ("/usr/bin/ld: -lcudart が見つかりません", "/usr/bin/ld: cannot find -lcudart"),
        ("/usr/bin/ld: -lcudart bulunamad\u0131: x", "/usr/bin/ld: cannot find -lcudart: x"),
        ("b.o: f(int, int) 的多重定义", "b.o: multiple definition of 'f(int, int)'"),
        ("onulmaz: 'a0' deposu bulunamad\u0131", "fatal: repository 'a0' not found"),
        ("bash: line 1: nvcc: nie znaleziono polecenia", "bash: line 1: nvcc: command not found"),
        ("./x.sh: line 3:  1234 Abandon    ./x", "./x.sh: line 3:  1234 Aborted    ./x"),
        ("bash: 行 1: /etc/x: 权限不够", "bash: line 1: /etc/x: Permission denied"),
        ("touch: 无法 touch '/etc/x': 权限不够", "touch: cannot touch '/etc/x': Permission denied"),
        ('mkdir: 无法创建目录 "/x y": 权限不够', 'mkdir: cannot create directory "/x y": Permission denied'),
        ("wget: 无法解析主机地址 'x.org'", "wget: unable to resolve host address 'x.org'"),
        ("make: *** [Mk3:2: all] 错误 127", "make: *** [Mk3:2: all] Error 127"),
        ("make: *** 没有规则可制作目标'a.c'。 停止。", "make: *** No rule to make target 'a.c'.  Stop."),
        (
            "致命错误: 在 '/w' 检测到可疑的仓库所有权",
            "fatal error: detected dubious ownership in repository at '/w'",
        ),
    ],
)
def test_what_stands_in_front_stays_there(line, english):
    assert in_english(line) == english


@pytest.mark.parametrize(
    "line",
    ["flash attention: on", "Abandon all hope", "a nota: x", "error: no such directory", "x let op: be"],
)
def test_english_words_stay_as_they_are(line):
    assert in_english(line) == line

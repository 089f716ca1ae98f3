"""Logs of every encoding, dress and size."""

import io

import pytest

from envdoctor.log import read, read_text
from envdoctor.log.reader import AFTER, ALIKE, BEFORE, LAST, MOST, SHORT

CUDART = r"cannot find -l(?P<name>\w+)"


def log(data):
    return read(io.BytesIO(data), "build.log")


def matched(line):
    return read_text(line).lines[0].matched


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "cp932"]
)
def test_encodings_are_told_apart(encoding):
    first = "ビルドに失敗したファイル" if encoding == "cp932" else "第一行: 环境"
    text = f"{first}\nld: cannot find -lcudart\n"
    found = log(text.encode(encoding))
    hit = found.first(CUDART)
    assert (hit.line, hit["name"], found.lines[0].text) == (2, "cudart", text.splitlines()[0])


def test_broken_bytes_break_nothing():
    assert (
        log(b"\xff\xfe\xfd x\xc3\nld: cannot find -lm\n\x00\x80").first(CUDART) is None
    )  # UTF-16 by its mark
    assert log(b"caf\xe9 \x80\nld: cannot find -lm\n\x00\x80").first(CUDART).line == 2
    assert log(b"").lines == () and log(b"").total == 0


def test_colours_and_overwritten_progress_are_gone():
    found = log(b"\x1b[31m\x1b[1mld:\x1b[0m cannot \x1b[Kfind -lcudart\r\n 10%\r 50%\r100%\n")
    assert [line.text for line in found.lines] == ["ld: cannot find -lcudart", "100%"]


@pytest.mark.parametrize(
    "front",
    [
        "2024-05-01T12:34:56.1234567Z ",
        "build\tInstall\t2024-05-01T12:34:56.1234567Z ",
        "#12 359.9 ",
        "12.34 ",
        "llama-cpp-1  | ",
        "[rank0]: ",
        "[1,0]<stderr>:",
        "(Worker_TP0 pid=214) ",
        "> ",
    ],
)
def test_what_a_runner_puts_in_front_is_not_the_tools(front):
    assert matched(f"{front}ld: cannot find -lcudart") == "ld: cannot find -lcudart"


def test_a_message_may_be_wrapped_anywhere_between_words():
    text = "#7 12.3   Could NOT find Python3 (missing:\n#7 12.3   Python3_INCLUDE_DIRS Development)"
    hit = read_text(text).first(r"Could NOT find Python3 \(missing: (?P<what>[\w ]+)")
    assert hit["what"] == "Python3_INCLUDE_DIRS Development"
    assert [piece.line for piece in hit.evidence] == [1, 2]


@pytest.mark.parametrize(
    ("line", "english"),
    [
        ("ld: ggml.o: 对\u2018cblas_sgemm\u2019未定义的引用", "undefined reference to 'cblas_sgemm'"),
        (
            "a.c:1:10: 致命错误\uff1aTHC/THC.h\uff1a没有那个文件或目录",
            "fatal error: THC/THC.h: No such file or directory",
        ),
        ("/usr/bin/ld: 找不到 -lcudart: 没有那个文件或目录", "cannot find -lcudart: No such"),
        (
            "a.c:1:10: Schwerwiegender Fehler: x.h: Datei oder Verzeichnis nicht gefunden",
            "No such file or directory",
        ),
        ("a.c:1:10: erreur fatale: x.h : Aucun fichier ou dossier de ce type", "No such file or directory"),
        ("x.c:1: error fatal: Python.h: No existe el fichero o el directorio", "No such file or directory"),
        (
            "c++: Schwerwiegender Fehler: Signal Killed hat Programm cc1plus beendet",
            "Killed signal terminated program cc1plus",
        ),
        (
            "a.cu(3): fatal error C1083: 无法打开包括文件: \u201ccusparse.h\u201d",
            "Cannot open include file: 'cusparse.h'",
        ),
        (
            "libX.so: cannot open shared object file: 没有那个文件或目录",
            "cannot open shared object file: No such file or directory",
        ),
    ],
)
def test_other_languages_are_read_as_english(line, english):
    assert english in matched(line)


def test_english_stays_as_it_is():
    for line in ("error: no such thing: impossible", "note: the directory is empty", "x \u2713 done"):
        assert matched(line) == line


def filler(count):
    for number in range(count):
        yield f"[{number}/{count}] nvcc -Werror=all -isystem /opt/error/include -c /src/k{number}.cu -o k{number}.o\n"


def test_of_a_long_log_what_tells_is_kept_with_its_surroundings():
    lines = [*filler(30000)]
    lines[20000:20000] = [
        "FAILED: k.o\n",
        "/usr/bin/ld: cannot find -lcudart\n",
        "collect2: error: ld returned 1\n",
    ]
    found = log("".join(lines).encode())
    assert found.total == 30003 and len(found.lines) == BEFORE + 3 + AFTER + LAST
    hit = found.first(CUDART)
    assert hit.line == 20002 and found.lines[0].number == 20001 - BEFORE


def test_a_long_log_that_says_nothing_is_not_empty():
    assert not log("".join(filler(5000)).encode()).is_empty
    assert log(b"\n \n" * SHORT).is_empty and log(b"\x1b[0m\n").is_empty


def test_no_message_goes_across_lines_that_were_left_out():
    far = ["error: cannot\n", *filler(3000), "find -lcudart\n", "error: x\n"]
    assert log("".join(far).encode()).first(CUDART) is None
    near = ["error: cannot\n", "find -lcudart\n", *filler(3000)]
    assert log("".join(near).encode()).first(CUDART).line == 1


def test_a_group_that_a_pattern_does_not_have_is_empty():
    assert log(b"ld: cannot find -lcudart\n").first("cannot", CUDART)["name"] == ""


def test_the_same_again_and_again_is_kept_a_few_times():
    warning = "x.cu(%d): error: identifier undefined\n"
    found = log("".join([*filler(3000), *((warning % n) + "\n" * 20 for n in range(2000))]).encode())
    assert sum("identifier" in line.text for line in found.lines) == ALIKE + LAST


def test_of_very_much_the_beginning_and_the_end_are_kept():
    words = ("alpha", "beta", "gamma", "delta", "epsilon")
    lines = (
        f"error: {''.join(words[(n >> shift) % 5] for shift in range(0, 20, 2))} {'y' * 60}\n"
        for n in range(60000)
    )
    found = log("".join(["error: first\n", *lines, "error: last\n"]).encode())
    assert "first" in found.lines[0].text and "last" in found.lines[-1].text
    assert SHORT < len(found.text) < 2.2 * MOST


def test_a_line_without_end_is_one_line():
    found = log(b"x" * 5_000_000 + b" error: at the end")
    assert (
        found.total == 1
        and found.lines[0].text.endswith("error: at the end")
        and len(found.lines[0].text) < 5000
    )

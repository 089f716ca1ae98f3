"""Write envdoctor/log/locales.json: what compilers, shells, make, git, apt and others say in other languages.

    python ci/make_locales.py [--messages FOLDER ...]

The translations come from the programs' own message catalogues (.mo), by their English text: those of the folders
given (default: /usr/share/locale), as Debian's packages gcc-12-locales, binutils-common, libc-l10n, bash, coreutils,
make, tar, git, apt and wget bring them.
"""

import argparse
import gettext
import json
import re
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

from envdoctor.log.clean import MARKS

TARGET = Path(__file__).parent.parent / "envdoctor/log/locales.json"
LANGUAGES = "zh_CN zh_TW ja ko de fr es it pt_BR ru uk pl tr nl sv".split()

#: Text of the catalogues by domain, as it stands in the sources.
MESSAGES: Dict[str, Tuple[str, ...]] = {
    "libc": (
        "No such file or directory",
        "Permission denied",
        "No space left on device",
        "Cannot allocate memory",
        "Connection refused",
        "Connection timed out",
        "Network is unreachable",
        "Temporary failure in name resolution",
        "Name or service not known",
        "File name too long",
        "Read-only file system",
        "Exec format error",
        "Killed",
        "Segmentation fault",
        "Aborted",
        "Illegal instruction",
        "cannot open shared object file",
        "error while loading shared libraries",
        "symbol lookup error",
        "undefined symbol: %s",
    ),
    "gcc-12": (
        "fatal error: ",
        "error: ",
        "warning: ",
        "note: ",
        "internal compiler error: ",
        "compilation terminated.\n",
        "compilation terminated",
        "ld returned %d exit status",
        "unrecognized command-line option %qs",
        "%qD was not declared in this scope",
        "%qE was not declared in this scope",
        "%qE undeclared here (not in a function)",
        "%qE undeclared (first use in this function)",
        "%s signal terminated program %s",
        "unsupported GNU version!",
    ),
    "ld": (
        "%H: undefined reference to `%pT'\n",
        "%X%P: %H: undefined reference to `%pT'\n",
        "%X%C: undefined reference to `%T'\n",
        "%X%B: undefined reference to `%T'\n",
        "%X%P: %C: multiple definition of `%pT'",
        "%X%C: multiple definition of `%T'\n",
        "%X%H: multiple definition of `%pT'\n",
        "%P: cannot find %s\n",
        "%P: cannot find %s: %E\n",
        "%X%P: cannot find %s\n",
        "%X%P: cannot find %s: %E\n",
        "%P: skipping incompatible %pB when searching for %s\n",
        "%P: skipping incompatible %B when searching for %s\n",
    ),
    "bash": ("command not found", "%s: command not found", "line %d: ", "%s: %s: bad interpreter"),
    "make": (
        "%sNo rule to make target '%s'%s",
        "%sNo rule to make target '%s', needed by '%s'%s",
        "%s[%s: %s] Error %d%s",
        ".  Stop.\n",
        "missing separator",
    ),
    "coreutils": (
        "cannot access %s",
        "cannot create directory %s",
        "cannot create regular file %s",
        "cannot create symbolic link %s",
        "cannot open %s for reading",
        "cannot open %s for writing",
        "cannot remove %s",
        "cannot stat %s",
        "cannot touch %s",
        "error writing %s",
        "failed to run command %s",
    ),
    "tar": ("Error is not recoverable: exiting now",),
    "apt": (
        "Unable to locate package %s",
        "Package '%s' has no installation candidate",
        "Temporary failure resolving '%s'",
        "Could not resolve '%s'",
        "Failed to fetch %s  %s",
        "The following packages have unmet dependencies:",
        "You don't have enough free space in %s.",
    ),
    "libapt-pkg6.0": (
        "Could not get lock %s",
        "Could not open lock file %s",
        "Unable to acquire the dpkg frontend lock (%s), are you root?",
        "The repository '%s' is not signed.",
    ),
    "wget": (
        "%s: unable to resolve host address %s\n",
        "failed: %s.\n",
        "%s ERROR %d: %s.\n",
        "%s: cannot verify %s's certificate, issued by %s:\n",
    ),
    "git": (
        (
            "detected dubious ownership in repository at '%s'\n%sTo add an exception for this directory, call:\n\n"
            "\tgit config --global --add safe.directory %s"
        ),
        "fatal: ",
        "error: ",
        "Could not read from remote repository.",
        "Remote branch %s not found in upstream %s",
        "repository '%s' not found",
        "repository '%s' does not exist",
        "pathspec '%s' did not match any file(s) known to git",
        "unable to access '%s': %s",
        "clone of '%s' into submodule path '%s' failed",
    ),
}

#: What has no catalogue here: Microsoft's compiler, linker and system. Source: logs in these languages.
OTHERS: Dict[str, Tuple[str, ...]] = {
    "Cannot open include file": (
        "无法打开包括文件",
        "無法開啟包含檔案",
        "include ファイルを開けません",
        "インクルード ファイルを開けません",
        "포함 파일을 열 수 없습니다",
        "Datei (Include) kann nicht geöffnet werden",
        "Impossible d'ouvrir le fichier include",
        "No se puede abrir el archivo incluir",
    ),
    "unresolved external symbol": (
        "无法解析的外部符号",
        "無法解析的外部符號",
        "未解決の外部シンボル",
        "확인할 수 없는 외부 기호",
        "Verweis auf nicht aufgelöstes externes Symbol",
        "symbole externe non résolu",
        "símbolo externo sin resolver",
    ),
    "cannot open file": (
        "无法打开文件",
        "無法開啟檔案",
        "ファイルを開くことができません",
        "파일을 열 수 없습니다",
    ),
    "The system cannot find the file specified": (
        "系统找不到指定的文件",
        "系統找不到指定的檔案",
        "指定されたファイルが見つかりません",
        "지정된 파일을 찾을 수 없습니다",
        "Das System kann die angegebene Datei nicht finden",
        "Le fichier spécifié est introuvable",
    ),
    "The specified module could not be found": (
        "找不到指定的模块",
        "找不到指定的模組",
        "指定されたモジュールが見つかりません",
        "지정된 모듈을 찾을 수 없습니다",
        "Das angegebene Modul wurde nicht gefunden",
        "Le module spécifié est introuvable",
    ),
    "is not recognized as an internal or external command": (
        "不是内部或外部命令",
        "不是內部或外部命令",
        "は、内部コマンドまたは外部コマンド",
        "내부 또는 외부 명령",
    ),
    "unsupported Microsoft Visual Studio version": ("不支持的 Microsoft Visual Studio 版本",),
    "fatal error": ("致命错误", "嚴重錯誤", "致命的エラー", "치명적 오류"),
    "error:": ("错误\uff1a", "错误:", "錯誤\uff1a", "エラー:", "오류:"),
    "undefined reference to": ("未定义的引用",),
    "line {0}:": ("行 {0}:",),
}

_PLACE = re.compile(r"%(?:\d+\$)?(?:[-+#0 ]*\d*(?:\.\d+)?)(?:pT|pB|q?[A-Za-z])")


def main() -> None:
    """Read the catalogues, write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", nargs="*", default=["/usr/share/locale"], help="folders of catalogues")
    folders = [Path(folder) for folder in parser.parse_args().messages]
    table: Dict[str, List[str]] = {}
    for english, translated in translations(folders):
        known = table.setdefault(english, [])
        if translated not in known:
            known.append(translated)
    for english, others in OTHERS.items():
        table.setdefault(english, []).extend(text for text in others if text not in table.get(english, []))
    TARGET.write_text(json.dumps(table, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{TARGET}: {len(table)} messages, {sum(map(len, table.values()))} translations")


def translations(folders: List[Path]) -> Iterator[Tuple[str, str]]:
    """English and translated text, both with {0}, {1} ... where the program fills something in."""
    for folder in folders:
        for language in LANGUAGES:
            for domain, messages in MESSAGES.items():
                for name in (domain, domain.rpartition("-")[0] or domain):
                    path = folder / language / "LC_MESSAGES" / f"{name}.mo"
                    if path.is_file():
                        with path.open("rb") as stream:
                            catalogue = gettext.GNUTranslations(stream)
                        for message in messages:
                            hollow = _hollow(domain, message)
                            found = catalogue.gettext(message)
                            if found != message and len(_lines(found)) <= len(_lines(message)):
                                yield _plain(message, hollow), _plain(found, hollow)


def _plain(message: str, hollow: Tuple[int, ...] = ()) -> str:
    """Its first line without what ld's %P, %X and %C print in front; quotes as logs are read."""
    text = re.sub(r"^(?:%X|%p?[PBCDH]\s?[:\uff1a]\s?)+", "", _lines(message)[0])
    text = re.sub(r"%(\d+\$)?q([A-Z]|s)", r"'%\1s'", text).translate(MARKS)
    order = iter(range(20))

    def place(found: "re.Match[str]") -> str:
        number = re.match(r"%(\d+)\$", found[0])
        return f"{{{int(number[1]) - 1 if number else next(order)}}}"

    text = _PLACE.sub(place, text)
    for number in hollow:
        text = text.replace(f"{{{number}}}", "").lstrip(" :\u00a0")
    return text.strip() if "{" in text else text


def _hollow(domain: str, message: str) -> Tuple[int, ...]:
    """Places that hold no part of the message: make's first and last, the program's name of wget."""
    if domain not in ("make", "wget") or not message.startswith("%s"):
        return ()
    return (0, message.count("%") - 1) if domain == "make" else (0,)


def _lines(message: str) -> List[str]:
    return message.strip("\n").splitlines()


if __name__ == "__main__":
    main()

"""Finds rules by the words of a question, in English or Chinese. Pure."""

import math
import re
from typing import Dict, Iterator, List, Pattern, Set, Tuple

from envdoctor.catalogue import Rule

#: Chinese words of the field, with the English words that the pages use for them; longer ones are looked for first.
CHINESE: Dict[str, str] = {
    "编译器": "compiler",
    "编译": "compile build",
    "编译失败": "compile build fails",
    "构建": "build",
    "架构": "architecture",
    "算力": "architecture capability",
    "计算能力": "capability architecture",
    "显卡": "gpu",
    "驱动": "driver",
    "内核镜像": "kernel image",
    "头文件": "header include",
    "链接": "link linker",
    "链接器": "linker",
    "动态库": "shared library",
    "共享库": "shared library",
    "静态库": "static library",
    "动态链接库": "shared library loader",
    "符号": "symbol",
    "未定义": "undefined",
    "重复定义": "duplicate multiple definition",
    "找不到": "missing found find",
    "缺少": "missing",
    "没有安装": "installed missing",
    "未安装": "installed missing",
    "版本": "version",
    "不匹配": "mismatch",
    "不一致": "mismatch",
    "不兼容": "incompatible mismatch",
    "不支持": "unsupported",
    "太旧": "old",
    "过旧": "old",
    "太低": "low old",
    "过低": "low old",
    "太新": "new",
    "过新": "new",
    "过高": "new",
    "内存": "memory",
    "内存不足": "memory killed",
    "被杀": "killed",
    "杀死": "killed",
    "显存": "memory gpu",
    "磁盘": "disk",
    "空间": "space",
    "空间不足": "space disk full",
    "网络": "network",
    "超时": "timed network",
    "下载": "download network",
    "代理": "proxy",
    "证书": "certificate ssl",
    "镜像": "index mirror",
    "镜像源": "index mirror",
    "子模块": "submodule",
    "克隆": "clone git",
    "密钥": "ssh key",
    "权限": "permission writable",
    "环境变量": "environment variable",
    "路径": "path",
    "虚拟环境": "environment interpreter",
    "隔离": "isolation isolated",
    "离线": "offline wheel folder",
    "轮子": "wheel",
    "依赖": "dependency requirement",
    "冲突": "conflict incompatible",
    "解释器": "interpreter",
    "工具链": "toolkit",
    "工具包": "toolkit",
    "缓存": "cache stale",
    "崩溃": "crash",
    "段错误": "crash signal",
    "标准": "standard",
    "导入": "import",
    "模块": "module",
    "哈希": "hash",
    "校验": "hash",
    "架构列表": "architecture list",
    "多卡": "visible device gpu",
    "可见": "visible",
    "容器": "container",
    "安装": "install",
}
#: What many ask in few words, which stand on many pages: the rules that are mostly meant, before those that are found.
ASKED: Tuple[Tuple[Pattern[str], Tuple[str, ...]], ...] = (
    (re.compile(r"permission|权限|access (?:is )?denied"), ("path-not-usable",)),
    (
        re.compile(
            r"(?:no module named|(?:not|n't) (?:find|see|import)|missing|cannot import|找不到|没有)"
            r"\W*(?:package |module )?'?torch\b"
            r"|torch'? (?:is )?(?:missing|not (?:found|installed))|torch\W*(?:找不到|未安装|没有安装)"
        ),
        ("build-isolation-hides-torch", "python-dependency-missing"),
    ),
    (
        re.compile(r"\bpip\b\W*(?:install )?\W*(?:fail|error|does not work|安装失败|失败|报错|出错)"),
        ("network-failure", "wheel-tag-mismatch", "build-isolation-hides-torch", "python-externally-managed"),
    ),
)
#: What is said where something is missing: pages say that word.
_MISSING = re.compile(
    r"\b(?:not (?:found|installed|there|available)|(?:can't|cannot|could not|couldn't) find|doesn't exist"
    r"|no such (?:file(?: or directory)?|module)|no module named)\b"
)
#: Of what a question says, by the rarity of its words, the least that a page must speak of.
_ENOUGH = 0.4
_WORD = re.compile(r"[a-z0-9][a-z0-9_+.]*[a-z0-9+]|[a-z0-9]")
_COMMON = frozenset(
    "a an the and for with not can cannot is are was in of to my our me we you i so when how why what which who error"
    " failed fails fail it its on do does did get gets got use using want need problem issue help please from at by"
    " be".split()
)


def search(question: str, known: Tuple[Rule, ...]) -> List[Rule]:
    """Rules whose name, title or page has most of the question's words, the best first; rare words count most."""
    wanted = set(_words(_MISSING.sub(" missing ", _in_english(question)))) - _COMMON
    texts = {rule: (set(_words(f"{rule.name} {rule.title}")), set(_words(rule.page))) for rule in known}
    rarity = {word: _rarity(word, texts) for word in wanted}
    enough = _ENOUGH * sum(rarity.values())
    scores = {
        rule: sum(weight * (3 * (word in title) + (word in page)) for word, weight in rarity.items())
        for rule, (title, page) in texts.items()
        if sum(weight for word, weight in rarity.items() if word in title | page) >= enough
    }
    best = max(scores.values(), default=0.0)
    found = [rule for rule, score in scores.items() if score > 0 and score >= best / 2]
    meant = [name for pattern, names in ASKED if pattern.search(question.lower()) for name in names]
    first = sorted((rule for rule in known if rule.name in meant), key=lambda rule: meant.index(rule.name))
    return list(dict.fromkeys([*first, *sorted(found, key=lambda rule: (-scores[rule], rule.name))]))


def _rarity(word: str, texts: Dict[Rule, Tuple[Set[str], Set[str]]]) -> float:
    """What no page has counts as much as what one has: nothing then answers the whole question.

    That something is missing says less than what is.
    """
    pages = sum(word in page or word in title for title, page in texts.values())
    return math.log(1 + len(texts) / max(1, pages)) / (3 if word == "missing" else 1)


def _words(text: str) -> Iterator[str]:
    """Lower case, without a plural's s; a name of several parts as a whole and in parts."""
    for word in _WORD.findall(text.lower().replace("-", " ")):
        for part in {word, *re.split(r"[_.+]", word)}:
            if part:
                yield part[:-1] if len(part) > 3 and part.endswith("s") and not part.endswith("ss") else part


def _in_english(question: str) -> str:
    for word in sorted(CHINESE, key=len, reverse=True):
        if word in question:
            question = question.replace(word, f" {CHINESE[word]} ")
    return question

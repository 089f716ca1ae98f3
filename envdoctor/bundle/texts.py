"""What a bundle says to the person at the target, and the script that installs it. Pure."""

from typing import Dict, Sequence

from envdoctor.bundle.layout import Contents

_INSTALL = """#!/bin/sh
# Installs this bundle into a new virtual environment: ./install.sh DIR
# Needs nothing but a Python that the bundle is for (PYTHON=... names one) and no network.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
if [ $# -ne 1 ]; then
    echo "usage: $0 DIR    (a new folder; PYTHON=/path/to/python names another interpreter)" >&2
    exit 2
fi
for python in ${PYTHON:-@PYTHONS@}; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then
        exec "$python" -I "$here/envdoctor.pyz" bundle install "$here" --venv "$1"
    fi
done
echo "$0: none of these runs here: ${PYTHON:-@PYTHONS@}; name one with PYTHON=/path/to/python" >&2
exit 2
"""
_README = """# @TITLE@

@COUNT@ wheels, for machines without a network:

@TARGETS@

    ./install.sh DIR

makes a virtual environment in DIR, which must be new. It first compares every file with `SHA256SUMS` and looks whether this
machine can run what is in here; when something is wrong it says so and nothing is changed. `rm -r DIR` takes it away again.

Other ways, each without a network: `pip install --no-index --require-hashes -r requirements/TARGET.txt --find-links wheels`,
`pip install -r pylock.TARGET.toml` (pip 26.1 or newer), or `simple/` as an index: `--index-url file://$PWD/simple`.
`python3 envdoctor.pyz check` says what is wrong with this machine. What was tried before this left is in `proof.json`.
"""
_README_ZH = """# @TITLE@

共 @COUNT@ 个 wheel，供没有网络的机器使用：

@TARGETS@

    ./install.sh DIR

会在 DIR（必须是新目录）中建立虚拟环境。安装前先用 `SHA256SUMS` 校验每个文件，并检查本机能否运行其中的内容；
如有问题会说明原因，且不作任何改动。删除时执行 `rm -r DIR` 即可。

其他离线安装方式：`pip install --no-index --require-hashes -r requirements/TARGET.txt --find-links wheels`、
`pip install -r pylock.TARGET.toml`（需要 pip 26.1 或更新），或把 `simple/` 当作索引：`--index-url file://$PWD/simple`。
`python3 envdoctor.pyz check` 会说明本机环境的问题。出发前做过的验证记录在 `proof.json` 中。
"""


def texts(contents: Sequence[Contents]) -> Dict[str, str]:
    """Path in the bundle -> text."""
    minors = dict.fromkeys("python{}.{}".format(*one.target.minor) for one in contents)
    words = {
        "@PYTHONS@": " ".join([*minors, "python3", "python"]),
        "@TITLE@": ", ".join(dict.fromkeys(each for one in contents for each in one.requested)),
        "@COUNT@": str(len({each for one in contents for each in one.packages})),
        "@TARGETS@": "\n".join(
            f"- Python {one.target.python}, {one.target.machine}, glibc {'{}.{}'.format(*one.target.glibc)} +: "
            f"{len(one.packages)}" for one in contents
        ),
    }
    files = {"install.sh": _INSTALL, "README.md": _README, "README.zh.md": _README_ZH}
    return {path: _filled(text, words) for path, text in files.items()}


def _filled(text: str, words: Dict[str, str]) -> str:
    for name, value in words.items():
        text = text.replace(name, value)
    return text

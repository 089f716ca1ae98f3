"""Settings of pip, conda, git and proxies: which file says what, and what is in force."""

from typing import Any

import pytest

from envdoctor.probes.configuration import probe
from envdoctor.probes.environment import probe as environment
from tests.factory import python
from tests.fakes import FakeHost


def look(files=None, interpreter=None, unreadable=(), **env):
    host = FakeHost(files=files or {}, env={"HOME": "/h", **env}, unreadable=unreadable)
    return probe(host, environment(host), interpreter), host


def forced(found, tool, name):
    return [setting.value for setting in found.effective(tool, name)]


def rows(found, *fields) -> Any:
    return [tuple(getattr(setting, field) for field in fields) for setting in found.settings]


def test_a_machine_without_any():
    found, host = look()
    assert not found.settings
    assert not host.notes


def test_pip_reads_its_files_in_its_order():
    files = {
        "/etc/xdg/pip/pip.conf": "[global]\ntimeout = 1\nretries = 1\n",
        "/etc/pip.conf": "[global]\ntimeout = 2\n",
        "/h/.pip/pip.conf": "[global]\ntimeout = 3\n",
        "/h/.config/pip/pip.conf": "[global]\n\n# mine\ntimeout = 4\n[install]\ntimeout = 9\n",
        "/venv/pip.conf": "[global]\nTimeOut: 5\n",
    }
    found, _ = look(files, python())
    assert rows(found, "name", "value", "source", "line", "wins") == [
        ("global.timeout", "1", "/etc/xdg/pip/pip.conf", 2, False),
        ("global.retries", "1", "/etc/xdg/pip/pip.conf", 3, True),
        ("global.timeout", "2", "/etc/pip.conf", 2, False),
        ("global.timeout", "3", "/h/.pip/pip.conf", 2, False),
        ("global.timeout", "4", "/h/.config/pip/pip.conf", 4, False),
        ("install.timeout", "9", "/h/.config/pip/pip.conf", 6, True),
        ("global.timeout", "5", "/venv/pip.conf", 2, True),
    ]
    found, _ = look({**files, "/own.conf": "[global]\ntimeout = 6\n"}, python(), PIP_CONFIG_FILE="/own.conf")
    assert forced(found, "pip", "global.timeout") == ["6"]
    assert not [setting for setting in found.settings if setting.source.startswith("/h/")]
    assert not look(files, python(), PIP_CONFIG_FILE="/dev/null")[0].settings


def test_pips_variables_beat_every_section_unless_they_are_empty():
    files = {
        "/etc/pip.conf": "[global]\nindex-url = https://a\n[install]\nno_build_isolation = no\nindex-url = https://b\n"
    }
    found, _ = look(files, PIP_INDEX_URL="https://c", PIP_NO_BUILD_ISOLATION="")
    assert [(s.name, s.value) for s in found.settings if s.wins] == [
        ("install.no-build-isolation", "no"),
        ("global.index-url", "https://c"),
    ]


def test_pips_lists_keep_their_values_and_lines_and_replace_weaker_ones():
    text = "[global]\nfind-links =\n    /a\n    # not this\n    /b /c\nextra-index-url = https://x\n   https://y\n"
    files = {"/etc/pip.conf": text, "/h/.pip/pip.conf": "[global]\nextra-index-url = https://z\n"}
    found, _ = look(files)
    assert [(s.value, s.line) for s in found.effective("pip", "global.find-links")] == [
        ("/a", 3),
        ("/b", 5),
        ("/c", 5),
    ]
    assert forced(found, "pip", "global.extra-index-url") == ["https://z"]


def test_a_file_that_pip_cannot_read_is_noted():
    files = {
        "/etc/pip.conf": "index-url = https://a\n",
        "/h/.pip/pip.conf/x": "",
        "/h/.config/pip/pip.conf": "[global]\n",
    }
    found, host = look(files, unreadable=["/h/.config/pip/pip.conf"])
    assert not found.settings
    assert {source for source, _ in host.notes} == {
        "/etc/pip.conf",
        "/h/.pip/pip.conf",
        "/h/.config/pip/pip.conf",
    }


def test_an_option_that_looks_like_a_section():
    found, host = look({"/etc/pip.conf": "[global]\n[odd = 1\ntimeout = 2\n"})
    assert rows(found, "name", "value") == [("global.[odd", "1"), ("global.timeout", "2")]
    assert not host.notes


def test_conda_merges_lists_and_lets_the_last_single_value_win():
    mine = """\
# company set-up
channels:
  - https://mirror.corp/t/abcd-1234/conda-forge
  - "nvidia"   # drivers
ssl_verify: false
proxy_servers:
    http: http://me:secret@proxy.corp:8080
    'https://a.b': http://proxy2:1
custom_multichannels:
  ours:
  - local
  - http://x#y
auto_update_conda: false
"""
    files = {
        "/etc/conda/.condarc": "channels: [defaults, 'bioconda']\nssl_verify: true\n---\n",
        "/h/.condarc": mine,
        "/opt/conda/envs/x/.condarc": "proxy_servers:\n  http: http://later\n",
        "/opt/conda/condarc.d/a.yml": "channel_alias: https://c\n",
        "/opt/conda/condarc.d/a.txt": "offline: true\n",
    }
    found, host = look(files, CONDA_PREFIX="/opt/conda/envs/x")
    assert forced(found, "conda", "channels") == [
        "defaults",
        "bioconda",
        "https://mirror.corp/t/***/conda-forge",
        "nvidia",
    ]
    assert forced(found, "conda", "ssl_verify") == ["false"]
    assert forced(found, "conda", "proxy_servers.http") == ["http://later"]
    assert forced(found, "conda", "proxy_servers.https://a.b") == ["http://proxy2:1"]
    assert forced(found, "conda", "custom_multichannels.ours") == ["local", "http://x#y"]
    assert forced(found, "conda", "channel_alias") == ["https://c"]
    assert not [s for s in found.settings if s.name in ("auto_update_conda", "offline")]
    (hidden,) = [s for s in found.settings if s.name == "proxy_servers.http" and not s.wins]
    assert (hidden.value, hidden.source, hidden.line) == ("http://***@proxy.corp:8080", "/h/.condarc", 7)
    assert not host.notes


def test_condas_named_file_and_variables_come_last():
    files = {"/h/.condarc": "offline: false\n", "/rc": "offline: true\n"}
    assert forced(look(files, CONDARC="/rc")[0], "conda", "offline") == ["true"]
    found, _ = look(files, CONDARC="/rc", CONDA_OFFLINE="no", CONDA_CHANNELS="a,b")
    assert forced(found, "conda", "offline") == ["no"]
    assert forced(found, "conda", "channels") == ["a", "b"]


@pytest.mark.parametrize("text", ["channels\n", "- a\n", "channels:\n  - a\n  b\n", "{channels: [a]}\n"])
def test_yaml_that_is_not_understood_is_noted(text):
    _, host = look({"/h/.condarc": text})
    assert [source for source, _ in host.notes] == ["/h/.condarc"]


GIT = """\
# a comment \\
[user]
\tname = nobody
[url "https://github.com/"]
\tinsteadOf = git@github.com:
\tinsteadOf = "ssh://git@github.com/"   ; both
[url "https://me:secret@git.corp/"] insteadOf = corp:
[http]
\tproxy = proxy.corp:3128
\tSSLVERIFY
[http "https://weak.example.com"]
\tsslVerify = false
[core]
\tsshCommand = ssh -i \\"my key\\" \\
-o X=y
[include]
\tpath = more.inc
\tpath = ~/far.inc
"""


def test_git_reads_system_user_and_included_files():
    files = {
        "/etc/gitconfig": "[http]\n\tproxy = old:1\n",
        "/h/.config/git/config": '[protocol "file"]\nallow = always\n',
        "/h/.gitconfig": GIT,
        "/h/more.inc": "[http]\n\tsslCAInfo = /ca.pem\n[include]\n\tpath = never.inc\n",
        "/h/far.inc": "[http]\n\tproxy = far:1\n",
        "/h/never.inc": "[http]\n\tproxy = never:1\n",
    }
    found, _ = look(files)
    assert rows(found, "name", "value", "line", "wins") == [
        ("http.proxy", "old:1", 2, False),
        ("protocol.file.allow", "always", 2, True),
        ("url.https://github.com/.insteadOf", "git@github.com:", 5, True),
        ("url.https://github.com/.insteadOf", "ssh://git@github.com/", 6, True),
        ("url.https://***@git.corp/.insteadOf", "corp:", 7, True),
        ("http.proxy", "proxy.corp:3128", 9, False),
        ("http.sslVerify", "true", 10, True),
        ("http.https://weak.example.com.sslVerify", "false", 12, True),
        ("core.sshCommand", 'ssh -i "my key" -o X=y', 14, True),
        ("http.sslCAInfo", "/ca.pem", 2, True),
        ("http.proxy", "far:1", 2, True),
    ]


def test_gits_variables_choose_files_and_set_values():
    files = {
        "/etc/gitconfig": "[http]\nproxy = a\n",
        "/h/.gitconfig": "[http]\nproxy = b\n",
        "/g": "[http]\nproxy = c\n",
    }
    assert forced(look(files)[0], "git", "http.proxy") == ["b"]
    assert forced(look(files, GIT_CONFIG_GLOBAL="/g")[0], "git", "http.proxy") == ["c"]
    assert forced(look(files, GIT_CONFIG_GLOBAL="/dev/null")[0], "git", "http.proxy") == ["a"]
    assert not look(files, GIT_CONFIG_GLOBAL="", GIT_CONFIG_NOSYSTEM="1")[0].settings
    found, _ = look(
        files,
        GIT_CONFIG_COUNT="2",
        GIT_CONFIG_KEY_0="url.https://github.com/.insteadof",
        GIT_CONFIG_VALUE_0="git@github.com:",
        GIT_CONFIG_KEY_1="http.proxy",
        GIT_CONFIG_VALUE_1="",
    )
    assert forced(found, "git", "url.https://github.com/.insteadOf") == ["git@github.com:"]
    assert forced(found, "git", "http.proxy") == [""]
    assert not look({}, GIT_CONFIG_COUNT="many")[0].settings


def test_proxies_lower_case_wins_and_an_empty_one_switches_off():
    found, _ = look(
        HTTPS_PROXY="http://u:p@a:1", https_proxy="http://b:1", NO_PROXY="x", http_proxy="", HTTP_PROXY="c"
    )
    assert rows(found, "tool", "name", "value", "wins") == [
        ("proxy", "HTTP_PROXY", "c", False),
        ("proxy", "http_proxy", "", False),
        ("proxy", "HTTPS_PROXY", "http://***@a:1", False),
        ("proxy", "https_proxy", "http://b:1", True),
        ("proxy", "NO_PROXY", "x", True),
    ]


def test_no_password_leaves_by_way_of_a_setting():
    files = {
        "/etc/pip.conf": "[global]\nproxy = user:hunter2@proxy:3128\nindex-url = https://user:hunter2@idx/simple\n",
        "/h/.gitconfig": "[http]\nproxy = user:hunter2@proxy:3128\n",
        "/h/.condarc": "channels:\n- https://user:hunter2@c/t/hunter2/x\nproxy_servers: {http: 'u:hunter2@p:1'}\n",
    }
    found, _ = look(files, PIP_EXTRA_INDEX_URL="https://hunter2:x@h/simple", all_proxy="u:hunter2@p:1")
    assert len(found.settings) > 5
    assert "hunter2" not in str(found.settings)

"""What leaves the machine: no home, no user, no credentials."""

import pytest

from envdoctor.scrub import scrub, scrub_text


@pytest.mark.parametrize(
    ("text", "home", "clean"),
    [
        ("/home/ann/venv/bin/python", "/home/ann", "~/venv/bin/python"),
        ("/home/annabel/x", "/home/ann", "/home/USER/x"),
        ("a root cause in /root/x and /opt/root/x", "/root", "a root cause in ~/x and /opt/root/x"),
        ("PATH=/root/bin:/usr/bin:/root", "/root", "PATH=~/bin:/usr/bin:~"),
        ("/usr/bin", "/", "/usr/bin"),
        ("https://me:secret@host/simple", "", "https://***@host/simple"),
        ("me:secret@proxy.example:3128", "", "***@proxy.example:3128"),
        ("git@github.com:NVIDIA/cutlass.git", "", "git@github.com:NVIDIA/cutlass.git"),
        ("ssh://git@github.com/x", "", "ssh://git@github.com/x"),
        ("token ghp_0123456789012345678901234567890123456789", "", "token ***"),
        ("setup.py:12: error", "/root", "setup.py:12: error"),
    ],
)
def test_text(text, home, clean):
    assert scrub_text(text, home) == clean


def test_every_string_of_a_document():
    assert scrub({"a": ["/root/x", 1, None, {"b": "/root"}]}, "/root") == {"a": ["~/x", 1, None, {"b": "~"}]}

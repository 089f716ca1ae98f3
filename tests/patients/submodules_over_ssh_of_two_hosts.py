"""Two submodules go over SSH to two hosts, and git's environment holds a token already."""

RULES = "git-ssh-unreachable"
ALSO = "submodule-not-checked-out"
SAYS = r"Could not read from remote repository|cannot run ssh"
NEEDS = "git make gcc"
BUILD = "git submodule --quiet update --init && make"
OUTPUTS = "project/deps/ink project/deps/pen"
CHANGES = "project/.git"
# As CI systems hand over their token; the servers want it.
ENVIRONMENT = {
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "http.extraHeader",
    "GIT_CONFIG_VALUE_0": "AUTHORIZATION: basic dG9rZW4=",
    "REMOTE_WANTS": "AUTHORIZATION: basic dG9rZW4=",
}
PROJECT = {
    "Makefile": """\
        build/draw.o: draw.c
        \tmkdir -p build
        \t$(CC) -Ideps/pen -Ideps/ink -c draw.c -o $@
    """,
    "draw.c": '#include "ink.h"\n#include "pen.h"\nint draw(void) { return INK * PEN; }\n',
}


def make(box):
    box.repository("remote/team/ink", {"ink.h": "#define INK 2\n"})
    box.repository("remote/team/pen", {"pen.h": "#define PEN 5\n"})
    submodules = {
        "deps/ink": "git@git.example.invalid:team/ink",
        "deps/pen": "ssh://git@code.example.invalid/team/pen",
    }
    box.repository("project", {}, submodules=submodules)
    box.serve_remotes()

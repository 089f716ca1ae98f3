"""A submodule's URL goes over SSH, and there is no key here."""

RULES = "git-ssh-unreachable"
ALSO = "submodule-not-checked-out"
SAYS = r"Could not read from remote repository|cannot run ssh"
NEEDS = "git make gcc"
BUILD = "git submodule --quiet update --init && make"
OUTPUTS = "project/third_party/dots"
CHANGES = "project/.git"
PROJECT = {
    "Makefile": """\
        build/plot.o: plot.c
        \tmkdir -p build
        \t$(CC) -Ithird_party/dots/include -c plot.c -o $@
    """,
    "plot.c": '#include "dots.h"\nint plot(void) { return DOTS; }\n',
}


def make(box):
    box.repository("remote/team/dots", {"include/dots.h": "#define DOTS 3\n"})
    box.repository("project", {}, submodules={"third_party/dots": "git@git.example.invalid:team/dots"})
    box.serve_remotes()

"""A clone without its submodule, whose server cannot be reached from here."""

RULES = "submodule-not-checked-out"
SAYS = r"hash\.h: No such file or directory"
TELLS = r"git submodule update --init"
NEEDS = "git make gcc"
BUILD = "make"
CHANGES = "project/.git"
PROJECT = {
    "Makefile": """\
        build/key.o: key.c
        \tmkdir -p build
        \t$(CC) -Iextern/hash/include -c key.c -o $@
    """,
    "key.c": '#include "hash.h"\nint key(int n) { return HASH(n); }\n',
}


def make(box):
    box.repository("remote/hash", {"include/hash.h": "#define HASH(n) ((n) * 31)\n"})
    box.repository("project", {}, submodules={"extern/hash": "https://git.example.invalid/hash"})

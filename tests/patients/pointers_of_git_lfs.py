"""A header is a git-lfs pointer: the clone was made without git-lfs."""

RULES = "lfs-pointer"
SAYS = r"error: (unknown type name .version.|.version. does not name a type)"
TELLS = r"git lfs (pull|install)"
NEEDS = "make gcc"
BUILD = "make"
PROJECT = {
    "Makefile": """\
        build/sine.o: sine.c
        \tmkdir -p build
        \t$(CC) -c sine.c -o $@
    """,
    "sine.c": '#include "table.h"\nfloat sine(int n) { return table[n & 255]; }\n',
    ".gitattributes": "table.h filter=lfs diff=lfs merge=lfs -text\n",
    "table.h": """\
        version https://git-lfs.github.com/spec/v1
        oid sha256:6f2b1c7b7d0d5b3f2a8a3a54c1f0e8e3d1b1a8c0d9f4f5b7e6a2c3d4e5f60718
        size 18412
    """,
}

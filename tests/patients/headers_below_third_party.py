"""Headers of a vendored library lie below third_party, where the build does not look."""

RULES = "include-path-missing"
SAYS = r"ragged/offsets\.h: No such file or directory"
NEEDS = "make g++"
BUILD = "make"
PROJECT = {
    "Makefile": """\
        build/pack.o: src/pack.cpp
        \tmkdir -p build
        \t$(CXX) -O2 -Iinclude -c $< -o $@
    """,
    "include/pack.h": "int pack(const int* lengths, int n);\n",
    "src/pack.cpp": """\
        #include <ragged/offsets.h>
        #include <ragged/util/check.h>
        #include "pack.h"

        int pack(const int* lengths, int n) { return ragged::check(ragged::last_offset(lengths, n)); }
    """,
    "third_party/ragged/include/ragged/offsets.h": """\
        #pragma once
        namespace ragged {
        inline int last_offset(const int* lengths, int n) {
          int at = 0;
          for (int i = 0; i < n; i++) at += lengths[i];
          return at;
        }
        }  // namespace ragged
    """,
    "third_party/ragged/tools/util/include/ragged/util/check.h": """\
        #pragma once
        namespace ragged {
        inline int check(int n) { return n < 0 ? 0 : n; }
        }  // namespace ragged
    """,
}

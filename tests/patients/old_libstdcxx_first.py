"""LD_LIBRARY_PATH brings an older libstdc++ than the one that this g++ links."""

RULES = "libstdcxx-too-old"
SAYS = r"version `GLIBCXX_3\.4\.\d+' not found"
NEEDS = "g++ gcc"
BUILD = """\
python setup.py -q build_ext --build-lib build/lib
cd build/lib && python -c 'import gate'
"""
ENVIRONMENT = {"LD_LIBRARY_PATH": "{box}/opt/viewer/lib"}
PROJECT = {
    "setup.py": """\
        from setuptools import Extension, setup

        setup(name="gate", version="1.0", ext_modules=[Extension("gate", ["gate.cpp"], language="c++")])
    """,
    "gate.cpp": """\
        #include <Python.h>
        #include <condition_variable>

        void pass(std::condition_variable& open, std::unique_lock<std::mutex>& lock) { open.wait(lock); }
        static PyModuleDef module = {PyModuleDef_HEAD_INIT, "gate", nullptr, -1, nullptr};
        PyMODINIT_FUNC PyInit_gate() { return PyModule_Create(&module); }
    """,
}


def make(box):
    box.venv("setuptools")
    versions = "GLIBCXX_3.4 { global: old; local: *; };\n" + "".join(
        f"GLIBCXX_3.4.{number} {{ }} GLIBCXX_3.4{f'.{number - 1}' if number > 1 else ''};\n"
        for number in range(1, 20)
    )
    box.write("opt/viewer/versions", versions)
    box.write("opt/viewer/lib/old.c", "int old;\n")
    box.prepare(
        *("gcc", "-shared", "-fPIC", "opt/viewer/lib/old.c", "-Wl,--version-script=opt/viewer/versions"),
        *("-Wl,-soname,libstdc++.so.6", "-o", "opt/viewer/lib/libstdc++.so.6"),
    )

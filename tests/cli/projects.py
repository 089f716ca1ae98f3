"""Projects that the verbs are called in."""


def refused_by_cmake_4(tmp_path, name):
    """A CMake project that CMake 4 refuses, where `cmake` says that it is 4.1.3."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/cmake"
    program.write_text('#!/bin/sh\necho "cmake version 4.1.3"\n')
    program.chmod(0o755)
    folder = tmp_path / name
    folder.mkdir()
    (folder / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 2.8)\nproject(x CXX)\n")
    return folder

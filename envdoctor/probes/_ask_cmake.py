"""The real cmake, asked which Python it finds, in a throw-away script outside the project."""

import re
from typing import Optional

from envdoctor.facts import FindPackage
from envdoctor.host import Host

_VERSION = re.compile(r"\d+(?:\.\d+)*(?:\.\.\.<?\d+(?:\.\d+)*)?")
_TAKES = re.compile(r"^TAKES=(/.*)$", re.MULTILINE)
# With pyenv's shims on PATH the search starts dozens of shells.
_TIMEOUT = 10.0
# A script knows no platform: its folders come from CMake's own file, which wants one command that scripts lack.
_SCRIPT = """function(_cmake_record_install_prefix)
endfunction()
set(CMAKE_INSTALL_PREFIX /usr/local)
include(${{CMAKE_ROOT}}/Modules/Platform/UnixPaths.cmake)
foreach(policy CMP0094:{location} CMP0148:OLD)
  string(REPLACE ":" ";" words ${{policy}})
  list(GET words 0 name)
  list(GET words 1 value)
  if(POLICY ${{name}})
    cmake_policy(SET ${{name}} ${{value}})
  endif()
endforeach()
find_package({package} {version} QUIET {components})
message("TAKES=${{{variable}}}")
"""


def ask(host: Host, cmake: str, finder: str, package: Optional[FindPackage], new: bool) -> Optional[str]:
    """The interpreter that a finder takes under the policy; None when cmake did not tell."""
    name = finder.split(maxsplit=1)[0][len("Find") :]
    version = package.version if package and _VERSION.fullmatch(package.version or "") else ""
    script = _SCRIPT.format(
        location="NEW" if new else "OLD",
        package=name,
        version=version,
        components="" if name == "PythonInterp" else "COMPONENTS Interpreter",
        variable="PYTHON_EXECUTABLE" if name == "PythonInterp" else f"{name}_EXECUTABLE",
    )
    try:
        with host.scratch({"ask.cmake": script}) as folder:
            answer = host.run(cmake, "-P", "ask.cmake", cwd=folder, timeout=_TIMEOUT)
    except OSError as error:
        host.note(f"asking {cmake}", error.strerror or str(error))
        return None
    found = _TAKES.search(answer.stderr + answer.stdout)
    return found[1] if found else None

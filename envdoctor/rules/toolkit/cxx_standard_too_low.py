"""The C++ standard that the project asks for is below what its headers need.

## What it means

torch's headers need C++17 since 2.1 ("C++17 or later compatible compiler is required to use ATen"), CUTLASS 3
and newer need it too (`namespace "std" has no member "conjunction"`), and since CUDA 13 so do cub, thrust and
libcu++ ("libcu++ requires at least C++ 17"). A project that passes -std=c++14 fails with dozens of errors
inside those headers.

## How envdoctor knows

The highest standard that the project's files ask for, for CUDA and for C++ apart where CMake names them,
against the torch that is installed, the toolkit's release and the headers that the sources include.

In a log, the `#error` of a header that asks for a C++ standard counts, the compiler's `only available with
-std=c++17`, and names of std that came with a newer standard than the one asked for.

## What to do

Raise the standard. Without touching the project: NVCC_APPEND_FLAGS (the last -std wins in nvcc) and a
compiler that reads an older -std as the newer one.

## When to ignore it

When the files with the low standard include none of those headers.
"""

from typing import Iterator, List, NamedTuple, Optional

from envdoctor import builders, compat, compiler_cures
from envdoctor.facts import Compilers, Environment, Located, Packages, Project, Toolkit, Torch
from envdoctor.finding import Edit, Evidence, Finding, Fix, Location, Severity
from envdoctor.log import BuildLog
from envdoctor.messages import standards

SEVERITY = Severity.ERROR
ROLES = ("build", "ci")
CUTLASS = ("cutlass/", "cute/")
CUTLASS_NEEDS = 17


class Need(NamedTuple):
    """Which headers ask for which standard; `cuda` alone means CUDA sources only."""

    standard: int
    who: str
    evidence: Evidence
    cuda_only: bool


def check(
    project: Project,
    environment: Environment,
    torch: Optional[Torch],
    toolkit: Optional[Toolkit],
    packages: Optional[Packages],
    compilers: Optional[Compilers],
) -> Iterator[Finding]:
    needs = [*_torch(project, torch), *_cccl(project, toolkit), *_cutlass(project, packages)]
    for need in sorted(needs, key=lambda need: -need.standard):
        told = _told(environment) if project.wants_cuda else None
        asked = told or _asked(project, need.cuda_only)
        if asked is None or _number(asked) >= need.standard:
            continue
        standard = _number(asked)
        yield Finding(
            message=f"{asked.place} asks for C++{standard}, and {need.who} needs C++{need.standard}.",
            consequence="Every source that includes those headers fails.",
            evidence=(Evidence(asked.place, f"C++{standard}"), need.evidence),
            fix=Fix(
                f"Have nvcc and the C++ compilers read it as C++{need.standard}",
                compiler_cures.raised_standard(compilers, environment, need.standard),
                () if told else tuple(_raised(project, need)),
            ),
            location=None if told else Location(asked.file, asked.line),
        )
        return


def _raised(project: Project, need: Need) -> Iterator[Edit]:
    """Every place in the project's own files that asks for less, asking for what is needed."""
    standards = project.cmake.standards if project.cmake else ()
    places = (*standards, *builders.of_build(project, project.cxx_standards))
    lines = {(item.file, item.line): item for item in places if _number(item) < need.standard}
    for (file, line), item in lines.items():
        if line is not None and not file.startswith("/"):
            yield Edit(file, line, item.text.split()[-1], str(need.standard))


def _torch(project: Project, torch: Optional[Torch]) -> List[Need]:
    if torch is None or not builders.includes_torch(project):
        return []
    evidence = Evidence(torch.found_via, f"torch {torch.version}: headers need C++{torch.cxx_standard}")
    return [Need(torch.cxx_standard, f"torch {torch.version}", evidence, False)]


def _cccl(project: Project, toolkit: Optional[Toolkit]) -> List[Need]:
    if toolkit is None or not toolkit.nvcc or toolkit.release < compat.CCCL_NEEDS_17:
        return []
    used = next((item for item in project.includes if item.text.startswith(compat.CCCL_HEADERS)), None)
    if used is None:
        return []
    return [
        Need(
            17,
            f"<{used.text}> of CUDA {toolkit.version}",
            Evidence(used.place, f"includes {used.text}"),
            True,
        )
    ]


def _cutlass(project: Project, packages: Optional[Packages]) -> List[Need]:
    """CUTLASS 3 or newer, by its own version or by CuTe, which came with 3.0."""
    used = next((item for item in project.includes if item.text.startswith(CUTLASS)), None)
    if used is None:
        return []
    version = _cutlass_version(project, packages)
    if version and (compat.release(version.text) or (0, 0)) >= (3, 0):
        said = f"CUTLASS {version.text}"
        return [Need(CUTLASS_NEEDS, said, Evidence(version.place, said), True)]
    cute = next((item for item in project.includes if item.text.startswith("cute/")), None)
    if version is None and cute:
        return [Need(CUTLASS_NEEDS, "CuTe", Evidence(cute.place, f"includes {cute.text}"), True)]
    return []


def _cutlass_version(project: Project, packages: Optional[Packages]) -> Optional[Located]:
    """What its own version.h says, else the version of the installed header package."""
    for item in project.header_versions:
        name, _, version = item.text.partition(" ")
        if name == "cutlass":
            return Located(version, item.file, item.line)
    installed = packages.version("nvidia-cutlass") if packages else None
    return Located(installed, "nvidia-cutlass") if installed else None


def _asked(project: Project, cuda_only: bool) -> Optional[Located]:
    """The highest standard asked for where those headers are read; flags without a language count for both."""
    labelled = project.cmake.standards if project.cmake else ()
    cuda = [item for item in labelled if item.text.startswith("CUDA ")]
    cxx = [item for item in labelled if item.text.startswith("CXX ")]
    chosen = (cuda or cxx if cuda_only else cxx or cuda) or list(
        builders.of_build(project, project.cxx_standards)
    )
    return max(chosen, key=_number, default=None)


def _number(item: Located) -> int:
    return standards.number(item.text.split()[-1])


def _told(environment: Environment) -> Optional[Located]:
    """What nvcc is told behind all else: the last -std in NVCC_APPEND_FLAGS counts, whatever the project says."""
    flags = (environment.get("NVCC_APPEND_FLAGS") or "").split()
    told = [flag.rpartition("+")[2] for flag in flags if flag.startswith(("-std=", "--std="))]
    return Located(told[-1], "NVCC_APPEND_FLAGS") if told and told[-1].isdigit() else None


# "#error" of headers, as gcc, clang, MSVC and nvcc print it. Source: torch, CCCL, libstdc++, abseil, Eigen, protobuf.
_HEADERS = (
    r"C\+\+(?P<standard>\d\d) or later compatible compiler is required",
    r"You need C\+\+(?P<standard>\d\d) to compile PyTorch",
    r"#error\b[^\n]{0,120}\bC\+\+\s?(?P<standard>1[147]|2[036])\b[^\n]{0,120}(?:require|later|newer|greater|higher|support|enabled)",
    (
        r"#error\b[^\n]{0,120}(?:[Rr]equire|at least|less than|only supports"
        r"|[Nn]eed)[^\n]{0,120} [Cc]\+\+\s?(?P<standard>1[147]|2[036])\b"
    ),
    r"compiler and library support for the ISO C\+\+ 20(?P<standard>\d\d) standard",
    (
        r"static assertion failed[^\n]{0,120}\b[Cc]\+\+\s?(?P<standard>1[147]"
        r"|2[036])\b[^\n]{0,120}(?:require|later|newer|at least)"
    ),
)
# The compilers' own words for what the chosen standard lacks. Source: gcc's std-name-hint, MSVC's C2429 and C7525.
_COMPILERS = (
    r"(?:error|note): [^\n]{0,200}only available (?:with|from) '?(?:-std=)?(?:c|gnu|C)\+\+(?P<standard>\d\w)",
    r"error C\d+: .*requires? (?:compiler flag|at least) '/std:c\+\+(?P<standard>\d\w)",
)
# Names of the standard library, by the standard that brought them.
_NAMES = {
    14: "make_unique|exchange|(?:make_)?(?:index|integer)_sequence(?:_for)?|(?:enable_if|decay"
    "|conditional|remove_cv)_t",
    17: "(?:con|dis)junction(?:_v)?|negation(?:_v)?|void_t|bool_constant|is_\\w+_v|optional|nullopt|variant|visit|any"
    "|any_cast|string_view|byte|clamp|apply|invoke|invoke_result(?:_t)?|is_invocable\\w*|filesystem|as_const|gcd|lcm"
    "|scoped_lock|shared_mutex|from_chars|to_chars|launder|monostate|holds_alternative",
    20: "span|bit_cast|remove_cvref(?:_t)?|same_as|convertible_to|integral|floating_point|popcount"
    "|countl_zero|bit_width"
    "|bit_ceil|has_single_bit|numbers|source_location|ranges|strong_ordering|is_constant_evaluated|type_identity(?:_t)?"
    "|jthread|latch|identity",
}
# Source: EDG (nvcc), gcc, clang, MSVC.
_UNKNOWN = (
    r"""namespace ["']std["'] has no member (?:class )?["'](?P<name>{names})["']""",
    r"'(?:std::)?(?P<name>{names})' is not a member of 'std'",
    r"'(?P<name>{names})' in namespace 'std' does not name a",
    r"no (?:member|template|type) named '(?P<name>{names})' in namespace 'std'",
    r"'(?P<name>{names})': is not a member of 'std'",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = log.first(*_HEADERS, *_COMPILERS)
    if hit:
        needed = standards.number(hit["standard"])
        # A compiler that is asked for enough and is still refused does not have it: host-compiler-too-old.
        enough = (standards.lowest_asked(log) or 0) >= needed
        yield hit.finding(
            f"The code or its headers need C++{needed}, and the compiler is asked for an older standard.",
            "Every source that includes those headers fails.",
            _to_raise(needed),
            "medium" if enough else "high",
        )
        return
    for needed, names in sorted(_NAMES.items(), reverse=True):
        hit = log.first(*(pattern.replace("{names}", names) for pattern in _UNKNOWN))
        asked = standards.lowest_asked(log)
        if hit and (asked or 0) < needed:
            yield hit.finding(
                f"std::{hit['name']} came with C++{needed}, and the compiler is asked for an older standard.",
                "The other errors in these headers follow from it.",
                _to_raise(needed),
                "high" if asked or hit["name"] == "conjunction" else "medium",
            )
            return


def _to_raise(needed: int) -> Fix:
    return Fix(
        f"Raise the standard to C++{needed}: -std=c++{needed} in extra_compile_args (cxx and nvcc),"
        f" CMAKE_CXX_STANDARD and CMAKE_CUDA_STANDARD {needed}. With the project as it is: `envdoctor run -- COMMAND`,"
        " whose compilers read an older -std as the newer one. By hand"
        f" NVCC_APPEND_FLAGS=-std=c++{needed} does it for nvcc; CXXFLAGS help g++ only where the project states no -std"
        " of its own, which comes last"
    )

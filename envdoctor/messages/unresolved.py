"""Symbols and shared libraries that a loader says in a log are not there, and whose they are. Pure."""

import posixpath
import re
from dataclasses import dataclass
from typing import Iterator, Optional, Set

from envdoctor import symbols as spelling
from envdoctor.libraries import cuda_major, soname
from envdoctor.log import BuildLog, Hit
from envdoctor.messages import tracebacks

# Source: glibc's dl-lookup.c (several versions), musl's dynlink.c, dyld 2 and 4.
_SYMBOL_MESSAGES = (
    r"(?:(?<![^\s'\"(:])(?P<object>[^\s'\"(:]{1,300}): )?undefined symbol: (?P<name>\S[^\n]{0,400})",
    r"symbol (?P<name>\w+),? version (?P<version>\S+) not defined in file (?P<object>\S+) with link time reference",
    r"Error relocating (?P<object>[^\s:]+): (?P<name>\w+): symbol not found",
    r"(?:dlopen\((?P<object>[^,\n]{1,300}),[^\n]{0,40})?symbol not found in flat namespace \(?'?_(?P<name>\w+)",
    r"Symbol not found: \(?'?_(?P<name>\w+)",
)
# Source: glibc's dl-load.c and ldd, musl's dynlink.c, dyld.
_LIBRARY_MESSAGES = (
    (
        r"(?P<program>shared libraries: )?(?<![^\s:'\"(*])"
        r"(?P<name>[^\s:'\"(*]{1,300}\.so[\w.]*): cannot open shared object file"
    ),
    r"Error loading shared library (?P<name>[^\s:]{1,300}): No such file",
    r"^[^\S\n]*(?P<name>[^\s:]{1,200}\.so[\w.]*) => not found",
    r"Library not loaded: '?(?P<name>[^\s']{1,300})",
)

# Names of torch's own namespaces, C functions and type casters. Source: the Itanium C++ ABI; nm -D on torch 2.14.
_TORCH_SYMBOL = re.compile(
    r"_ZT?[A-Z]*?N?[VKRO]*(?:2at|3c10|5torch|6caffe2|4c10d)\d*\w"
    r"|_ZN8pybind116detail11type_casterIN(?:2at|3c10|5torch)"
    r"|(?:_Z\d+)?(?:THP|THC|THNN|THCP)[A-Z_]|TH(?:Storage|Tensor|Float|Double|Long|Int)\w"
    r"|(?:aoti_torch|torch_library|torch_get|torch_call|torch_list)_\w"
    r"|[^(]*?\b(?:at|c10|torch|caffe2|c10d)::"
)
_TORCH_LIBRARY = re.compile(r"lib(?:c10|torch|caffe2|shm|aoti)\w*\.(?:so|dylib)")
# What takes a std::string in old releases and new ones, so that the spelling alone can be missing. Source: torch's
# c10/util/Exception.h, c10/util/Logging.h and function_schema_parser.h, whose functions got a second argument later.
_IN_EVERY_RELEASE = re.compile(
    r"c105ErrorC|torchInternalAssertFail|torchCheckFail|LogAPIUsage|fromQualString|c10::Error::Error"
    r"|(?:17parseSchemaOrName|11parseSchema)ERKSs$"
)
#: What no module brings itself: Python's own names, the C++ library's, MKL's, and CUDA kernels that rules know.
NOT_ITS_OWN = re.compile(r"iJIT_|mkl_|_{0,2}Py[A-Z_]|_ZN?K?St|_ZNK?7__cxx11|cget_col_row_stats|cquantize")
#: Libraries that come in releases of CUDA and of NVIDIA's packages beside it.
CUDA_FAMILY = re.compile(
    r"lib(?:cudart|cublas|cusparse|cusolver|curand|cufft|cufile|nvrtc|nvJitLink|nvToolsExt|nvblas|npp|cudnn|nccl|cupti"
    r"|nvjpeg|cutensor|nvshmem|nvfatbin|nvinfer)\w*[.-]"
)


@dataclass(frozen=True)
class Symbol:
    """A symbol that the loader does not find."""

    hit: Hit
    #: As it is printed; without an underscore that macOS puts in front.
    name: str
    #: Whose it is, and the version of it that is wanted; "" where it is not told.
    object: str
    version: str

    @property
    def of_torch(self) -> bool:
        return _TORCH_SYMBOL.match(self.name) is not None

    @property
    def string_abi(self) -> Optional[str]:
        """Which std::string it is spelt with: "new", "old", or None."""
        if spelling.has_new_string(self.name) or "std::__cxx11::" in self.name:
            return "new"
        old = self.name.startswith("_Z") and spelling.has_old_string(self.name)
        return "old" if old or re.search(r"std::(?:string|basic_string<char)", self.name) else None

    @property
    def misses_by_string(self) -> bool:
        """Whether torch has the function, spelt with the other std::string."""
        return self.string_abi == "new" or (
            self.string_abi == "old" and _IN_EVERY_RELEASE.search(self.name) is not None
        )

    @property
    def by_torch_itself(self) -> bool:
        """Whether it is a file of torch's that wants it, and no extension's."""
        return re.search(r"(?:^|/)lib(?:torch|c10|shm)\w*\.|/torch/_C\.", self.object) is not None

    @property
    def importable(self) -> bool:
        """Whether the file that wants it is a module that Python imports: no library's name begins otherwise."""
        return (
            re.search(r"\.(?:cpython-|abi3|pypy)\S*so$|(?:^|/)(?!lib)[^/]+\.so$|\.pyd$", self.object)
            is not None
        )


@dataclass(frozen=True)
class Missing:
    """A shared library that the loader does not find."""

    hit: Hit
    name: str
    #: Whether a program does not start, and not Python's import or dlopen.
    program: bool

    @property
    def stem(self) -> str:
        """ "cudart" of "/usr/lib/libcudart.so.12"."""
        return soname(self.name)[0]

    @property
    def version(self) -> str:
        return soname(self.name)[1]

    @property
    def of_torch(self) -> bool:
        return _TORCH_LIBRARY.match(posixpath.basename(self.name)) is not None

    @property
    def cuda_major(self) -> int:
        """CUDA's major version that its name tells; 0 when it tells none."""
        return cuda_major(self.name)

    @property
    def of_driver(self) -> bool:
        """Whether the NVIDIA driver brings it, and no package beside it."""
        return self.stem in (
            "cuda",
            "nvidia-ml",
            "nvcuvid",
            "nvidia-encode",
            "nvidia-ptxjitcompiler",
            "nvoptix",
        )


def symbols(log: BuildLog) -> Iterator[Symbol]:
    """In the order of the log."""
    for hit in log.search(*_SYMBOL_MESSAGES):
        name, _, rest = hit["name"].partition(", version ")
        if re.match(r"\w+(?![\w:<])", name):
            name = (re.match(r"\w+", name) or [name])[0]  # a mangled or C name: prose may follow
        version = hit["version"] or (rest.split() or [""])[0]
        yield Symbol(hit, name.strip(" '\"`)"), hit["object"], version)


def libraries(log: BuildLog) -> Iterator[Missing]:
    """In the order of the log."""
    for hit in log.search(*_LIBRARY_MESSAGES):
        yield Missing(hit, hit["name"], bool(hit["program"]))


def of_other_cuda(log: BuildLog, library: Missing) -> bool:
    """Whether a package that Python imports was built for a CUDA whose libraries are not what is installed.

    torch's own import asks for what belongs to it, and a program, or a library in a build's folder, for what it was
    built beside.
    """
    major = library.cuda_major
    torchs_own = log.has(
        r"from torch\._C import", r"torch[/\\]__init__\.py\", line \d+, in _load_global_deps"
    )
    asking = tracebacks.asking(log, library.hit)
    own_build = bool(re.search(r"[/\\]build[/\\]", asking)) and not tracebacks.INSTALLED.search(asking)
    beside = library.program or torchs_own or own_build
    return bool(major) and not beside and major not in cuda_majors(log)


def cuda_majors(log: BuildLog) -> Set[int]:
    """CUDA major versions that the log names for torch or the system, missing libraries apart."""
    found = log.search(
        r"\+cu(?P<short>\d{2})\d\b",
        r"\b[Cc][Uu][Dd][Aa](?:-| |_)?(?:[Vv]ersion)?\W{0,3}(?P<long>\d{1,2})\.\d",
        r"release (?P<long>\d{1,2})\.\d+, V\d",
    )
    return {int(hit["short"] or hit["long"]) for hit in found}

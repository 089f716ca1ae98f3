"""Healthy facts with few words, for tests of rules: `toolkit(version="12.4")` is a whole toolkit that fits it."""

from typing import Any, Dict, Mapping, Optional, Tuple

from envdoctor import facts as f

LIBRARIES = tuple(
    "cudart cublas cublasLt cusparse cusolver curand cufft nvrtc nvJitLink culibos cuda".split()
)
ARCHITECTURES = {
    "11.8": ("35", "50", "60", "70", "75", "80", "86", "89", "90"),
    "12.4": ("50", "60", "70", "75", "80", "86", "89", "90"),
    "13.0": ("75", "80", "86", "87", "88", "89", "90", "100", "103", "110", "120", "121"),
}


def environment(**variables: str) -> f.Environment:
    """With exactly these variables."""
    return f.Environment(tuple(f.Variable(name, value) for name, value in sorted(variables.items())))


def library(name: str, root: str = "/usr/local/cuda", major: str = "13", **changes: Any) -> f.Library:
    """A library that is there in every form."""
    soname = f"lib{name}.so.{major}"
    values: Dict[str, Any] = {
        "name": name,
        "shared": f"{root}/lib64/{soname}",
        "dev_link": f"{root}/lib64/lib{name}.so",
        "static": f"{root}/lib64/lib{name}_static.a",
        "header": f"{root}/include/{name}.h",
        "stub": f"{root}/lib64/stubs/lib{name}.so",
        "soname": soname,
        "version": major,
    }
    return f.Library(**{**values, **changes})


def toolkit(version: str = "13.0", root: str = "/usr/local/cuda", **changes: Any) -> f.Toolkit:
    """A whole, consistent toolkit of that version."""
    build = f"{version}.88"
    parts = ("nvcc", "cicc", "ptxas", "crt", "cuda.h", "cudart", "cccl")
    major = version.split(".", maxsplit=1)[0]
    values: Dict[str, Any] = {
        "root": root,
        "version": version,
        "build": build,
        "nvcc": f"{root}/bin/nvcc",
        "layout": "runfile",
        "origins": ("/usr/local/cuda",),
        "components": tuple(f.Component(part, f"{root}/{part}", build, "test") for part in parts),
        "libraries": tuple(library(name, root, major) for name in LIBRARIES),
        "include_dirs": (f"{root}/include",),
        "library_dirs": (f"{root}/lib64",),
        "architectures": ARCHITECTURES.get(version, ARCHITECTURES["13.0"]),
        "newest_gcc": {"11": 11, "12": 13}.get(major, 15),
        "newest_clang": 20,
        "lib64": True,
        "profile": True,
        "glibc_2_41_ready": major == "13",
        "error": None,
    }
    return f.Toolkit(**{**values, **changes})


def toolkits(*items: f.Toolkit) -> f.Toolkits:
    """These toolkits."""
    return f.Toolkits(items)


def compiler(version: str = "12.2.0", **changes: Any) -> f.Compiler:
    """A working g++."""
    values: Dict[str, Any] = {
        "name": "g++",
        "path": "/usr/bin/g++",
        "kind": "gcc",
        "version": version,
        "target": "x86_64-linux-gnu",
        "owner": "system",
        "cxx": True,
        "glibcxx": "3.4.30",
        "found_via": "PATH",
    }
    return f.Compiler(**{**values, **changes})


def program(name: str, version: str = "3.25.1", path: str = "", **changes: Any) -> f.Program:
    """A working program that wins."""
    path = path or f"/usr/bin/{name}"
    values: Dict[str, Any] = {
        "name": name,
        "path": path,
        "real": path,
        "version": version,
        "owner": "system",
        "kind": "binary",
        "wins": True,
        "error": None,
        "found_via": "PATH",
    }
    return f.Program(**{**values, **changes})


def tools(*programs: f.Program) -> f.Tools:
    """These programs."""
    return f.Tools(programs)


def python(version: str = "3.11.7", **changes: Any) -> f.Python:
    """A venv's interpreter with headers."""
    minor = ".".join(version.split(".")[:2])
    site = f"/venv/lib/python{minor}/site-packages"
    values: Dict[str, Any] = {
        "executable": "/venv/bin/python",
        "real": f"/usr/bin/python{minor}",
        "version": version,
        "implementation": "cpython",
        "prefix": "/venv",
        "base_prefix": "/usr",
        "kind": "venv",
        "externally_managed": None,
        "include": f"/usr/include/python{minor}",
        "headers": True,
        "soabi": f"cpython-{minor.replace('.', '')}-x86_64-linux-gnu",
        "platform": "linux-x86_64",
        "purelib": site,
        "site_packages": (site,),
        "path": (site,),
        "found_via": "VIRTUAL_ENV",
    }
    return f.Python(**{**values, **changes})


def package(name: str, version: str = "1.0", **changes: Any) -> f.Package:
    """A wheel installed by pip."""
    values: Dict[str, Any] = {
        "name": name,
        "version": version,
        "location": f"/venv/lib/python3.11/site-packages/{name}-{version}.dist-info",
        "kind": "dist-info",
        "installer": "pip",
        "requires": (),
        "requires_python": None,
        "tags": ("py3-none-any",),
    }
    return f.Package(**{**values, **changes})


def packages(*items: f.Package) -> f.Packages:
    """These packages, with pip, setuptools and wheel."""
    usual = tuple(package(*pair) for pair in (("pip", "25.0"), ("setuptools", "75.0"), ("wheel", "0.45")))
    return f.Packages(items + usual)


def module(
    package: Optional[str] = "demo",
    file: str = "_C.cpython-311-x86_64-linux-gnu.so",
    needed: Mapping[str, Optional[str]] = {},
    **changes: Any,
) -> f.CompiledModule:
    """A compiled module of an installed package; `needed` maps sonames to what the loader takes (None: nothing)."""
    values: Dict[str, Any] = {
        "path": f"/venv/lib/python3.11/site-packages/{package}/{file}",
        "package": package,
        "needed": tuple(f.Needed(name, path, path and "ld.so.cache") for name, path in needed.items()),
        "glibc": "2.17",
        "glibcxx": "3.4.19",
        "architectures": (),
        "missing_torch_symbols": (),
    }
    return f.CompiledModule(**{**values, **changes})


def torch(version: str = "2.13.0+cu130", cuda: Any = "13.0", **changes: Any) -> f.Torch:
    """A CUDA build of torch from PyPI."""
    values: Dict[str, Any] = {
        "version": version,
        "cuda": cuda,
        "hip": None,
        "path": "/venv/lib/python3.11/site-packages/torch",
        "cxx11_abi": True,
        "vendor": False,
        "libraries": (),
        "known_architectures": (
            "5.0",
            "6.0",
            "7.0",
            "7.5",
            "8.0",
            "8.6",
            "8.9",
            "9.0",
            "9.0a",
            "10.0",
            "12.0",
        ),
        "cxx_standard": 17,
        "architectures": (),
        "import_error": None,
        "found_via": "torch/version.py",
    }
    return f.Torch(**{**values, **changes})


def driver(*gpus: f.Gpu, **changes: Any) -> f.Driver:
    """A working driver 580 with these GPUs."""
    values: Dict[str, Any] = {
        "kernel_module": "580.159.04",
        "libcuda": "/usr/lib/x86_64-linux-gnu/libcuda.so.580.159.04",
        "libcuda_version": "580.159.04",
        "libcuda_via": "ld.so.cache",
        "cuda_version": "13.0",
        "gpus": gpus,
        "forbidden_nodes": (),
        "error": None,
        "found_via": "NVML",
    }
    return f.Driver(**{**values, **changes})


def gpu(capability: Tuple[int, int] = (9, 0), **changes: Any) -> f.Gpu:
    """One H200-like GPU."""
    values: Dict[str, Any] = {
        "index": 0,
        "name": "NVIDIA H200",
        "compute_capability": capability,
        "memory": 143 << 30,
        "mig": False,
        "mig_devices": 0,
    }
    return f.Gpu(**{**values, **changes})


def setup(*extensions: f.Extension, **changes: Any) -> f.SetupScript:
    """A setup.py that imports setuptools."""
    values: Dict[str, Any] = {
        "file": "setup.py",
        "imports": (f.Located("setuptools", "setup.py", 1),),
        "calls": (),
        "extensions": extensions,
        "requirements": (),
        "variables": (),
        "error": None,
    }
    return f.SetupScript(**{**values, **changes})


def extension(kind: str = "CUDAExtension", **changes: Any) -> f.Extension:
    """One extension of setup.py."""
    values: Dict[str, Any] = {
        "name": "demo._C",
        "kind": kind,
        "sources": ("csrc/demo.cu",),
        "libraries": (),
        "include_dirs": (),
        "flags": (),
        "file": "setup.py",
        "line": 5,
    }
    return f.Extension(**{**values, **changes})


def cmake(minimum: str = "3.18", *languages: str, **changes: Any) -> f.CMakeProject:
    """A CMakeLists.txt with that minimum and these languages."""
    values: Dict[str, Any] = {
        "minimums": (f.Located(minimum, "CMakeLists.txt", 1),),
        "languages": tuple(f.Located(language, "CMakeLists.txt", 2) for language in languages or ("CXX",)),
        "packages": (),
        "standards": (),
        "architectures": (),
        "libraries": (),
        "subdirectories": (),
        "include_dirs": (),
        "downloads": (),
    }
    return f.CMakeProject(**{**values, **changes})


def project(**changes: Any) -> f.Project:
    """A project folder that asks for nothing; name what it does ask for."""
    values: Dict[str, Any] = {
        "root": "/work/demo",
        "name": "demo",
        "builds": ("setup.py",),
        "build_backend": None,
        "build_requires": (),
        "build_system": False,
        "requires_python": None,
        "requirements": (),
        "setup": None,
        "cmake": None,
    }
    lists = (
        "link_names architectures cxx_standards cuda_sources includes unresolved_headers features submodules"
        " lfs_pointers build_folders packages unread"
    )
    return f.Project(**{**values, **dict.fromkeys(lists.split(), ()), **changes})


def system(**changes: Any) -> f.System:
    """Debian 12 on two cores with 24 GiB."""
    values: Dict[str, Any] = {
        "distribution": "debian",
        "distribution_version": "12",
        "distribution_name": "Debian GNU/Linux 12 (bookworm)",
        "family": ("debian",),
        "kernel": "6.1.0",
        "machine": "x86_64",
        "libc": "glibc",
        "libc_version": "2.36",
        "container": None,
        "wsl": None,
        "is_root": False,
        "package_manager": "apt-get",
        "cpu": f.Cpu("test", 2, None, ("avx2",), "/proc/cpuinfo"),
        "memory": f.Memory(24 << 30, 20 << 30, 0, None, "/proc/meminfo"),
        "libstdcxx": (f.RuntimeLibrary("/usr/lib/libstdc++.so.6", "3.4.30", "1.3.13", "system", True),),
        "locale": "C.UTF-8",
        "clock": 1_790_000_000,
        "found_via": "/etc/os-release",
    }
    return f.System(**{**values, **changes})


def at(text: str, file: str = "setup.py", line: int = 1) -> f.Located:
    """A located text."""
    return f.Located(text, file, line)

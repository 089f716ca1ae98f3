"""Finds and loads the compiled library of this package, or says why there is none."""

import ctypes
import sys
from pathlib import Path
from typing import Iterator, List, NamedTuple, Optional

NAME = "libenvdoctor_kernels.so"

OK, INVALID_ARGUMENT, NOT_SUPPORTED, NOT_BUILT, FAILED = range(5)


class LibraryMissing(Exception):
    """There is no compiled library; the text says why and what to do."""


class DeviceImage(NamedTuple):
    """Device code inside the library: address and size as the driver's cuModuleLoadData wants them."""

    name: str
    architectures: str
    address: int
    size: int


def candidates() -> Iterator[Path]:
    """Every place where the library may lie.

    An editable install has its Python files in the source tree and its library in site-packages: the package's
    `__path__` holds both folders, `__file__` only one.
    """
    package = sys.modules[__package__ or "envdoctor"]
    for folder in package.__path__:
        yield Path(folder) / "lib" / NAME


def find() -> Optional[Path]:
    """The library file that would be loaded."""
    return next((path for path in candidates() if path.is_file()), None)


def load() -> ctypes.CDLL:
    """The library with its functions declared; the same object each time."""
    global _loaded  # noqa: PLW0603
    if _loaded is None:
        path = find()
        if path is None:
            raise LibraryMissing(_why_missing())
        try:
            _loaded = _declare(ctypes.CDLL(str(path)))
        except (OSError, AttributeError) as error:
            raise LibraryMissing(f"{path} does not load: {error}; install envdoctor again") from error
    return _loaded


_loaded: Optional[ctypes.CDLL] = None


def _declare(library: ctypes.CDLL) -> ctypes.CDLL:
    """Give each function its types: ctypes would take every value for a 32-bit int."""
    c = ctypes
    pointer = c.POINTER
    for name, result, arguments in (
        ("envdoctor_version", c.c_char_p, []),
        ("envdoctor_status_name", c.c_char_p, [c.c_int]),
        ("envdoctor_last_reason", c.c_size_t, [c.c_char_p, c.c_size_t]),
        ("envdoctor_cpu_level", c.c_int, []),
        ("envdoctor_cpu_level_name", c.c_char_p, [c.c_int]),
        ("envdoctor_device_note", c.c_char_p, []),
        (
            "envdoctor_device_image",
            c.c_int,
            [c.c_int, pointer(c.c_char_p), pointer(c.c_char_p), pointer(c.c_void_p), pointer(c.c_size_t)],
        ),
        (
            "envdoctor_selftest_dot",
            c.c_int,
            [c.c_int, c.c_void_p, c.c_void_p, c.c_int64, pointer(c.c_int32)],
        ),
    ):
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


def _why_missing() -> str:
    places = [path.parent.parent for path in candidates()]
    for place in places:
        archive = next((parent for parent in place.parents if parent.is_file()), None)
        if archive:
            return f"no compiled library: {archive.name} holds Python alone; `pip install .` in a checkout brings it"
    if any((place.parent / "CMakeLists.txt").is_file() for place in places):
        return "no compiled library: this is an unbuilt checkout; `python -m pip install .` builds it"
    return f"no compiled library: {NAME} is not in {' or '.join(map(str, places))}; install envdoctor again"


def version() -> str:
    """The version that the library was built as."""
    return _text(load().envdoctor_version())


def last_reason() -> str:
    """Why the last call of this thread that failed did so."""
    library = load()
    size = library.envdoctor_last_reason(None, 0) + 1
    buffer = ctypes.create_string_buffer(size)
    library.envdoctor_last_reason(buffer, size)
    return _text(buffer.value)


def cpu_level() -> str:
    """The instruction set that CPU kernels will use here: amx, avx512vnni, avx2 or portable."""
    library = load()
    return _text(library.envdoctor_cpu_level_name(library.envdoctor_cpu_level()))


def device_images() -> List[DeviceImage]:
    """All device code in the library; empty in a CPU build, and device_note() says why."""
    library = load()
    found: List[DeviceImage] = []
    name, architectures = ctypes.c_char_p(), ctypes.c_char_p()
    address, size = ctypes.c_void_p(), ctypes.c_size_t()
    while not library.envdoctor_device_image(
        len(found),
        ctypes.byref(name),
        ctypes.byref(architectures),
        ctypes.byref(address),
        ctypes.byref(size),
    ):
        found.append(
            DeviceImage(_text(name.value), _text(architectures.value), address.value or 0, size.value)
        )
    return found


def device_note() -> str:
    """Why the library carries no device code; empty when it does."""
    return _text(load().envdoctor_device_note())


def describe() -> str:
    """One line on the compiled library for `envdoctor --version`. Never raises."""
    try:
        kernels = f"kernels {version()} ({find()}): CPU code up to {cpu_level()} here"
        images = device_images()
        if not images:
            return f"{kernels}; no device code, {device_note()}"
        archs = sorted({arch for image in images for arch in image.architectures.split(",")}, key=_by_number)
        return f"{kernels}; device code for {', '.join(archs)}"
    except LibraryMissing as missing:
        return str(missing)
    except Exception as error:  # a version line must come out, whatever is broken
        return f"no compiled library: {type(error).__name__}: {error}"


def _by_number(arch: str) -> "tuple[bool, int, str]":
    """Machine code before PTX, each from old to new."""
    kind, _, number = arch.partition("_")
    return kind == "compute", int("".join(filter(str.isdigit, number)) or "0"), number


def _text(value: Optional[bytes]) -> str:
    return (value or b"").decode("utf-8", "replace")

"""Facts in few words: one line for a quiet machine, and titled rows for people who want to see them."""

from dataclasses import dataclass
from typing import Any, Callable, Iterator, List, Optional, Tuple

from envdoctor import facts as f
from envdoctor.report.style import Style, clean

Row = Tuple[str, str]
KEY_PACKAGES = (
    "pip",
    "setuptools",
    "wheel",
    "cmake",
    "ninja",
    "scikit-build-core",
    "pybind11",
    "triton",
    "numpy",
)


@dataclass(frozen=True)
class Section:
    """Rows (label, value) on one subject."""

    title: str
    rows: Tuple[Row, ...]


def in_one_line(facts: f.Facts) -> str:
    """What was examined: "build role, Debian GNU/Linux 12, Python 3.11.7, torch 2.13.0+cu130, CUDA 13.0 ..."."""
    parts = [f"{facts.request.role} role", *_project(facts)]
    if isinstance(facts.system, f.System):
        parts.append(facts.system.distribution_name)
    parts += _one("Python", facts.python, lambda python: f"Python {python.version} ({python.kind})")
    parts += _one("torch", facts.torch, lambda torch: f"torch {torch.version}")
    parts += _one(
        "CUDA toolkit", facts.toolkit, lambda toolkit: f"CUDA {toolkit.version or '?'} at {toolkit.root}"
    )
    parts += _one("NVIDIA driver", facts.driver, _gpus)
    overlay = (
        facts.environment.get("ENVDOCTOR_OVERLAY") if isinstance(facts.environment, f.Environment) else None
    )
    parts += [f"inside the overlay {overlay}"] if overlay else []
    return " ".join(", ".join(parts).split())


def sections(facts: f.Facts) -> Tuple[Section, ...]:
    """Everything worth reading, in the order of a build."""
    made: List[Section] = []
    for title, value, rows in (
        ("Machine", facts.system, _system),
        ("Project", facts.project, _project_rows),
        ("Python", facts.python, _python),
        ("Packages", facts.packages, _packages),
        ("PyTorch", facts.torch, _torch),
        ("CUDA toolkits", facts.toolkits, _toolkits),
        ("Driver and GPUs", facts.driver, _driver),
        ("Host compilers", facts.compilers, _compilers),
        ("Build tools", facts.tools, _tools),
        ("Which one is taken", facts.resolution, _resolution),
        ("Loader", facts.loader, _loader),
        ("Folders", facts.folders, _folders),
        ("Configuration", facts.configuration, _configuration),
        ("Environment variables", facts.environment, _environment),
    ):
        made.append(Section(title, tuple(_rows(value, rows))))
    return tuple(made)


def as_text(facts: f.Facts, style: Style) -> str:
    """All sections for a terminal, and what could not be determined."""
    lines: List[str] = []
    for section in sections(facts):
        lines.append(style.paint("strong", section.title))
        for label, value in section.rows:
            lead = f"  {clean(label).ljust(20)} "
            lines += style.wrap(clean(value), lead, " " * 23)
        lines.append("")
    notes = [
        line
        for note in facts.notes
        for line in style.wrap(clean(f"{note.source}: {note.text}"), "  ", "    ")
    ]
    if notes:
        lines += [style.paint("strong", "Could not be determined"), *notes, ""]
    return "\n".join(lines[:-1]) + "\n"


def size(number: Optional[int]) -> str:
    """Bytes as GiB or MiB."""
    if number is None:
        return "unknown"
    return f"{number / (1 << 30):.1f} GiB" if number >= 1 << 30 else f"{number / (1 << 20):.0f} MiB"


def capability(gpu: f.Gpu) -> str:
    """ "9.0"."""
    return f"{gpu.compute_capability[0]}.{gpu.compute_capability[1]}"


def _rows(value: Any, rows: Callable[[Any], Iterator[Row]]) -> Iterator[Row]:
    if isinstance(value, f.Unknown):
        yield "", f"could not be determined: {value.reason}"
    elif isinstance(value, f.NotExamined):
        yield "", "not examined"
    elif value is None:
        yield "", "none"
    else:
        yield from list(rows(value)) or [("", "none")]


def _one(name: str, value: Any, words: Callable[[Any], str]) -> List[str]:
    """One thing in words; what is not known is left out here, because the notes tell it."""
    if isinstance(value, (f.Unknown, f.NotExamined)):
        return []
    return [f"no {name}" if value is None else words(value)]


def _project(facts: f.Facts) -> List[str]:
    project = facts.project
    return (
        [f"project {project.name or project.root}"]
        if isinstance(project, f.Project) and project.builds
        else []
    )


def _gpus(driver: f.Driver) -> str:
    if not driver.gpus:
        return "no GPU"
    kinds = dict.fromkeys(f"{gpu.name} ({capability(gpu)})" for gpu in driver.gpus)
    many = f"{len(driver.gpus)} x " if len(driver.gpus) > 1 else ""
    return many + ", ".join(kinds)


def _system(system: f.System) -> Iterator[Row]:
    yield "system", f"{system.distribution_name}, {system.machine}, kernel {system.kernel}"
    yield "libc", f"{system.libc} {system.libc_version or 'of unknown version'}"
    if system.container or system.wsl:
        yield (
            "runs in",
            ", ".join(part for part in (system.container, system.wsl and f"WSL {system.wsl}") if part),
        )
    quota = f", quota {system.cpu.quota:g}" if system.cpu.quota is not None else ""
    yield "processor", f"{system.cpu.model}, {system.cpu.cores} cores{quota}"
    if system.cpu.isa:
        yield "instruction sets", " ".join(system.cpu.isa)
    limit = f", limited to {size(system.memory.limit)}" if system.memory.limit is not None else ""
    yield "memory", f"{size(system.memory.available)} of {size(system.memory.total)} free{limit}"
    for library in system.libstdcxx:
        taken = ", taken" if library.taken else ""
        yield "libstdc++", f"{library.path} (GLIBCXX {library.glibcxx or 'unknown'}, {library.origin}{taken})"


def _project_rows(project: f.Project) -> Iterator[Row]:
    yield "folder", project.root + (f" ({project.name})" if project.name else "")
    yield "built by", ", ".join(project.builds) or "nothing"
    if project.build_backend:
        yield "build backend", f"{project.build_backend.text} ({project.build_backend.place})"
    if project.build_requires:
        yield "needs to build", ", ".join(item.text for item in project.build_requires)
    if project.requires_python:
        yield "Python", project.requires_python.text
    if project.cmake and project.cmake.minimum:
        languages = " ".join(language.text for language in project.cmake.languages)
        yield "CMake", f"{project.cmake.minimum.text} or newer; {languages}"
    for label, items in (("architectures", project.architectures), ("C++ standards", project.cxx_standards)):
        if items:
            yield label, ", ".join(dict.fromkeys(item.text for item in items))
    if project.cuda_sources:
        yield "CUDA sources", str(len(project.cuda_sources))
    for submodule in project.submodules:
        yield "submodule", f"{submodule.path}: {submodule.state}"


def _python(python: f.Python) -> Iterator[Row]:
    yield "interpreter", f"{python.executable} ({python.kind}, by {python.found_via})"
    yield "version", f"{python.implementation} {python.version}"
    yield "headers", python.include if python.headers else f"no Python.h in {python.include}"
    if python.externally_managed:
        yield "managed by", python.externally_managed


def _packages(packages: f.Packages) -> Iterator[Row]:
    yield "installed", str(len(packages.items))
    for package in packages.items:
        if package.name in KEY_PACKAGES or package.name.startswith(("nvidia-", "torch")):
            yield package.name, package.version


def _torch(torch: f.Torch) -> Iterator[Row]:
    yield "version", torch.version + (" (a vendor's build)" if torch.vendor else "")
    yield (
        "CUDA",
        torch.cuda or (f"none (ROCm {torch.hip})" if torch.hip else "none: a build for the CPU alone"),
    )
    yield "folder", torch.path
    abi = {True: "new", False: "old (pre-C++11)", None: "could not be determined"}[torch.cxx11_abi]
    yield "C++", f"C++{torch.cxx_standard}, {abi} ABI"
    if torch.libraries:
        yield "CUDA libraries", ", ".join(f"{part.name} {part.version or '?'}" for part in torch.libraries)
    if torch.architectures:
        yield "kernels for", " ".join(torch.architectures)
    if torch.import_error:
        yield "import fails", torch.import_error


def _toolkits(toolkits: f.Toolkits) -> Iterator[Row]:
    for toolkit in toolkits.items:
        yield (
            f"CUDA {toolkit.version or '?'}",
            f"{toolkit.root} ({toolkit.layout}; by {', '.join(toolkit.origins)})",
        )
        if toolkit.error:
            yield "", f"nvcc does not work: {toolkit.error}"
        odd = [
            part
            for part in toolkit.components  # CCCL counts for itself
            if part.version and part.name != "cccl" and not _same(part.version, toolkit.version)
        ]
        if odd:
            yield "", "parts of other versions: " + ", ".join(f"{part.name} {part.version}" for part in odd)
        if toolkit.architectures:
            yield "", "compiles for " + " ".join(toolkit.architectures)
        if toolkit.newest_gcc:
            yield "", f"takes gcc up to {toolkit.newest_gcc}"


def _same(version: str, release: Optional[str]) -> bool:
    return release is None or version == release or version.startswith(f"{release}.")


def _driver(driver: f.Driver) -> Iterator[Row]:
    yield "kernel module", driver.kernel_module or "not loaded or not visible"
    yield "libcuda", f"{driver.libcuda} (by {driver.libcuda_via})" if driver.libcuda else "none"
    if driver.cuda_version:
        yield "serves CUDA up to", driver.cuda_version
    for gpu in driver.gpus:
        mig = f", MIG with {gpu.mig_devices} devices" if gpu.mig else ""
        yield f"GPU {gpu.index}", f"{gpu.name}, compute capability {capability(gpu)}, {size(gpu.memory)}{mig}"
    if driver.error:
        yield "NVML", driver.error


def _compilers(compilers: f.Compilers) -> Iterator[Row]:
    for compiler in compilers.items:
        cannot = ", compiles no C++" if compiler.cxx is False else ""
        yield (
            compiler.name,
            f"{compiler.kind} {compiler.version}, {compiler.path} (by {compiler.found_via}{cannot})",
        )


def _tools(tools: f.Tools) -> Iterator[Row]:
    for program in tools.programs:
        wins = (
            ""
            if program.wins
            else ", hidden by an earlier one"
            if program.found_via == "PATH"
            else ", not on PATH"
        )
        yield (
            program.name,
            f"{program.version or program.error or 'version unknown'}, {program.path} ({program.owner}{wins})",
        )


def _resolution(resolution: f.Resolution) -> Iterator[Row]:
    for answer in resolution.answers:
        yield answer.finder, f"{answer.takes or 'nothing'} ({answer.reason}; {answer.how})"


def _loader(loader: f.Loader) -> Iterator[Row]:
    for library in loader.libraries:
        if library.taken:
            stub = ", a stub" if library.taken.stub else ""
            yield library.soname, f"{library.taken.path} (by {library.taken.via}{stub})"


def _folders(folders: f.Folders) -> Iterator[Row]:
    for folder in folders.items:
        marks = [size(folder.free_bytes) + " free"] if folder.exists else ["does not exist"]
        marks += [
            word
            for word, so in (("not writable", not folder.writable), ("noexec", folder.noexec))
            if so and folder.exists
        ]
        yield folder.role, f"{folder.path} ({', '.join(marks)})"


def _configuration(configuration: f.Configuration) -> Iterator[Row]:
    for setting in configuration.settings:
        place = setting.source if setting.line is None else f"{setting.source}:{setting.line}"
        wins = "" if setting.wins else ", not in force"
        yield f"{setting.tool} {setting.name}", f"{setting.value} ({place}{wins})"


def _environment(environment: f.Environment) -> Iterator[Row]:
    for variable in environment.variables:
        yield variable.name, variable.value

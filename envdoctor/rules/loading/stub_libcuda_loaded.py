"""The toolkit's stub of libcuda is on the loader's path.

## What it means

`lib64/stubs/libcuda.so` exists to link on machines without a driver. It has no code behind its functions: a
program that loads it sees "CUDA driver is a stub library" (cudaErrorStubLibrary, cuInit = 34), also where a
driver is installed.

## How envdoctor knows

The loader takes a stub for libcuda, or a folder of LD_LIBRARY_PATH holds one, which programs meet that open
`libcuda.so` by name.

In a log, CUDA's error 34 (`CUDA driver is a stub library`) counts, and a stub's path among loaded libraries.

## What to do

The cure that `envdoctor check` prints takes the stub's folder out of LD_LIBRARY_PATH. Name it in LIBRARY_PATH
for linking only, and never make a link `libcuda.so.1` in it.

## When to ignore it

Never: a stub on the run path helps nobody.
"""

import posixpath
from typing import Iterator, Optional

from envdoctor.facts import Copy, Environment, Loader
from envdoctor.finding import Evidence, Finding, Fix, SetEnv, Severity
from envdoctor.log import BuildLog

SEVERITY = Severity.ERROR


def check(loader: Loader, environment: Environment) -> Iterator[Finding]:
    for entry in loader.get("cuda"):
        if entry.taken is not None and entry.taken.stub:
            yield _finding(entry.taken, environment, Severity.ERROR)
            return
    for entry in loader.get("cuda"):
        for copy in entry.others:
            if copy.stub and copy.via == "LD_LIBRARY_PATH":
                yield _finding(copy, environment, Severity.WARNING)
                return


def _finding(stub: Copy, environment: Environment, severity: Severity) -> Finding:
    taken = severity is Severity.ERROR
    return Finding(
        message=f"The stub {stub.path} {'is loaded as libcuda' if taken else 'is on LD_LIBRARY_PATH'}.",
        consequence="CUDA programs stop: CUDA driver is a stub library."
        if taken
        else "Programs that open libcuda.so by name get the stub: CUDA driver is a stub library.",
        evidence=(Evidence(stub.path, "a stub for linking"), Evidence("found via", stub.via)),
        fix=_fix(stub, environment),
        severity=severity,
    )


def _fix(stub: Copy, environment: Environment) -> Optional[Fix]:
    folder = posixpath.dirname(stub.path)
    folders = environment.folders("LD_LIBRARY_PATH")
    rest = [entry for entry in folders if posixpath.normpath(entry) != posixpath.normpath(folder)]
    if len(rest) == len(folders):
        return Fix(
            f"Take {folder} out of the loader's configuration (run path, /etc/ld.so.conf.d), then run ldconfig"
        )
    return Fix(
        "Take the stub's folder out of LD_LIBRARY_PATH", (SetEnv("LD_LIBRARY_PATH", ":".join(rest) or None),)
    )


# Source: CUDA's error 34, the text that the stub of libnvidia-ml prints, ldd, programs that print what they opened.
_MESSAGES = (
    r"CUDA driver is a stub|cudaErrorStubLibrary|CUDA_ERROR_STUB_LIBRARY",
    r"lib(?:cuda|nvidia-ml)\.so(?:\.1)? => \S*/stubs/\S+",
    r"libnvidia-ml library at wrong path\s?: \S*/stubs/\S+",
    r"(?:[Ll]oaded|[Oo]pened|[Uu]sing)[^\n]{0,60}/stubs/lib(?:cuda|nvidia-ml)\.so",
    r"/stubs/lib(?:cuda|nvidia-ml)\.so[\w.]{0,6}: undefined symbol",
    r"Mapped libcuda\.so paths: \S{0,200}/stubs/",
    r"\[34\] Call to cuInit results in",
    r"libnvidia-ml\.so in GDK package is a stub library",
    r"cuInit(?:\(0\))?[^\n]{0,40}(?:returned|failed|error)\D{0,12}\b34\b",
)


def explain(log: BuildLog) -> Iterator[Finding]:
    hit = log.first(*_MESSAGES)
    if hit:
        yield hit.finding(
            "The toolkit's stub of the driver's library is loaded in place of the driver's own.",
            "It has no code behind its functions: the program sees no GPU, also where a driver is installed.",
            Fix(
                "Take the folder that ends in /stubs out of LD_LIBRARY_PATH and run paths, and remove"
                " a libcuda.so.1 made"
                " in it; name it in LIBRARY_PATH or -L for linking only"
            ),
        )

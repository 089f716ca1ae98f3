"""Lines that tell how it ended and prove no cause: notices, what tools wrap around a failure, success.

Patterns are those of `BuildLog.search`; each stands for the whole of its line.
"""

# Words of single projects, each tuple a part of the table of its kind below. What everybody may say belongs there.
_NOTICES_OF_PROJECTS = (
    # TensorFlow looks for every GPU library, and runs without. Source: dso_loader.cc, cuda_driver.cc.
    r"\b[WI] (?:external/\S+ )?tensorflow/",
    r"tensorflow/(?:stream_executor|compiler|core|tsl)/.*(?:dlerror|cuInit|TF-TRT|libcuda|register factory)",
    # torchao, whose operators were compiled for another torch.
    r"Skipping import of cpp extensions",
    # DeepSpeed, of a toolkit that is not quite torch's. Source: op_builder/builder.py.
    r"APIs are compatible, accepting this combination",
)
_WRAPPERS_OF_PROJECTS = (
    # bitsandbytes, below what it said of its search for CUDA's libraries.
    r"CUDA Setup failed despite GPU being available|Inspect the CUDA SETUP outputs above",
    # vLLM's server, of its engine's process; torch_npu when that process ends.
    r"EngineCore failed to start|EngineDeadError|output_handler failed|ERR99999 UNKNOWN",
)
_FAILURES_OF_PROJECTS = (
    # llama.cpp; torch's ProcessGroupNCCL.
    r"unknown model architecture|Watchdog caught",
)

#: Notices that read like failures, of what goes on without. Their lines are not shown to rules.
BENIGN = (
    *_NOTICES_OF_PROJECTS,
    # pip's resolver says what it left behind; the install goes on. Source: _internal/commands/install.py.
    r"pip's dependency resolver does not currently take into account",
    r"(?<!\S)\S{1,100} \S{1,60} requires [^\n]{1,300}, but you (?:have|'ll have) [^\n]{1,200} which is incompatible",
    # CMake tries features; a test that fails is an answer. Source: CheckCSourceCompiles and kin.
    r"-- (?:Performing Test|Looking for|Check\w*|Try)\b[^\n]*(?:- |\.\.\. ?)(?:[Ff]ailed|not found|no|No|NO)\s*$",
    r"^[ \t]*-{1,2} +(?:\[\w+\] )?(?:Could NOT|Unable to) find ",
    # Feature tests of distutils and numpy.
    r"^_configtest\.c",
    r"Location 'file:[^\n]*' is ignored: it is neither a file nor a directory",
    r"CMake Deprecation Warning|Compatibility with CMake < [\d.]+ will be removed",
    # torch's collect_env, of a machine without AMD's GPUs.
    r"^(?:ROCM used to build PyTorch|HIP runtime version|MIOpen runtime version): N/A",
    # torch's cpp_extension. Source: _check_cuda_version, check_compiler_ok_for_platform, _get_cuda_arch_flags.
    r"has a minor version mismatch with the version that was used",
    r"There are no \S+ version bounds defined for CUDA version",
    r"or its parent directory is not owned or is not writable|Defaulting to user installation because",
    r"The object file directory",
    r"no version information available \(required by|from LD_PRELOAD cannot be preloaded",
    r"TORCH_CUDA_ARCH_LIST is not set, all archs for visible cards are included",
    r"could not find ninja.. Falling back to using the slow distutils backend",
    # nvcc and ptxas.
    r"ptxas info\s*:",
    r"nvcc warning\s*:(?! The -std=)",
    r"Your compiler \([^\n]*\) is not compatible with the compiler Py[Tt]orch was built with",
    r"\bwarning (?:#\d+|C4\d+|D9\d+)",
    # Deprecations and policies.
    r"(?:Deprecation|Future|PendingDeprecation)Warning\b",
    r"^[ \t]*Policy CMP\d+ is not set",
    r"ccache not found",
)

#: Lines of a level below an error, and of what was given up without harm: no sign of a failure by themselves.
NOTICES = (
    r"\bWARN(?:ING)?\b|\bINFO\b|\bDEBUG\b|\b[Ww]arning:|Warning:|^\[?[WI]\d{3,4}\b|\b[WI] [\w/.]+:\d+\]",
    r"[Ff]all(?:ing|s)?\W?back|is disabled|[Dd]isabling|will be removed|[Ss]kipping|[Ii]gnoring|[Rr]etrying",
    r"(?:[Pp]roceeding|[Cc]ontinuing) without",
    r"\b0 (?:tests )?(?:failed|errors?|failures?)\b|no errors?\b|without errors?\b",
    # A warning of CMake's with the lines that belong to it.
    r"^([ \t]*)CMake (?:\w+ )?Warning[^\n]*(?:\n(?:\1[ \t]+[^\n]*)?$)*",
    r"^[ \t]*(?:/\S+/)?(?:nvcc|g\+\+|gcc|c\+\+|cc|clang\S*|ptxas|cicc|cudafe\+\+) -",
    # Progress of ninja and make, which names files; what CMake finds, which names settings.
    r"^[ \t]*\[\d+/\d+\][ \t]|^\[ *\d+%\][ \t]|^--[ \t]",
)

#: What no notice says.
ERROR = r"^\W*(?:[\w.]*(?:Error|Exception):|ERROR\b(?! \[)|fatal\b)|\b(?:fatal )?error: "

#: What wraps a failure: that something failed, not what.
WRAPPERS = (
    *_WRAPPERS_OF_PROJECTS,
    # pip and setuptools.
    r"subprocess-exited-with-error|metadata-generation-failed|legacy-install-failure|failed-wheel-build-for-install",
    r"did not run successfully\.|exit code:(?! ?0\b) \d+|See above for output|\[end of output\]",
    r"This error originates from a subprocess|This is an issue with the package mentioned above",
    r"Failed (?:to build|building wheel for)\b|Could not build wheels for|Failed to build installable wheels",
    r"Encountered error while (?:generating package metadata|trying to install package)",
    r"(?:Installing build|Getting requirements to build|Preparing metadata|Building \w+ for) [^\n]*\.\.\. error",
    r"setup\.py (?:install|develop|bdist_wheel|clean) for [^\n]*error|finished with status 'error'",
    r"[Cc]ommand [^\n]* (?:returned non-zero exit status|failed with|died with|terminated by signal|errored out)",
    r"CalledProcessError|hook failed|Build backend (?:failed|returned an error)|Failed to (?:build|prepare) ",
    r"[Ss]ee (?:root cause|the \w+|stack trace) \(?above|\bsee [\w./-]+\.log\b",
    r"(?:died|exited) unexpectedly|terminated with (?:non-zero )?exit code(?!:? ?0\b)",
    r"The above exception was the direct cause|During handling of the above exception",
    # torch's cpp_extension, ninja, make, CMake.
    r"Error compiling objects for extension|Error building extension '|Error in building extension",
    r"ninja: (?:build stopped|fatal: cannot)|^FAILED: (?!error)|^\[code=\d+\]",
    r"(?:make|ninja)(?:\[\d+\])?: \*\*\*(?![^\n]{0,300}(?:Interrupt|Stop\.|No rule to))",
    r"recipe for target [^\n]{0,300} failed",
    r"Error \d+(?: \(ignored\))?$",
    r"Configuring incomplete|See also [^\n]*CMake\w+\.log|CMake (?:build|configur\w+|Generate step)[^\n]*failed",
    r"^CMake Error: [^\n]*(?:try_compile|Generate step failed)",
    r"^CMake Error at [^\n]*CMakeTest\w+Compiler\.cmake:\d+ \(message\):\n[^\n]*",
    # torch reads the compiler's words as UTF-8.
    r"error\.output\.decode\([^\n]*\n[^\n]*UnicodeDecodeError:[^\n]*",
    # compilers and linkers, of what they said before.
    r"errors? detected in the compilation of|[Cc]ompilation terminated|Error limit reached|errors? generated\.",
    r"final link failed: (?:[Bb]ad value|[Nn]onrepresentable)",
    r"collect2(?:\.exe)?: (?:fatal )?error: ld returned|linker command failed with exit code|LNK1120",
    # docker, runners, systemd.
    r"did not complete successfully|executor failed running|returned a non-zero code|failed to solve",
    r"##\[error\]|Main process exited|Failed with result",
    r"ERROR \[[^\]]*\d+/\d+\]|Process completed with exit code(?! ?0\b)|exited with (?:code|status)(?!:? ?0\b)",
    r"exit status(?! ?0\b) \d+",
    r"(?:error: )?(?:could not|failed to) (?:compile|build) ['\w]|[Bb]uild (?:failed|FAILED)|BUILD FAILED",
    r"Traceback \(most recent call last\)",
)

#: The way to a failure: frames of Python and their source lines, source lines that compilers show, tests of configure.
FRAMES = (r"^[ \t]+File '?\"[^\n]*, line \d+", r"\braise \w+", r"^[ \t]*\d* \| ", r"^checking ")

# A word by itself: of no file's name, option or path.
_ALONE = r"(?<![\w/\\-])(?<!\w\.){}(?![\w/\\-]|\.\w)"

#: What only a failure says, whoever says it.
FAILURES = (
    *_FAILURES_OF_PROJECTS,
    r"\b(?:fatal |internal compiler |syntax |linker )?[Ee]rror ?(?::|\b[A-Z]+\d+|\(\d+\)| code\b(?! ?0\b))",
    r"\bError\(s\)",
    _ALONE.format("(?:ERROR|CRITICAL|fatal|FATAL|FAILED|[Ff]ailed|failure|Killed|Aborted)"),
    r"\b\w*(?:Error|Exception|Expired|Interrupt)\b(?::|\(|$)",
    r"core dumped|Segmentation fault|Illegal instruction|Bus error",
    r"command not found|Too many open files|[Nn]o such file or directory|[Pp]ermission denied|[Cc]annot (?:open|find)",
    # apt, docker, npm, tar; what a script says in Chinese.
    r"^E: |unable to prepare context|Cannot connect to the Docker daemon|invalid reference format|\bERR!",
    r"Error is not recoverable|No rule to make target|recompile with -f(?:PIC|PIE)",
    r"(?<!0\x20)(?:失败|失敗)(?!\w{0,2}[: ]{1,2}0\b)",
    r"undefined (?:symbol|reference)|unresolved external|multiple definition",
    r"error adding symbols|file format not recognized",
    r"terminat(?:ing|e called)|out of memory|bad_alloc|_ASSERT\(|[Aa]ssertion\b[^\n]{0,400}\bfailed|Interrupt$|\^C",
    r"is not (?:a supported wheel|recognized as)|Could not find a version|No matching distribution",
    r"no longer allowed|not supported|is not allowed",
    r"CUDA [Ee]rror|CMake Error(?: at [^\n]{0,300}\n[^\n]+)?|\bError at\b|\*\*\* [^\n]{0,300}Stop\.|error\[E\d+\]",
    r"no such option",
)

#: That it ended well, by the tool that says so.
SUCCESSES = {
    "pip": (
        r"Successfully (?:installed|built) |Finished processing dependencies for|Created wheel for",
        r"finished with status 'done'",
    ),
    "build": (
        r"Build files have been written to|\[100%\] Built target|Installing: /|-- Install configuration",
        r"[Bb]uild (?:succeeded|complete)|Compilation finished",
    ),
    "tests": (r"100% tests passed|\b[1-9]\d* passed\b|^OK$|^PASS(?:ED)?\b",),
    "docker": (r"Successfully tagged ",),
    "apt": (r"^Setting up \S+ \(|^Processing triggers for ",),
}

#: That a tool gave up, by its name: another tool's success does not make it good, but for docker's, which ran all.
#: At the beginning of their line: what one tool starts and goes on without, it indents.
STOPS = {
    "pip": (r"^ERROR: (?:Could not|Cannot|No matching|Failed|Exception|Invalid|Package)",),
    "build": (
        r"^g?make(?:\[\d+\])?: \*\*\* [^\n]*(?:Error \d+|Stop\.|Killed)$",
        r"^ninja: (?:build stopped|error)|^FAILED: ",
        r"^collect2(?:\.exe)?: (?:fatal )?error",
        r"^\S*\bld(?:\.\w+)?: (?:error: |cannot find |[^\n]{0,200}undefined reference)",
        r"^\S{1,200}:\d+(?::\d+)?: (?:fatal )?error: ",
        r"^-- Configuring incomplete",
    ),
    "apt": (r"^E: ",),
}

#: What wrapped a failure, and what makes it show more; the tool nearest to the failure first.
MORE = (
    (
        r"error\.output\.decode\(",
        "The compiler's words are not in UTF-8: build again with VSLANG=1033 and MAX_JOBS=1; it then speaks English",
    ),
    (
        r"ninja: build stopped|Error compiling objects for extension|Error building extension|'ninja', '-v'",
        "Build again with MAX_JOBS=1 and pip install -v . 2>&1 | tee build.log; the cause stands at the first FAILED:",
    ),
    (
        r"Configuring incomplete|CMake(?:Error|Output)\.log|CMakeConfigureLog|'cmake', |cmake .*returned non-zero",
        "Give CMakeFiles/CMakeConfigureLog.yaml of the build folder (before CMake 3.26: CMakeFiles/CMakeError.log)",
    ),
    (
        r"failed to solve|executor failed running|returned a non-zero code",
        "Build again with docker build --progress=plain --no-cache . 2>&1 | tee build.log",
    ),
    (
        r"subprocess-exited|Failed building|-generation-failed|-install-failure|did not run success|setup\.py .* error",
        "Install again with pip install -v ... 2>&1 | tee build.log; the cause stands above pip's first error line",
    ),
    (
        r"make(?:\[\d+\])?: \*\*\*",
        "Build again with make VERBOSE=1 -j1 2>&1 | tee build.log; the cause stands at the first error",
    ),
    (r"[Cc]ommand .* (?:non-zero|failed)", "Run that command by itself: what it prints is missing here"),
)

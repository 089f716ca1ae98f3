"""Lines that tell how it ended and prove no cause: of failure, of success, of what tools wrap around a failure.

Patterns are those of `BuildLog.search`.
"""

#: Notices that read like failures. Their lines are not shown to rules.
BENIGN = (
    # TensorFlow looks for every GPU library, and runs without. Source: dso_loader.cc, cuda_driver.cc.
    r"^.*\b[WI] tensorflow/.*$",
    r"^.*tensorflow/(?:stream_executor|compiler|core)/.*(?:dlerror|cuInit|TF-TRT|libcuda).*$",
    r"^.*Skipping import of cpp extensions.*$",
    # pip's resolver says what it left behind; the install goes on. Source: _internal/commands/install.py.
    r"^.*pip's dependency resolver does not currently take into account.*$",
    r"^.*\S+ \S+ requires .*, but you (?:have|'ll have) .* which is incompatible\.?$",
    # CMake tries features; a test that fails is an answer. Source: CheckCSourceCompiles and kin.
    r"^.*-- (?:Performing Test|Looking for|Check\w*|Try) .*(?:- |\.\.\. ?)(?:[Ff]ailed|not found|no|No|NO)\s*$",
    r"^\s*-{1,2} +Could NOT find .*$",
    # torch's cpp_extension. Source: _check_cuda_version, check_compiler_ok_for_platform.
    r"^.*has a minor version mismatch with the version that was used.*$",
    r"^.*There are no \S+ version bounds defined for CUDA version.*$",
    r"^.*TORCH_CUDA_ARCH_LIST is not set, all archs for visible cards are included.*$",
    r"^.*Attempted to use ninja as the BuildExtension backend but we could not find ninja.. Falling back.*$",
    # nvcc and ptxas.
    r"^.*ptxas info\s*:.*$",
    r"^.*nvcc warning\s*:.*$",
    r"^.*warning (?:#|C)\d+.*$",
    # Deprecations and policies.
    r"^.*(?:DeprecationWarning|FutureWarning|SetuptoolsDeprecationWarning|PendingDeprecationWarning).*$",
    r"^\s*Policy CMP\d+ is not set.*$",
    r"^.*ccache not found.*$",
)

#: What wraps a failure: that something failed, not what.
WRAPPERS = (
    r"subprocess-exited-with-error",
    r"metadata-generation-failed|legacy-install-failure|subprocess.CalledProcessError",
    r"did not run successfully\.",
    r"exit code: \d+",
    r"See above for output",
    r"This error originates from a subprocess, and is likely not a problem with pip",
    r"This is an issue with the package mentioned above, not pip",
    r"Failed (?:to build|building wheel for) ",
    r"Could not build wheels for ",
    r"ERROR: Failed to build installable wheels",
    r"Encountered error while (?:generating package metadata|trying to install package)",
    r"Command .* (?:returned non-zero exit status|failed with error code|died with <Signals) ?",
    r"command .* failed with exit (?:status|code) ",
    r"command .* terminated by signal",
    r"ninja: build stopped",
    r"^FAILED: ",
    r"^\[code=\d+\]",
    r"Error compiling objects for extension",
    r"Error building extension '",
    r"Error 1$|make(?:\[\d+\])?: \*\*\*|gmake(?:\[\d+\])?: \*\*\*",
    r"Configuring incomplete, errors occurred",
    r"See also .*CMake(?:Output|Error)\.log",
    r"errors? detected in the compilation of",
    r"compilation terminated|Compilation terminated|Error limit reached",
    r"collect2: error: ld returned \d+ exit status",
    r"linker command failed with exit code",
    r"did not complete successfully: exit code",
    r"executor failed running",
    r"returned a non-zero code: \d+",
    r"Process completed with exit code [1-9]",
    r"exited with code [1-9]",
    r"(?:Installing build|Getting requirements to build|Preparing metadata|Building \w+ for) .*\.\.\. error",
    r"setup\.py (?:install|develop) for .* error",
    r"finished with status 'error'",
    r"CMake (?:build|configure|process) failed|CMake failed",
    r"error: (?:could not|failed to) (?:compile|build) ",
    r"build failed|Build failed|BUILD FAILED|Build FAILED",
    r"Traceback \(most recent call last\)",
)

#: What only a failure says, whoever says it.
FAILURES = (
    r"\b(?:fatal |internal compiler |syntax |linker )?[Ee]rror ?(?::|\b[A-Z]+\d+|\(\d+\))",
    r"\bERROR\b",
    r"\bfatal\b",
    r"\b\w*(?:Error|Exception|Expired|Interrupt)(?::|\()",
    r"\bFAILED\b",
    r"\b[Ff]ailed\b",
    r"\bKilled\b|已杀死|core dumped|\bAborted\b|Segmentation fault|Illegal instruction",
    r"command not found|No such file or directory|[Pp]ermission denied|cannot open|[Cc]annot find",
    r"undefined (?:symbol|reference)|unresolved external",
    r"terminating (?:with uncaught|due to)|terminate called",
    r"_ASSERT|[Aa]ssertion",
    r"is not (?:a supported wheel|recognized as)|Could not find a version|No matching distribution",
)

#: A failure outside of the domain: the program, the model, the arguments, an interruption.
OUTSIDE = (
    r"CUDA out of memory|OutOfMemoryError|CUDA_ERROR_OUT_OF_MEMORY|out of memory|std::bad_alloc|HIP out of memory",
    r"Failed to allocate|failed to allocate|unable to allocate|No available memory for the cache blocks",
    r"illegal memory access|misaligned address|device-side assert|unspecified launch failure",
    r"NCCL (?:error|WARN)|ncclInternalError|Watchdog caught collective operation timeout",
    r"KeyboardInterrupt|Interrupted by user|\^C",
    r"_ASSERT\(|Assertion .* failed|AssertionError",
    r"\b(?:Key|Value|Type|Index|Name|Attribute|NotImplemented|ZeroDivision|JSONDecode|UnicodeDecode)Error\b",
    r"\b(?:Syntax|Indentation|Recursion|FileNotFound|IsADirectory|ZMQ)Error\b",
    r"unknown model architecture|does not appear to have a file named|error loading model",
    r"[45]\d\d Client Error|GatedRepoError|RepositoryNotFoundError|huggingface_hub\.\w+\.\w+Error",
    r"unrecognized arguments|invalid choice|error: argument |the following arguments are required",
    r"No rule to make target|missing separator|does not appear to contain CMakeLists\.txt",
    r"error C\d{4}:|error: (?!ld returned|command|subprocess|metadata|externally|legacy|could not|can't|linker)",
    r"command not found|No such file or directory",
)

#: What wrapped a failure, and what makes it show more; the tool nearest to the failure first.
MORE = (
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

"""Parts of patterns that several rules' explanations need. Pure."""

#: The rest of the pattern stands in a line that tells an error, or is CMake's fatal message: not in a notice.
IN_ERROR = (
    r"(?:(?:[Ee]rror|ERROR|Exception|fatal|FATAL)\b[^\n]{0,120}"
    r"|CMake Error at [^\n]{0,200} \(message\): [^\n]{0,80})"
)

#: What shows a torch without CUDA beside its "CUDA_HOME environment variable is not set": its version, or an nvcc that
#: answers; a CUDA build of torch would have found it.
CPU_TORCH = (r"\b(?:py)?torch\b[^\n]{0,40}\+cpu\b", r"Cuda compilation tools, release [\d.]+")

"""The processor: its name, its instruction sets by the kernel's names, and how much of it this process has."""

import re
from typing import Dict, Tuple

from envdoctor.facts import Cpu
from envdoctor.host import Host
from envdoctor.probes import _cgroup

_FILE = "/proc/cpuinfo"
# What kernels and compilers' -march choices depend on; the rest of the flags says nothing about arithmetic.
_ISA = re.compile(
    r"(?:avx|amx|sse|ssse3|fma|f16c|bmi|popcnt|movbe|gfni|vaes|vpclmulqdq"
    r"|asimd|sve|sme(?!p)|i8mm|bf16|fphp|fp16|atomics|neon|vsx|vx)[a-z0-9_]*"
)
_ARM_PARTS = {
    ("0x41", "0xd08"): "Cortex-A72",
    ("0x41", "0xd0c"): "Neoverse N1",
    ("0x41", "0xd40"): "Neoverse V1",
    ("0x41", "0xd42"): "Cortex-A78AE",
    ("0x41", "0xd49"): "Neoverse N2",
    ("0x41", "0xd4f"): "Neoverse V2",
    ("0x4e", "0x004"): "NVIDIA Carmel",
}


def cpu(host: Host) -> Cpu:
    """From the first processor of /proc/cpuinfo; all are alike where it matters, or the scheduler hides it."""
    fields = _fields(host.try_text(_FILE, 1 << 16) or "")
    quota = _cgroup.cores(host)
    return Cpu(
        model=_model(fields),
        cores=host.machine().cores,
        quota=quota.value if quota else None,
        isa=_isa(fields),
        found_via=f"{_FILE}, {quota.file}" if quota else _FILE,
    )


def _fields(text: str) -> Dict[str, str]:
    """The first value of each name, lower case: s390x and POWER put theirs before or after the processors."""
    found: Dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.strip().lower(), value.strip())
    return found


def _model(fields: Dict[str, str]) -> str:
    part = (fields.get("cpu implementer", ""), fields.get("cpu part", ""))
    named = fields.get("model name") or fields.get("cpu") or _ARM_PARTS.get(part)
    if named:
        return named
    return f"implementer {part[0]} part {part[1]}" if all(part) else "unknown"


def _isa(fields: Dict[str, str]) -> Tuple[str, ...]:
    """Kernel's names, sorted ("avx512_vnni", "avx_vnni", "amx_int8"; "asimddp", "i8mm", "sve2" on ARM)."""
    words = (fields.get("flags") or fields.get("features") or "").lower().split()
    return tuple(sorted({word for word in words if _ISA.fullmatch(word)}))

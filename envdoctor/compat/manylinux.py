"""What machines of a platform tag have besides glibc."""

from typing import Tuple

from envdoctor.compat.versions import Release

#: glibc -> the newest GLIBCXX_ and CXXABI_ that libstdc++.so.6 has on every machine with that glibc, oldest first.
#: Source: auditwheel 6.8.2, policy/manylinux-policy.json, x86_64 and aarch64 (whose 2.26 has the row of 2.27).
LIBSTDCXX: Tuple[Tuple[Release, str, str], ...] = (
    ((2, 5), "3.4.8", "1.3.1"),
    ((2, 12), "3.4.13", "1.3.3"),
    ((2, 17), "3.4.19", "1.3.7"),
    ((2, 24), "3.4.22", "1.3.10"),
    ((2, 27), "3.4.24", "1.3.11"),
    ((2, 31), "3.4.28", "1.3.12"),
    ((2, 34), "3.4.29", "1.3.13"),
    ((2, 35), "3.4.30", "1.3.13"),
    ((2, 39), "3.4.33", "1.3.15"),
)


def libstdcxx(glibc: Release) -> Tuple[str, str]:
    """Its newest GLIBCXX_ and CXXABI_ for certain, on machines with that glibc or a newer one."""
    rows = [row for row in LIBSTDCXX if row[0] <= glibc] or [LIBSTDCXX[0]]
    return rows[-1][1], rows[-1][2]

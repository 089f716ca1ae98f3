"""Distribution, kernel, C library, container, processor, memory and the copies of libstdc++."""

import re
import shlex
from typing import Dict, Optional, Tuple

from envdoctor.facts import Memory, Python, System
from envdoctor.host import Host
from envdoctor.probes import _cgroup, _container, _libc, _libstdcxx, _processor

# Package managers by ID or ID_LIKE of os-release: a machine may have foreign ones installed as ordinary programs.
_MANAGERS = {
    "debian": ("apt-get",),
    "ubuntu": ("apt-get",),
    "fedora": ("dnf", "microdnf", "yum"),
    "rhel": ("dnf", "microdnf", "yum"),
    "centos": ("dnf", "microdnf", "yum"),
    "amzn": ("dnf", "yum"),
    "azurelinux": ("tdnf",),
    "mariner": ("tdnf",),
    "suse": ("zypper",),
    "opensuse": ("zypper",),
    "alpine": ("apk",),
    "wolfi": ("apk",),
    "arch": ("pacman",),
    "gentoo": ("emerge",),
    "void": ("xbps-install",),
    "nixos": ("nix-env",),
}


def probe(host: Host, python: Optional[Python]) -> System:
    """Read from /etc, /proc and /sys; one child at most, the compiler, says which libstdc++ it links."""
    release, source = _release(host)
    machine = host.machine()
    family = tuple(dict.fromkeys([release.get("ID", "unknown"), *release.get("ID_LIKE", "").split()]))
    libc, libc_version = _libc.libc(host, machine.architecture)
    return System(
        distribution=family[0],
        distribution_version=release.get("VERSION_ID", ""),
        distribution_name=release.get("PRETTY_NAME") or release.get("NAME") or "unknown",
        family=family,
        kernel=machine.kernel,
        machine=machine.architecture,
        libc=libc,
        libc_version=libc_version,
        container=_container.container(host),
        wsl=_container.wsl(machine.kernel),
        is_root=machine.is_root,
        package_manager=_package_manager(host, family),
        cpu=_processor.cpu(host),
        memory=_memory(host),
        libstdcxx=_libstdcxx.libraries(host, machine.architecture, libc, python),
        locale=next((host.env[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if host.env.get(name)), "C"),
        clock=machine.clock,
        found_via=source,
    )


def _release(host: Host) -> Tuple[Dict[str, str], str]:
    """The settings of os-release (shell syntax) and its path."""
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        text = host.try_text(path, 1 << 14)
        if text is not None:
            pairs = re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE)
            return {name: _unquote(value) for name, value in pairs}, path
    return {}, "uname"


def _unquote(value: str) -> str:
    try:
        return "".join(shlex.split(value)[:1])
    except ValueError:
        return value.strip("\"' ")


def _package_manager(host: Host, family: Tuple[str, ...]) -> Optional[str]:
    names = dict.fromkeys(name for kin in family for name in _MANAGERS.get(kin, ()))
    folders = (*host.search_path(), "/usr/bin", "/usr/sbin", "/sbin", "/bin")
    return next((name for name in names if any(host.is_file(f"{folder}/{name}") for folder in folders)), None)


def _memory(host: Host) -> Memory:
    fields = re.findall(r"^(\w+):\s+(\d+) kB", host.try_text("/proc/meminfo") or "", re.MULTILINE)
    sizes = {name: int(size) << 10 for name, size in fields}
    limit = _cgroup.memory(host)
    # Kernels before 3.14 do not say what is available.
    rough = sizes.get("MemFree", 0) + sizes.get("Buffers", 0) + sizes.get("Cached", 0)
    return Memory(
        total=sizes.get("MemTotal", 0),
        available=sizes.get("MemAvailable", rough),
        swap=sizes.get("SwapTotal", 0),
        limit=int(limit.value) if limit else None,
        found_via=f"/proc/meminfo, {limit.file}" if limit else "/proc/meminfo",
    )

"""Whether the machine is a container or Windows' Linux, by the traces that each engine leaves."""

import re
from typing import Dict, Optional

from envdoctor.host import Host

# Files of an engine, most telling first: Kubernetes uses other engines, whose traces are there too.
_FILES = (
    ("/run/secrets/kubernetes.io", "kubernetes"),
    ("/var/run/secrets/kubernetes.io", "kubernetes"),
    ("/.singularity.d", "apptainer"),
    ("/run/.containerenv", "podman"),
    ("/.dockerenv", "docker"),
)
_TRACES = (
    (re.compile(r"/kubelet/|kubepods"), "kubernetes"),
    (re.compile(r"/overlay-containers/|/containers/storage/|/libpod[-_]"), "podman"),
    (re.compile(r"/docker[-/]|/buildkit/"), "docker"),
    (re.compile(r"/lxc(?:\.payload)?[./]"), "lxc"),
    (re.compile(r"containerd"), "containerd"),
)
# Engines mount these from the folder that they keep of a container; an engine's own machine does not.
_MOUNTS = ("/", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf")


def container(host: Host) -> Optional[str]:
    """The engine, None on a machine of its own."""
    for path, engine in _FILES:
        if host.exists(path):
            return engine
    text = "\n".join([host.try_text("/proc/self/cgroup") or "", *_mounted(host).values()])
    for pattern, engine in _TRACES:
        if pattern.search(text):
            return engine
    manager = (host.try_text("/run/systemd/container", 200) or "").strip()
    return manager if manager and manager != "wsl" else None


def wsl(kernel: str) -> Optional[int]:
    """1 or 2 by the kernel's release ("5.15.90.1-microsoft-standard-WSL2"), None elsewhere."""
    if "microsoft" not in kernel.lower():
        return None
    # Version 1 has no Linux kernel and answers with this fixed name.
    return 1 if re.fullmatch(r"4\.4\.0-\d+-Microsoft", kernel) else 2


def _mounted(host: Host) -> Dict[str, str]:
    """What stands behind the folders and files that engines mount, by mount point."""
    found = {}
    for line in (host.try_text("/proc/self/mountinfo") or "").splitlines():
        fields = line.split()
        if len(fields) > 5 and fields[4] in _MOUNTS:
            found[fields[4]] = f"{fields[3]} {line.partition(' - ')[2]}"
    return found

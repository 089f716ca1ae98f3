"""The machine: distribution, C library, container, limits, instruction sets, copies of libstdc++."""

import pytest

from envdoctor.host import Completed, Machine
from envdoctor.probes.system import probe
from tests.factory import python
from tests.fakes import FakeHost
from tests.probes.elves import cache, elf

DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n'
SHELL = {"/bin/sh": elf(interp="/lib64/ld-linux-x86-64.so.2")}
BANNER = b"\0GNU C Library (Debian GLIBC 2.36-9+deb12u4) stable release version 2.36.\n\0"


def look(files=None, **more):
    return probe(FakeHost(files=files or {}, **more), None)


def test_a_plain_machine():
    files = {
        **SHELL,
        "/etc/os-release": DEBIAN,
        "/usr/bin/apt-get": "",
        "/lib64/libc.so.6": BANNER,
        "/proc/meminfo": "MemTotal: 2048 kB\nMemFree: 1 kB\nMemAvailable: 1024 kB\nSwapTotal: 512 kB\n",
        "/proc/cpuinfo": "model name\t: AMD EPYC\nflags\t: fpu avx2 smep avx512_vnni amx_int8 avx_vnni\n",
    }
    host = FakeHost(files=files, env={"LANG": "de_DE.UTF-8", "LC_ALL": ""})
    found = probe(host, None)
    assert (found.distribution, found.distribution_version, found.family) == ("debian", "12", ("debian",))
    assert (found.libc, found.libc_version, found.package_manager) == ("glibc", "2.36", "apt-get")
    assert (found.container, found.wsl, found.locale) == (None, None, "de_DE.UTF-8")
    assert (found.cpu.model, found.cpu.cores, found.cpu.quota) == ("AMD EPYC", 2, None)
    assert found.cpu.isa == ("amx_int8", "avx2", "avx512_vnni", "avx_vnni")
    assert (found.memory.total, found.memory.available, found.memory.swap) == (2 << 20, 1 << 20, 512 << 10)
    assert found.memory.limit is None
    assert not host.notes
    assert not host.calls


def test_a_machine_that_says_nothing():
    found = look()
    assert (found.distribution, found.libc, found.libc_version) == ("unknown", "unknown", None)
    assert (found.package_manager, found.locale, found.libstdcxx) == (None, "C", ())


def test_relatives_decide_the_package_manager_and_foreign_ones_do_not_count():
    rocky = 'NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="8.9"\n'
    found = look(
        {"/usr/lib/os-release": rocky, "/usr/bin/yum": "", "/usr/bin/dnf": "", "/usr/bin/apt-get": ""}
    )
    assert found.family == ("rocky", "rhel", "centos", "fedora")
    assert (found.package_manager, found.found_via) == ("dnf", "/usr/lib/os-release")
    assert look({"/etc/os-release": DEBIAN, "/usr/bin/dnf": ""}).package_manager is None


def test_old_glibc_says_its_version_in_its_name_and_the_cache_where_it_is():
    files = {
        **SHELL,
        "/usr/lib/libc-2.31.so": "",
        "/etc/ld.so.cache": cache(("libc.so.6", "/usr/lib/libc.so.6"), old=True),
    }
    assert look(files, links={"/usr/lib/libc.so.6": "libc-2.31.so"}).libc_version == "2.31"


def test_musl_is_asked_through_its_loader():
    files = {"/bin/sh": elf(interp="/lib/ld-musl-x86_64.so.1"), "/lib64/libc.so.6": BANNER}
    loader = Completed(1, "", "musl libc (x86_64)\nVersion 1.2.4\nDynamic Program Loader\n")
    found = look(files, programs={"/lib/ld-musl-x86_64.so.1": loader})
    assert (found.libc, found.libc_version) == ("musl", "1.2.4")


@pytest.mark.parametrize(
    ("files", "engine"),
    [
        ({"/.dockerenv": ""}, "docker"),
        ({"/.dockerenv": "", "/run/secrets/kubernetes.io/serviceaccount/token": ""}, "kubernetes"),
        ({"/run/.containerenv": ""}, "podman"),
        ({"/.singularity.d/labels.json": ""}, "apptainer"),
        ({"/run/systemd/container": "lxc\n"}, "lxc"),
        ({"/run/systemd/container": "wsl\n"}, None),
        ({"/proc/self/cgroup": "11:memory:/docker/0123abcd\n"}, "docker"),
        ({"/proc/self/cgroup": "0::/\n"}, None),
        (
            {
                "/proc/self/mountinfo": "733 708 254:1 /var/lib/kubelet/pods/8f/etc-hosts /etc/hosts rw,relatime"
                " - ext4 /dev/vda1 rw\n"
            },
            "kubernetes",
        ),
        (  # the machine of a docker daemon, which has its containers' file systems mounted
            {
                "/proc/self/mountinfo": "22 1 254:1 / / rw - ext4 /dev/vda1 rw\n"
                "90 22 0:50 / /var/lib/docker/overlay2/6/merged rw - overlay overlay lowerdir=/var/lib/docker/l\n"
            },
            None,
        ),
    ],
)
def test_containers(files, engine):
    assert look(files).container == engine


@pytest.mark.parametrize(
    ("kernel", "version"),
    [
        ("6.1.0-18-amd64", None),
        ("5.15.90.1-microsoft-standard-WSL2", 2),
        ("4.19.128-microsoft-standard", 2),
        ("4.4.0-19041-Microsoft", 1),
    ],
)
def test_wsl(kernel, version):
    assert look(machine=Machine(kernel, "x86_64", 2, False, 0)).wsl == version


def test_limits_of_version_2_are_the_tightest_above_this_process():
    files = {
        "/proc/self/cgroup": "0::/user.slice/job\n",
        "/proc/self/mountinfo": "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        "/sys/fs/cgroup/user.slice/job/memory.max": "max\n",
        "/sys/fs/cgroup/user.slice/memory.max": "524288000\n",
        "/sys/fs/cgroup/user.slice/job/cpu.max": "150000 100000\n",
        "/sys/fs/cgroup/user.slice/cpu.max": "max 100000\n",
    }
    found = look(files)
    assert (found.memory.limit, found.cpu.quota) == (524288000, 1.5)
    assert "/sys/fs/cgroup/user.slice/memory.max" in found.memory.found_via


def test_limits_of_version_1_in_a_container_that_sees_its_group_as_the_root():
    mounts = "40 31 0:32 /docker/ab /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
    mounts += "41 31 0:33 /docker/ab /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
    files = {
        "/proc/self/cgroup": "4:memory:/docker/ab\n3:cpu,cpuacct:/docker/ab\n1:name=systemd:/docker/ab\n",
        "/proc/self/mountinfo": mounts,
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n",
        "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000\n",
        "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    }
    found = look(files)
    assert (found.memory.limit, found.cpu.quota) == (1 << 30, 0.5)
    files["/sys/fs/cgroup/memory/memory.limit_in_bytes"] = "9223372036854771712\n"
    files["/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us"] = "-1\n"
    found = look(files)
    assert (found.memory.limit, found.cpu.quota) == (None, None)


def test_arm_processors():
    text = "processor\t: 0\nFeatures\t: fp asimd asimddp i8mm sve bf16\nCPU implementer\t: 0x41\nCPU part\t: 0xd4f\n"
    found = look({"/proc/cpuinfo": text})
    assert (found.cpu.model, found.cpu.isa) == ("Neoverse V2", ("asimd", "asimddp", "bf16", "i8mm", "sve"))


SYSTEM = "/lib/x86_64-linux-gnu/libstdc++.so.6"


def library(newest):
    return elf(versions=["GLIBCXX_3.4.9", f"GLIBCXX_{newest}", "CXXABI_1.3", "CXXABI_1.3.13", "CXXABI_TM_1"])


def copies(files, env=None, interpreter=None, **more):
    files = {SYSTEM: library("3.4.30"), "/etc/ld.so.cache": cache(("libstdc++.so.6", SYSTEM)), **files}
    host = FakeHost(files=files, env=env, **more)
    return probe(host, interpreter).libstdcxx, host


def test_one_system_library_that_the_compiler_links_too():
    gcc = "/usr/lib/gcc/x86_64-linux-gnu/12/../../../x86_64-linux-gnu/libstdc++.so.6\n"
    (found,), _ = copies(
        {"/usr/bin/g++": ""},
        {"PATH": "/usr/bin"},
        executables=["/usr/bin/g++"],
        programs={"/usr/bin/g++ -print-file-name=libstdc++.so.6": gcc},
        links={"/usr/lib/x86_64-linux-gnu": "/lib/x86_64-linux-gnu"},
    )
    assert (found.path, found.glibcxx, found.cxxabi) == (SYSTEM, "3.4.30", "1.3.13")
    assert (found.origin, found.taken) == ("system", True)


def test_ld_library_path_wins_over_the_system_and_passes_over_other_machines():
    files = {
        "/old/libstdc++.so.6": library("3.4.19"),
        "/arm/libstdc++.so.6": elf(["GLIBCXX_3.4.31"], machine=183),
    }
    found, _ = copies(files, {"LD_LIBRARY_PATH": "/none:/arm:/old"})
    assert [(one.path, one.glibcxx, one.origin, one.taken) for one in found] == [
        ("/arm/libstdc++.so.6", "3.4.31", "LD_LIBRARY_PATH", False),
        ("/old/libstdc++.so.6", "3.4.19", "LD_LIBRARY_PATH", True),
        (SYSTEM, "3.4.30", "system", False),
    ]


def test_condas_python_takes_condas_by_its_run_path():
    files = {
        "/opt/conda/conda-meta/history": "",
        "/opt/conda/lib/libstdc++.so.6": library("3.4.33"),
        "/opt/conda/bin/python3.11": elf(rpath="$ORIGIN/../lib"),
        "/old/libstdc++.so.6": library("3.4.19"),
    }
    conda = python(prefix="/opt/conda", base_prefix="/opt/conda", real="/opt/conda/bin/python3.11")
    found, _ = copies(files, {"LD_LIBRARY_PATH": "/old", "CONDA_PREFIX": "/opt/conda"}, conda)
    assert [(one.origin, one.taken) for one in found] == [
        ("conda", True),
        ("LD_LIBRARY_PATH", False),
        ("system", False),
    ]
    # With a new-style run path, or another interpreter, it is only a copy that lies there.
    files["/opt/conda/bin/python3.11"] = elf(runpath="$ORIGIN/../lib")
    found, _ = copies(files, {"CONDA_PREFIX": "/opt/conda"}, conda)
    assert [(one.origin, one.taken) for one in found] == [("system", True), ("conda", False)]


def test_a_compilers_own_copy_and_a_preloaded_one():
    files = {
        "/opt/gcc13/bin/g++": "",
        "/opt/gcc13/lib64/libstdc++.so.6": library("3.4.32"),
        "/p/libstdc++.so.6": library("3.4"),
    }
    found, _ = copies(
        files,
        {"CXX": "/opt/gcc13/bin/g++ -O2", "LD_PRELOAD": "/x/libjemalloc.so:/p/libstdc++.so.6"},
        executables=["/opt/gcc13/bin/g++"],
        programs={"g++ -O2 -print-file-name=libstdc++.so.6": "/opt/gcc13/bin/../lib64/libstdc++.so.6\n"},
    )
    assert [(one.path, one.origin, one.taken) for one in found] == [
        ("/p/libstdc++.so.6", "LD_PRELOAD", True),
        (SYSTEM, "system", False),
        ("/opt/gcc13/lib64/libstdc++.so.6", "compiler", False),
    ]


def test_broken_files_are_noted():
    (found,), host = copies({SYSTEM: library("3.4.30")[:100], "/etc/os-release/x": ""})
    assert (found.glibcxx, found.taken) == (None, True)
    assert {source for source, _ in host.notes} == {SYSTEM, "/etc/os-release"}
    _, host = copies({"/etc/ld.so.cache": cache(("libstdc++.so.6", SYSTEM))[:70]})
    assert "/etc/ld.so.cache" in {source for source, _ in host.notes}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LDFLAGS", "-L/old -Wl,-rpath,/old:$ORIGIN"),
        ("LDFLAGS", "-Wl,-rpath -Wl,/old"),
        ("LDFLAGS", "-Wl,-rpath=/old -O1"),
        ("LDFLAGS", "-Xlinker -rpath -Xlinker /old"),
        ("LD_RUN_PATH", "/gone:/old"),
    ],
)
def test_a_copy_that_gets_into_the_run_path_of_what_is_linked(variable, value):
    found, _ = copies({"/old/libstdc++.so.6": library("3.4.19")}, {variable: value})
    assert [(copy.path, copy.origin, copy.taken) for copy in found[1:]] == [
        ("/old/libstdc++.so.6", variable, False)
    ]

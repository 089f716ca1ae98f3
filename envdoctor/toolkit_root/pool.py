"""Files of Debian's archive that a toolkit root takes, with their checksums; more of the package when it moves on."""

from dataclasses import dataclass
from typing import Dict, Tuple

#: Where the archive is. A release that Debian no longer mends moves to the second.
MIRRORS = ("http://deb.debian.org/debian", "http://archive.debian.org/debian")
#: The kernel's name of a machine -> Debian's.
ARCHITECTURES: Dict[str, str] = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Deb:
    """A package as it was when this was written."""

    suite: str  # "bookworm"
    component: str  # "non-free"
    path: str  # in the archive
    sha256: str

    @property
    def name(self) -> str:
        """Its file name."""
        return self.path.rpartition("/")[2]

    @property
    def package(self) -> str:
        """ "nvidia-cuda-toolkit"."""
        return self.name.split("_")[0]

    @property
    def architecture(self) -> str:
        """ "amd64"."""
        return self.name[: -len(".deb")].split("_")[2]

    @property
    def upstream(self) -> str:
        """The version that Debian's own releases of it share: "12.4.131" of 12.4.131~12.4.1-2."""
        return upstream_of(self.name.split("_")[1])


@dataclass(frozen=True)
class Part:
    """One file of a package that is too large to fetch for it."""

    deb: Deb
    member: str  # "usr/lib/x86_64-linux-gnu/libcudart_static.a"
    sha256: str  # of the file

    @property
    def file(self) -> str:
        """ "libcudart_static.a"."""
        return self.member.rpartition("/")[2]

    @property
    def name(self) -> str:
        """What it is called in a folder of wheels."""
        return f"{self.deb.package}_{self.deb.upstream}_{self.deb.architecture}.{self.file}"


def upstream_of(version: str) -> str:
    """Debian's version without what Debian adds to it."""
    for sign in ("~", "+", "-"):
        version = version.partition(sign)[0]
    return version.rpartition(":")[2]


def _runtime(deb: Deb, triplet: str, **sums: str) -> Tuple[Part, ...]:
    return tuple(Part(deb, f"usr/lib/{triplet}/{name}.a", sha256) for name, sha256 in sums.items())


_NVIDIA = "pool/non-free/n/nvidia-cuda-toolkit"

#: (CUDA, machine) -> the package with nvcc. Source: dists/{bookworm,trixie}/non-free/binary-{amd64,arm64}/Packages.xz.
COMPILERS: Dict[Tuple[str, str], Deb] = {
    ("11.8", "x86_64"): Deb(
        "bookworm",
        "non-free",
        f"{_NVIDIA}/nvidia-cuda-toolkit_11.8.89~11.8.0-5~deb12u1_amd64.deb",
        "d1156026e704fe0368b6295db06224ed00a727966fb13454f34e3f3102db0457",
    ),
    ("11.8", "aarch64"): Deb(
        "bookworm",
        "non-free",
        f"{_NVIDIA}/nvidia-cuda-toolkit_11.8.89~11.8.0-5~deb12u1_arm64.deb",
        "792157a3fdd0183024eed94eae9ea5ce76d7925118333cc99449171054ae4fb9",
    ),
    ("12.4", "x86_64"): Deb(
        "trixie",
        "non-free",
        f"{_NVIDIA}/nvidia-cuda-toolkit_12.4.131~12.4.1-2_amd64.deb",
        "cd5fe85aee38d108b315f408a688641478f2402622a10c677478eb7a6c4e5319",
    ),
    ("12.4", "aarch64"): Deb(
        "trixie",
        "non-free",
        f"{_NVIDIA}/nvidia-cuda-toolkit_12.4.131~12.4.1-2_arm64.deb",
        "34c1018e03a87493e2bac39dbb7ca7cff2ca84e64f4556089672ba09c8025858",
    ),
}

#: Their runtime for static linking: 2 MB of a package of 0.7 to 0.9 GB. Source: the files themselves.
PARTS: Dict[Tuple[str, str], Tuple[Part, ...]] = {
    ("11.8", "x86_64"): _runtime(
        Deb(
            "bookworm",
            "non-free",
            f"{_NVIDIA}/nvidia-cuda-dev_11.8.89~11.8.0-5~deb12u1_amd64.deb",
            "dc63bf2fb94aaaf903e9bad0c35f631266077d016b34329ec7af456bd7fed5ec",
        ),
        "x86_64-linux-gnu",
        libcudadevrt="dfc25198a4185fa2ff3e6444a5ebb950f50e3396c441a2b3f61c8b7a81db3294",
        libcudart_static="b926f91d414dcec0b9de05b4d9c72c488e5812df2224a2de77aafb6cf24d8dcf",
    ),
    ("11.8", "aarch64"): _runtime(
        Deb(
            "bookworm",
            "non-free",
            f"{_NVIDIA}/nvidia-cuda-dev_11.8.89~11.8.0-5~deb12u1_arm64.deb",
            "dc4965adc61c3efe63e00ca83becaa24515ac9dc092939ca68fc0b18cb6e83e6",
        ),
        "aarch64-linux-gnu",
        libcudadevrt="9e36712b4f998d642feb5d006651a63ab7ec1d65720901aec11120d4a0967326",
        libcudart_static="3fec56e95aa21705bd66eab12188b431e35aefcfbfb17eafbe92fdf0fddff031",
    ),
    ("12.4", "x86_64"): _runtime(
        Deb(
            "trixie",
            "non-free",
            f"{_NVIDIA}/nvidia-cuda-dev_12.4.127~12.4.1-2_amd64.deb",
            "d846838f914a0176948d48a8bcade5d6dbcccb5c9374343f6475f5503f173ee0",
        ),
        "x86_64-linux-gnu",
        libcudadevrt="2c17a51b5c6c248e92f71284d5c449240c3d649f2e6738ae2238d184ffe4013b",
        libcudart_static="786138c7cba124bfe4c85dc95001aeabc29b6fcf13896ef2c3ac0cc3ff7928ed",
    ),
    ("12.4", "aarch64"): _runtime(
        Deb(
            "trixie",
            "non-free",
            f"{_NVIDIA}/nvidia-cuda-dev_12.4.127~12.4.1-2_arm64.deb",
            "cacf17cf78e8bc35bc17c8a97beddc7d26f4beea8d6b60bb0754c244ea33d78c",
        ),
        "aarch64-linux-gnu",
        libcudadevrt="3a35820065701b3c072fcc64259ac5da1a6f767a041037d1ba1de17ce90a35e5",
        libcudart_static="62eac083acb2fd249d4337ca2bba34ed73cdd8b2b0fc78b1ac0abd0b93970c9d",
    ),
}

#: gcc 11, which both CUDA accept, and the libraries that it runs with. Source: dists/bookworm/main/.
HOST_COMPILERS: Dict[str, Tuple[Deb, ...]] = {
    "x86_64": (
        Deb(
            "bookworm",
            "main",
            "pool/main/g/gcc-11/cpp-11_11.3.0-12_amd64.deb",
            "2fffa4164a7d4103c410fce5b76fae2cb9508e6f0095c99a6f91f686566a22a1",
        ),
        Deb(
            "bookworm",
            "main",
            "pool/main/g/gcc-11/g++-11_11.3.0-12_amd64.deb",
            "4ccab3ebfb3edd0c32a5f7abe98fcb1865e52c369418fe468c1f793e5ccda1f5",
        ),
        Deb(
            "bookworm",
            "main",
            "pool/main/g/gcc-11/gcc-11_11.3.0-12_amd64.deb",
            "ffd171e4df5bbc0ace8ecc6efcb6192a8f64fa5bb22ef2f193be66a43431c356",
        ),
        Deb(
            "bookworm",
            "main",
            "pool/main/g/gcc-11/libgcc-11-dev_11.3.0-12_amd64.deb",
            "ca9f6d0e48c482e32b5198b4dd6bd406b4eeb79b8557acc7ce4e89697cd6afa0",
        ),
        Deb(
            "bookworm",
            "main",
            "pool/main/g/gcc-11/libstdc++-11-dev_11.3.0-12_amd64.deb",
            "9db1a0a4f4db845191380e25ce7d8669ee4785e24e9550c2fcd79d010ea2d513",
        ),
        Deb(
            "bookworm",
            "main",
            "pool/main/g/gmp/libgmp10_6.2.1+dfsg1-1.1_amd64.deb",
            "187aedef2ed763f425c1e523753b9719677633c7eede660401739e9c893482bd",
        ),
        Deb(
            "bookworm",
            "main",
            "pool/main/i/isl/libisl23_0.25-1.1_amd64.deb",
            "ebff0b2f8b220c74224197523019366e97ee4770d464bebc48e4865114e4da0e",
        ),
        Deb(
            "bookworm",
            "main",
            "pool/main/m/mpclib3/libmpc3_1.3.1-1_amd64.deb",
            "d7f79544790e44f9b0c8cb9034a18c58d37f8702a15f32539050718679e52f80",
        ),
        Deb(
            "bookworm",
            "main",
            "pool/main/m/mpfr4/libmpfr6_4.2.0-1_amd64.deb",
            "37b7a2b4e78890b6a074777f27b96c84f58e81558ba08410c2b6c0ca4a4ad77b",
        ),
    ),
    "aarch64": (
        Deb(
            "bookworm",
            "main",
            "pool/main/g/gcc-11/cpp-11_11.3.0-12_arm64.deb",
            "81e707799904ca95e4ad017d996cf021551b7a30ccb7a08341d829d6f910c2f1",
        ),
        Deb(
            "bookworm",
            "main",
            "pool/main/g/gcc-11/g++-11_11.3.0-12_arm64.deb",
            "cc09a1e510413cb246d3865ffa9d16f639c848ac49f9e3b3100520ac1b8bd901",
        ),
        Deb(
            "bookworm",
            "main",
            "pool/main/g/gcc-11/gcc-11_11.3.0-12_arm64.deb",
            "01940f9be442064f79395441986d79235ce3499d58979c56223ebfc6831af44f",
        ),
        Deb(
            "bookworm",
            "main",
            "pool/main/g/gcc-11/libgcc-11-dev_11.3.0-12_arm64.deb",
            "12599f79aa8884bfdea49dafdace2b110d20a0ef9dd1610dfe399d9e2223cade",
        ),
        Deb(
            "bookworm",
            "main",
            "pool/main/g/gcc-11/libstdc++-11-dev_11.3.0-12_arm64.deb",
            "0e2af3d46b429afa7163021f24c94121ddf0df6432eae3a1b3d778d4a06b47e7",
        ),
        Deb(
            "bookworm",
            "main",
            "pool/main/g/gmp/libgmp10_6.2.1+dfsg1-1.1_arm64.deb",
            "9906387c1dd806518c915bd8616d072c741061d7fa26b222e52763456060b31a",
        ),
        Deb(
            "bookworm",
            "main",
            "pool/main/i/isl/libisl23_0.25-1.1_arm64.deb",
            "e7232e299714254a9473d7eacdf6879eedf02b950c87da145f5d605800710c6c",
        ),
        Deb(
            "bookworm",
            "main",
            "pool/main/m/mpclib3/libmpc3_1.3.1-1_arm64.deb",
            "19fd1712d02a9ee3eeff5b6678a8766a12f2858c3384258c7abc15edd891739f",
        ),
        Deb(
            "bookworm",
            "main",
            "pool/main/m/mpfr4/libmpfr6_4.2.0-1_arm64.deb",
            "d818fbfb555561bff56694cc628dc9939f393a07026aefd237e9c818b9f2cb77",
        ),
    ),
}

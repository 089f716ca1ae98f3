#!/bin/bash
# The same inputs give the same bytes: builds everything twice and compares. From a clean checkout:
#
#     bash ci/reproduce.sh [--arch 9.0 | --no-device-code]
#
# Built are the wheel without device code, the wheel with it for one architecture (wants nvcc), the source
# distribution, and a bundle of that wheel, a project that has only source, with a C extension, and a release of the
# index. The second time in another folder, with a space in its name, from files written in another order, with other
# times and permissions, by another user (uid, HOME, host name), with another umask, locale, time zone, folder for
# temporary files and hash seed, and on one core. Wants Python with venv, a C++ compiler and the package index; in
# the environment, KINDS="wheel bundle" builds these alone.
# Exit status: 0 all the same, 1 something differs (said what, and where), 2 it could not be tried.
set -euo pipefail
stop() { echo "reproduce: $*" >&2; exit 2; }

arch=9.0
case "${1:-}" in
  "") ;;
  --arch) arch=${2:?an architecture, as 9.0} ;;
  --no-device-code) arch= ;;
  *) stop "give --arch 9.0, or --no-device-code, or nothing" ;;
esac
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
[ -z "$arch" ] || [ -n "${CUDA_HOME:-}${CUDACXX:-}" ] || command -v nvcc >/dev/null || [ -x /usr/local/cuda/bin/nvcc ] ||
  stop "no nvcc is found, so nothing can be shown of device code; --no-device-code leaves it out"
[ "$(git -C "$root" rev-parse --is-inside-work-tree 2>/dev/null)" = true ] || stop "$root is no checkout of git"

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir -p "$place/one" "$place/another place/of two" "$place/home" "$place/temporary"
one=$place/one two="$place/another place/of two"

# What git knows or would add, as a clone has it.
listed() { git ls-files -z --cached --others --exclude-standard; }
copy() { tar --null --no-recursion -T - -cf - | tar -xf - -C "$1"; }
project() {
  mkdir -p "$1"
  cat >"$1/setup.py" <<'END'
from setuptools import Extension, setup
setup(name="plum", version="1.0", py_modules=["plum"], ext_modules=[
    # Many Pythons are set up to compile with -g, and debug information says the folder: that is for the project to mend.
    Extension("_plum", ["plum.c"], extra_compile_args=["-g0"])])
END
  echo 'import _plum' >"$1/plum.py"
  cat >"$1/plum.c" <<'END'
#include <Python.h>
const char *plum_file = __FILE__;
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_plum", NULL, -1, NULL};
PyMODINIT_FUNC PyInit__plum(void) { return PyModule_Create(&module); }
END
}
mkdir "$one/envdoctor" "$two/envdoctor"
listed | sort -z | copy "$one/envdoctor"
listed | sort -rz | copy "$two/envdoctor"
project "$one/plum"
project "$two/plum"
chmod -R go-rwx "$two"
find "$two" -exec touch -d 2001-02-03T04:05:06Z {} +

python3 -m venv "$place/venv"
python=$place/venv/bin/python
"$python" -m pip install -qq packaging requests 'scikit-build-core>=0.11' tomli uv

# Another user and another name of the host, without asking for a password: in namespaces, where the kernel lets us.
become=(unshare --user --map-root-user --uts -- sh -c
  'hostname elsewhere && exec unshare --user --map-user=4321 --map-group=4321 -- "$@"' sh)
if ! "${become[@]}" true 2>/dev/null; then
  echo "reproduce: this kernel gives no user namespaces: the second build has the same uid and host name" >&2
  become=()
fi
core=(taskset -c "$(taskset -pc $$ | sed 's/.*: *//; s/[-,].*//')")
here() { env -u SOURCE_DATE_EPOCH PYTHONHASHSEED=1 "$@"; }
there() (
  umask 077
  export XDG_CONFIG_HOME=${XDG_CONFIG_HOME:-$HOME/.config} # pip's settings say where the index is
  exec env -u SOURCE_DATE_EPOCH HOME="$place/home" USER=somebody LOGNAME=somebody TMPDIR="$place/temporary" TZ=Asia/Kathmandu \
    LC_ALL=C PYTHONHASHSEED=2 CMAKE_BUILD_PARALLEL_LEVEL=1 MAKEFLAGS=-j1 "${core[@]}" "${become[@]}" "$@"
)

sdist='import sys; sys.path.insert(0, "envdoctor/backend"); import envdoctor_backend as b; b.build_sdist(sys.argv[1])'
said() { "$@" >"$place/log" 2>&1 || { tail -n 40 "$place/log" >&2; stop "that was the end of: $*"; }; }
build() { # WHO PLACE KIND
  cd "$2/envdoctor"
  mkdir -p "$2/$3"
  case $3 in
    wheel) said "$1" "$python" -m pip wheel . --no-deps --wheel-dir "$2/$3" -C cuda=off ;;
    device) said "$1" "$python" -m pip wheel . --no-deps --wheel-dir "$2/$3" -C "cuda.archs=$arch" ;;
    sdist) said "$1" "$python" -c "$sdist" "$2/$3" ;;
    bundle) said "$1" env PYTHONPATH=. "$python" -m envdoctor bundle create "$2"/wheel/*.whl "$2/plum" filelock -o "$2/$3/bundle.tar" ;;
  esac
}

status=0
for kind in ${KINDS:-wheel ${arch:+device} sdist bundle}; do
  build here "$one" "$kind"
  build there "$two" "$kind"
  echo -n "$kind: "
  "$python" "$root/ci/first_difference.py" "$one/$kind"/* "$two/$kind"/* || { [ $? = 1 ] || stop "$kind could not be compared"; status=1; }
done
[ $status = 0 ] && echo "reproduce: the same bytes, both times${become:+, by two users}"
exit $status

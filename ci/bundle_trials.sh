#!/bin/bash
# Bundles of real things, for a person to run: bash ci/bundle_trials.sh [FOLDER]     (15 GB there, half an hour)
#
# One holds bitsandbytes with torch for CUDA 13.0, and torch-spline-conv, a CUDA extension that has only source, with
# what its build requires. It is made here and installed with the network cut off, where nvcc 13.0 and g++ compile the
# extension for one architecture, found and cured by the bundle's own doctor. Needs no GPU: what is asked at the end is
# that both import, that bitsandbytes finds its library for this CUDA, and what the extension was compiled with.
# Wants Linux x86_64, Python 3.11 as python3 with venv, nvcc 13.0, g++, and the package index.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
place=${1:-$(mktemp -d)}
mkdir -p "$place"
place=$(cd "$place" && pwd)
cd "$place"
export FORCE_CUDA=1 TORCH_CUDA_ARCH_LIST=9.0 MAX_JOBS=${MAX_JOBS:-2}

step() { echo "--- $*" >&2; }
[ -d tools ] || { python3 -m venv tools && tools/bin/python -m pip install --quiet packaging requests uv; }

step "a bundle, made and tried"
PYTHONPATH=$root tools/bin/python -m envdoctor bundle create 'torch==2.14.1' bitsandbytes torch-spline-conv \
  --source torch-spline-conv -o "$place/gpu"

step "installed at the target, which has no network"
cut=(unshare --net --)
"${cut[@]}" true 2>/dev/null || cut=(unshare --user --map-root-user --net --)
env -u PYTHONPATH PYTHON=python3 "${cut[@]}" "$place/gpu/install.sh" "$place/target"

step "asked"
"$place/target/bin/python" -I - <<'END'
import bitsandbytes
import torch
import torch_spline_conv
from bitsandbytes.cextension import lib

print("torch", torch.__version__, "for CUDA", torch.version.cuda)
print("bitsandbytes", bitsandbytes.__version__, type(lib).__name__, getattr(lib, "_lib", lib))
compiled = torch.ops.torch_spline_conv.cuda_version()
print("torch_spline_conv", torch_spline_conv.__version__, "compiled with CUDA", compiled)
assert compiled // 1000 == 13, compiled
END
du -sh "$place/gpu" "$place/target"

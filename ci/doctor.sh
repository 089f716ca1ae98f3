#!/bin/bash
# envdoctor from this checkout, by the first Python here that can run it; nothing is installed, built or fetched:
#
#     ci/doctor.sh check PROJECT
#
# Which Python that is does not matter: examined is the one that `python` runs where you stand. Jobs in containers may
# have none on PATH, but GitHub's runner mounts its own there.
# Exit status: envdoctor's; 2 when no Python can run it.
set -u
doctor=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/doctor.py

candidates() {
  type -ap python3 python python3.{14..8}
  compgen -G "${RUNNER_TOOL_CACHE:-/opt/hostedtoolcache}/Python/3.*/*/bin/python3"
  compgen -G "/opt/python/cp3*/bin/python3"
}

while read -r python <&3; do
  if "$python" -I "$doctor" --help </dev/null >/dev/null 2>&1; then
    exec "$python" -I "$doctor" "$@" 3<&-
  fi
done 3< <(candidates)
echo "envdoctor: no Python 3.8 or newer with pip, setuptools or packaging is here; install one (python3 and python3-pip," \
  "or the action setup-python)" >&2
exit 2

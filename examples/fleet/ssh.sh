#!/bin/bash
# The report of every machine that ssh reaches, in reports/NAME.json of this folder:
#
#   ./ssh.sh HOSTS [--python /opt/venv/bin/python]        # HOSTS: a file with a name a line
#   envdoctor fleet reports
#
# One connection a machine, 32 at a time (JOBS); SSH='ssh -F config' for other settings, DOCTOR for another envdoctor.pyz.
# A machine that cannot be reached leaves an empty report, which `fleet` counts as not read.
set -euo pipefail

if [ $# = 0 ] || [ ! -f "$1" ]; then
  echo "usage: $0 HOSTS [ARGUMENT ...]: HOSTS is a file with a name a line" >&2
  exit 2
fi
hosts=$1
shift
export SSH="${SSH:-ssh}" DOCTOR="${DOCTOR:-envdoctor.pyz}" ARGUMENTS=""
[ $# = 0 ] || ARGUMENTS=$(printf ' "%s"' "$@")

# shellcheck disable=SC2016 # what is in single quotes is for the shell over there
collect() {
  local there='f=$(mktemp) && cat > "$f" && cd / && python3 "$f" check --format json --fail-on never'
  # By sh, whatever the login shell is; the doctor comes in by standard input.
  $SSH -o BatchMode=yes -o ConnectTimeout=10 "$1" "sh -c '$there$ARGUMENTS; status=\$?; rm -f \"\$f\"; exit \$status'" \
    < "$DOCTOR" > "reports/$1.json" || echo "$1: no report" >&2
}
export -f collect

mkdir -p reports
# shellcheck disable=SC2016
grep -v '^[[:space:]]*\(#\|$\)' "$hosts" | xargs -P "${JOBS:-32}" -I '{}' bash -c 'collect "$1"' - '{}'

#!/bin/bash
# What action.yml runs: `envdoctor check`, once, as annotations, job summary, SARIF and outputs. By hand, from a project:
#
#     INPUT_ARCH=9.0 INPUT_SARIF=envdoctor.sarif ci/action.sh
#
# Reads INPUT_PROJECT, _ROLE, _ARCH, _CUDA, _PYTHON, _FAIL_ON and _SARIF (action.yml says what they mean), and GitHub's
# GITHUB_WORKSPACE, GITHUB_OUTPUT, GITHUB_STEP_SUMMARY and RUNNER_TEMP where they are set.
# Exit status: that of `envdoctor check`.
set -u
doctor=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/doctor.sh

output() {
  echo "$1=$2" >>"${GITHUB_OUTPUT:-/dev/null}"
}

# An annotation: what a step says on standard error is easily missed.
stop() {
  line=${1#envdoctor: }
  line=${line//'%'/'%25'}
  echo "::error title=envdoctor::${line//$'\n'/'%0A'}"
  output status failed
  exit 2
}

cd "${GITHUB_WORKSPACE:-.}" || exit 2
arguments=("--role=${INPUT_ROLE:-ci}" "--fail-on=${INPUT_FAIL_ON:-error}")
for name in ARCH CUDA PYTHON; do
  variable=INPUT_$name
  [ -z "${!variable:-}" ] || arguments+=("--${name,,}=${!variable}")
done

case ${INPUT_SARIF:-false} in
  false) sarif= ;;
  true) sarif=${RUNNER_TEMP:-${TMPDIR:-/tmp}}/envdoctor.sarif ;;
  *$'\n'*) stop "envdoctor: the input sarif has more than one line; give true, false or a file" ;;
  *) sarif=$INPUT_SARIF ;;
esac
[ -z "$sarif" ] || arguments+=("--also=sarif=$sarif")

# "./": a folder whose name begins with a dash is no option.
project=${INPUT_PROJECT:-.}
[ "${project#-}" = "$project" ] || project=./$project

{ complaint=$("$doctor" check --format github "${arguments[@]}" "$project" 2>&1 >&3); } 3>&1
status=$?
[ "$status" -le 1 ] || stop "${complaint:-envdoctor: ended with status $status}"
[ -z "$complaint" ] || echo "$complaint" >&2
[ -z "$sarif" ] || output sarif "$sarif"
exit "$status"

#!/bin/bash
# Style, types, import contracts, workflows and Dockerfiles: all of them, then one status. Needs the dependency group `lint`.
set -u
cd "$(dirname "$0")/.." || exit 2
failed=()

check() {
  echo "--- $*"
  "$@" || failed+=("$1")
}

check ruff check .
check ruff format --check .
check mypy
check lint-imports --no-cache
check check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
check check-jsonschema --builtin-schema vendor.github-actions action.yml
# The workflow that the README shows.
check check-jsonschema --builtin-schema vendor.github-workflows --default-filetype yaml \
  <(sed -n '/^# \.github\/workflows\//,/^```$/{/^```$/d;p}' README.md)
check pre-commit validate-manifest .pre-commit-hooks.yaml
check hadolint --no-color docker/*/Dockerfile
check zizmor --offline --no-progress .github/workflows action.yml

[ ${#failed[@]} = 0 ] || { echo "lint: failed: ${failed[*]}"; exit 1; }

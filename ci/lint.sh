#!/bin/bash
# Style, types, import contracts and workflows. Needs the dependency group `lint`.
set -eu
cd "$(dirname "$0")/.."
ruff check .
ruff format --check .
mypy
lint-imports
check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
zizmor --offline --no-progress .github/workflows

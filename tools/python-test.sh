#!/usr/bin/env bash
# Runs one file of bindings/python/tests, or all, with the package of a virtual environment.
# Exit code 77: there is none, because PyPI was out of reach.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: tools/python-test.sh VENV [FILE | pytest's arguments]...

VENV is what tools/python-venv.sh has made. Without a file: all tests of bindings/python/tests.
TEXT
}

if [[ $# -eq 0 || "$1" == --help || "$1" == -h ]]; then
  usage
  exit 0
fi
venv="$1"
shift
if [[ ! -e "$venv/made_of.txt" ]]; then
  echo "There is no Python package in $venv: skipped."
  exit 77
fi
tests="$(dirname "${BASH_SOURCE[0]}")/../bindings/python/tests"
[[ $# -gt 0 ]] || set -- "$tests"
export ATOLL_LOG="${ATOLL_LOG:-off}"
exec "$venv/bin/python" -B -m pytest -q -p no:cacheprovider --rootdir "$tests" "$@"

#!/usr/bin/env bash
# Makes build/python/venv: the Python package of a build, and what its tests need, from PyPI.
# Costs a second when all is there. Exit code 77, with one line: PyPI is out of reach.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: tools/python-venv.sh [--python PROGRAM] [--venv DIR] [BUILD]

Installs BUILD (default: build/release), which must be built, to build/python/prefix, and the Python
package, with its extension linked to that library, into the virtual environment DIR (default:
build/python/venv), for the interpreter PROGRAM (default: python3). What is needed to build the
package and to test it comes from PyPI.
TEXT
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=python3
venv=build/python/venv
build=build/release
while [[ $# -gt 0 ]]; do
  case "$1" in
    --python) python="$2"; shift 2 ;;
    --venv) venv="$2"; shift 2 ;;
    --help | -h) usage; exit 0 ;;
    -*) echo "error: unknown argument '$1'; see tools/python-venv.sh --help" >&2; exit 2 ;;
    *) build="$1"; shift ;;
  esac
done

[[ -e "$build/src/capi/libatoll.so" ]] || {
  echo "error: there is no library in $build: build it first" >&2
  exit 1
}

mkdir -p "$(dirname "$venv")"
exec 9>"$venv.lock"
flock 9

[[ -x "$venv/bin/python" ]] || "$python" -m venv "$venv"
# The stub that is checked in is made of the words of one version of pybind11.
needed=(pybind11==3.1.0 scikit-build-core pytest hypothesis)
# The checks of types and stubs, and arrays: on the one interpreter that all tests run with.
[[ "$venv" != build/python/venv ]] || needed+=(numpy mypy typing_extensions)
if [[ "$(cat "$venv/needed.txt" 2>/dev/null)" != "${needed[*]}" ]]; then
  if ! "$venv/bin/pip" install -q --disable-pip-version-check "${needed[@]}" >"$venv/pip.log" 2>&1
  then
    cat "$venv/pip.log" >&2
    echo "PyPI cannot be reached, so the tests of the Python package are left out: ${needed[*]}"
    exit 77
  fi
  echo "${needed[*]}" >"$venv/needed.txt"
fi

# What the package is made of, in one number.
made_of="$(cat "$build/src/capi/libatoll.so" pyproject.toml bindings/python/CMakeLists.txt \
  bindings/python/src/* bindings/python/atoll/*.py* include/atoll/atoll.h | sha256sum)"
if [[ "$(cat "$venv/made_of.txt" 2>/dev/null)" != "$made_of" ]]; then
  cmake --install "$build" --prefix build/python/prefix >/dev/null
  "$venv/bin/pip" install -q --disable-pip-version-check --no-build-isolation --no-deps \
    --force-reinstall . --config-settings=cmake.define.atoll_ROOT="$PWD/build/python/prefix" \
    --config-settings=build-dir="build/python/prebuilt-{wheel_tag}"
  echo "$made_of" >"$venv/made_of.txt"
fi
echo "The Python package is in $venv ($("$venv/bin/python" --version))."

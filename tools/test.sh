#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test. Can be run again at no cost.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: tools/test.sh [--preset NAME]... [--all] [--jobs N] [--help]

Installs the packages that are missing (apt), builds, and runs every test, with the release and
the asan preset. Stops at the first preset that fails. The last lines are ctest's own summary.
The tests of the Python package have an environment of their own, build/python/venv, with numpy,
pytest and others from PyPI; where PyPI cannot be reached they are left out, and it says so.

  --preset NAME  run this preset instead: release, dev, asan, tsan or coverage; repeatable
  --all          run release, asan and tsan
  --jobs N       compile with N processes (default: one per core, fewer if memory is short)
TEXT
}

refuse() {
  echo "error: $1; see tools/test.sh --help" >&2
  exit 2
}

# One per core, and 1.5 GiB of memory for each.
default_jobs() {
  local cores memory_kib by_memory
  cores="$(nproc)"
  memory_kib="$(awk '/^MemTotal:/ {print $2}' /proc/meminfo)"
  by_memory=$((memory_kib / 1572864))
  [[ $by_memory -ge 1 ]] || by_memory=1
  echo $((cores < by_memory ? cores : by_memory))
}

# Sanitizers place their shadow memory at fixed addresses; kernels that randomize much of the
# address space get in the way, so randomization is off for the tests where that is permitted.
set_steady_addresses() {
  steady_addresses=()
  if setarch "$(uname -m)" -R true 2>/dev/null; then
    steady_addresses=(setarch "$(uname -m)" -R)
  fi
}

set_sanitizer_environment() {
  unset LSAN_OPTIONS MSAN_OPTIONS LD_PRELOAD
  export ASAN_OPTIONS="detect_leaks=1:strict_string_checks=1:check_initialization_order=1"
  export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"
  export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1"
}

run_preset() {
  local preset="$1"
  echo "==> Configuring and building with preset $preset, $jobs jobs (build/$preset)"
  cmake --preset "$preset" -Wno-dev >"$log" 2>&1 || { cat "$log"; return 1; }
  cmake --build --preset "$preset" -j "$jobs"
  if [[ "$preset" == release || "$preset" == dev ]]; then
    echo "==> Installing the Python package with preset $preset (build/python/venv)"
    tools/python-venv.sh "build/$preset" || [[ $? -eq 77 ]]
  fi
  echo "==> Testing with preset $preset"
  "${steady_addresses[@]}" ctest --preset "$preset" -j "$test_jobs" --output-on-failure
}

presets=()
jobs="$(default_jobs)"
test_jobs=4  # those with real processes mostly wait
while [[ $# -gt 0 ]]; do
  case "$1" in
    --preset)
      [[ $# -ge 2 ]] || refuse "--preset needs a name"
      case "$2" in
        release | dev | asan | tsan | coverage) presets+=("$2") ;;
        *) refuse "there is no preset '$2'" ;;
      esac
      shift 2
      ;;
    --all)
      presets=(release asan tsan)
      shift
      ;;
    --jobs)
      [[ "${2:-}" =~ ^[1-9][0-9]*$ ]] || refuse "--jobs needs a number of at least 1"
      jobs="$2"
      shift 2
      ;;
    --help | -h)
      usage
      exit 0
      ;;
    *) refuse "unknown argument '$1'" ;;
  esac
done
[[ ${#presets[@]} -gt 0 ]] || presets=(release asan)

cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tools/packages.sh
install_packages
set_steady_addresses
set_sanitizer_environment
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
for preset in "${presets[@]}"; do
  run_preset "$preset"
done

#!/usr/bin/env bash
# The one list of Debian and Ubuntu packages that building and testing need, and how to install
# what is missing of it. Meant to be sourced: tools/demo.sh and tools/test.sh do. Executed, it
# installs; with --build only what the library, the command and the Python package are built of,
# with --comparison also the libraries that bench/compare.py compares with, with --fuzz the compiler
# that fuzzing needs. With --missing it only prints what --build would install.

ATOLL_BUILD_PACKAGES=(
  # tools
  g++ cmake ninja-build pkg-config ccache git python3 python3-dev
  protobuf-compiler
  # libraries
  libasio-dev libuv1-dev libssl-dev libprotobuf-dev libhwy-dev libxxhash-dev libexpected-dev
  libspdlog-dev libfmt-dev libcli11-dev nlohmann-json3-dev
)

ATOLL_PACKAGES=(
  "${ATOLL_BUILD_PACKAGES[@]}"
  # tests and benchmarks
  libgtest-dev libgmock-dev libbenchmark-dev librapidcheck-dev python3-venv
)

# What bench/compare.py compares with, and draws with; nothing else needs them.
ATOLL_COMPARISON_PACKAGES=(libgloo-dev libopenmpi-dev openmpi-bin gnuplot-nox)

# What the fuzz targets are built with where libFuzzer drives them; the tests replay what it found.
ATOLL_FUZZ_PACKAGES=(clang libclang-rt-dev)

# Prints those of ATOLL_PACKAGES that are not installed.
missing_packages() {
  local package status
  for package in "${ATOLL_PACKAGES[@]}"; do
    status="$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" || status=""
    [[ "$status" == *installed && "$status" != *not-installed* ]] || echo "$package"
  done
}

# Installs what is missing with apt-get, as root or through sudo. Returns 1 with a sentence on
# standard error when that is impossible. Costs nothing when all is there.
install_packages() {
  local missing as_root=()
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "error: this is not a Debian or Ubuntu system (no apt-get); install what matches these" \
      "packages yourself: ${ATOLL_PACKAGES[*]}" >&2
    return 1
  fi
  mapfile -t missing < <(missing_packages)
  if [[ ${#missing[@]} -eq 0 ]]; then
    echo "==> All ${#ATOLL_PACKAGES[@]} packages are installed."
    return 0
  fi
  if [[ "$(id -u)" -ne 0 ]]; then
    if ! command -v sudo >/dev/null; then
      echo "error: these packages are missing: ${missing[*]}; run this as root, or install sudo" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  as_root+=(env DEBIAN_FRONTEND=noninteractive)
  echo "==> Installing with apt-get: ${missing[*]}"
  "${as_root[@]}" apt-get update -q || return 1
  "${as_root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}" || return 1
}

if [[ "${BASH_SOURCE[0]}" == "$0" ]]; then
  case "${1:-}" in
    "") ;;
    --build) ATOLL_PACKAGES=("${ATOLL_BUILD_PACKAGES[@]}") ;;
    --missing)
      ATOLL_PACKAGES=("${ATOLL_BUILD_PACKAGES[@]}")
      ! command -v dpkg-query >/dev/null || missing_packages
      exit 0
      ;;
    --comparison) ATOLL_PACKAGES+=("${ATOLL_COMPARISON_PACKAGES[@]}") ;;
    --fuzz) ATOLL_PACKAGES+=("${ATOLL_FUZZ_PACKAGES[@]}") ;;
    *)
      echo "usage: tools/packages.sh [--build | --missing | --comparison | --fuzz]" >&2
      exit 2
      ;;
  esac
  install_packages
fi

#!/usr/bin/env bash
# Shows a run that loses a peer, gains one, and stays in step. `tools/demo.sh --help` says how.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: tools/demo.sh [--peers N] [--seconds S] [--build-dir DIR] [--help]

Installs the packages that are missing (apt), builds, and trains a small character model on the
texts of /usr/share/common-licenses: a coordinator and N trainers, each a process of its own, on
this computer. After a third of the time one trainer is killed with SIGKILL; at half time a new one
joins. The last lines say whether what is promised came true, and the exit code is 0 only if so:

  parity: ok (N peers, digest ...)      at the end all peers hold the same bits
  survived: 1 killed, 1 joined          the others went on, and the newcomer took part
  loss: X -> Y bits/char on held-out text (bigram model: Z)
                                        the model learned (Y is less than Z)
  steady-state sync bytes: 0            peers that are level exchange no state

  --peers N        trainers at the start, 2 to 16 (default 4)
  --seconds S      how long they train, 10 to 3600 (default 60); a slow computer takes longer,
                   because each phase also waits for three rounds
  --build-dir DIR  use the programs in this build folder as they are; install and build nothing
TEXT
}

refuse() {
  echo "error: $1; see tools/demo.sh --help" >&2
  exit 2
}

require_number() {
  [[ "$2" =~ ^[1-9][0-9]{0,3}$ && "$2" -ge "$3" && "$2" -le "$4" ]] ||
    refuse "$1 wants a whole number from $3 to $4"
}

peers=4
seconds=60
build_dir=""
while [[ $# -gt 0 ]]; do
  case "$1" in
    --peers)
      require_number "$1" "${2:-}" 2 16
      peers="$2"
      shift 2
      ;;
    --seconds)
      require_number "$1" "${2:-}" 10 3600
      seconds="$2"
      shift 2
      ;;
    --build-dir)
      [[ -d "${2:-}" ]] || refuse "--build-dir wants a folder that exists"
      build_dir="$(realpath "$2")"
      shift 2
      ;;
    --help | -h)
      usage
      exit 0
      ;;
    *) refuse "unknown argument '$1'" ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [[ -z "$build_dir" ]]; then
  source tools/packages.sh
  install_packages
  echo "==> Building (build/release)"
  cmake --preset release -Wno-dev >/dev/null
  cmake --build --preset release --target atoll_cli char_lm
  build_dir="$PWD/build/release"
fi
exec python3 -B tools/demo/demo.py --peers "$peers" --seconds "$seconds" --build-dir "$build_dir"

#!/bin/sh
# Plays many seeds of the simulator in blocks, and writes down each block that is done, so that a
# run of hours can be stopped and goes on where it was.
set -eu

usage() {
  cat <<'END'
usage: tools/simulate-blocks.sh RECORD FIRST LAST [SIZE] [ARGUMENT...]

Plays the seeds FIRST to LAST in blocks of SIZE (1000), with the further ARGUMENTs of
`atoll simulate`. Each block that ends appends one line to RECORD:

  FIRST-LAST TREE FAILED [sentences of the seeds that failed]

TREE is the commit, with a + if files differ from it. A block that RECORD has without failures, of
whatever tree, is not played again: after a mend, delete nothing, start again.
$ATOLL is the program; default build/release/tools/atoll/atoll.
END
}

case ${1:-} in
  -h | --help) usage; exit 0 ;;
esac
[ $# -ge 3 ] || { usage >&2; exit 2; }
record=$1
first=$2
last=$3
shift 3
size=1000
if [ $# -ge 1 ]; then
  size=$1
  shift
fi
root=$(cd "$(dirname "$0")/.." && pwd)
atoll=${ATOLL:-$root/build/release/tools/atoll/atoll}
tree=${TREE:-$(git -C "$root" describe --always --abbrev=7 --dirty=+)}
failed=0
touch "$record"
while [ "$first" -le "$last" ]; do
  end=$((first + size - 1))
  [ "$end" -le "$last" ] || end=$last
  if grep -q "^$first-$end [^ ]* 0 failed" "$record"; then
    echo "$first-$end: done before"
  else
    out=$("$atoll" simulate --seeds "$first:$end" "$@" 2>/dev/null) || true
    failures='s/^\([0-9][0-9]*\) of [0-9]* seeds failed.*/\1 failed/p'
    result=$(printf '%s\n' "$out" | sed -n "$failures")
    if [ -z "$result" ]; then
      echo "$first-$end: atoll simulate has not ended as it should" >&2
      exit 1
    fi
    echo "$first-$end $tree $result" >> "$record"
    echo "$first-$end: $result"
    if [ "$result" != "0 failed" ]; then
      printf '%s\n' "$out" | grep -i 'seed' >> "$record.failures" || true
      failed=1
    fi
  fi
  first=$((end + 1))
done
exit $failed

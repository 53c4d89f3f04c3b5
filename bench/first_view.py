#!/usr/bin/env python3
"""How soon a run of many peers begins when all of them start at once.

    bench/first_view.py [--atoll PROGRAM] [--library LIBATOLL] [PEERS...]     (default: 64 96)

Builds the program of README.md, starts a coordinator that waits for so many replicas, then so many
of these programs as processes, and measures from the start of the first until all have ended: they
connect, meet, reduce two numbers, and leave. Exit code 0: every process ended with 0 and had the
right mean of all peers, and the coordinator needed no more than a second of CPU."""

import argparse
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
COORDINATOR_CPU_SECONDS = 1.0
PATIENCE_SECONDS = 120


def build_readme_program(library, folder):
    markdown = (ROOT / "README.md").read_text(encoding="utf-8")
    source = pathlib.Path(folder, "peer.c")
    source.write_text(re.search(r"^```c\n(.*?)^```", markdown, re.MULTILINE | re.DOTALL).group(1))
    program = pathlib.Path(folder, "peer")
    subprocess.run([*shlex.split(os.environ.get("CC", "cc")),
                    *shlex.split(os.environ.get("CFLAGS", "")), "-std=c99",
                    f"-I{ROOT / 'include'}", str(source), str(library),
                    f"-Wl,-rpath,{library.parent}", "-o", str(program)], check=True)
    return program


def cpu_seconds(pid):
    """User and system time of a process that lives."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(atoll, program, count):
    """Seconds until all have ended, the coordinator's CPU seconds, and what was wrong."""
    coordinator = subprocess.Popen(
        [atoll, "coordinator", "--listen", "127.0.0.1:0", "--min-replicas", str(count),
         "--log-level", "warn"], stdout=subprocess.PIPE, text=True)
    peers = []
    try:
        address = coordinator.stdout.readline().split()[-1]
        began = time.monotonic()
        peers = [subprocess.Popen([program, address], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True) for _ in range(count)]
        wrong = []
        for peer in peers:
            said, _ = peer.communicate(timeout=began + PATIENCE_SECONDS - time.monotonic())
            if peer.returncode != 0 or f"mean of {count} peers is 1.5, -2" not in said:
                wrong.append(f"a peer ended with {peer.returncode} and said {said!r}")
        return time.monotonic() - began, cpu_seconds(coordinator.pid), wrong
    finally:
        for process in peers + [coordinator]:
            if process.poll() is None:
                process.kill()
            process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peers", nargs="*", type=int, default=[64, 96])
    parser.add_argument("--atoll", type=pathlib.Path,
                        default=ROOT / "build/release/tools/atoll/atoll")
    parser.add_argument("--library", type=pathlib.Path,
                        default=ROOT / "build/release/src/capi/libatoll.so")
    arguments = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        program = build_readme_program(arguments.library, folder)
        for count in arguments.peers:
            try:
                seconds, cpu, wrong = run(arguments.atoll, program, count)
            except subprocess.TimeoutExpired:
                sys.exit(f"{count} peers: not all have ended after {PATIENCE_SECONDS} s")
            print(f"{count} peers: all have their result after {seconds:.2f} s, "
                  f"coordinator CPU {cpu:.2f} s", flush=True)
            for sentence in wrong[:5]:
                print("  " + sentence)
            failed = failed or bool(wrong) or cpu > COORDINATOR_CPU_SECONDS
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

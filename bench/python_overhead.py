#!/usr/bin/env python3
"""What a call from Python takes beyond one from C: all-reduces of two processes, in turns of a C
program and of the package. Prints the medians of each round, and their median.

    build/python/venv/bin/python bench/python_overhead.py

The C side is bench/drivers/python_reference.c, which is compiled first, against the library that is
in the package, so that both use one.
"""
from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def median_us(times: list[float]) -> float:
    return statistics.median(times) * 1e6


def be_peer(address: str, count: int, repeats: int) -> None:
    """One of the two Python processes; prints the median in microseconds."""
    import array

    import atoll

    with atoll.connect(address) as comm:
        view = comm.update()
        data = array.array("f", bytes(4 * count))
        times = []
        for _ in range(repeats):
            began = time.perf_counter()
            comm.all_reduce(data)
            times.append(time.perf_counter() - began)
        if view.rank == 0:
            print(median_us(times))


def run_two(command: list[str], count: int, repeats: int) -> float:
    import atoll

    with atoll.Coordinator(min_replicas=2) as coordinator:
        arguments = [coordinator.address, str(count), str(repeats)]
        both = [subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True)
                for _ in range(2)]
        outputs = [process.communicate()[0] for process in both]
        if any(process.returncode for process in both):
            sys.exit("a peer failed")
        return float("".join(outputs))


def build_reference(folder: str) -> str:
    import atoll

    library = next((Path(atoll.__file__).parent / "lib").glob("libatoll.so*"))
    program = str(Path(folder) / "reference")
    subprocess.run(["cc", "-O2", str(HERE / "drivers" / "python_reference.c"),
                    f"-I{HERE.parent / 'include'}", str(library), f"-Wl,-rpath,{library.parent}",
                    "-o", program], check=True)
    return program


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a moment only, for the tests")
    parser.add_argument("--peer", nargs=3, metavar=("ADDRESS", "COUNT", "REPEATS"),
                        help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        be_peer(options.peer[0], int(options.peer[1]), int(options.peer[2]))
        return
    python = [sys.executable, __file__, "--peer"]
    with tempfile.TemporaryDirectory() as folder:
        reference = [build_reference(folder)]
        sizes = [("4 KiB", 1 << 10, 3000), ("64 MiB", 1 << 24, 30)]
        if options.quick:
            sizes = [("4 KiB", 1 << 10, 20), ("1 MiB", 1 << 18, 2)]
        for name, count, repeats in sizes:
            in_c, in_python = [], []
            for _ in range(options.rounds):
                in_c.append(run_two(reference, count, repeats))
                in_python.append(run_two(python, count, repeats))
            c, py = statistics.median(in_c), statistics.median(in_python)
            print(f"{name}: C {c:.1f} us {[round(x, 1) for x in in_c]}, Python {py:.1f} us "
                  f"{[round(x, 1) for x in in_python]}: {py - c:+.1f} us, x {py / c:.3f}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Atoll's all-reduce beside gloo's and Open MPI's, and beside what plain sockets can do.

All run on this computer over loopback, one after the other in each round, in place on the same
random fp32 data; each iteration counts from a common start to the end of the slowest rank. Every
sum is checked. Exit code 0 only when all were right; what is not installed is left out, and said.

Needs libgloo-dev, libopenmpi-dev and openmpi-bin of Debian or Ubuntu, which
tools/packages.sh --comparison installs, or --install here. The build of Atoll itself needs none
of them.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import compare_figures as figures

ROOT = pathlib.Path(__file__).resolve().parent.parent
DRIVERS = ROOT / "bench" / "drivers"
# What makes measured ranks end at all, should a library hang.
RUN_SECONDS = 300
MPIRUN = ["mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none"]
# Iterations per round: many of what is short.
ITERATIONS = ((64 << 10, 200), (1 << 20, 100), (16 << 20, 20), (64 << 20, 10), (1 << 62, 5))
WARMUP = 5
# Of floors that say nothing of other cells: which they are for.
CELLS = {
    "floor-star": lambda world, size: size <= 64 << 10,
    "floor-pair": lambda world, size: world == 2 and size >= 1 << 20,
    "floor-pair-safe": lambda world, size: world == 2 and size >= 1 << 20,
}


class Failure(Exception):
    """With a sentence for the user."""


def iterations_for(size, given):
    return given or next(count for limit, count in ITERATIONS if size <= limit)


def end(processes):
    for process in processes:
        if process.poll() is None:
            process.terminate()  # mpirun and atoll end theirs
    for process in processes:
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(processes, seconds):
    """Until all have ended or one has failed."""
    deadline = time.monotonic() + seconds
    while True:
        codes = [process.poll() for process in processes]  # of all: any() would stop at the first
        if None not in codes or any(codes):
            return
        if time.monotonic() > deadline:
            raise Failure(f"not done after {seconds} s")
        time.sleep(0.02)


def run_together(commands, seconds=RUN_SECONDS):
    """Runs processes at the same time until all have ended well; none is left behind. What they
    print is not read."""
    processes = []
    try:
        with tempfile.TemporaryFile("w+") as errors:
            for command in commands:
                processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                                  stderr=errors, stdin=subprocess.DEVNULL))
            wait_for(processes, seconds)
            codes = [process.poll() for process in processes]
            if any(code != 0 for code in codes):
                errors.seek(0)
                raise Failure(f"{commands[0][0]}: exit codes {codes}: "
                              f"{errors.read().strip()[-2000:]}")
    finally:
        end(processes)


# ---- contenders: each is a function (world, size, iterations) -> (times, cpu, wrong) -------------


def atoll(program):
    def measure(world, size, iterations):
        with tempfile.TemporaryDirectory(prefix="atoll-compare-") as folder:
            path = pathlib.Path(folder) / "rows.json"
            run_together([[program, "bench", "all-reduce", "--world", str(world), "--place", "in",
                           "--min-bytes", str(size), "--max-bytes", str(size), "--iterations",
                           str(iterations), "--warmup", str(WARMUP), "--json", str(path)]])
            return figures.parse_atoll(json.loads(path.read_text()), world, size)
    return measure


def driver_arguments(world, size, iterations, folder):
    return ["--world", str(world), "--bytes", str(size), "--iterations", str(iterations),
            "--warmup", str(WARMUP), "--folder", folder]


def reports(folder, world):
    """What the drivers of a run have left in its folder."""
    paths = [pathlib.Path(folder) / f"report.{rank}" for rank in range(world)]
    return "".join(path.read_text() for path in paths if path.exists())


def processes(driver, *arguments):
    """A driver of which one process per rank is started."""
    def measure(world, size, iterations):
        with tempfile.TemporaryDirectory(prefix="atoll-compare-") as folder:
            common = driver_arguments(world, size, iterations, folder)
            run_together([[driver, "--rank", str(rank), *common, *arguments]
                          for rank in range(world)])
            return figures.parse_driver(reports(folder, world), world)
    return measure


def mpirun(driver, *transport):
    def measure(world, size, iterations):
        with tempfile.TemporaryDirectory(prefix="atoll-compare-") as folder:
            run_together([[*MPIRUN, "-np", str(world), *transport, driver,
                           *driver_arguments(world, size, iterations, folder)]])
            return figures.parse_driver(reports(folder, world), world)
    return measure


def build(name, compiler, flags, folder):
    """The driver's program, or None with a sentence on standard error when it cannot be built."""
    source = DRIVERS / f"{name}.cpp"
    program = folder / name
    command = [compiler, "-O3", "-std=c++17", "-I", ROOT, source, *flags, "-o", program]
    if shutil.which(compiler) is None:
        print(f"left out: {name}: there is no {compiler} (tools/packages.sh --comparison)",
              file=sys.stderr)
        return None
    needed = max(file.stat().st_mtime for file in
                 (source, *DRIVERS.glob("*.h"), *(ROOT / "tools" / "atoll").glob("bench_*.h")))
    if program.exists() and program.stat().st_mtime > needed:
        return str(program)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return str(program)
    first_error = next((line for line in done.stderr.splitlines()
                        if "error:" in line or "cannot find" in line),
                       done.stderr[-300:])
    print(f"left out: {name} cannot be built: {first_error} (tools/packages.sh --comparison "
          "installs what it needs)", file=sys.stderr)
    return None


def find_contenders(program, folder):
    """{library: measure}, Atoll first."""
    folder.mkdir(parents=True, exist_ok=True)
    contenders = {"atoll": atoll(program)}
    gloo = build("gloo_driver", "g++", ["-lgloo", "-lpthread"], folder)
    if gloo:
        for algorithm in ("ring", "ring-chunked", "halving-doubling"):
            contenders[f"gloo-{algorithm}"] = processes(gloo, "--algorithm", algorithm)
    openmpi = build("openmpi_driver", "mpicxx", ["-DOMPI_SKIP_MPICXX"], folder)
    if openmpi and shutil.which("mpirun") is None:
        print("left out: openmpi: there is no mpirun (openmpi-bin)", file=sys.stderr)
    elif openmpi:
        only_ob1 = ("--mca", "pml", "ob1", "--mca", "btl")
        contenders["openmpi-tcp"] = mpirun(openmpi, *only_ob1, "tcp,self", "--mca",
                                           "btl_tcp_if_include", "lo")
        contenders["openmpi-sm"] = mpirun(openmpi, *only_ob1, "vader,self")
    floor = build("floor_driver", "g++", [], folder)
    if floor:
        contenders["floor"] = processes(floor)
    star = build("floor_star_driver", "g++", [], folder)
    if star:
        contenders["floor-star"] = processes(star)
    pair = build("floor_pair_driver", "g++", ["-lxxhash"], folder)
    if pair:
        contenders["floor-pair"] = processes(pair, "--algorithm", "plain")
        contenders["floor-pair-safe"] = processes(pair, "--algorithm", "both")
    return contenders


# ---- the comparison ------------------------------------------------------------------------------


def compare(contenders, worlds, sizes, rounds, iterations, show):
    """Rows of all cells, what failed, and how Atoll did beside the baseline. Contenders take turns
    within each round, in the other order in each second one, so that what else the computer does
    meets all of them."""
    rows, failures, pairs = [], [], {}
    for world in worlds:
        for size in sizes:
            cells = {name: figures.Cell() for name in contenders}
            count = iterations_for(size, iterations)
            for turn in range(rounds):
                order = list(contenders.items())
                for name, measure in order if turn % 2 == 0 else reversed(order):
                    if name in CELLS and not CELLS[name](world, size):
                        continue
                    show(f"world {world}, {figures.describe_size(size)}, round {turn + 1} of "
                         f"{rounds}: {name}")
                    try:
                        cells[name].add(*measure(world, size, count), turn)
                    except (Failure, ValueError) as problem:
                        failures.append(f"{name}, world {world}, {figures.describe_size(size)}: "
                                        f"{problem}")
            rows += [cell.row(name, world, size) for name, cell in cells.items() if cell.times]
            pair = figures.paired(*(cells.get(name, figures.Cell())
                                    for name in ("atoll", "baseline")))
            if pair:
                pairs[world, size] = pair
    return rows, failures, pairs


def plot(rows, path):
    try:
        import matplotlib  # pylint: disable=import-outside-toplevel
    except ImportError:
        plot_with_gnuplot(rows, path)
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot  # pylint: disable=import-outside-toplevel
    lines = figures.series(rows)
    worlds = sorted({world for world, _ in lines})
    figure, panels = pyplot.subplots(1, len(worlds), figsize=(6.4 * len(worlds), 5.6),
                                     squeeze=False)
    for world, panel in zip(worlds, panels[0]):
        for (where, library), points in lines.items():
            if where == world:
                panel.loglog(*zip(*points), marker="o", label=library)
        panel.set(title=f"all-reduce, {world} peers", xlabel="bytes", ylabel="median time (µs)")
        panel.grid(True, which="major", alpha=0.4)
        panel.legend()
    figure.tight_layout()
    figure.savefig(path)


def plot_with_gnuplot(rows, path):
    if shutil.which("gnuplot") is None:
        raise Failure(f"cannot draw {path}: there is neither matplotlib (python3-matplotlib) nor "
                      "gnuplot (gnuplot-nox)")
    done = subprocess.run(["gnuplot"], input=figures.gnuplot_script(rows, path), text=True,
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise Failure(f"gnuplot cannot draw {path}: {done.stderr.strip()}")
    if pathlib.Path(path).suffix == ".svg":  # it ends lines with spaces
        drawn = pathlib.Path(path)
        drawn.write_text("".join(f"{line.rstrip()}\n" for line in drawn.read_text().splitlines()))


def arguments_of(command_line):
    def numbers(text):
        worlds = [int(word) for word in text.split(",")]
        if not worlds or min(worlds) < 2:
            raise ValueError(text)
        return worlds

    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--world", type=numbers, default=[2, 4], metavar="N,N",
                        help="numbers of peers [2,4]")
    parser.add_argument("--bytes", metavar="SIZE,SIZE",
                        type=lambda text: [figures.parse_size(word) for word in text.split(",")],
                        default=[4 << 10, 64 << 10, 1 << 20, 16 << 20, 64 << 20, 256 << 20],
                        help="sizes [4KiB,64KiB,1MiB,16MiB,64MiB,256MiB]")
    parser.add_argument("--rounds", type=int, metavar="N",
                        help="how often the contenders take turns [3, with --baseline 7]")
    parser.add_argument("--baseline", metavar="PROGRAM",
                        help="another atoll command, say of the commit before: with this one "
                             "alone, or with those of --only, and ratios of each round's two")
    parser.add_argument("--iterations", type=int, default=0, metavar="N",
                        help="measured calls per round [200 of small ones to 5 of large ones]")
    parser.add_argument("--only", metavar="NAME,NAME", type=lambda text: text.split(","),
                        help="only these contenders, and atoll")
    parser.add_argument("--json", metavar="FILE", help="write rows and ratios")
    parser.add_argument("--plot", metavar="FILE", help="draw time over size (png or svg)")
    parser.add_argument("--atoll", metavar="PROGRAM",
                        default=str(ROOT / "build" / "release" / "tools" / "atoll" / "atoll"),
                        help="the atoll command [build/release/tools/atoll/atoll]")
    parser.add_argument("--build-dir", metavar="DIR", type=pathlib.Path,
                        default=ROOT / "build" / "comparison", help="for the drivers")
    parser.add_argument("--install", action="store_true",
                        help="first install what is missing (tools/packages.sh --comparison)")
    arguments = parser.parse_args(command_line)
    if arguments.rounds is None:
        arguments.rounds = 7 if arguments.baseline else 3
    return arguments


def show_progress(line):
    if sys.stderr.isatty():
        print(f"\r{line}\033[K", end="", file=sys.stderr, flush=True)


def run(arguments):
    if arguments.install:
        subprocess.run([ROOT / "tools" / "packages.sh", "--comparison"], check=True)
    for option, program in (("--atoll", arguments.atoll), ("--baseline", arguments.baseline)):
        if program and not os.access(program, os.X_OK):
            raise Failure(f"there is no {program}: build it (cmake --preset release && cmake "
                          f"--build --preset release), or name it with {option}")
    contenders = {"atoll": atoll(arguments.atoll)}
    if arguments.only or not arguments.baseline:
        contenders = find_contenders(arguments.atoll, arguments.build_dir)
    if arguments.only:
        unknown = set(arguments.only) - set(contenders)
        if unknown:
            raise Failure(f"there is no contender {', '.join(sorted(unknown))}; there is: "
                          f"{', '.join(contenders)}")
        contenders = {name: measure for name, measure in contenders.items()
                      if name == "atoll" or name in arguments.only}
    if arguments.baseline:
        contenders["baseline"] = atoll(arguments.baseline)
    rows, failures, pairs = compare(contenders, arguments.world, arguments.bytes, arguments.rounds,
                             arguments.iterations, show_progress)
    show_progress("")
    ratios = figures.make_ratios(rows)
    print("all-reduce, fp32 sum, in place: median time of the slowest rank (min–max)\n")
    print(figures.table(rows, ratios))
    if pairs:
        print("\nmedian of the rounds' ratios (min–max)\n")
        print(figures.paired_table(pairs))
    for sentence in figures.unexpected(rows):
        print(f"note: {sentence}")
    for sentence in failures:
        print(f"failed: {sentence}", file=sys.stderr)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(
            json.dumps({"rows": rows, "ratios": ratios,
                        "paired": [{"world": world, "bytes": size, **pair}
                                   for (world, size), pair in pairs.items()]}, indent=1) + "\n")
    if arguments.plot:
        plot(rows, arguments.plot)
    wrong = sum(row["wrong"] for row in rows)
    if wrong:
        print(f"failed: {wrong} elements were wrong", file=sys.stderr)
    return 1 if wrong or failures else 0


def main():
    try:
        return run(arguments_of(sys.argv[1:]))
    except Failure as problem:
        print(f"compare.py: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

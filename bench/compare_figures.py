"""What bench/compare.py makes of what the programs print: pure functions, tested without them."""
import re
import statistics

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
UNITS = {"": 1, "B": 1, "KIB": KIB, "MIB": MIB, "GIB": GIB}

# Those that compete over TCP, as Atoll does.
TCP_PEERS = ("gloo-ring", "gloo-ring-chunked", "gloo-halving-doubling", "openmpi-tcp")

# Time over the floor's, all-reduce of fp32, world 2, 256 MiB, in place: measured on a 2-core
# virtual machine with nothing else to do. A driver that is much slower would make Atoll look good.
EXPECTED_OVER_FLOOR = {
    (2, 256 * MIB): {
        "gloo-ring": 178 / 98, "gloo-ring-chunked": 141 / 98, "gloo-halving-doubling": 156 / 98,
        "openmpi-tcp": 174 / 98, "openmpi-sm": 116 / 98,
    },
}
FAR = 1.5  # times or part of what is expected


def parse_size(text):
    """Bytes of "64KiB", "256MiB", "1000"."""
    match = re.fullmatch(r"(\d+)\s*([A-Za-z]*)", text.strip())
    if not match or match.group(2).upper() not in UNITS:
        raise ValueError(f"'{text}' is not a size like 4KiB or 256MiB")
    size = int(match.group(1)) * UNITS[match.group(2).upper()]
    if size < 4 or size % 4:
        raise ValueError(f"{text} is not a whole number of float32, at least one")
    return size


def describe_size(size):
    for name, unit in (("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if size >= unit and size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size} B"


def describe_time(microseconds):
    if microseconds < 1000:
        return f"{microseconds:.0f} µs"
    if microseconds < 100_000:
        return f"{microseconds / 1000:.2f} ms"
    return f"{microseconds / 1000:.0f} ms"


def parse_driver(text, world):
    """(times in µs of the slowest rank per iteration, CPU seconds of all ranks, wrong elements) of
    what the ranks of one driver have reported; bench/drivers/driver.h has the protocol."""
    times, cpu, wrong = {}, {}, {}
    for line in text.splitlines():
        match = re.fullmatch(r"(\d+) (time_us|cpu_s|wrong) ([0-9.e+-]+)", line.strip())
        if not match:
            raise ValueError(f"not a line of a driver: {line!r}")
        rank, word, value = int(match.group(1)), match.group(2), float(match.group(3))
        if word == "time_us":
            times.setdefault(rank, []).append(value)
        else:
            (cpu if word == "cpu_s" else wrong)[rank] = value
    ranks = set(range(world))
    if set(times) != ranks or set(cpu) != ranks or set(wrong) != ranks:
        raise ValueError(f"not all of {world} ranks have reported")
    if len({len(one) for one in times.values()}) != 1:
        raise ValueError("the ranks have measured different numbers of iterations")
    slowest = [max(each) for each in zip(*times.values())]
    return slowest, sum(cpu.values()), int(sum(wrong.values()))


def parse_atoll(document, world, size):
    """The same, of the JSON of `atoll bench all-reduce` with one row."""
    (row,) = document["rows"]
    if (row["world"], row["bytes"]) != (world, size):
        raise ValueError(f"asked for {world} peers and {size} bytes, got another row: {row}")
    cpu = row["cpu_s_per_gib"] * size * len(row["times_us"]) / GIB
    return row["times_us"], cpu, row["wrong"]


class Cell:
    """What one library took for one world and size, over all rounds."""

    def __init__(self):
        self.times, self.cpu, self.wrong = [], 0.0, 0
        self.rounds = {}  # of each: (median time, CPU time per iteration)

    def add(self, times, cpu, wrong, turn=0):
        self.rounds[turn] = (statistics.median(times), cpu / len(times))
        self.times += times
        self.cpu += cpu
        self.wrong += wrong

    def row(self, library, world, size):
        return {"library": library, "world": world, "bytes": size,
                "time_us_median": statistics.median(self.times),
                "cpu_s_per_gib": self.cpu / (size * len(self.times) / GIB),
                "time_us_min": min(self.times), "time_us_max": max(self.times),
                "iterations": len(self.times), "in_place": True, "wrong": self.wrong}


def make_ratios(rows):
    """Per world and size: Atoll's time over that of the best TCP peer, of gloo's best and of the
    floor, and its CPU time over that of gloo's ring. Null where nothing is there to compare."""
    medians = {(row["world"], row["bytes"], row["library"]): row["time_us_median"] for row in rows}
    cpu = {(row["world"], row["bytes"], row["library"]): row["cpu_s_per_gib"] for row in rows}
    ratios = []
    for world, size in sorted({(row["world"], row["bytes"]) for row in rows}):
        atoll = medians.get((world, size, "atoll"))
        peers = {name: medians[world, size, name] for name in TCP_PEERS
                 if (world, size, name) in medians}
        best = min(peers, key=peers.get) if peers else None
        gloo = [time for name, time in peers.items() if name.startswith("gloo-")]
        floor = medians.get((world, size, "floor"))
        own_cpu, ring_cpu = (cpu.get((world, size, name)) for name in ("atoll", "gloo-ring"))
        ratios.append({"world": world, "bytes": size,
                       "vs_best_tcp_peer": atoll / peers[best] if atoll and best else None,
                       "vs_gloo": atoll / min(gloo) if atoll and gloo else None,
                       "vs_floor": atoll / floor if atoll and floor else None,
                       "cpu_vs_gloo_ring": own_cpu / ring_cpu if own_cpu and ring_cpu else None,
                       "best_tcp_peer": best})
    return ratios


def paired(own, baseline):
    """What one library took over what another did, round by round: what else the computer does
    meets both of a round. (median, least, most) of times and of CPU times, and the rounds."""
    both = sorted(set(own.rounds) & set(baseline.rounds))
    if not both:
        return None
    result = {"rounds": len(both)}
    for place, name in enumerate(("time", "cpu")):
        ratios = [own.rounds[turn][place] / baseline.rounds[turn][place] for turn in both]
        result[name] = (statistics.median(ratios), min(ratios), max(ratios))
    return result


def paired_table(pairs):
    """A line for each world and size; `pairs` is {(world, size): paired()}."""
    lines = [["world", "size", "time / baseline's", "CPU / baseline's", "rounds"]]
    for (world, size), pair in sorted(pairs.items()):
        ratios = [f"{middle:.3f} ({least:.2f}–{most:.2f})" for middle, least, most in
                  (pair["time"], pair["cpu"])]
        lines.append([str(world), describe_size(size), *ratios, str(pair["rounds"])])
    return align(lines)


def unexpected(rows):
    """Sentences on libraries whose time over the floor's is far from what it was elsewhere."""
    medians = {(row["world"], row["bytes"], row["library"]): row["time_us_median"] for row in rows}
    sentences = []
    for (world, size), expected in EXPECTED_OVER_FLOOR.items():
        floor = medians.get((world, size, "floor"))
        for library, ratio in expected.items():
            median = medians.get((world, size, library))
            if floor is None or median is None:
                continue
            found = median / floor
            if found > ratio * FAR or found < ratio / FAR:
                slow = found > ratio
                sentences.append(
                    f"{library}, world {world}, {describe_size(size)}: {found:.2f} times the "
                    f"floor, expected about {ratio:.2f}: " +
                    ("its driver may be weak, and Atoll look better than it is" if slow else
                     "the floor's driver may be weak, and Atoll look better against it"))
    return sentences


def table(rows, ratios):
    """A block for each world: a line per library, a column per size."""
    text = []
    for world in sorted({row["world"] for row in rows}):
        here = [row for row in rows if row["world"] == world]
        sizes = sorted({row["bytes"] for row in here})
        libraries = list(dict.fromkeys(row["library"] for row in here))
        cells = {(row["library"], row["bytes"]): row for row in here}
        lines = [[f"world {world}"] + [describe_size(size) for size in sizes]]
        for library in libraries:
            lines.append([library] + [describe_cell(cells.get((library, size))) for size in sizes])
        for key, name in (("vs_best_tcp_peer", "Atoll / best TCP peer"),
                          ("vs_gloo", "Atoll / gloo's best"), ("vs_floor", "Atoll / floor"),
                          ("cpu_vs_gloo_ring", "CPU, Atoll / gloo-ring")):
            found = {one["bytes"]: one[key] for one in ratios if one["world"] == world}
            lines.append([name] + ["-" if found[size] is None else f"{found[size]:.2f}"
                                   for size in sizes])
        for library in libraries:
            lines.append([f"CPU s/GiB {library}"] +
                         [f"{cells[library, size]['cpu_s_per_gib']:.2f}"
                          if (library, size) in cells else "-" for size in sizes])
        text.append(align(lines))
    return "\n".join(text)


def describe_cell(row):
    if row is None:
        return "-"
    spread = (describe_time(row["time_us_min"]), describe_time(row["time_us_max"]))
    return f"{describe_time(row['time_us_median'])} ({spread[0]}–{spread[1]})"


def align(lines):
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "".join("  ".join(word.ljust(width) for word, width in zip(line, widths)).rstrip() + "\n"
                   for line in lines)


def series(rows):
    """{(world, library): [(bytes, median µs)]}, for a plot."""
    lines = {}
    for row in sorted(rows, key=lambda one: one["bytes"]):
        lines.setdefault((row["world"], row["library"]), []).append(
            (row["bytes"], row["time_us_median"]))
    return lines


def gnuplot_script(rows, path):
    """Time over size, both logarithmic, one panel per world."""
    lines = series(rows)
    worlds = sorted({world for world, _ in lines})
    terminal = "svg" if path.endswith(".svg") else "pngcairo"
    script = [f"set terminal {terminal} size {640 * len(worlds)},560", f"set output '{path}'",
              "set logscale xy", "set grid", "set key left top", "set xlabel 'bytes'",
              "set ylabel 'median time (µs)'", "set format x '10^{%L}'",
              f"set multiplot layout 1,{len(worlds)}"]
    for world in worlds:
        names = [name for one, name in lines if one == world]
        script.append(f"set title 'all-reduce, {world} peers'")
        for index, name in enumerate(names):
            script += [f"$data{index} << EOD"]
            script += [f"{size} {time}" for size, time in lines[world, name]] + ["EOD"]
        script.append("plot " + ", ".join(
            f"$data{index} with linespoints title '{name}'" for index, name in enumerate(names)))
    return "\n".join(script + ["unset multiplot", ""])

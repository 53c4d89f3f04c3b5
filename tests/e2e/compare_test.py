"""bench/compare.py: what it makes of what it measures, and a tiny run of it with what is installed.
compare_test.py ATOLL FOLDER, a folder for the drivers."""
import contextlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BENCH = pathlib.Path(os.environ["ATOLL_SOURCE"]) / "bench"
sys.path.insert(0, str(BENCH))

import compare  # noqa: E402
import compare_figures as figures  # noqa: E402

PROGRAM = None
BUILD = None
SECONDS = 240


def row(library, median, world=2, size=256 << 20):
    return {"library": library, "world": world, "bytes": size, "time_us_median": median,
            "cpu_s_per_gib": 1.0, "time_us_min": median / 2, "time_us_max": median * 2}


class FiguresTest(unittest.TestCase):
    def test_sizes(self):
        self.assertEqual([figures.parse_size(text) for text in
                          ("4", "64KiB", "1MiB", "2 GiB", "256mib", "8B")],
                         [4, 65536, 1 << 20, 2 << 30, 256 << 20, 8])
        for text in ("", "KiB", "4XB", "-4", "1.5KiB", "5", "0"):
            with self.assertRaises(ValueError, msg=text):
                figures.parse_size(text)
        self.assertEqual([figures.describe_size(size) for size in (4096, 1 << 20, 3 << 30, 1000)],
                         ["4 KiB", "1 MiB", "3 GiB", "1000 B"])

    def test_drivers_are_timed_by_their_slowest_rank(self):
        text = ("0 time_us 10\n1 time_us 30\n0 time_us 25\n0 cpu_s 0.5\n1 time_us 20\n"
                "1 cpu_s 0.25\n0 wrong 0\n1 wrong 2\n")
        self.assertEqual(figures.parse_driver(text, 2), ([30, 25], 0.75, 2))

    def test_drivers_that_say_too_little(self):
        whole = "0 time_us 1\n0 cpu_s 1\n0 wrong 0\n"
        figures.parse_driver(whole, 1)
        for text in ("", whole.replace("0 wrong 0\n", ""), whole + "0 time_ms 3\n",
                     whole + "1 time_us 1\n1 time_us 1\n1 cpu_s 1\n1 wrong 0\n"):
            with self.assertRaises(ValueError, msg=text):
                figures.parse_driver(text, 2 if "1 time" in text else 1)

    def test_rounds_are_compared_in_pairs(self):
        own, baseline = figures.Cell(), figures.Cell()
        self.assertIsNone(figures.paired(own, baseline))
        for turn, (mine, other) in enumerate([(20, 10), (30, 30), (100, 80)]):
            own.add([mine, mine, 9 * mine], 6.0, 0, turn)
            baseline.add([other], 1.0, 0, turn)
        own.add([1], 1.0, 0, 3)  # the other one's run has failed
        pair = figures.paired(own, baseline)
        self.assertEqual(pair, {"rounds": 3, "time": (1.25, 1.0, 2.0), "cpu": (2.0, 2.0, 2.0)})
        lines = figures.paired_table({(2, 64 << 10): pair}).splitlines()
        self.assertIn("1.250 (1.00–2.00)", lines[1])
        self.assertIn("64 KiB", lines[1])

    def test_a_row_of_atoll(self):
        one = {"world": 2, "bytes": 1 << 29, "times_us": [1.0, 2.0], "cpu_s_per_gib": 3.0,
               "wrong": 0}
        self.assertEqual(figures.parse_atoll({"rows": [one]}, 2, 1 << 29), ([1.0, 2.0], 3.0, 0))
        with self.assertRaises(ValueError):
            figures.parse_atoll({"rows": [one]}, 4, 1 << 29)

    def test_cells_join_rounds(self):
        cell = figures.Cell()
        cell.add([4.0, 1.0], 0.5, 0)
        cell.add([2.0, 3.0], 0.5, 1)
        found = cell.row("floor", 2, 1 << 28)
        self.assertEqual((found["time_us_median"], found["time_us_min"], found["time_us_max"]),
                         (2.5, 1.0, 4.0))
        self.assertEqual((found["cpu_s_per_gib"], found["wrong"]), (1.0, 1))

    def test_ratios(self):
        rows = [row("atoll", 300), row("gloo-ring", 200), row("openmpi-tcp", 150),
                row("openmpi-sm", 10), row("floor", 100), row("atoll", 8, world=4)]
        two, four = figures.make_ratios(rows)
        self.assertEqual((two["world"], two["vs_best_tcp_peer"], two["best_tcp_peer"],
                          two["vs_floor"]), (2, 2.0, "openmpi-tcp", 3.0))
        self.assertEqual((two["vs_gloo"], two["cpu_vs_gloo_ring"]), (1.5, 1.0))
        self.assertEqual((four["world"], four["vs_best_tcp_peer"], four["vs_floor"]),
                         (4, None, None))
        self.assertEqual((four["vs_gloo"], four["cpu_vs_gloo_ring"]), (None, None))

    def test_weak_drivers_are_told(self):
        expected = figures.EXPECTED_OVER_FLOOR[2, 256 << 20]
        rows = [row("floor", 100)] + [row(name, 100 * ratio) for name, ratio in expected.items()]
        self.assertEqual(figures.unexpected(rows), [])
        rows[1]["time_us_median"] *= 1.6
        rows[2]["time_us_median"] /= 1.6
        slow, fast = figures.unexpected(rows)
        self.assertIn(rows[1]["library"], slow)
        self.assertIn("its driver may be weak", slow)
        self.assertIn(rows[2]["library"], fast)
        self.assertIn("the floor's driver may be weak", fast)
        self.assertEqual(figures.unexpected(rows[1:]), [])  # no floor, nothing to say

    def test_table(self):
        rows = [row("atoll", 300, size=4096), row("floor", 150, size=4096),
                row("atoll", 5e6, size=1 << 20)]
        text = figures.table(rows, figures.make_ratios(rows))
        self.assertIn("300 µs (150 µs–600 µs)", text)
        self.assertIn("5000 ms (2500 ms–10000 ms)", text)
        lines = {line[0]: line[1:] for line in
                 (re.split(" {2,}", line) for line in text.splitlines())}
        self.assertEqual(lines["Atoll / floor"], ["2.00", "-"])
        self.assertEqual(lines["Atoll / best TCP peer"], ["-", "-"])

    def test_plot_data(self):
        rows = [row("atoll", 9, size=1 << 20), row("atoll", 5, size=4096),
                row("floor", 3, world=4, size=4096)]
        self.assertEqual(figures.series(rows), {(2, "atoll"): [(4096, 5), (1 << 20, 9)],
                                                (4, "floor"): [(4096, 3)]})
        script = figures.gnuplot_script(rows, "a.png")
        self.assertIn("4096 5\n1048576 9\nEOD", script)
        self.assertIn("set multiplot layout 1,2", script)


class CompareTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="atoll-compare-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def call(self, *arguments):
        return subprocess.run([sys.executable, "-B", str(BENCH / "compare.py"), "--atoll", PROGRAM,
                               "--build-dir", BUILD, *arguments], capture_output=True, text=True,
                              timeout=SECONDS, stdin=subprocess.DEVNULL, check=False)

    def test_contenders_take_turns(self):
        calls = []

        def contender(name, times):
            def measure(world, size, iterations):
                calls.append((name, world, size, iterations))
                return times, 0.5, 0
            return measure

        def failing(*_):
            raise compare.Failure("it is broken")

        rows, failures, _ = compare.compare(
            {"atoll": contender("atoll", [2.0]), "floor": contender("floor", [1.0]),
             "gloo-ring": failing}, [2], [4096], 2, 7, lambda line: None)
        turn = [("atoll", 2, 4096, 7), ("floor", 2, 4096, 7)]
        self.assertEqual(calls, turn + turn[::-1])
        calls.clear()
        compare.compare({name: contender(name, [1.0]) for name in ("atoll", "floor-star")}, [4],
                        [64 << 10, 1 << 20], 1, 7, lambda line: None)
        self.assertEqual([(name, size) for name, _, size, _ in calls],
                         [("atoll", 64 << 10), ("floor-star", 64 << 10), ("atoll", 1 << 20)])
        calls.clear()
        compare.compare({"floor-pair": contender("floor-pair", [1.0])}, [2, 4],
                        [64 << 10, 1 << 20], 1, 7, lambda line: None)
        self.assertEqual([(world, size) for _, world, size, _ in calls], [(2, 1 << 20)])
        self.assertEqual([one["library"] for one in rows], ["atoll", "floor"])
        self.assertEqual(failures, ["gloo-ring, world 2, 4 KiB: it is broken"] * 2)

    def test_failing_programs(self):
        with self.assertRaisesRegex(compare.Failure, "sorry"):
            compare.run_together([["sleep", "1000"], ["sh", "-c", "echo sorry >&2; exit 3"]])
        with self.assertRaisesRegex(compare.Failure, "not done after"):
            compare.run_together([["sleep", "1000"]], seconds=0.1)

    def test_missing_things(self):
        done = self.call("--atoll", str(self.folder / "atoll"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no " + str(self.folder / "atoll"), done.stderr)
        with contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertIsNone(compare.build("gloo_driver", "no-such-compiler", [], self.folder))
            self.assertIsNone(compare.build("floor_driver", "g++", ["-lno_such_library"],
                                            self.folder))
        self.assertIn("there is no no-such-compiler", said.getvalue())
        self.assertIn("no_such_library", said.getvalue())
        done = self.call("--bytes", "4XB")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--bytes", done.stderr)

    def test_help(self):
        done = self.call("--help")
        self.assertEqual(done.returncode, 0)
        for word in ("--world", "--bytes", "--rounds", "--json", "--plot", "--install"):
            self.assertIn(word, done.stdout)

    def test_a_tiny_run(self):
        path = self.folder / "compared.json"
        picture = self.folder / "compared.png"
        has_gnuplot = shutil.which("gnuplot") is not None
        done = self.call("--world", "2", "--bytes", "4KiB,1048580", "--rounds", "1",
                         "--iterations", "3", "--json", str(path),
                         *(["--plot", str(picture)] if has_gnuplot else []))
        self.assertEqual(done.returncode, 0, done.stderr)
        if has_gnuplot:
            self.assertGreater(picture.stat().st_size, 0)
        found = json.loads(path.read_text())
        libraries = list(dict.fromkeys(one["library"] for one in found["rows"]))
        self.assertEqual((libraries[0], *libraries[-4:]),
                         ("atoll", "floor", "floor-star", "floor-pair", "floor-pair-safe"))
        # The star is for short calls, the pairs are for long ones.
        self.assertEqual(len(found["rows"]), 2 * len(libraries) - 3)
        for one in found["rows"]:
            self.assertGreater(one["time_us_median"], 0)
            self.assertGreater(one["cpu_s_per_gib"], 0)
            self.assertEqual((one["world"], one["wrong"], one["iterations"]), (2, 0, 3))
        has_peer = bool(set(libraries) & set(figures.TCP_PEERS))
        for one in found["ratios"]:
            self.assertEqual(one["vs_best_tcp_peer"] is not None, has_peer)
            self.assertGreater(one["vs_floor"], 0)
        self.assertIn("Atoll / floor", done.stdout)
        for name, library in (("gloo_driver", "gloo-ring"), ("openmpi", "openmpi-tcp")):
            if library not in libraries:
                self.assertIn(f"left out: {name}", done.stderr)
                print(f"skipped: {library} is not installed", file=sys.stderr)

    def test_worlds_that_are_no_power_of_two(self):
        done = self.call("--world", "3", "--bytes", "8,200000", "--rounds", "1", "--iterations",
                         "2", "--only", "floor")
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    BUILD = sys.argv.pop(1)
    unittest.main()

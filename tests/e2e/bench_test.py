"""atoll bench: little runs with every result checked, what its checks find, and how it ends.
bench_test.py PROGRAM. No test looks at how long anything took."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = None
SECONDS = 120
KEYS = ("collective", "bytes", "world", "algorithm", "wire", "time_us_median", "time_us_min",
        "time_us_max", "algbw_gbs", "busbw_gbs", "wrong", "cpu_s_per_gib")
FEW = ("--iterations", "3", "--warmup", "1")


def environment(**more):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ATOLL_")}
    return {**clean, **more}


def bench(*arguments):
    return subprocess.run([PROGRAM, "bench", *arguments], capture_output=True, text=True,
                          timeout=SECONDS, stdin=subprocess.DEVNULL, check=False,
                          env=environment())


def children_of(pid):
    return [int(word) for word in
            pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(condition, what):
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("never: " + what)
        time.sleep(0.005)


class BenchTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="atoll-bench-")
        self.addCleanup(folder.cleanup)
        self.json = pathlib.Path(folder.name) / "rows.json"

    def rows(self, *arguments):
        done = bench(*arguments, *FEW, "--json", str(self.json))
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = json.loads(self.json.read_text())["rows"]
        for row in rows:
            self.assertEqual(row["wrong"], 0)
            for key in KEYS:
                self.assertIn(key, row)
            self.assertEqual(len(row["times_us"]), 3)
            self.assertLessEqual(row["time_us_min"], row["time_us_median"])
            self.assertLessEqual(row["time_us_median"], row["time_us_max"])
            self.assertGreater(row["time_us_min"], 0)
        return rows, done

    def test_all_reduce(self):
        rows, done = self.rows("all-reduce", "--world", "3", "--min-bytes", "1KiB", "--max-bytes",
                               "4MiB", "--step-factor", "64")
        self.assertEqual([(row["bytes"], row["in_place"]) for row in rows],
                         [(size, place) for size in (1024, 65536, 4194304)
                          for place in (False, True)])
        for row in rows:
            self.assertEqual((row["collective"], row["world"], row["algorithm"], row["wire"]),
                             ("all-reduce", 3, "auto", "fp32"))
            self.assertAlmostEqual(row["algbw_gbs"],
                                   row["bytes"] / row["time_us_median"] / 1e3, places=6)
            self.assertAlmostEqual(row["busbw_gbs"], row["algbw_gbs"] * 4 / 3, places=6)
            self.assertGreater(row["cpu_s_per_gib"], 0)
            self.assertEqual(row["departures"], [])
            self.assertTrue(row["common_clock"])
        table = [line.split() for line in done.stdout.splitlines() if line[0] != "#"]
        self.assertIn("busbw", table[0])
        self.assertEqual([(line[0], line[4], line[10]) for line in table[2:]],
                         [(str(row["bytes"]), "in" if row["in_place"] else "out", "0")
                          for row in rows])

    def test_departures_are_shown(self):
        rows, done = self.rows("all-reduce", "--max-bytes", "2MiB", "--min-bytes", "2MiB",
                               "--place", "in", "--in-flight", "3", "--connections", "2",
                               "--algorithm", "ring", "--input-disposable")
        self.assertEqual(len(rows), 1)
        self.assertEqual(rows[0]["in_flight"], 3)
        self.assertEqual(rows[0]["connections"], 2)
        self.assertEqual(rows[0]["departures"],
                         ["ring", "2 connections", "3 in flight", "input disposable"])
        self.assertIn("3 in flight", done.stdout)
        rows, done = self.rows("all-reduce", "--max-bytes", "2MiB", "--min-bytes", "2MiB",
                               "--keep-segments")
        self.assertEqual(rows[0]["departures"], ["kept segments"])

    def test_broadcast(self):
        rows, _ = self.rows("broadcast", "--world", "3", "--min-bytes", "4KiB", "--max-bytes",
                            "2MiB", "--step-factor", "512", "--in-flight", "2")
        self.assertEqual([row["bytes"] for row in rows], [4096, 4096, 2 << 20, 2 << 20])
        self.assertEqual({row["collective"] for row in rows}, {"broadcast"})

    def test_parts(self):
        for name, places in (("reduce-scatter", 2), ("all-gather", 2), ("reduce", 2),
                             ("gather", 2), ("scatter", 2), ("all-to-all", 1),
                             ("send-receive", 1)):
            with self.subTest(name):
                rows, _ = self.rows(name, "--world", "3", "--min-bytes", "4KiB", "--max-bytes",
                                    "2MiB", "--step-factor", "512")
                self.assertEqual(len(rows), 2 * places)
                self.assertEqual({row["collective"] for row in rows}, {name})
                # Blocks are of whole elements: three of them.
                least = 4096 if name in ("reduce", "send-receive") else 4092
                self.assertEqual(rows[0]["bytes"], least)

    def test_a_batch(self):
        rows, _ = self.rows("all-reduce", "--world", "2", "--min-bytes", "400KiB", "--max-bytes",
                            "400KiB", "--tensors", "100", "--in-flight", "2")
        self.assertEqual(rows[0]["departures"], ["2 in flight", "100 tensors"])

    def test_barrier(self):
        rows, _ = self.rows("barrier")
        self.assertEqual([(row["bytes"], row["world"]) for row in rows], [(0, 2)])

    def test_json_in_place_of_the_table(self):
        done = bench("barrier", *FEW, "--json", "-")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(json.loads(done.stdout)["rows"]), 1)

    def test_a_wrong_result_is_found(self):
        done = bench("all-reduce", "--max-bytes", "4KiB", *FEW, "--json", str(self.json),
                     "--fault", "corrupt-result")
        self.assertEqual(done.returncode, 1)
        for row in json.loads(self.json.read_text())["rows"]:
            # One element in each of four calls, and in three of them the bits are compared.
            self.assertEqual(row["wrong"], 4 + 3)
        self.assertIn("the peers' bits differ", done.stderr)

    def test_a_peer_that_dies(self):
        done = bench("all-reduce", "--world", "3", "--max-bytes", "4KiB", *FEW, "--fault", "exit")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"peer \d \(process \d+\) ended with exit code 7")

    def test_what_cannot_be(self):
        for arguments, sentence in (
                (("all-reduce", "--algorithm", "tree"),
                 "there is no algorithm 'tree'; there is: auto, ring, star, mesh, direct"),
                (("all-reduce", "--wire", "int8"),
                 "there is no wire format 'int8'; there is: fp32"),
                (("all-reduce", "--min-bytes", "6"), "not a whole number of float32"),
                (("all-reduce", "--min-bytes", "6x"), "--min-bytes"),
                (("all-reduce", "--min-bytes", "8KiB", "--max-bytes", "4KiB"), "--max-bytes"),
                (("all-reduce", "--world", "0"), "--world"),
                (("barrier", "--join", "127.0.0.1:1"), "--world"),
                (("barrier", "--in-flight", "2"), "--in-flight"),
                (("send-receive", "--in-flight", "2"), "one call at a time"),
                (("all-to-some",), "there is no collective 'all-to-some'; there is: all-reduce, "),
                ((), "say what to measure; there is: all-reduce, broadcast, reduce-scatter")):
            with self.subTest(arguments):
                done = bench(*arguments)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(sentence, done.stderr)
                self.assertEqual(done.stdout, "")
        missing = str(self.json.parent / "missing" / "rows.json")
        done = bench("barrier", "--json", missing)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write " + missing, done.stderr)

    def test_help(self):
        done = bench("--help")
        self.assertEqual(done.returncode, 0)
        for word in ("all-reduce", "broadcast", "all-gather", "all-to-all", "send-receive",
                     "barrier"):
            self.assertIn(word, done.stdout)
        done = bench("all-reduce", "--help")
        self.assertEqual(done.returncode, 0)
        for word in ("--world", "--min-bytes", "--max-bytes", "--step-factor", "--algorithm",
                     "--connections", "--wire", "--in-flight", "--iterations", "--warmup",
                     "--json", "--join", "ATOLL_COORDINATOR", "busbw", "Examples"):
            self.assertIn(word, done.stdout)
        for hidden in ("--fault", "--start-line"):
            self.assertNotIn(hidden, done.stdout)

    def test_an_interrupt_ends_all_processes(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                process = subprocess.Popen(
                    [PROGRAM, "bench", "barrier", "--world", "3", "--iterations", "1000000"],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
                process.stdout.readline()  # the head of the table: they measure
                children = children_of(process.pid)
                self.assertEqual(len(children), 4)  # the coordinator too
                process.send_signal(number)
                _, error = process.communicate(timeout=SECONDS)
                self.assertEqual(process.returncode, 130)
                self.assertIn("stopped", error)
                self.assertEqual([pid for pid in children if is_running(pid)], [])

    def test_a_killed_parent_leaves_nobody(self):
        process = subprocess.Popen(
            [PROGRAM, "bench", "barrier", "--iterations", "1000000"], stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, env=environment())
        process.stdout.readline()
        children = children_of(process.pid)
        process.kill()
        process.communicate(timeout=SECONDS)
        self.assertEqual(len(children), 3)
        until(lambda: not any(map(is_running, children)), "all children have ended")


class JoinTest(unittest.TestCase):
    """One command per peer, as on several computers."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="atoll-bench-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        port_file = self.folder / "port"
        coordinator = subprocess.Popen(
            [PROGRAM, "coordinator", "--listen", "127.0.0.1:0", "--port-file", str(port_file),
             "--new-run", "--log-level", "off"], stdout=subprocess.DEVNULL, env=environment())
        self.addCleanup(coordinator.wait)
        self.addCleanup(coordinator.kill)
        until(port_file.exists, "the coordinator listens")
        self.address = port_file.read_text()

    def start(self, *arguments, **more):
        return subprocess.Popen([PROGRAM, "bench", *arguments], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env=environment(**more))

    def test_peers_that_join_one_by_one(self):
        arguments = ("all-reduce", "--world", "3", "--max-bytes", "4KiB", *FEW, "--json",
                     str(self.folder / "rows.json"))
        peers = [self.start(*arguments, "--join", self.address)]
        peers += [self.start(*arguments, ATOLL_COORDINATOR=self.address) for _ in range(2)]
        outputs = [peer.communicate(timeout=SECONDS) for peer in peers]
        self.assertEqual([peer.returncode for peer in peers], [0, 0, 0], outputs)
        self.assertEqual(sum(bool(out) for out, _ in outputs), 1, outputs)  # the first one prints
        rows = json.loads((self.folder / "rows.json").read_text())["rows"]
        self.assertEqual([(row["world"], row["wrong"], row["common_clock"]) for row in rows],
                         [(3, 0, False)] * 2)

    def test_nobody_there(self):
        peer = self.start("barrier", "--world", "2", "--join", "127.0.0.1:1")
        _, error = peer.communicate(timeout=SECONDS)
        self.assertEqual(peer.returncode, 1)
        self.assertIn("127.0.0.1:1", error)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()

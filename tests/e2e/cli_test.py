"""The atoll command as a script sees it: output, files, exit codes.

cli_test.py PROGRAM WORKER: the command, and a peer that is told what to do."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = None
WORKER = None
SECONDS = 60


def call(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=SECONDS,
                          stdin=subprocess.DEVNULL, check=False)


class CoordinatorProcess:
    """atoll coordinator on a port that the kernel chooses."""

    def __init__(self, folder, *arguments, listen="127.0.0.1:0", stderr=subprocess.PIPE):
        self.port_file = pathlib.Path(folder) / "port"
        self.process = subprocess.Popen(
            [PROGRAM, "coordinator", "--listen", listen, "--port-file", self.port_file,
             *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=stderr, text=True)

    def __enter__(self):
        deadline = time.monotonic() + SECONDS
        while not self.port_file.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("no port file: " + self.process.communicate()[1])
            time.sleep(0.005)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    @property
    def address(self):
        return self.port_file.read_text()

    def end(self, number):
        """(exit code, standard output, standard error) after the signal."""
        self.process.send_signal(number)
        out, error = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, out, error


def full_pipe():
    """(reading, writing end) of a pipe that takes nothing more."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, bytes(4096))
    except BlockingIOError:
        os.set_blocking(writing, True)
    return reading, writing


def update_often(address):
    """A peer that is alone and goes through a hundred updates."""
    return subprocess.run(
        [WORKER, "--coordinator", address, "--name", "alone", "--stop-file", "/nonexistent/stop",
         "--elements", "10", "--leave-after", "100"], capture_output=True, text=True,
        timeout=SECONDS, check=False)


class GeneralTest(unittest.TestCase):
    def test_version(self):
        done = call("--version")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"\Aatoll \d+\.\d+\.\d+\n\Z")

    def test_help(self):
        for arguments, words in [(["--help"], ["coordinator", "--version", "Example"]),
                                 (["coordinator", "--help"],
                                  ["--listen", "--insecure", "--min-replicas", "--run",
                                   "--port-file", "--heartbeat-ms", "--peer-timeout-ms",
                                   "--log-level", "Examples:"]),
                                 (["status", "--help"],
                                  ["--coordinator", "--json", "--timeout-ms", "Examples:"]),
                                 (["simulate", "--help"],
                                  ["--seeds", "--peers", "--events", "--jobs", "--json", "--trace",
                                   "Examples:"])]:
            done = call(*arguments)
            self.assertEqual(done.returncode, 0, done.stderr)
            for word in words:
                self.assertIn(word, done.stdout)

    def test_wrong_arguments(self):
        for arguments, word in [([], "subcommand"), (["fly"], "subcommand"),
                                (["coordinator", "--wings"], "--wings"),
                                (["coordinator", "--min-replicas", "0"], "--min-replicas"),
                                (["coordinator", "--min-replicas", "many"], "--min-replicas"),
                                (["coordinator", "--log-level", "loud"], "--log-level")]:
            done = call(*arguments)
            self.assertNotEqual(done.returncode, 0, arguments)
            self.assertIn(word, done.stderr + done.stdout, arguments)


class StatusTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="atoll-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def test_of_an_empty_run(self):
        with CoordinatorProcess(self.folder, "--run", "atlantis") as coordinator:
            done = call("status", "--coordinator", coordinator.address)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stderr, "")
            for words in ("run 'atlantis'", coordinator.address, "epoch 0", "peers: 0"):
                self.assertIn(words, done.stdout)
            done = call("status", "--coordinator", coordinator.address, "--json")
            self.assertEqual(done.returncode, 0, done.stderr)
            status = json.loads(done.stdout)
            self.assertEqual(status["run"], "atlantis")
            self.assertEqual(status["peers"], [])
            self.assertEqual(status["ops"], [])
            self.assertEqual(status["counters"]["commits"], 0)
            self.assertEqual(coordinator.end(signal.SIGTERM)[0], 0)

    def test_one_that_left_was_not_evicted(self):
        with CoordinatorProcess(self.folder) as coordinator:
            worker = subprocess.run([WORKER, "--coordinator", coordinator.address, "--name",
                                     "island-7", "--stop-file", self.folder + "/stop",
                                     "--leave-after", "2"], stdout=subprocess.PIPE, text=True,
                                    timeout=SECONDS, check=True)
            self.assertEqual(worker.stdout.splitlines()[-1], "left")
            done = call("status", "--coordinator", coordinator.address)
            self.assertIn("left 1, evictions 0\n", done.stdout)
            self.assertIn("is gone: island-7 left: ", done.stdout)
            self.assertNotIn("evict replica", done.stdout)
            done = call("status", "--coordinator", coordinator.address, "--json")
            counters = json.loads(done.stdout)["counters"]
            self.assertEqual((counters["left"], counters["evictions"]), (1, 0))

    def test_names_the_peers_of_a_run(self):
        with CoordinatorProcess(self.folder, "--min-replicas", "2") as coordinator, \
                subprocess.Popen([WORKER, "--coordinator", coordinator.address, "--name",
                                  "island-7", "--stop-file", self.folder + "/stop"],
                                 stdout=subprocess.DEVNULL) as worker:
            deadline = time.monotonic() + SECONDS
            try:
                while True:
                    done = call("status", "--coordinator", coordinator.address)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    if " waits " in done.stdout or time.monotonic() > deadline:
                        break
                self.assertRegex(done.stdout,
                                 r"island-7 .*0/1 +pending +waits +\d.* ago +[\d.]+:\d")
                self.assertRegex(done.stdout, r"ago  island-7 registers as")
            finally:
                worker.kill()

    def test_without_a_coordinator(self):
        with socket.socket() as taken:  # bound, not listening: refused
            taken.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            done = call("status", "--coordinator", address, "--timeout-ms", "2000")
            self.assertEqual(done.returncode, 1)
            self.assertEqual(done.stdout, "")
            self.assertIn(address, done.stderr)

    def test_a_coordinator_that_is_stopped_does_not_hang_it(self):
        with CoordinatorProcess(self.folder) as coordinator:
            coordinator.process.send_signal(signal.SIGSTOP)
            done = call("status", "--coordinator", coordinator.address, "--timeout-ms", "300")
            coordinator.process.send_signal(signal.SIGCONT)
            self.assertEqual(done.returncode, 1)
            self.assertIn("300 ms", done.stderr)


class SimulateTest(unittest.TestCase):
    def test_json(self):
        done = call("simulate", "--seeds", "1:4", "--json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        found = json.loads(done.stdout)
        self.assertEqual((found["seeds"], found["violations"], found["failing"]), (4, 0, []))
        self.assertTrue(found["ok"])
        self.assertGreaterEqual(found["counters"]["events"], 4 * 1000)
        self.assertIn("settle", found["faults"]["crash"])

    def test_trace(self):
        one, other = (call("simulate", "--seeds", "7:7", "--trace").stderr for _ in range(2))
        self.assertGreater(len(one.splitlines()), 300)
        self.assertEqual(one, other)

    def test_refuses_seeds_that_are_no_range(self):
        for seeds in ("5:3", "5", "a:b", "1:2x"):
            done = call("simulate", "--seeds", seeds)
            self.assertNotEqual(done.returncode, 0, seeds)
            self.assertIn("FIRST:LAST", done.stderr)

    def test_interrupt(self):
        process = subprocess.Popen([PROGRAM, "simulate", "--seeds", "1:1000000", "--json"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertTrue(process.stderr.read(1))  # it shows progress: some seeds are done
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=SECONDS)
        self.assertEqual(process.returncode, 1)
        found = json.loads(out)
        self.assertTrue(found["interrupted"])
        self.assertFalse(found["ok"])
        self.assertGreater(found["seeds"], 0)


class CoordinatorTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="atoll-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def assert_refused(self, arguments, *words):
        done = call("coordinator", *arguments)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(done.stdout, "")
        for word in words:
            self.assertIn(word, done.stderr)

    def test_tells_its_address_and_stops_on_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number), CoordinatorProcess(self.folder) as coordinator:
                address = coordinator.address
                self.assertRegex(address, r"\A127\.0\.0\.1:[1-9]\d*\Z")
                host, port = address.split(":")
                with socket.create_connection((host, int(port)), timeout=SECONDS):
                    code, out, error = coordinator.end(number)
                self.assertEqual(code, 0, error)
                self.assertEqual(out, f"atoll coordinator listening on {address}\n")
                coordinator.port_file.unlink()
        self.assertEqual(list(pathlib.Path(self.folder).iterdir()), [])

    def test_address_in_use(self):
        with CoordinatorProcess(self.folder) as coordinator:
            self.assert_refused(["--listen", coordinator.address], coordinator.address, "in use")
            self.assertEqual(coordinator.end(signal.SIGTERM)[0], 0)

    def test_addresses_that_are_none(self):
        self.assert_refused(["--listen", "7700"], "7700")
        self.assert_refused(["--listen", "127.0.0.1:77000"], "77000")
        self.assert_refused(["--listen", "192.0.2.1:0", "--insecure"], "192.0.2.1")

    def test_loopback_only_unless_insecure(self):
        for listen in ("0.0.0.0:0", "[::]:0"):
            self.assert_refused(["--listen", listen], listen.rsplit(":", 1)[0].strip("[]"),
                                "insecure")
        with CoordinatorProcess(self.folder, "--insecure", listen="0.0.0.0:0") as coordinator:
            self.assertRegex(coordinator.address, r"\A0\.0\.0\.0:\d+\Z")
            self.assertEqual(coordinator.end(signal.SIGTERM)[0], 0)

    def test_port_file_that_cannot_be_written(self):
        missing = f"{self.folder}/missing/port"
        self.assert_refused(["--listen", "127.0.0.1:0", "--port-file", missing], missing)

    def test_timeouts_that_make_no_sense(self):
        self.assert_refused(["--listen", "127.0.0.1:0", "--heartbeat-ms", "1000",
                             "--peer-timeout-ms", "1500"], "1500", "1000")

    def test_log_goes_to_standard_error(self):
        with CoordinatorProcess(self.folder, "--log-level", "info") as coordinator:
            code, out, error = coordinator.end(signal.SIGTERM)
        self.assertEqual(code, 0)
        self.assertEqual(len(out.splitlines()), 1)
        self.assertTrue(re.search(r"\[coordinator\] info: ", error), error)
        with CoordinatorProcess(self.folder, "--log-level", "off") as coordinator:
            self.assertEqual(coordinator.end(signal.SIGTERM)[2], "")

    def test_updates_in_which_nothing_changes_are_not_logged(self):
        with CoordinatorProcess(self.folder, "--new-run") as coordinator:
            done = update_often(coordinator.address)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            error = coordinator.end(signal.SIGTERM)[2]
        self.assertIn("view ", error)  # there is a log
        self.assertNotIn("nobody is admitted", error)
        others = [line for line in error.splitlines() if "state sync" not in line]
        self.assertLess(len(others), 30, error)

    def test_a_log_that_nobody_reads_holds_up_no_run(self):
        full, writing = full_pipe()
        with CoordinatorProcess(self.folder, "--new-run", "--log-level", "trace",
                                stderr=writing) as coordinator:
            os.close(writing)
            done = update_often(coordinator.address)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(coordinator.end(signal.SIGTERM)[0], 0)
        os.close(full)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    WORKER = sys.argv.pop(1)
    unittest.main()

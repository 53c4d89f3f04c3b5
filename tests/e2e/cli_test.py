"""The atoll command as a script sees it: output, files, exit codes. cli_test.py PROGRAM"""
import json
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
SECONDS = 60


def call(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=SECONDS,
                          stdin=subprocess.DEVNULL, check=False)


class CoordinatorProcess:
    """atoll coordinator on a port that the kernel chooses."""

    def __init__(self, folder, *arguments, listen="127.0.0.1:0"):
        self.port_file = pathlib.Path(folder) / "port"
        self.process = subprocess.Popen(
            [PROGRAM, "coordinator", "--listen", listen, "--port-file", self.port_file,
             *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)

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


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()

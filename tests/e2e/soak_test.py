"""atoll soak: a short one tells what processes take, and growth is found. soak_test.py PROGRAM"""
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import unittest

PROGRAM = None
SECONDS = 240
TOO_SHORT = 2


def soak(*arguments):
    return subprocess.run([PROGRAM, "soak", *arguments], capture_output=True, text=True,
                          timeout=SECONDS, stdin=subprocess.DEVNULL, check=False)


def count(done, name):
    return int(re.search(rf"^{name} +(\d+)$", done.stdout, re.MULTILINE).group(1))


class SoakTest(unittest.TestCase):
    def run_soak(self, *arguments):
        done = soak("--peers", "4", "--tensor-bytes", "4096", "--no-growth-rule",
                    "--leave-every", "0s", "--freeze-every", "0s", *arguments)
        for folder in re.findall(r"the logs are in (\S+)", done.stderr):
            self.addCleanup(shutil.rmtree, pathlib.Path(folder))
        return done

    def test_a_short_one_is_right_in_all_but_is_too_short_for_memory(self):
        done = self.run_soak("--duration", "24s", "--report-every", "3s", "--kill-every", "4s",
                             "--join-every", "2s", "--reset-connections-every", "3s", "--seed", "7")
        for key in ("steps", "kills", "joins", "connection_resets"):
            self.assertGreater(count(done, key), 0, key)
        for key in ("parity_failures", "hangs", "unexpected_exits", "state_losses"):
            self.assertEqual(count(done, key), 0, done.stderr)
        # Those that are never killed are measured in every report.
        for name in ("coordinator", "worker-1", "worker-2"):
            reports = re.findall(rf"^  {name} +\d+ +\d+ +\d+ +\d+ +\d+ +\d+  \w", done.stderr,
                                 re.MULTILINE)
            self.assertGreaterEqual(len(reports), 2, done.stderr)
            self.assertIn(f"UNKNOWN  {name}: too short to judge", done.stdout)
        self.assertRegex(done.stderr, r"names [1-9]\d*")
        self.assertRegex(done.stderr, r"the median step with \d members took \d+\.\d\d ms")
        self.assertRegex(done.stdout, r"steps: (the median time of one with|too short to judge)")
        self.assertNotRegex(done.stdout, r"GROWTH +\S+: (descriptors|threads|table)")
        # The step's time is a matter of what else the computer has to do.
        if "GROWTH  steps: " not in done.stdout:
            self.assertEqual(done.returncode, TOO_SHORT, done.stdout + done.stderr)
            self.assertTrue(done.stdout.endswith("too short to judge all of it\n"), done.stdout)

    def test_a_worker_that_leaks_descriptors_is_found(self):
        done = self.run_soak("--duration", "15s", "--report-every", "1s", "--kill-every", "4s",
                             "--join-every", "2s", "--worker-fault", "leak-descriptors")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"GROWTH +worker-2: descriptors beyond connections grow: ")
        self.assertNotRegex(done.stdout, r"GROWTH +worker-1: ")

    def test_an_interrupt_ends_the_workers_and_judges(self):
        run = subprocess.Popen([PROGRAM, "soak", "--peers", "2", "--tensor-bytes", "4096",
                                "--report-every", "500ms"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
        children = []
        for line in run.stderr:
            if re.search(r"^  worker-1 +\d", line):
                tasks = pathlib.Path(f"/proc/{run.pid}/task/{run.pid}/children")
                children = tasks.read_text().split()
                break
        run.send_signal(signal.SIGINT)
        out, error = run.communicate(timeout=SECONDS)
        self.assertEqual(run.returncode, TOO_SHORT, out + error)
        self.assertTrue(out.endswith("too short to judge all of it\n"), out)
        self.assertGreaterEqual(len(children), 3)
        for child in children:
            self.assertFalse(pathlib.Path(f"/proc/{child}").exists(), child)

    def test_wrong_arguments_are_named(self):
        for arguments, word in [(["--duration", "5"], "5s"), (["--report-every", "1ms"], "100ms"),
                                (["--steps", "0"], "--steps"), (["--memory-bar", "-1"], "-1")]:
            done = soak(*arguments)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(word, done.stderr)

    def test_help(self):
        done = soak("--help")
        self.assertEqual(done.returncode, 0)
        for word in ("--report-every", "--memory-bar", "--kill-every DURATION", "[20s]",
                     "Examples:"):
            self.assertIn(word, done.stdout)
        self.assertNotIn("worker-fault", done.stdout)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()

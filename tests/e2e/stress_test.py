"""atoll stress: a short run passes, and each of its checks can fail. stress_test.py PROGRAM"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest

PROGRAM = None
SECONDS = 240
KEYS = ("steps", "kills", "joins", "leaves", "freezes", "coordinator_restarts",
        "connection_resets", "retries", "parity_failures", "hangs", "unexpected_exits", "seconds",
        "seed")


def stress(*arguments):
    return subprocess.run([PROGRAM, "stress", *arguments], capture_output=True, text=True,
                          timeout=SECONDS, stdin=subprocess.DEVNULL, check=False)


def log_folder(done):
    found = re.search(r"the logs are in (\S+)", done.stderr)
    return pathlib.Path(found.group(1)) if found else None


class StressTest(unittest.TestCase):
    def summary(self, done):
        summary = json.loads(done.stdout)
        for key in KEYS:
            self.assertIn(key, summary)
        return summary

    def test_a_short_run_passes(self):
        done = stress("--peers", "4", "--duration", "10s", "--kill-every", "1s", "--join-every",
                      "1s", "--reset-connections-every", "1s", "--seed", "7", "--json",
                      "--no-growth-rule", "--tensor-bytes", "200000")
        self.assertEqual(done.returncode, 0, done.stderr)
        summary = self.summary(done)
        for key in ("steps", "kills", "joins", "connection_resets"):
            self.assertGreater(summary[key], 0, key)
        for key in ("parity_failures", "hangs", "unexpected_exits", "state_losses", "freezes"):
            self.assertEqual(summary[key], 0, key)
        self.assertEqual(summary["seed"], 7)
        self.assertIn("peers up", done.stderr)

    def fails_by(self, fault, key):
        done = stress("--peers", "3", "--duration", "8s", "--deadline", "1s", "--json",
                      "--no-growth-rule", "--tensor-bytes", "4096", "--worker-fault", fault)
        self.assertEqual(done.returncode, 1, done.stderr)
        summary = self.summary(done)
        self.assertGreaterEqual(summary[key], 1, done.stderr)
        for other in {"parity_failures", "hangs", "unexpected_exits"} - {key}:
            self.assertEqual(summary[other], 0, done.stderr)
        self.assertRegex(done.stderr, r"at \d+\.\d+ s worker-2 \(process \d+\): ")
        folder = log_folder(done)
        self.addCleanup(shutil.rmtree, folder)
        return done, (folder / "worker-2.log").read_text(errors="replace")

    def test_a_wrong_sum_is_found(self):
        done, _ = self.fails_by("corrupt-result", "parity_failures")
        self.assertIn("which is not the sum of peers", done.stderr)

    def test_a_worker_that_has_drifted_away_is_found(self):
        done, _ = self.fails_by("corrupt-state", "parity_failures")
        self.assertIn("with another content", done.stderr)

    def test_a_call_that_hangs_is_found_and_shown(self):
        done, log = self.fails_by("hang", "hangs")
        self.assertIn("hangs in a call that does not end", done.stderr)
        self.assertIn("HANG: process", log)
        self.assertRegex(log, r"thread \d+ \(.*\): wchan")

    def test_an_exit_is_found(self):
        done, _ = self.fails_by("exit", "unexpected_exits")
        self.assertIn("exit code 7", done.stderr)

    def test_a_signal_is_found(self):
        done, _ = self.fails_by("abort", "unexpected_exits")
        self.assertIn(f"signal {int(signal.SIGABRT)}", done.stderr)

    def test_a_worker_that_stands_still_is_found(self):
        done, _ = self.fails_by("stop", "hangs")
        self.assertIn("has said nothing for", done.stderr)

    def test_standing_still_breaks_the_growth_rule(self):
        """One member lives and calls nothing: the others wait for it, and no round is ever over."""
        arguments = ("--peers", "3", "--duration", "11s", "--json", "--tensor-bytes", "4096",
                     "--worker-fault", "idle")
        done = stress(*arguments)
        self.addCleanup(shutil.rmtree, log_folder(done), ignore_errors=True)
        self.assertEqual(done.returncode, 1, done.stderr)
        summary = self.summary(done)
        self.assertGreaterEqual(summary["stalls"], 1)
        for key in ("parity_failures", "hangs", "unexpected_exits"):
            self.assertEqual(summary[key], 0, done.stderr)

    def test_an_interrupt_ends_the_run_in_order(self):
        run = subprocess.Popen([PROGRAM, "stress", "--peers", "2", "--duration", "1h",
                                "--tensor-bytes", "4096"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
        for line in run.stderr:  # one a second
            if re.search(r" [1-9]\d* steps ", line):
                break
        run.send_signal(signal.SIGINT)
        out, error = run.communicate(timeout=SECONDS)
        self.assertEqual(run.returncode, 0, error)
        self.assertRegex(out, r"steps +[1-9]")
        self.assertTrue(out.endswith("passed\n"), out)

    def test_workers_die_with_the_parent(self):
        run = subprocess.Popen([PROGRAM, "stress", "--peers", "2", "--duration", "1h",
                                "--tensor-bytes", "4096"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
        run.stderr.readline()
        children = pathlib.Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        self.assertEqual(len(children), 3)
        logs = os.readlink(f"/proc/{children[0]}/fd/2")
        self.addCleanup(shutil.rmtree, pathlib.Path(logs).parent, ignore_errors=True)
        run.kill()
        run.communicate()
        deadline = time.monotonic() + SECONDS
        while any(self.runs(child) for child in children):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    @staticmethod
    def runs(process):
        try:
            state = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return False
        return state != "Z"

    def test_wrong_arguments_are_named(self):
        for arguments, word in [(["--duration", "5"], "5s"), (["--kill-every", "-1s"], "-1s"),
                                (["--peers", "1"], "--peers")]:
            done = stress(*arguments)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(word, done.stderr)

    def test_help(self):
        done = stress("--help")
        self.assertEqual(done.returncode, 0)
        for word in ("--kill-every", "--coordinator-restart-every", "--no-growth-rule", "--json",
                     "Examples:"):
            self.assertIn(word, done.stdout)
        self.assertNotIn("worker-fault", done.stdout)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()

"""A run whose processes may use a CPU for 20 ms in each 100, as small containers may: it is slow,
and nobody is lost.

quota_test.py PROGRAM: the atoll command. Skipped where there is no control group to be made."""
import os
import pathlib
import subprocess
import sys
import unittest

PROGRAM = None
SECONDS = 100


class Quota:
    """A control group, of version 1 or 2, with 20 ms of 100."""

    def __init__(self):
        one = pathlib.Path("/sys/fs/cgroup/cpu")
        self.folder = (one if one.is_dir() else pathlib.Path("/sys/fs/cgroup")) / \
            f"atoll-quota-{os.getpid()}"
        self.folder.mkdir()
        if one.is_dir():
            (self.folder / "cpu.cfs_period_us").write_text("100000")
            (self.folder / "cpu.cfs_quota_us").write_text("20000")
        else:
            (self.folder / "cpu.max").write_text("20000 100000")

    def join(self):
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def throttled(self):
        stat = dict(line.split() for line in (self.folder / "cpu.stat").read_text().splitlines())
        return int(stat["nr_throttled"])

    def remove(self):
        self.folder.rmdir()


class QuotaTest(unittest.TestCase):
    def test_a_run_with_little_cpu_loses_nobody(self):
        try:
            quota = Quota()
        except OSError as error:
            self.skipTest(f"no control group with a quota: {error}")
        self.addCleanup(quota.remove)
        done = subprocess.run(
            [PROGRAM, "bench", "all-reduce", "--world", "3", "--max-bytes", "1MiB", "--iterations",
             "10"], capture_output=True, text=True, timeout=SECONDS, check=False,
            preexec_fn=quota.join)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for word in ("lost", "silent", "evict"):
            self.assertNotIn(word, done.stderr)
        self.assertGreater(quota.throttled(), 3)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()

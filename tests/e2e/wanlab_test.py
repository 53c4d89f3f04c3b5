"""atoll wanlab: commands reach each other and the coordinator, its exit code tells how they ended,
nothing is left behind. wanlab_test.py PROGRAM WORKER

Figures are not checked here: bench/wanlab_check.py measures them. Needs root and /dev/net/tun;
where they are missing most cases are skipped, and say so."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from waiting import wait_until

PROGRAM = None
WORKER = None
SECONDS = 120

# Peer 1 answers, peer 2 asks, over the address that is given; each names its end's congestion
# control, which is option 13 (TCP_CONGESTION) of level 6 (TCP). No ports but those of a
# namespace that is this test's alone.
TALK = """
import os, socket, sys, time
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
if os.environ["ATOLL_WANLAB_PEER"] == "1":
    with socket.create_server((sys.argv[1], 5000), family=family) as server:
        connection, _ = server.accept()
        data = b""
        while len(data) < 3_000_000:
            piece = connection.recv(65536)
            if not piece:
                sys.exit("the connection ended early")
            data += piece
        connection.sendall(data[::-1])
        print("served by", connection.getsockopt(6, 13, 16).rstrip(bytes(1)).decode())
else:
    deadline = time.monotonic() + 60
    while True:
        try:
            connection = socket.create_connection((sys.argv[1], 5000))
            break
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    data = os.urandom(3_000_000)
    connection.sendall(data)
    answer = b""
    while len(answer) < len(data):
        piece = connection.recv(65536)
        if not piece:
            sys.exit("the connection ended early")
        answer += piece
    if answer != data[::-1]:
        sys.exit("other bytes came back")
    print("the same bytes came back by", connection.getsockopt(6, 13, 16).rstrip(bytes(1)).decode())
"""


def wanlab(*arguments, **options):
    return subprocess.run([PROGRAM, "wanlab", *arguments], capture_output=True, text=True,
                          timeout=SECONDS, stdin=subprocess.DEVNULL, check=False, **options)


def why_not():
    """Why this computer cannot run a lab; empty when it can."""
    done = wanlab("--check")
    return "" if done.returncode == 0 else done.stderr.strip()


def namespaces():
    """{link: processes} of all network namespaces that processes are in."""
    found = {}
    for process in pathlib.Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                found.setdefault(os.readlink(process / "ns/net"), []).append(process.name)
            except OSError:
                pass
    return found


class WanlabArgumentsTest(unittest.TestCase):
    """What needs no root."""

    def test_help(self):
        done = wanlab("--help")
        self.assertEqual(done.returncode, 0)
        for word in ("--host-rate", "--matrix", "--congestion", "ATOLL_COORDINATOR", "Examples:"):
            self.assertIn(word, done.stdout)

    def test_wrong_arguments_are_named(self):
        for arguments, word in [
                (["--delay", "40"], "40ms"), (["--loss", "1"], "0.05%"),
                (["--host-rate", "fast"], "100mbit"), (["--queue", "x"], "50ms"),
                (["--peers", "0"], "--peers"), (["--peers", "2"], "COMMAND"),
                (["--peers", "2", "--"], "COMMAND"), (["bench"], "bench"),
                (["--matrix", "/nowhere/at/all", "--", "true"], "/nowhere/at/all")]:
            done = wanlab(*arguments)
            self.assertNotEqual(done.returncode, 0, arguments)
            self.assertIn(word, done.stderr, arguments)

    def test_a_wrong_matrix_is_named_with_its_line(self):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("1 -> 2 delay 1ms\n1 -> 7 delay 1ms\n")
            file.flush()
            done = wanlab("--peers", "2", "--matrix", file.name, "--", "true")
        self.assertEqual(done.returncode, 1)
        self.assertIn("line 2: '7'", done.stderr)

    def test_without_rights_it_says_what_it_needs(self):
        """As root the rights are given up first; as somebody else there are none."""
        command = [PROGRAM, "wanlab", "--peers", "1", "--", "true"]
        if os.geteuid() == 0:
            if shutil.which("setpriv") is None:
                self.skipTest("there is no setpriv to give up rights with")
            command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS,
                              check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("it takes root (CAP_SYS_ADMIN and CAP_NET_ADMIN)", done.stderr)


class WanlabTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = why_not()
        if reason:
            raise unittest.SkipTest(reason)

    def setUp(self):
        self.before = namespaces()

    def tearDown(self):
        """No process is left in a namespace that was not there before."""
        wait_until(lambda: not set(namespaces()) - set(self.before), "the namespaces are empty")

    def test_peers_talk_over_both_families(self):
        for address in ("10.44.0.1", "fd44::1"):
            done = wanlab("--peers", "2", "--delay", "5ms", "--host-rate", "200mbit", "--loss",
                          "0.5%", "--jitter", "1ms", "--seed", "3", "--no-coordinator", "--",
                          sys.executable, "-c", TALK, address)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("peer 1 | served", done.stdout)
            self.assertIn("peer 2 | the same bytes came back", done.stdout)
            self.assertRegex(done.stderr, r"peer 1 -> peer 2 +\d+")
            self.assertIn("all commands exited with 0", done.stderr)

    def test_atolls_peers_make_a_run(self):
        with tempfile.NamedTemporaryFile() as stop:  # it is there: they stop after a step
            done = wanlab("--peers", "3", "--delay", "3ms", "--host-rate", "500mbit", "--", WORKER,
                          "--coordinator", "{coordinator}", "--name", "island-{peer}",
                          "--stop-file", stop.name)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        ends = re.findall(r"^peer \d \| done (.*)$", done.stdout, re.MULTILINE)
        self.assertEqual(len(ends), 3, done.stdout)
        self.assertEqual(len(set(ends)), 1, done.stdout)

    def test_what_commands_find(self):
        done = wanlab("--peers", "2", "--", "sh", "-c",
                      "echo $ATOLL_COORDINATOR/{coordinator} $ATOLL_WANLAB_PEER/{peer}"
                      " $ATOLL_WANLAB_PEERS/{peers} $ATOLL_WANLAB_ADDRESS/{address}")
        self.assertEqual(done.returncode, 0, done.stderr)
        for peer in "12":
            self.assertIn(f"peer {peer} | 10.44.0.254:7700/10.44.0.254:7700 {peer}/{peer} 2/2 "
                          f"10.44.0.{peer}/10.44.0.{peer}\n", done.stdout)

    def test_the_coordinator_may_share_a_peers_line(self):
        with tempfile.NamedTemporaryFile() as stop:
            done = wanlab("--peers", "2", "--coordinator-at", "2", "--delay", "3ms", "--host-rate",
                          "500mbit", "--", "sh", "-c",
                          f"echo at {{coordinator}}; exec {WORKER} --coordinator {{coordinator}} "
                          f"--name island-{{peer}} --stop-file {stop.name}")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("peer 1 | at 10.44.0.2:7700\n", done.stdout)
        self.assertIn("coordinator at peer 2", done.stderr)
        self.assertNotIn("coordinator ->", done.stderr, "nothing went to a node of its own")
        for wrong in (("--coordinator-at", "3"), ("--coordinator-at", "1", "--no-coordinator")):
            done = wanlab("--peers", "2", *wrong, "--", "true")
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("--coordinator-at", done.stderr)

    def test_words_stay_what_they_are(self):
        code = "import sys; print(sys.argv[1:])"
        words = ["[1,2]", "--json", "", "--", "a b", "--peers=9"]
        done = wanlab("--peers", "1", "--no-coordinator", "--", sys.executable, "-c", code, *words)
        self.assertEqual(done.stdout, f"peer 1 | {words}\n", done.stderr)

    def test_one_bad_exit_is_the_labs(self):
        done = wanlab("--peers", "3", "--", "sh", "-c", "test {peer} != 2 || exit 7")
        self.assertEqual(done.returncode, 1)
        self.assertIn("peer 2: exit code 7", done.stderr)
        self.assertNotIn("peer 1: ", done.stderr)

    def test_a_command_that_is_not_there(self):
        done = wanlab("--peers", "1", "--", "no-such-command")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot run 'no-such-command'", done.stderr)

    def test_nothing_passes_a_cut_path(self):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("* <-> * delay 1ms\n1 <-> 2 cut\n")
            file.flush()
            code = ("import socket, sys\n"
                    "try:\n  socket.create_connection((sys.argv[1], 5000), timeout=0.5)\n"
                    "except OSError as error:\n  print(sys.argv[1], type(error).__name__)\n")
            done = wanlab("--peers", "3", "--matrix", file.name, "--no-coordinator", "--", "sh",
                          "-c", "test {peer} != 1 || for to in 2 3; do "
                          f"{sys.executable} -c '{code}' 10.44.0.$to; done")
        self.assertIn("10.44.0.2 TimeoutError", done.stdout, done.stderr)
        self.assertIn("10.44.0.3 ConnectionRefusedError", done.stdout)

    def test_the_table_as_json(self):
        with tempfile.TemporaryDirectory() as folder:
            done = wanlab("--peers", "2", "--delay", "1ms", "--seed", "5", "--log-dir", folder,
                          "--json", f"{folder}/table.json", "--", sys.executable, "-c", TALK,
                          "10.44.0.1")
            self.assertEqual(done.returncode, 0, done.stderr)
            table = json.loads(pathlib.Path(folder, "table.json").read_text())
            self.assertEqual(pathlib.Path(folder, "peer-1.log").read_text().split()[0], "served")
        self.assertEqual(done.stdout, "")
        self.assertTrue(table["passed"])
        self.assertEqual(table["seed"], 5)
        paths = {(path["from"], path["to"]): path for path in table["paths"]}
        for path in paths[1, 2], paths[2, 1]:
            self.assertEqual(path["delay_ms"], 1)
            self.assertGreaterEqual(path["delivered_bytes"], 3_000_000)
            self.assertEqual(path["lost"] + path["dropped_uplink"], 0)
        self.assertEqual([end["end"] for end in table["commands"]], ["exit code 0"] * 2)

    def test_the_congestion_control_is_the_one_asked_for(self):
        offered = re.search(r"congestion control: (.*)", wanlab("--check").stdout).group(1)
        for name in offered.split():
            done = wanlab("--peers", "2", "--congestion", name, "--no-coordinator", "--",
                          sys.executable, "-c", TALK, "10.44.0.1")
            self.assertIn(f"served by {name}\n", done.stdout, done.stderr)
            self.assertIn(f"came back by {name}\n", done.stdout, done.stderr)
        done = wanlab("--peers", "1", "--congestion", "no-such", "--", "true")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no-such", done.stderr)
        self.assertIn(offered, done.stderr)

    def start(self, *command):
        lab = subprocess.Popen([PROGRAM, "wanlab", "--peers", "2", "--", *command],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               stdin=subprocess.DEVNULL)
        for peer in range(2):
            self.assertIn("started", lab.stdout.readline(), f"peer {peer}")
        return lab

    def test_an_interrupt_ends_the_commands_in_order(self):
        code = ("import signal, sys, time\n"
                "def leave(*_):\n  print('leaving', flush=True)\n  sys.exit(0)\n"
                "signal.signal(signal.SIGTERM, leave)\n"
                "print('started', flush=True)\ntime.sleep(1000)")
        for number in (signal.SIGINT, signal.SIGTERM):
            lab = self.start(sys.executable, "-c", code)
            lab.send_signal(number)
            out, error = lab.communicate(timeout=SECONDS)
            self.assertEqual(out.count("leaving"), 2, error)
            self.assertEqual(lab.returncode, 1)
            self.assertIn("interrupted", error)

    def test_a_command_that_takes_too_long(self):
        done = wanlab("--peers", "2", "--timeout", "200ms", "--", "sleep", "1000")
        self.assertEqual(done.returncode, 1)
        self.assertIn("--timeout", done.stderr)
        self.assertIn("peer 1: signal 15", done.stderr)

    def test_what_a_command_leaves_behind_ends_with_the_lab(self):
        done = wanlab("--peers", "2", "--", "sh", "-c", "setsid sleep 1000 &")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_all_ends_when_the_lab_is_killed(self):
        """Grandchildren in sessions of their own, too; tearDown() looks."""
        lab = self.start("sh", "-c", "setsid sleep 1000 & echo started; sleep 1000")
        self.assertGreaterEqual(len(set(namespaces()) - set(self.before)), 3)
        lab.kill()
        lab.communicate()


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    WORKER = sys.argv.pop(1)
    unittest.main()

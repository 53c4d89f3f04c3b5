"""Name servers that do not answer, and addresses that need a zone.
names_test.py PROGRAM CONNECTOR: the command, and a program that connects once.

Most of it needs root, for a network and a resolv.conf of its own; elsewhere it is skipped, and says
so."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from waiting import wait_until

PROGRAM = None
CONNECTOR = None
SECONDS = 60
# The resolver asks so often and waits so long for each answer, so that a caller who waits for it is
# late beyond doubt.
PATIENCE = 60
NAME_SERVER = "127.0.0.9"
INSIDE = "ATOLL_TEST_INSIDE"
# How much later than asked for a busy machine may be.
SLACK = 20


def call(*arguments, timeout=SECONDS):
    return subprocess.run(arguments, capture_output=True, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, check=False)


def why_not():
    """Why this computer cannot give a test its own network; empty when it can."""
    if not shutil.which("unshare") or not shutil.which("ip"):
        return "there is no unshare (util-linux) or no ip (iproute2)"
    tried = call("unshare", "-mn", "ip", "link", "set", "lo", "up")
    return "" if tried.returncode == 0 else "no namespaces: " + tried.stderr.strip()


class ZonesTest(unittest.TestCase):
    """A link-local address without its interface is refused with a sentence. Needs no root."""

    def test_of_a_coordinator_to_join(self):
        done = call(CONNECTOR, "[fe80::1]:7700", "1000")
        self.assertIn("fe80::1%eth0", done.stdout)

    def test_of_a_coordinator_to_ask(self):
        done = call(PROGRAM, "status", "--coordinator", "[fe80::1]:7700")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("fe80::1%eth0", done.stderr)

    def test_of_a_coordinator_to_run(self):
        done = call(PROGRAM, "coordinator", "--listen", "[fe80::1]:0", "--insecure")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("fe80::1%eth0", done.stderr)

    def test_an_interface_that_is_not_there(self):
        done = call(PROGRAM, "status", "--coordinator", "[fe80::1%no-such-if]:7700")
        self.assertIn("no interface 'no-such-if'", done.stderr)


class SilentNameServerTest(unittest.TestCase):
    """In a namespace whose only name server takes questions and says nothing."""

    @classmethod
    def setUpClass(cls):
        if not os.environ.get(INSIDE):
            raise unittest.SkipTest(why_not() or "run in the second pass, with its own network")
        cls.folder = tempfile.TemporaryDirectory()
        config = pathlib.Path(cls.folder.name) / "resolv.conf"
        config.write_text(f"nameserver {NAME_SERVER}\noptions timeout:{PATIENCE // 2} attempts:2\n")
        for command in (("ip", "link", "set", "lo", "up"),
                        ("mount", "--bind", str(config), "/etc/resolv.conf")):
            done = call(*command)
            if done.returncode != 0:
                raise unittest.SkipTest(" ".join(command) + ": " + done.stderr.strip())
        cls.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        cls.server.bind((NAME_SERVER, 53))
        probe = subprocess.Popen(["getent", "hosts", "trainer.example.com"],
                                 stdout=subprocess.DEVNULL)
        cls.server.settimeout(SECONDS)
        try:
            cls.server.recv(512)
        except TimeoutError:
            raise unittest.SkipTest("names are not looked up by DNS here") from None
        finally:
            probe.kill()
            probe.wait()

    @classmethod
    def tearDownClass(cls):
        if hasattr(cls, "server"):
            cls.server.close()

    @staticmethod
    def has_member(address):
        done = call(PROGRAM, "status", "--coordinator", address, "--json")
        peers = json.loads(done.stdout)["peers"] if done.returncode == 0 else []
        return any(peer["state"] == "member" for peer in peers)

    def timed(self, *arguments):
        began = time.monotonic()
        done = call(*arguments, timeout=2 * PATIENCE)
        self.assertLess(time.monotonic() - began, SLACK, done.stdout + done.stderr)
        return done

    def test_connecting_ends_in_its_time_and_the_process_with_it(self):
        done = self.timed(CONNECTOR, "trainer.example.com:7700", "1000")
        self.assertIn("'trainer.example.com' could not be resolved", done.stdout)

    def test_the_second_coordinator_gets_its_turn(self):
        with tempfile.TemporaryDirectory() as folder:
            port_file = pathlib.Path(folder) / "port"
            coordinator = subprocess.Popen(
                [PROGRAM, "coordinator", "--listen", "127.0.0.1:0", "--new-run", "--port-file",
                 port_file], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            try:
                wait_until(port_file.exists, "a coordinator")
                address = port_file.read_text().strip()
                member = subprocess.Popen(
                    [PROGRAM, "bench", "all-reduce", "--world", "2", "--join", address],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL)
                try:
                    wait_until(lambda: self.has_member(address), "a member")
                    done = self.timed(CONNECTOR, f"trainer.example.com:7700,{address}", "4000")
                    self.assertTrue(done.stdout.startswith("success"), done.stdout)
                finally:
                    member.kill()
                    member.wait()
            finally:
                coordinator.kill()
                coordinator.wait()

    def test_asking_for_the_status_ends_in_its_time(self):
        done = self.timed(PROGRAM, "status", "--coordinator", "trainer.example.com:7700",
                          "--timeout-ms", "500")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("trainer.example.com", done.stderr)

    def test_listening_at_a_name_gives_up(self):
        done = self.timed(PROGRAM, "coordinator", "--listen", "trainer.example.com:7700",
                          "--insecure")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("trainer.example.com", done.stderr)


class Host:
    """A process that holds a network namespace."""

    def __init__(self):
        self.process = subprocess.Popen(["unshare", "-n", "sleep", "infinity"])
        mine = os.readlink("/proc/self/ns/net")
        wait_until(lambda: os.readlink(f"/proc/{self.process.pid}/ns/net") != mine, "a namespace")

    def command(self, *arguments):
        return ["nsenter", "-t", str(self.process.pid), "-n", *arguments]

    def end(self):
        self.process.kill()
        self.process.wait()


class LinkLocalTest(unittest.TestCase):
    """Two hosts and a cable: link-local addresses are all they have."""

    def setUp(self):
        if not os.environ.get(INSIDE):
            self.skipTest(why_not() or "run in the second pass, with its own network")
        self.hosts = [Host(), Host()]
        for host in self.hosts:
            self.addCleanup(host.end)
        one, other = (str(host.process.pid) for host in self.hosts)
        made = call("ip", "link", "add", "cable-a", "netns", one, "type", "veth", "peer", "name",
                    "cable-b", "netns", other)
        if made.returncode != 0:
            self.skipTest("no veth: " + made.stderr.strip())
        self.addresses = []
        for host, cable in zip(self.hosts, ("cable-a", "cable-b")):
            for link in ("lo", cable):
                subprocess.run(host.command("ip", "link", "set", link, "up"), check=True)
        for host, cable in zip(self.hosts, ("cable-a", "cable-b")):
            wait_until(lambda h=host, c=cable: self.address(h, c), f"an address of {cable}")
            self.addresses.append(self.address(host, cable))

    @staticmethod
    def address(host, cable):
        """None: not there, or not yet known to be free."""
        shown = call(*host.command("ip", "-json", "-6", "addr", "show", "dev", cable)).stdout
        for entry in json.loads(shown or "[]"):
            for address in entry.get("addr_info", []):
                if address["scope"] == "link" and not address.get("tentative"):
                    return address["local"]
        return None

    def test_peers_on_both_reach_each_other(self):
        here = self.addresses[0]
        with tempfile.TemporaryDirectory() as folder:
            port_file = pathlib.Path(folder) / "port"
            coordinator = subprocess.Popen(
                self.hosts[0].command(PROGRAM, "coordinator", "--listen", f"[{here}%cable-a]:0",
                                      "--insecure", "--new-run", "--min-replicas", "2",
                                      "--port-file", str(port_file)),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            peers = []
            try:
                wait_until(port_file.exists, "a coordinator")
                address = port_file.read_text().strip()
                self.assertTrue(address.startswith(f"[{here}%cable-a]:"), address)
                for host, cable in zip(self.hosts, ("cable-a", "cable-b")):
                    peers.append(subprocess.Popen(
                        host.command(PROGRAM, "bench", "all-reduce", "--world", "2",
                                     "--max-bytes", "4KiB", "--iterations", "1", "--join",
                                     address.replace("cable-a", cable)),
                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                        stderr=subprocess.PIPE, text=True))
                for peer in peers:
                    self.assertEqual(peer.wait(SECONDS), 0, peer.stderr.read())
            finally:
                for process in (*peers, coordinator):
                    process.kill()
                    process.communicate()


def main():
    global PROGRAM, CONNECTOR
    PROGRAM, CONNECTOR = sys.argv[1:3]
    if not os.environ.get(INSIDE) and not why_not():
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "-mn", sys.executable, "-B", *sys.argv])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)


if __name__ == "__main__":
    main()

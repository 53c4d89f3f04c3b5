#!/usr/bin/env python3
"""Who drives a run when its coordinator is started again: those who train, or whoever comes first?

    bench/who_drives.py [CASE...] [--times 15] [--atoll PROGRAM] [--library LIBATOLL]

Each case kills a coordinator and starts it again on its address at a moment when it cannot hear of
the run that it had, and newcomers come to it first. Wrong is what throws the run or its newest
state away. Peers count: each step they meet, sync their state, and publish the next revision of it;
members begin with revision 1000, newcomers with 1.

packets-dropped   Four members train, each on a host of its own. For 8 s every packet between them
                  and the coordinator's host is dropped without a word; what they send to each other
                  passes. When this begins the coordinator is killed. About 5 s later it is started
                  again, and a newcomer on its own host. Needs root and network namespaces; without
                  them the case is left out, with a message.
standing-still    Two members train and are stopped (SIGSTOP). The coordinator is killed and started
                  again at once, every second time with a state folder that it had before, and a
                  newcomer comes. After 3 s the members continue.
yesterday         Of yesterday's two peers one is stopped. The other and the coordinator are killed.
                  Today's coordinator is started with --new-run, on the same port, and today's two
                  peers train; then yesterday's peer continues. Every second time all of them name
                  their run.

Right are packets-dropped and standing-still when no member ever leaves or is refused or goes back
to a lower revision, and in the end all are together with the newcomer, at revision 1000 or more.
Right is yesterday when within 15 s yesterday's peer ends with an error of 1xx whose sentence names
two instances, by 32 hexadecimal digits each, it has synced nothing, and today's peers notice
nothing and go on.

Exit code 0: every trial was right."""

import argparse
import ctypes
import os
import pathlib
import random
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEER_SOURCE = ROOT / "bench" / "drivers" / "revision_peer.c"
MEMBERS_BEGIN_AT = 1000
NEWCOMER_BEGINS_AT = 1
TODAY_BEGINS_AT = 5
START_SECONDS = 30
TOGETHER_SECONDS = 30
DROP_SECONDS = 8
RESTART_SECONDS = (4.6, 5.4)  # after the first packet was dropped
STOPPED_SECONDS = 3
REFUSED_SECONDS = 15
GO_ON_SECONDS = 2
POLL_SECONDS = 0.02
COMPLAINTS_SHOWN = 6
INSTANCE = re.compile(r"\b[0-9a-fA-F]{32}\b")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class CannotBegin(Exception):
    """A trial whose run did not even start."""


def wait_until(condition, seconds):
    """The seconds until the condition held, or None if it did not in time."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            return None
        time.sleep(POLL_SECONDS)
    return time.monotonic() - began


def require(condition, seconds, what):
    if wait_until(condition, seconds) is None:
        raise CannotBegin(f"not within {seconds} s: {what}")


def die_with_parent():
    """Even if this script is killed, none of its processes goes on."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
    """In a session of its own: Ctrl-C is for this script, which then cleans up."""
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
                            start_new_session=True, preexec_fn=die_with_parent)


def end_all(processes):
    """By SIGKILL, and only what still runs."""
    for process in processes:
        if process.poll() is None:
            process.kill()
    for process in processes:
        process.wait()


# ---- the network of packets-dropped --------------------------------------------------------------


class Network:
    """Hosts of members on a bridge, and a coordinator's host behind the router that they share.
    Each is a network namespace without a name, which goes when its last process ends. Here they
    are told by their paths."""

    COORDINATOR = "10.45.1.1"

    def __init__(self, members):
        self._count = members
        self._holders = []
        self._router = None
        self.coordinator = None
        self.members = []

    def __enter__(self):
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        end_all(self._holders)

    def forward(self, is_on):
        """Whether the router passes packets between the two sides. If not it drops them silently:
        nobody is told by ICMP or by a link that goes down."""
        self._run(self._router, ["sh", "-c",
                                 f"echo {int(is_on)} > /proc/sys/net/ipv4/ip_forward"])

    def _build(self):
        self._router = self._namespace()
        self._ip(self._router, "link add members type bridge")
        self._ip(self._router, "address add 10.45.0.254/24 dev members")
        self._ip(self._router, "link set members up")
        self.coordinator = self._host("coordinator", f"{self.COORDINATOR}/24", "10.45.1.254")
        self._ip(self._router, "address add 10.45.1.254/24 dev coordinator")
        for number in range(1, self._count + 1):
            self.members.append(
                self._host(f"member-{number}", f"10.45.0.{number}/24", "10.45.0.254"))
            self._ip(self._router, f"link set member-{number} master members")
        self.forward(True)

    def _host(self, port, address, gateway):
        host = self._namespace()
        self._ip(host, f"link add wan0 type veth peer name {port} netns {self._router}")
        self._ip(self._router, f"link set {port} up")
        self._ip(host, "link set lo up")
        self._ip(host, f"address add {address} dev wan0")
        self._ip(host, "link set wan0 up")
        self._ip(host, f"route add default via {gateway}")
        return host

    def _namespace(self):
        """Held by a process that sleeps."""
        ours = os.readlink("/proc/self/ns/net")
        holder = start(["unshare", "--net", "sleep", "infinity"])
        self._holders.append(holder)
        path = f"/proc/{holder.pid}/ns/net"
        require(lambda: holder.poll() is not None or os.readlink(path) != ours,
                START_SECONDS, "a network namespace")
        if holder.poll() is not None:
            raise CannotBegin("there are no network namespaces")
        return path

    def _ip(self, host, words):
        self._run(host, ["ip"] + words.split())

    @staticmethod
    def _run(host, command):
        done = subprocess.run(["nsenter", f"--net={host}"] + command, capture_output=True,
                              text=True, check=False, start_new_session=True)
        if done.returncode != 0:
            raise CannotBegin(f"{' '.join(command)}: {done.stderr.strip()}")


def why_no_network():
    """A sentence, or None where the network can be made."""
    if os.geteuid() != 0:
        return "it needs root"
    try:
        with Network(1):
            return None
    except (CannotBegin, FileNotFoundError) as error:
        return f"the network cannot be made: {error}"


# ---- peers and coordinators ----------------------------------------------------------------------


class Peer:
    """A revision_peer, and what it has said."""

    def __init__(self, name, process, output):
        self.name = name
        self.process = process
        self._output = output

    def lines(self):
        """Whole ones; the last may be on its way."""
        return self._output.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]

    def synced(self, skip_lines=0):
        """Pairs of a revision and the number of peers that had it, oldest first."""
        return [(int(words[1]), int(words[3]))
                for words in map(str.split, self.lines()[skip_lines:]) if words[:1] == ["synced"]]

    def is_with(self, world):
        """Whether it has synced last in a view of so many peers."""
        return self.synced()[-1:] != [] and self.synced()[-1][1] == world

    def said(self, *first_words):
        return [line for line in self.lines() if line.partition(" ")[0] in first_words]

    def has_ended(self):
        return self.process.poll() is not None

    def send(self, number):
        self.process.send_signal(number)

    def complaints(self, *first_words):
        """What it must not have said, and that it must still live."""
        found = [f"{self.name}: {line}" for line in self.said("torn", *first_words)]
        revisions = [revision for revision, _ in self.synced()]
        for before, after in zip(revisions, revisions[1:]):
            if after < before:
                found.append(f"{self.name} went back from revision {before} to {after}")
        if self.has_ended():
            found.append(f"{self.name} has ended with {self.process.returncode}")
        return found


class Trial:
    """The processes of one trial; all of them end when the block ends."""

    def __init__(self, atoll, peer_program, folder):
        self._atoll = atoll
        self._peer_program = peer_program
        self.folder = folder
        self._processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end_all(self._processes)

    def coordinator(self, name, address, *options, inside=None):
        """A coordinator that listens."""
        process, output = self._start(
            name, [self._atoll, "coordinator", "--listen", address, *options], inside)
        require(lambda: process.poll() is not None or "listening" in output.read_text(),
                START_SECONDS, f"{name} listens")
        if process.poll() is not None:
            said = output.with_suffix(".log").read_text().strip().split("\n")[-1]
            raise CannotBegin(f"{name} has ended with {process.returncode}: {said}")
        return process

    def peer(self, name, address, revision, *options, inside=None):
        process, output = self._start(
            name, [self._peer_program, "--coordinator", address, "--name", name,
                   "--revision", str(revision), *options], inside)
        return Peer(name, process, output)

    def _start(self, name, command, inside):
        """The program takes the place of `nsenter`: the process is the same."""
        output = self.folder / f"{name}.out"
        prefix = ["nsenter", f"--net={inside}"] if inside else []
        with open(output, "wb") as out, open(output.with_suffix(".log"), "wb") as log:
            self._processes.append(start(prefix + command, stdout=out, stderr=log))
        return self._processes[-1], output


def build_peer_program(library, folder):
    """With CC and CFLAGS of the environment, as a library built with a sanitizer needs."""
    program = pathlib.Path(folder, "revision_peer")
    subprocess.run([*shlex.split(os.environ.get("CC", "cc")), "-std=c99", "-Wall", "-Wextra",
                    "-Wpedantic",
                    *shlex.split(os.environ.get("CFLAGS", "")), f"-I{ROOT / 'include'}",
                    str(PEER_SOURCE), str(library), f"-Wl,-rpath,{library.parent}",
                    "-o", str(program)], check=True)
    return program


# ---- the cases: each returns a remark, and what was wrong ----------------------------------------


def free_loopback_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def are_together(peers):
    return all(peer.is_with(len(peers)) for peer in peers)


def judge_members(members, newcomer):
    """To be called when the coordinator can be reached again."""
    peers = members + [newcomer]
    seconds = wait_until(lambda: are_together(peers), TOGETHER_SECONDS)
    time.sleep(1)
    complaints = [complaint for member in members
                  for complaint in member.complaints("left", "refused")]
    complaints += [f"newcomer: {line}" for line in newcomer.said("refused", "torn")]
    if seconds is None or not are_together(peers):
        complaints.append(f"the {len(peers)} peers do not come together")
        complaints += [f"{peer.name} last said: {(peer.lines() or ['nothing'])[-1]}"
                       for peer in peers]
        return "", complaints
    remark = f"all together after {seconds:.1f} s, at revision {newcomer.synced()[-1][0]}"
    alone = [revision for revision, _ in newcomer.synced() if revision < MEMBERS_BEGIN_AT]
    if newcomer.synced()[-1][0] < MEMBERS_BEGIN_AT:
        complaints.insert(0, f"the newcomer's state won: all hold revision {alone[-1]}")
    elif alone:
        remark += f"; before that the newcomer synced its own revisions {alone[0]} to {alone[-1]}"
    return remark, complaints


def packets_dropped(trial, _):
    restart = random.uniform(*RESTART_SECONDS)
    address = f"{Network.COORDINATOR}:7700"
    with Network(4) as network, trial:
        first = trial.coordinator("coordinator-1", address, "--insecure", "--new-run",
                                  inside=network.coordinator)
        members = [trial.peer(f"member-{number}", address, MEMBERS_BEGIN_AT, inside=host)
                   for number, host in enumerate(network.members, start=1)]
        require(lambda: are_together(members), START_SECONDS, "four members meet")
        time.sleep(0.5)
        began = time.monotonic()
        network.forward(False)
        end_all([first])
        time.sleep(began + restart - time.monotonic())
        trial.coordinator("coordinator-2", address, "--insecure", inside=network.coordinator)
        newcomer = trial.peer("newcomer", address, NEWCOMER_BEGINS_AT, inside=network.coordinator)
        time.sleep(began + DROP_SECONDS - time.monotonic())
        network.forward(True)
        remark, complaints = judge_members(members, newcomer)
        return f"restart after {restart:.2f} s; {remark}", complaints


def standing_still(trial, number):
    address = free_loopback_address()
    options = ["--state-dir", str(trial.folder / "state")] if number % 2 == 0 else []
    with trial:
        first = trial.coordinator("coordinator-1", address, "--new-run", *options)
        members = [trial.peer(f"member-{number}", address, MEMBERS_BEGIN_AT)
                   for number in (1, 2)]
        require(lambda: are_together(members), START_SECONDS, "two members meet")
        time.sleep(0.5)
        for member in members:
            member.send(signal.SIGSTOP)
        end_all([first])
        trial.coordinator("coordinator-2", address, *options)
        newcomer = trial.peer("newcomer", address, NEWCOMER_BEGINS_AT)
        time.sleep(STOPPED_SECONDS)
        for member in members:
            member.send(signal.SIGCONT)
        remark, complaints = judge_members(members, newcomer)
        return f"{'with' if options else 'without'} a state folder; {remark}", complaints


def judge_yesterday(yesterday, today):
    """To be called when yesterday's peer is about to continue."""
    already = len(yesterday.lines())
    today_already = [len(peer.lines()) for peer in today]
    yesterday.send(signal.SIGCONT)
    seconds = wait_until(yesterday.has_ended, REFUSED_SECONDS)
    revisions = [peer.synced()[-1][0] for peer in today]
    time.sleep(GO_ON_SECONDS)
    complaints = [f"yesterday's peer has synced revision {revision} with {world}"
                  for revision, world in yesterday.synced(already)[:1]]
    lines = yesterday.lines()[already:]
    last = lines[-1] if lines else "nothing"
    if seconds is None:
        complaints.append(f"yesterday's peer goes on after {REFUSED_SECONDS} s")
        complaints += [f"yesterday's peer: {line}" for line in lines
                       if not line.startswith("synced")]
    elif re.match(r"(refused|failed) 1\d\d ", last) is None:
        complaints.append(f"yesterday's peer has ended with {yesterday.process.returncode}, "
                          f"and said: {last}")
    elif len({name.lower() for name in INSTANCE.findall(last)}) < 2:
        complaints.append(f"yesterday's peer is not told two instances, but: {last}")
    for peer, skip_lines, revision in zip(today, today_already, revisions):
        complaints += peer.complaints("left", "refused", "failed")
        if peer.synced()[-1][0] <= revision:
            complaints.append(f"{peer.name} does not go on from revision {revision}")
        others = [world for _, world in peer.synced(skip_lines) if world != len(today)]
        if others:
            complaints.append(f"{peer.name} has synced in a view of {others[0]}")
    remark = "never told" if seconds is None else f"told after {seconds:.1f} s: {last}"
    return remark, complaints


def yesterday_comes_back(trial, number):
    address = free_loopback_address()
    run = ["--run", "exp1"] if number % 2 == 0 else []
    with trial:
        first = trial.coordinator("coordinator-1", address, "--new-run", *run)
        peers = [trial.peer(f"yesterday-{name}", address, MEMBERS_BEGIN_AT, *run)
                 for name in (1, 2)]
        require(lambda: are_together(peers), START_SECONDS, "yesterday's peers meet")
        # It is stopped in the pause after a line, so that no answer to it is on its way.
        seen = len(peers[0].lines())
        require(lambda: len(peers[0].lines()) > seen, START_SECONDS, "one more step")
        peers[0].send(signal.SIGSTOP)
        end_all([peers[1].process, first])
        trial.coordinator("coordinator-2", address, "--new-run", *run)
        today = [trial.peer(f"today-{name}", address, TODAY_BEGINS_AT, *run) for name in (1, 2)]
        require(lambda: are_together(today) and today[0].synced()[-1][0] > TODAY_BEGINS_AT + 3,
                START_SECONDS, "today's peers train")
        remark, complaints = judge_yesterday(peers[0], today)
        return f"run {'named' if run else 'not named'}; {remark}", complaints


CASES = {"packets-dropped": packets_dropped, "standing-still": standing_still,
         "yesterday": yesterday_comes_back}


# ---- the command ---------------------------------------------------------------------------------


def run_case(case, arguments, peer_program, folder):
    """Whether all trials were right."""
    reason = why_no_network() if case == "packets-dropped" else None
    if reason:
        print(f"{case}: left out: {reason}", flush=True)
        return True
    right = 0
    for number in range(1, arguments.times + 1):
        trial_folder = folder / f"{case}-{number}"
        trial_folder.mkdir(parents=True)
        try:
            remark, complaints = CASES[case](
                Trial(arguments.atoll, peer_program, trial_folder), number)
        except CannotBegin as error:
            remark, complaints = "", [str(error)]
        right += not complaints
        print(f"{case} {number}: {'WRONG' if complaints else 'right'}"
              + (f"; {remark}" if remark else ""), flush=True)
        for sentence in complaints[:COMPLAINTS_SHOWN]:
            print("    " + sentence, flush=True)
        if len(complaints) > COMPLAINTS_SHOWN:
            print(f"    and {len(complaints) - COMPLAINTS_SHOWN} more", flush=True)
    print(f"{case}: {right} of {arguments.times} right", flush=True)
    return right == arguments.times


def end_in_order(number, _):
    """As an exception, on which all that was started is ended; further signals do not disturb."""
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE",
                        help=f"one of {', '.join(CASES)}; default: all")
    parser.add_argument("--times", type=int, default=15, help="trials of each case (default: 15)")
    parser.add_argument("--logs", type=pathlib.Path, metavar="FOLDER",
                        help="keep here what all processes have said; the folder must be new")
    parser.add_argument("--atoll", type=pathlib.Path, metavar="PROGRAM",
                        default=ROOT / "build/release/tools/atoll/atoll")
    parser.add_argument("--library", type=pathlib.Path, metavar="LIBATOLL",
                        default=ROOT / "build/release/src/capi/libatoll.so")
    arguments = parser.parse_args()
    for case in arguments.cases:
        if case not in CASES:
            parser.error(f"there is no case {case!r}; choose from {', '.join(CASES)}")
    if arguments.times < 1:
        parser.error("--times must be at least 1")
    if arguments.logs and arguments.logs.exists():
        parser.error(f"{arguments.logs} exists")
    return arguments


def main():
    arguments = parse_arguments()
    for number in SIGNALS:
        signal.signal(number, end_in_order)
    with tempfile.TemporaryDirectory() as scratch:
        peer_program = build_peer_program(arguments.library.resolve(), scratch)
        folder = arguments.logs or pathlib.Path(scratch)
        results = [run_case(case, arguments, peer_program, folder)
                   for case in CASES if case in (arguments.cases or CASES)]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Measures whether `atoll wanlab` gives the network that it is asked for: round trip, rate and loss
with ping and iperf3, and what the emulator costs. docs/WANLAB.md holds what this printed.

    bench/wanlab_check.py build/release/tools/atoll/atoll [--seconds 10] [--only rtt,rate,...]

Needs root, iputils-ping and iperf3. Exit code 0: every figure with a target is within 5 % of it.
"""
import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TOLERANCE = 0.05
HEADERS = 1448 / 1500  # TCP payload in a packet of 1,500 bytes
UDP_PAYLOAD = 1400
UDP_HEADERS = 1400 / 1428


class Lab:
    """Runs labs of one program; what comes back is the commands' output and the lab's table."""

    def __init__(self, program):
        self.program = program

    def run(self, peers, network, script):
        with tempfile.TemporaryDirectory() as folder:
            table = pathlib.Path(folder, "table.json")
            done = subprocess.run(
                [self.program, "wanlab", "--peers", str(peers), "--no-coordinator", "--seed", "1",
                 "--timeout", "5m", "--json", str(table), *network, "--", "bash", "-c", script],
                capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"the lab failed:\n{done.stdout}{done.stderr}")
            return done.stdout, json.loads(table.read_text())


# Peer 2 asks peer 1, whose server ends after one test; the port is open when a probe says so.
IPERF = """
if [ {peer} = 1 ]; then exec iperf3 -s -1 >/dev/null; fi
until iperf3 -c 10.44.0.1 %s --json > /tmp/wanlab_check.$$ 2>&1; do sleep 0.1; done
tr -d '\\n' < /tmp/wanlab_check.$$; rm /tmp/wanlab_check.$$
"""


def iperf(lab, network, options):
    output, table = lab.run(2, network, IPERF % options)
    prefix = "peer 2 | "  # the lab breaks very long lines
    text = "".join(line.removeprefix(prefix) for line in output.splitlines()
                   if line.startswith(prefix))
    return json.loads(text)["end"], table


def received_mbit(end):
    sums = end.get("sum_received") or end["sum"]
    return sums["bits_per_second"] / 1e6


class Report:
    def __init__(self):
        self.failed = False
        print(f"{'what':<58} {'asked':>10} {'measured':>10} {'off':>8}")

    def row(self, what, measured, unit, asked=None):
        if asked is None:
            print(f"{what:<58} {'':>10} {measured:>10.4g} {'':>8} {unit}", flush=True)
            return
        off = measured / asked - 1
        self.failed |= abs(off) > TOLERANCE
        mark = "" if abs(off) <= TOLERANCE else "  <- outside 5 %"
        print(f"{what:<58} {asked:>10.4g} {measured:>10.4g} {off:>+7.1%} {unit}{mark}", flush=True)


def check_rtt(lab, report, _):
    for delay in (2, 10, 40, 150):
        for address in ("10.44.0.1", "fd44::1"):
            output, _ = lab.run(2, ["--delay", f"{delay}ms"],
                                f"test {{peer}} = 1 && sleep 4 || ping -q -c 20 -i 0.1 {address}")
            average = float(re.search(r"= [\d.]+/([\d.]+)/", output).group(1))
            report.row(f"ping {address}, {delay} ms each way", average, "ms", 2 * delay)


def check_jitter(lab, report, _):
    network = ["--delay", "40ms", "--jitter", "10ms"]
    output, _ = lab.run(2, network, "test {peer} = 1 && sleep 21 || "
                                    "ping -q -c 400 -i 0.05 10.44.0.1")
    low, average, high = map(float, re.search(r"= ([\d.]+)/([\d.]+)/([\d.]+)/", output).groups())
    report.row("ping with 40 ms +- 10 ms: average", average, "ms", 80)
    report.row("    least (60 possible)", low, "ms")
    report.row("    most (100 possible)", high, "ms")


def check_rate(lab, report, seconds):
    for rate in (10, 100, 400):
        network = ["--delay", "20ms", "--host-rate", f"{rate}mbit"]
        end, _ = iperf(lab, network, f"-u -l {UDP_PAYLOAD} -w 2M -b {rate * 1.2}M -t {seconds}")
        report.row(f"UDP, 1.2 x the host rate of {rate} Mbit/s, 20 ms", received_mbit(end),
                   "Mbit/s", rate * UDP_HEADERS)
    for rate in (10, 100, 400):
        network = ["--delay", "20ms", "--host-rate", f"{rate}mbit", "--congestion", "bbr"]
        end, _ = iperf(lab, network, f"-O 3 -t {seconds}")
        report.row(f"TCP bbr, host rate {rate} Mbit/s, 20 ms", received_mbit(end), "Mbit/s",
                   rate * HEADERS)
    network = ["--delay", "20ms", "--pair-rate", "50mbit", "--congestion", "bbr"]
    end, _ = iperf(lab, network, f"-O 3 -t {seconds}")
    report.row("TCP bbr, pair rate 50 Mbit/s, 20 ms", received_mbit(end), "Mbit/s", 50 * HEADERS)
    network = ["--delay", "20ms", "--host-rate", "100mbit", "--congestion", "cubic"]
    end, _ = iperf(lab, network, f"-O 3 -t {seconds}")
    report.row("TCP cubic, host rate 100 Mbit/s, 20 ms", received_mbit(end), "Mbit/s",
               100 * HEADERS)


def check_loss(lab, report, seconds):
    for loss in (0.5, 2):
        network = ["--delay", "5ms", "--loss", f"{loss}%"]
        end, table = iperf(lab, network, f"-u -l {UDP_PAYLOAD} -w 2M -b 150M -t {seconds}")
        report.row(f"UDP, loss {loss} %", end["sum"]["lost_percent"], "%", loss)
        path = next(path for path in table["paths"] if path["from"] == 2)
        report.row("    what the lab counted", 100 * path["lost"] / path["sent_packets"], "%")
    # TCP's packets come in super-packets; each of theirs is lost by itself.
    network = ["--delay", "5ms", "--loss", "1%", "--host-rate", "100mbit", "--congestion", "bbr"]
    end, table = iperf(lab, network, f"-P 4 -t {seconds}")
    path = next(path for path in table["paths"] if path["from"] == 2)
    report.row("TCP, loss 1 %: what the lab counted", 100 * path["lost"] / path["sent_packets"],
               "%", 1)
    report.row("    packets at once", path["sent_packets"] / table["emulator"]["writes"], "")


def check_streams(lab, report, seconds):
    """One long, lossy path by congestion control and number of connections."""
    for congestion in ("cubic", "bbr"):
        for streams in (1, 4, 16):
            network = ["--delay", "40ms", "--loss", "0.05%", "--host-rate", "100mbit",
                       "--congestion", congestion]
            end, table = iperf(lab, network, f"-O 3 -P {streams} -t {2 * seconds}")
            report.row(f"100 Mbit/s, 40 ms, 0.05 %: {congestion}, {streams} connections",
                       received_mbit(end), "Mbit/s")
            report.row("    retransmissions", end["sum_sent"]["retransmits"], "")


# Every peer sends to every other, with one connection each.
ALL_TO_ALL = """
for from in 1 2 3 4; do
  [ $from = {peer} ] || iperf3 -s -1 -p $((5000 + from)) >/dev/null &
done
for to in 1 2 3 4; do
  [ $to = {peer} ] || (until iperf3 -c 10.44.0.$to -p $((5000 + {peer})) -t %d >/dev/null 2>&1
    do sleep 0.1; done) &
done
wait
"""


def check_all_to_all(lab, report, seconds):
    for congestion in ("bbr", "cubic"):
        network = ["--delay", "40ms", "--host-rate", "100mbit", "--congestion", congestion]
        _, table = lab.run(4, network, ALL_TO_ALL % (2 * seconds))
        emulator = table["emulator"]
        report.row(f"4 x 100 Mbit/s, all to all, {congestion}: CPU of the emulator a packet",
                   emulator["cpu_us_per_packet"], "us")
        report.row("    of one core", 100 * emulator["cpu_s"] / table["seconds"], "%")
        report.row("    packets at once", emulator["packets"] / emulator["writes"], "")
        report.row("    late on average", emulator["late_us_mean"], "us")
        report.row("    late at most", emulator["late_us_max"], "us")
        report.row("    delivered a second, all paths",
                   sum(path["delivered_bytes"] for path in table["paths"]) * 8e-6
                   / table["seconds"], "Mbit/s")


CHECKS = {"rtt": check_rtt, "jitter": check_jitter, "rate": check_rate, "loss": check_loss,
          "streams": check_streams, "all": check_all_to_all}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("program", help="the atoll command")
    parser.add_argument("--seconds", type=int, default=10, help="of each transfer [10]")
    parser.add_argument("--only", default=",".join(CHECKS), help="some of " + ", ".join(CHECKS))
    arguments = parser.parse_args()
    for tool in ("ping", "iperf3"):
        if shutil.which(tool) is None:
            sys.exit(f"there is no {tool}: apt-get install iputils-ping iperf3")
    lab, report = Lab(arguments.program), Report()
    for name in arguments.only.split(","):
        if name not in CHECKS:
            parser.error(f"there is no check '{name}'")
        CHECKS[name](lab, report, arguments.seconds)
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()

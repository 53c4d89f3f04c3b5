"""Runs a coordinator and trainers, kills one, starts another, and judges. See tools/demo.sh."""

import argparse
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from table import Table
from trainer import Trainer
import verdict

PORT_FILE_SECONDS = 15
END_SECONDS = 60
STEP_SECONDS = 0.1


class DemoFailed(Exception):
    pass


class Interrupted(Exception):
    pass


class Demo:
    """Owns the processes; `close` ends those that still run, whatever happened."""

    def __init__(self, peers, seconds, build_dir, folder):
        self._peers = peers
        self._seconds = seconds
        self._build_dir = pathlib.Path(build_dir)
        self._folder = pathlib.Path(folder)
        self._coordinator = None
        self._address = None
        self._trainers = []
        self._kill_round = 0
        self._table = Table(peers + 1)
        self._began = None

    def run(self):
        """Plays all phases; returns the verdicts."""
        self._start_coordinator()
        self._began = time.monotonic()
        for share in range(self._peers):
            self._start_trainer(share)
        self._table.event(f"started a coordinator at {self._address} and {self._peers} trainers")
        survivors, victim = self._trainers[:-1], self._trainers[-1]
        self._wait("three rounds of all peers", self._seconds / 3, lambda: len(
            verdict.common_rounds(self._trainers, self._peers)) >= verdict.LEAST_ROUNDS)

        victim.kill()
        for trainer in self._trainers:
            trainer.poll()
        self._kill_round = max(trainer.round for trainer in self._trainers)
        self._table.event(f"killed {victim.name} (process {victim.process.pid}) with SIGKILL "
                          f"after round {self._kill_round}")
        self._wait("three rounds of the survivors", self._seconds / 2, lambda: len(
            verdict.common_rounds(survivors, self._peers - 1, self._kill_round + 1))
            >= verdict.LEAST_ROUNDS)

        newcomer = self._start_trainer(victim.share)
        self._table.event(f"started {newcomer.name} (process {newcomer.process.pid})")
        self._wait("three rounds with the newcomer", self._seconds, lambda: len(
            verdict.common_rounds(survivors + [newcomer], self._peers, self._kill_round + 1))
            >= verdict.LEAST_ROUNDS)

        self._table.event("time is up; the run ends after this round")
        self._trainers[0].end_run()
        members = survivors + [newcomer]
        self._wait_for_end(members)
        return self._judge(survivors, victim, newcomer)

    def close(self):
        for trainer in self._trainers:
            if trainer.running:
                trainer.kill()
        if self._coordinator is not None and self._coordinator.poll() is None:
            self._coordinator.terminate()
            try:
                self._coordinator.wait(5)
            except subprocess.TimeoutExpired:
                self._coordinator.kill()
                self._coordinator.wait()

    def _start_coordinator(self):
        port_file = self._folder / "port"
        program = self._build_dir / "tools" / "atoll" / "atoll"
        with open(self._folder / "coordinator.log", "wb") as log:
            self._coordinator = subprocess.Popen(
                [program, "coordinator", "--listen", "127.0.0.1:0", "--port-file", port_file,
                 "--min-replicas", str(self._peers)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + PORT_FILE_SECONDS
        while not port_file.exists():
            if self._coordinator.poll() is not None:
                raise DemoFailed(f"the coordinator ended with {self._coordinator.returncode}")
            if time.monotonic() > deadline:
                raise DemoFailed(f"the coordinator did not listen within {PORT_FILE_SECONDS} s")
            time.sleep(STEP_SECONDS)
        self._address = port_file.read_text().strip()

    def _start_trainer(self, share):
        program = self._build_dir / "docs" / "examples" / "char_lm"
        trainer = Trainer(program, self._folder, f"island-{len(self._trainers)}", self._address,
                          share, self._peers)
        self._trainers.append(trainer)
        return trainer

    def _step(self):
        time.sleep(STEP_SECONDS)
        for trainer in self._trainers:
            trainer.poll()
        self._table.update(self._trainers)
        if self._coordinator.poll() is not None:
            raise DemoFailed(f"the coordinator ended with {self._coordinator.returncode}")

    def _wait(self, what, least_seconds, condition):
        """Until so many seconds after the start, and then for the condition."""
        most_seconds = 3 * self._seconds + 120
        while time.monotonic() - self._began < least_seconds or not condition():
            self._step()
            for trainer in self._trainers:
                if not trainer.killed and not trainer.running:
                    raise DemoFailed(f"{trainer.name} ended too early, with "
                                     f"{trainer.process.returncode}" + self._tail_of(trainer))
            if time.monotonic() - self._began > most_seconds:
                raise DemoFailed(f"no {what} within {most_seconds:.0f} s of the start")

    def _wait_for_end(self, members):
        deadline = time.monotonic() + END_SECONDS
        while any(trainer.running for trainer in members):
            self._step()
            if time.monotonic() > deadline:
                late = ", ".join(trainer.name for trainer in members if trainer.running)
                raise DemoFailed(f"{late} did not end within {END_SECONDS} s")
        self._step()
        for trainer in members:
            if trainer.process.returncode != 0:
                raise DemoFailed(f"{trainer.name} ended with {trainer.process.returncode}"
                                 + self._tail_of(trainer))

    def _judge(self, survivors, victim, newcomer):
        self._table.close()
        members = survivors + [newcomer]
        summaries = [trainer.summary() for trainer in members]
        return [
            verdict.check_parity(summaries, self._peers),
            verdict.check_survival(survivors, victim, newcomer, self._peers, self._kill_round),
            verdict.check_loss(summaries),
            verdict.check_steady_state(self._trainers, summaries),
        ]

    @staticmethod
    def _tail_of(trainer):
        return "".join(f"\n    {line}" for line in trainer.log_tail())


def interrupt(number, _frame):
    raise Interrupted(number)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--build-dir", required=True)
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    folder = tempfile.mkdtemp(prefix="atoll-demo-")
    demo = Demo(arguments.peers, arguments.seconds, arguments.build_dir, folder)
    exit_code = 1
    try:
        verdicts = demo.run()
        print("\n".join(line for _, line in verdicts))
        exit_code = 0 if all(ok for ok, _ in verdicts) else 1
    except Interrupted as interruption:
        print(f"\ninterrupted by {signal.Signals(interruption.args[0]).name}", file=sys.stderr)
        exit_code = 128 + interruption.args[0]
    except (DemoFailed, OSError) as failure:
        print(f"FAILED: {failure}", file=sys.stderr)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        demo.close()
    if exit_code == 1:
        print(f"logs and status files: {folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())

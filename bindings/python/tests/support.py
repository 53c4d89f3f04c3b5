"""Runs of several peers inside of one process or of several, for tests."""
from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import atoll

HERE = Path(__file__).resolve().parent
SOON_S = 60  # an upper end for what would be a hang


@contextlib.contextmanager
def members(world, **config):
    """Communicators of one run that have met, from outside of it."""
    with atoll.Coordinator(min_replicas=world) as coordinator:
        comms = [atoll.connect(coordinator.address, name=f"peer-{i}", **config)
                 for i in range(world)]
        views = [work.wait(SOON_S) for work in [comm.update_async() for comm in comms]]
        by_rank = sorted(range(world), key=lambda i: views[i].rank)
        try:
            yield [comms[i] for i in by_rank]
        finally:
            for comm in comms:
                comm.close()


def on_all(comms, function):
    """function(comm, rank) on a thread for each; what they return, or the first that was raised."""
    results, errors = [None] * len(comms), []

    def run(rank):
        try:
            results[rank] = function(comms[rank], rank)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(len(comms))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON_S)
        assert not thread.is_alive(), "a call hangs"
    if errors:
        raise errors[0]
    return results


def errors_of(comms, function):
    """The same, of calls that fail: what each has raised."""
    def run(comm, rank):
        try:
            function(comm, rank)
        except atoll.Error as error:
            return error
        return None

    return on_all(comms, run)


def until(condition, what):
    """Waits for a condition; time only ends what would hang."""
    end = time.monotonic() + SOON_S
    while not condition():
        assert time.monotonic() < end, f"not within {SOON_S} s: {what}"
        time.sleep(0.005)


def start_python(code, *arguments, **options):
    """A process that runs this code, which may import what lies here."""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(
        [str(HERE), os.environ.get("PYTHONPATH", "")]), PYTHONFAULTHANDLER="1")
    environment.update(options.pop("environment", {}))
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=environment, **options)


def run_python(code, *arguments, expected=0, **options):
    """What it prints, once it has ended as expected."""
    process = start_python(code, *arguments, **options)
    try:
        output, errors = process.communicate(timeout=SOON_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(f"hangs:\n{process.communicate()}") from None
    assert process.returncode == expected, f"{process.returncode}, not {expected}:\n{errors}"
    return output

"""A peer that averages an array with all others, again and again, whoever comes or dies.

    atoll coordinator --listen 127.0.0.1:7700 --new-run &
    python all_reduce.py & python all_reduce.py

Arguments: how many steps (default 5). ATOLL_COORDINATOR is the coordinator's address (default
127.0.0.1:7700).
"""
import os
import sys

import numpy

import atoll


def main(steps: int) -> None:
    os.environ.setdefault("ATOLL_COORDINATOR", "127.0.0.1:7700")
    with atoll.connect() as comm:
        for step in range(steps):
            try:
                view = comm.update()
                gradient = numpy.full((1000, 10), view.rank, dtype=numpy.float32)
                # What this peer has seen counts for as much in the mean.
                info = comm.all_reduce(gradient, op="avg", weight=float(10 + view.rank))
            except atoll.RetryError as error:  # the run goes on, and the input is as it was
                print(f"step {step} again: {error}")
                continue
            except atoll.ReconnectError as error:  # this peer has left the run
                print(f"connecting again: {error}")
                comm.connect()
                continue
            print(f"step {step}: the mean of {info.contributors} peers is {gradient[0, 0]:.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)

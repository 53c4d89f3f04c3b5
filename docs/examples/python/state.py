"""Weights that are the same on all peers, bit for bit; a newcomer gets them before it gets in.

    atoll coordinator --listen 127.0.0.1:7700 --new-run &
    python state.py & python state.py

Arguments: how many steps (default 5). ATOLL_COORDINATOR is the coordinator's address (default
127.0.0.1:7700).
"""
import os
import sys

import numpy

import atoll


def main(steps: int) -> None:
    os.environ.setdefault("ATOLL_COORDINATOR", "127.0.0.1:7700")
    weights = numpy.zeros(10000, dtype=numpy.float32)
    state = atoll.SharedState({"weights": weights})
    with atoll.connect() as comm:
        state.follow(comm)  # the first update brings what the members hold
        comm.update()
        state.sync(comm)
        while state.revision < steps:
            gradient = numpy.full_like(weights, -1.0)  # what a training step would compute
            comm.update()
            comm.all_reduce(gradient, op="avg")
            state.begin_write()
            weights -= 0.5 * gradient
            state.publish()
            info = state.sync(comm)  # moves nothing: all have taken the same step
            print(f"revision {info.revision}, digest {info.digest:032x}, weight {weights[0]}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)

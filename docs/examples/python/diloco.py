"""DiLoCo (arXiv 2311.08105) on a line that is fitted to points: peers communicate once for every 20
steps of their own.

    atoll coordinator --listen 127.0.0.1:7700 --new-run &
    python diloco.py & python diloco.py

Arguments: how many rounds (default 10). ATOLL_COORDINATOR is the coordinator's address (default
127.0.0.1:7700).
"""
import os
import sys

import numpy

import atoll

INNER_STEPS = 20


def main(rounds: int) -> None:
    os.environ.setdefault("ATOLL_COORDINATOR", "127.0.0.1:7700")
    line = numpy.zeros(2, dtype=numpy.float32)  # slope and offset
    diloco = atoll.Diloco(line, learning_rate=0.7, momentum=0.5)
    with atoll.connect() as comm:
        while True:
            view = comm.update()
            diloco.sync(comm, line)  # newcomers get the outer parameters and momentum
            if diloco.round >= rounds:
                break
            random = numpy.random.default_rng(1000 * diloco.round + view.rank)
            for _ in range(INNER_STEPS):
                x = random.uniform(-1, 1, 32).astype(numpy.float32)
                error = line[0] * x + line[1] - (3 * x - 1)
                line -= 0.1 * numpy.array([(error * x).mean(), error.mean()], dtype=numpy.float32)
            try:
                info = diloco.step(comm, line)
            except atoll.RetryError as failure:
                print(f"round {diloco.round} again: {failure}")
                continue
            print(f"round {info.round}, {info.contributors} replicas: y = {line[0]:.3f} x "
                  f"{line[1]:+.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)

"""Calls of two peers that asyncio tasks await, beside a task that must not be kept waiting.

    python asyncio_work.py
"""
import asyncio

import numpy

import atoll


async def train(comm: atoll.Communicator) -> float:
    view = await comm.update_async()
    total = numpy.zeros(1000)
    for step in range(3):
        gradient = numpy.full(1000, view.rank + step, dtype=float)
        # Several calls may be in flight, with a tag each; await gives an OpInfo, or raises.
        work = comm.all_reduce_async(gradient, op="avg", tag=2 * step)
        norms = numpy.array([float(step)])
        await comm.all_reduce_async(norms, op="max", tag=2 * step + 1)
        await work
        total += gradient
    return float(total[0])


async def ticker() -> None:
    while True:
        await asyncio.sleep(0.01)


async def main(address: str) -> None:
    comms = [atoll.Communicator(address, name=f"peer-{i}") for i in range(2)]
    for comm in comms:
        await comm.connect_async()
    ticks = asyncio.create_task(ticker())
    print(await asyncio.gather(*[train(comm) for comm in comms]))
    try:  # a task that is cancelled cancels its call, on all peers
        await asyncio.wait_for(meet(comms[0]), timeout=0.1)
    except asyncio.TimeoutError:
        print("the other one has not come")
    ticks.cancel()
    for comm in comms:
        comm.close()


async def meet(comm: atoll.Communicator) -> None:
    await comm.barrier_async(tag=99)


if __name__ == "__main__":
    with atoll.Coordinator(min_replicas=2) as coordinator:
        asyncio.run(main(coordinator.address))

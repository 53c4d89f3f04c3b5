"""Calls that asyncio tasks await."""
from __future__ import annotations

import array
import asyncio
import time

import atoll
import pytest
from support import SOON_S

TICK_S = 0.01
LATE_S = 0.05


def floats(*values):
    return array.array("f", values)


def test_await_returns_what_wait_returns(pair):
    async def call(comm, rank):
        data = floats(rank + 1)
        info = await comm.all_reduce_async(data)
        view = await comm.update_async()
        return data[0], info.contributors, view.world

    async def main():
        return await asyncio.gather(*[call(comm, rank) for rank, comm in enumerate(pair)])

    assert asyncio.run(main()) == [(3, 2, 2)] * 2
    assert asyncio.run(main()) == [(3, 2, 2)] * 2  # another loop


def test_many_at_once(pair):
    async def main():
        works = [comm.all_reduce_async(floats(1), tag=tag) for tag in range(200) for comm in pair]
        infos = await asyncio.gather(*[asyncio.ensure_future(end(work)) for work in works])
        return {info.contributors for info in infos}

    async def end(work):
        return await work

    assert asyncio.run(main()) == {2}


def test_an_error_is_raised(pair):
    async def main():
        with pytest.raises(atoll.Timeout):
            await pair[0].barrier_async(deadline=0.1)

    asyncio.run(main())


def test_cancelling_the_task_cancels_the_call(pair):
    async def main():
        work = pair[0].all_reduce_async(floats(1))

        async def wait():
            await work

        task = asyncio.create_task(wait())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(atoll.Cancelled):
            work.wait(SOON_S)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(wait_for_barrier(), 0.05)

    async def wait_for_barrier():
        await pair[0].barrier_async(tag=2)

    asyncio.run(main())
    with pytest.raises(atoll.Cancelled, match="peer-0"):
        pair[1].all_reduce(floats(1))
    with pytest.raises(atoll.Cancelled, match="peer-0"):
        pair[1].barrier(tag=2)


def test_a_ticker_beside_it_is_not_late(pair):
    """While a call waits, for half a second, and while many short ones end. A machine may pause
    this process, so the best of a few tries counts: what a call itself does comes in each."""
    async def ticker(late):
        while True:
            before = time.monotonic()
            await asyncio.sleep(TICK_S)
            late.append(time.monotonic() - before - TICK_S)

    async def main():
        late = []
        ticks = asyncio.create_task(ticker(late))
        work = pair[0].barrier_async()
        asyncio.get_running_loop().call_later(0.5, lambda: pair[1].barrier_async())
        await work
        for _ in range(100):
            other = pair[1].all_reduce_async(floats(1))
            await pair[0].all_reduce_async(floats(1))
            await other
        ticks.cancel()
        return max(late)

    assert min(asyncio.run(main()) for _ in range(4)) < LATE_S

"""A run of one coordinator and two peers, in one process.

    python hello.py
"""
import threading

import atoll


def peer(address: str, name: str) -> None:
    with atoll.connect(address, name=name) as comm:
        view = comm.update()  # meets the other; newcomers get in here
        greeting = bytearray(5)
        if view.rank == 0:
            greeting[:] = b"hello"
        comm.broadcast(greeting, root=0)
        print(f"{name} is {view.rank} of {view.world}, and has heard {greeting.decode()!r}")


def main() -> None:
    with atoll.Coordinator(min_replicas=2) as coordinator:
        threads = [threading.Thread(target=peer, args=(coordinator.address, name))
                   for name in ("reef", "lagoon")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()

"""The live view: a table that is redrawn in a terminal, a row per second elsewhere."""

import sys
import time

KIB = 1024


class Table:
    def __init__(self, most_trainers):
        self._live = sys.stdout.isatty()
        self._most_trainers = most_trainers
        self._began = time.monotonic()
        self._next_row = 0.0
        self._header_shown = False
        self._lines_drawn = 0

    def event(self, text):
        self._erase()
        print(f"-- {time.monotonic() - self._began:5.1f} s: {text}", flush=True)

    def update(self, trainers):
        if self._live:
            self._erase()
            lines = self._lines(trainers)
            print("\n".join(lines), flush=True)
            self._lines_drawn = len(lines)
        elif time.monotonic() >= self._next_row:
            self._next_row = time.monotonic() + 1
            self._print_row(trainers)

    def close(self):
        """What is drawn stays; the next lines go below it."""
        self._lines_drawn = 0

    def _erase(self):
        if self._lines_drawn:
            print(f"\033[{self._lines_drawn}F\033[J", end="")
            self._lines_drawn = 0

    def _lines(self, trainers):
        lines = [f"   {time.monotonic() - self._began:5.1f} s",
                 "   peer         state    round  world  bits/char  KiB/round  ms in communication"]
        for trainer in trainers:
            state = "killed" if trainer.killed else "runs" if trainer.running else "ended"
            row = trainer.rows[-1] if trainer.rows else None
            numbers = (f"{row['round']:>6} {row['world']:>6} {row['loss']:>10.3f} "
                       f"{row['bytes'] / KIB:>10.1f} {row['communication_ms']:>20.1f}"
                       if row else f"{'-':>6} {'-':>6} {'-':>10} {'-':>10} {'-':>20}")
            lines.append(f"   {trainer.name:<12} {state:<7} {numbers}")
        return lines

    def _print_row(self, trainers):
        columns = self._most_trainers
        if not self._header_shown:
            self._header_shown = True
            names = " ".join(f"{'island-' + str(i):>9}" for i in range(columns))
            print(f"   (loss of each peer on its own text, in bits/char; KiB and ms in "
                  f"communication: mean of the peers, last round)\n"
                  f"    time  round  world {names}      KiB      ms")
        current = [t for t in trainers if t.rows and not t.killed]
        losses = [f"{t.rows[-1]['loss']:9.3f}" if t in current else
                  f"{'killed' if t.killed else '-':>9}" for t in trainers]
        losses += [f"{'':>9}"] * (columns - len(losses))
        last = max((t.rows[-1] for t in current), key=lambda row: row["round"],
                   default={"round": 0, "world": 0})
        count = max(len(current), 1)
        kib = sum(t.rows[-1]["bytes"] for t in current) / count / KIB
        milliseconds = sum(t.rows[-1]["communication_ms"] for t in current) / count
        print(f"{time.monotonic() - self._began:6.1f} s {last['round']:6} {last['world']:6} "
              f"{' '.join(losses)} {kib:8.1f} {milliseconds:7.1f}", flush=True)

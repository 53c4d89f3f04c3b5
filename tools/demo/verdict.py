"""What the demo promises, judged from what the trainers wrote. Each check returns (ok, line)."""

LEAST_ROUNDS = 3


def rounds_with(trainer, contributors, first=0, last=None):
    """The rounds in [first, last] that the trainer committed with so many contributors."""
    return {row["round"] for row in trainer.rows
            if row["contributors"] == contributors and row["round"] >= first
            and (last is None or row["round"] <= last)}


def common_rounds(trainers, contributors, first=0, last=None):
    return set.intersection(*(rounds_with(t, contributors, first, last) for t in trainers))


def check_parity(summaries, peers):
    if any(summary is None for summary in summaries):
        return False, "parity: FAILED (not every peer reached the end)"
    digests = {summary["digest"] for summary in summaries}
    rounds = {summary["round"] for summary in summaries}
    worlds = {summary["world"] for summary in summaries}
    if len(digests) != 1 or len(rounds) != 1:
        held = ", ".join(f"{s['name']}: {s['digest']} of round {s['round']}" for s in summaries)
        return False, f"parity: FAILED ({held})"
    if len(summaries) != peers or worlds != {peers}:
        return False, (f"parity: FAILED ({len(summaries)} peers ended, in views of "
                       f"{sorted(worlds)}; {peers} were to)")
    return True, f"parity: ok ({peers} peers, digest {digests.pop()})"


def check_survival(survivors, victim, newcomer, peers, kill_round):
    """Rounds of all peers before the kill, of the survivors alone after it, and, once the newcomer
    is there, of as many contributors as at the start, itself among them."""
    if not victim.killed or newcomer is None or not newcomer.rows:
        return False, "survived: FAILED (nobody was killed, or the newcomer took no part)"
    first = newcomer.rows[0]["round"]
    phases = [
        ("before the kill", common_rounds(survivors + [victim], peers, last=kill_round)),
        ("between kill and join", common_rounds(survivors, peers - 1, kill_round + 1, first - 1)),
        ("with the newcomer", common_rounds(survivors + [newcomer], peers, first)),
    ]
    short = [f"{len(rounds)} rounds {when}" for when, rounds in phases
             if len(rounds) < LEAST_ROUNDS]
    if short:
        return False, f"survived: FAILED (only {', '.join(short)}; {LEAST_ROUNDS} wanted)"
    return True, "survived: 1 killed, 1 joined"


def check_loss(summaries):
    known = [summary for summary in summaries if summary is not None]
    if not known:
        return False, "loss: FAILED (no peer reached the end)"
    initial = known[0]["initial_loss"]
    final = max(summary["loss"] for summary in known)
    bigram = known[0]["bigram_loss"]
    line = (f"loss: {initial:.3f} -> {final:.3f} bits/char on held-out text "
            f"(bigram model: {bigram:.3f})")
    # Of each, because a maximum may pass over what is no number.
    if not all(summary["loss"] < bigram for summary in known):
        return False, line + " FAILED: not better than the bigram model"
    return True, line


def check_steady_state(trainers, summaries):
    """State that was received where nobody had just joined: in the rounds and in the last sync."""
    received = sum(row["sync_bytes_received"] for trainer in trainers for row in trainer.rows
                   if row["joined"] == 0)
    received += sum(s["sync_bytes_received"] for s in summaries if s is not None)
    if received != 0 or any(summary is None for summary in summaries):
        return False, f"steady-state sync bytes: {received} FAILED"
    return True, "steady-state sync bytes: 0"

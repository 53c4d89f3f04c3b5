"""The verdicts of tools/demo: each line is ok only when what it says came true."""
import copy
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.environ["ATOLL_SOURCE"], "tools", "demo"))
import verdict  # pylint: disable=wrong-import-position

PEERS = 3


class FakeTrainer:
    def __init__(self, name, rounds, killed=False):
        """rounds: {round: contributors}"""
        self.name = name
        self.killed = killed
        self.rows = [{"round": number, "contributors": contributors, "joined": 0,
                      "sync_bytes_received": 0} for number, contributors in rounds.items()]


def rounds(*spans):
    """(first, last, contributors)..."""
    return {number: contributors for first, last, contributors in spans
            for number in range(first, last + 1)}


def good_run():
    """Survivors, victim, newcomer, the last round before the kill."""
    whole = rounds((1, 4, 3), (5, 8, 2), (9, 12, 3))
    survivors = [FakeTrainer("a", whole), FakeTrainer("b", whole)]
    newcomer = FakeTrainer("d", rounds((9, 12, 3)))
    newcomer.rows[0]["joined"] = 1
    newcomer.rows[0]["sync_bytes_received"] = 4096
    return survivors, FakeTrainer("c", rounds((1, 4, 3)), killed=True), newcomer, 4


def good_summaries():
    return [{"name": name, "digest": "00ff", "round": 12, "world": PEERS, "initial_loss": 6.4,
             "loss": 3.1 + place / 10, "bigram_loss": 3.7, "sync_bytes_received": 0}
            for place, name in enumerate("abd")]


class VerdictTest(unittest.TestCase):
    def assert_ok(self, answer, line):
        self.assertEqual(answer, (True, line))

    def assert_failed(self, answer):
        ok, line = answer
        self.assertFalse(ok, line)
        self.assertIn("FAILED", line)

    def test_parity(self):
        summaries = good_summaries()
        self.assert_ok(verdict.check_parity(summaries, PEERS),
                       "parity: ok (3 peers, digest 00ff)")
        for key, value in [("digest", "00fe"), ("round", 11), ("world", 2)]:
            with self.subTest(key):
                bad = copy.deepcopy(summaries)
                bad[1][key] = value
                self.assert_failed(verdict.check_parity(bad, PEERS))
        self.assert_failed(verdict.check_parity(summaries[:2], PEERS))
        self.assert_failed(verdict.check_parity(summaries[:2] + [None], PEERS))

    def check_survival(self, change=lambda survivors, victim, newcomer: None):
        survivors, victim, newcomer, kill_round = good_run()
        change(survivors, victim, newcomer)
        return verdict.check_survival(survivors, victim, newcomer, PEERS, kill_round)

    def test_survival(self):
        self.assert_ok(self.check_survival(), "survived: 1 killed, 1 joined")

        def nobody_killed(_survivors, victim, _newcomer):
            victim.killed = False

        def newcomer_idle(_survivors, _victim, newcomer):
            newcomer.rows = []

        def too_few_before(survivors, victim, _newcomer):
            for trainer in survivors + [victim]:
                trainer.rows = [row for row in trainer.rows if not row["round"] in (1, 2)]

        def one_stood_still(survivors, _victim, _newcomer):
            survivors[1].rows = [row for row in survivors[1].rows if row["contributors"] != 2]

        def not_with_the_newcomer(survivors, _victim, newcomer):
            for row in survivors[0].rows + newcomer.rows:
                if row["round"] >= 9:
                    row["contributors"] = 2

        for change in (nobody_killed, newcomer_idle, too_few_before, one_stood_still,
                       not_with_the_newcomer):
            with self.subTest(change.__name__):
                self.assert_failed(self.check_survival(change))

    def test_loss(self):
        summaries = good_summaries()
        self.assert_ok(verdict.check_loss(summaries),
                       "loss: 6.400 -> 3.300 bits/char on held-out text (bigram model: 3.700)")
        for value in (3.7, 5.0, float("nan")):
            with self.subTest(value):
                bad = copy.deepcopy(summaries)
                bad[2]["loss"] = value
                self.assert_failed(verdict.check_loss(bad))
        self.assert_failed(verdict.check_loss([None, None, None]))

    def test_loss_that_is_no_number_on_the_first_peer(self):
        bad = good_summaries()
        bad[0]["loss"] = float("nan")
        self.assert_failed(verdict.check_loss(bad))

    def test_steady_state(self):
        survivors, victim, newcomer, _ = good_run()
        trainers = survivors + [victim, newcomer]
        summaries = good_summaries()
        self.assert_ok(verdict.check_steady_state(trainers, summaries),
                       "steady-state sync bytes: 0")
        self.assert_failed(verdict.check_steady_state(trainers, summaries[:2] + [None]))
        survivors[0].rows[5]["sync_bytes_received"] = 1
        self.assert_failed(verdict.check_steady_state(trainers, summaries))
        survivors[0].rows[5]["sync_bytes_received"] = 0
        summaries[1]["sync_bytes_received"] = 8
        self.assert_failed(verdict.check_steady_state(trainers, summaries))


if __name__ == "__main__":
    unittest.main()

"""Every length, count and queue that a remote party can influence has its bound in
src/base/limits.h, code obeys it there where it is used, and a test goes to it.

What is looked for elsewhere: constants with a number of their own, in rooms that hear from others,
whose names say that they bound something. OWN names those that bound nothing of a remote party."""
import re
import unittest

from repository import ROOT, cpp_files, read, strip_cpp

LIMITS = "src/base/limits.h"
ROOMS = ("wire", "membership", "link", "engine", "state", "transport", "coordinator", "peer",
         "topology")
DEFINITION = re.compile(r"constexpr\s+[\w:]+\s+(k\w+)\s*=\s*([^;]+);")
ALIAS = re.compile(r"constexpr\s+[\w:]+\s+(k\w+)\s*=\s*limits::(k\w+);")
BOUNDS = re.compile(r"k\w*(Max|Most|Kept|Limit|InFlight|Waiting\w*|Ahead)$|k\w+Per[A-Z]\w+$")

# What is named like a bound, and why it is none of a remote party's doing.
OWN = {
    "kBytesInFlightPerConnection": "what a connection is assumed to carry",
    "kBytesInBuffersPerConnection": "what the kernel buffers",
    "kConnectionsChosenMax": "how many connections this peer chooses to dial",
    "kKeptSegmentsInFlight": "this peer's own schedule",
    "kHeartbeatsPerSilence": "how often this peer says that it lives",
    "kSmallRequestsPerChunk": "how much this peer asks of others",
    "kReasonsKept": "sentences of one's own fetch, one for each holder that was dropped",
    "kUnmeasuredMeshBytesPerMember": "a choice of plans",
    "kDirectTrafficMax": "a choice of plans",
    "kLatenciesPerHop": "a choice of plans",
    "kNearSegmentsInFlight": "a choice of plans",
    "kUnknownBytesPerSecond": "an assumption of plans",
    "kComputerBytesPerSecond": "an assumption of plans",
    "kSiteBytesPerSecond": "an assumption of plans",
    "kAssumedBytesPerSecond": "an assumption of plans",
    "kLatencyNsMax": "an assumption of plans",
    "kPiecesInFlight": "this peer's own measurement",
    "kBytesMax": "this peer's own measurement",
    "kSpansMax": "spans of one system call",
    "kBytesPerTurn": "work of one turn of the loop",
    "kAcceptsPerTurn": "work of one turn of the loop",
    "kInterfacesPerAddress": "interfaces of this computer that are tried",
    "kVainLooksMax": "looks at one's own sockets",
    "kWaitsMost": "how long a replica waits, in peer timeouts",
    "kKeptSegmentsMax": "this peer's own schedule",
    "kMost": "the patience that a peer is given when it comes back",
    "kLossMax": "when this peer holds back its own sending",
}

# What no test can go to, and why.
UNTESTED = {
    "kAddressesPerName": "answers of a name server, of which tests have none",
}


def room_of(path):
    return path.parts[1] if len(path.parts) > 2 and path.parts[0] == "src" else ""


def limits():
    return [name for name, _ in DEFINITION.findall(strip_cpp(read(LIMITS)))]


def sources(prefix):
    return {path: read(path) for path in cpp_files() if path.parts[0] == prefix}


class LimitsTest(unittest.TestCase):
    def setUp(self):
        self.src = {path: strip_cpp(text) for path, text in sources("src").items()}
        self.tests = list(sources("tests").values())

    def names_of(self, limit):
        """The limit's own name, and what the code that obeys it calls it."""
        aliases = {alias for text in self.src.values()
                   for alias, name in ALIAS.findall(text) if name == limit}
        return {limit} | aliases

    def test_there_are_limits(self):
        self.assertGreater(len(limits()), 80)
        self.assertEqual(len(set(limits())), len(limits()))

    def test_every_limit_is_obeyed_somewhere(self):
        idle = [limit for limit in limits()
                if not any(re.search(rf"\blimits::{limit}\b", text)
                           for text in self.src.values())]
        self.assertEqual(idle, [], "bounds that nothing obeys")

    def test_a_test_goes_to_every_limit(self):
        untested = []
        for limit in limits():
            if limit in UNTESTED:
                continue
            names = "|".join(self.names_of(limit))
            if not any(re.search(rf"\b({names})\b", text) for text in self.tests):
                untested.append(limit)
        self.assertEqual(untested, [], "bounds that no test names")

    def test_bounds_stand_nowhere_else(self):
        found = []
        for path, text in sorted(self.src.items()):
            if room_of(path) not in ROOMS or str(path) == LIMITS:
                continue
            for name, value in DEFINITION.findall(text):
                own = name in OWN or "limits::" in value or not re.search(r"\d", value)
                if BOUNDS.match(name) and not own:
                    found.append(f"{path}: {name} = {value.strip()}")
        self.assertEqual(found, [], f"bounds that belong into {LIMITS}")

    def test_what_is_said_to_be_no_bound_is_there(self):
        all_names = {name for text in self.src.values() for name, _ in DEFINITION.findall(text)}
        self.assertEqual(sorted(set(OWN) - all_names), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)

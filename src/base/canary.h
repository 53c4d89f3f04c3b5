// Rules that can be broken on purpose, to prove that the simulator would notice. In the library
// broken() is a constant and costs nothing; only the copy of the machines that is compiled with
// ATOLL_CANARIES, for one test, can break a rule at run time.
#pragma once

#include <cstdint>

namespace atoll_core {

enum class Canary : uint8_t {
  kNone,
  // The first peer that is done is told of a commit before the others are, and nobody listens when
  // it says so in a settle round.
  kCommitOnePeerEarly,
  kForgetRetainedResult,  // a result that others may still need is dropped, with all trace of it
  kLetGoWhileFrozen,  // input of kept segments is let go, and told of, during a settle round
  kSkipFence,  // a peer applies frames of an epoch that is over, and keeps what it reduced in it
  kNonceDecides,     // of two lives of the coordinator that have counted alike the one with the
                     // greater random part goes on, whatever they have committed
  kFoundsTooEarly,   // a coordinator that was started again waits for no members of a former run
  kReplaysTwice,     // an end of a control session repeats also what the other end has received
  kRefusalIsFatal,   // a peer that is refused for what can change, for overload say, gives up
  kForgetsGeneration,  // the coordinator forgets a generation in which members have calls open
  kDecidesAnew,      // a coordinator decides what some have returned from already, as if nobody had
  kTheLivingContributed,  // of a commit that another shard was told before the coordinator died,
                          // those count as contributors who are left
  kOlderStateWins,   // a sync elects a revision below one that a participant was given by the run
  kCapWaits,         // a small call waits for room for its result, and may wait for itself
  // What fuzzing of the coordinator machine must find: see tests/fuzz/canary_test.cpp.
  kViewNamesTwice,   // a view in which a peer or a session stands twice is taken
  kAnyUpdateCount,   // so is any count of updates that a member tells of
  kForgottenOps,     // a settle round looks at ops whose generation is forgotten
};

#ifdef ATOLL_CANARIES

inline Canary broken_rule = Canary::kNone;
inline bool broken(Canary rule) { return broken_rule == rule; }

#else

constexpr bool broken(Canary) { return false; }

#endif

}  // namespace atoll_core

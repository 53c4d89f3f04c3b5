// The ops that ended for good, kept until every member is known to have heard how.
//
// A member has heard it once it echoes a coordinator heartbeat sent after the verdict: control
// sessions keep their order, over several connections too. One that registers anew is told
// everything in here, and until then has heard nothing, whatever it echoed before.
//
// Invariants: an op is in here once; stamps do not decrease; never more than kVerdictsKept.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"
#include "membership/common/op_key.h"
#include "membership/common/participant.h"
#include "wire/control.h"

namespace atoll_core::membership {

inline constexpr size_t kVerdictsKept = limits::kVerdictsKept;

// How an op, or an attempt of it, ended.
struct Outcome {
  bool committed = false;
  bool final = true;  // false: to be tried again
  ErrorCode code = ErrorCode::kSuccess;
  std::string reason;
  bool operator==(const Outcome&) const = default;
};

// Of a call for which the coordinator has no room. Its members go on, and may call again.
inline Outcome no_room(size_t most, std::string_view what) {
  return {false, true, ErrorCode::kOutOfMemory,
          fmt::format("the coordinator keeps at most {} open {}", most, what)};
}

// What one member that has returned from a committed op told of it.
struct ToldCommit {
  Participant teller;
  std::vector<PeerId> contributors;  // in the teller's group
  bool holds_result = false;
};

// What all of them told; and whether members are left that still have to get the result from them,
// so that the commit may yet be void if these die.
struct ToldCommits {
  std::vector<ToldCommit> commits;
  Epoch epoch;  // of the attempt that committed
  bool provisional = false;
};

struct EndedOp {
  OpKey key;
  Epoch epoch;  // of the attempt that ended
  Outcome outcome;
  std::vector<Participant> participants;  // of that attempt, in view order
  // Some members had returned from it before the coordinator decided anything.
  std::vector<ToldCommit> told = {};
  // To be tried again: below which element what was made stands, by group.
  std::map<Group, uint64_t> kept = {};
};

// The verdict as a peer with this shard hears it: its own group number, as contributors those
// whose data its result holds, as holders those who can give it the result.
wire::Verdict verdict_for(const EndedOp& ended, uint32_t shard);

class VerdictHistory {
 public:
  // `stamp`: number of the last heartbeat sent before this verdict.
  void add(EndedOp ended, uint64_t stamp);
  const EndedOp* find(const OpKey& key) const;
  // Forgets what everybody has heard who has heard heartbeat `heard`.
  void prune(uint64_t heard);
  void forget(Generation generation);
  void clear();

  // In order of their ends.
  std::vector<const EndedOp*> all() const;
  size_t size() const { return order_.size(); }

 private:
  struct Stamped {
    uint64_t stamp;
    OpKey key;
  };
  void forget_oldest();

  std::map<OpKey, EndedOp> ended_;
  std::deque<Stamped> order_;
};

}  // namespace atoll_core::membership

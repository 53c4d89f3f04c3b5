// How an op ends after a settle round: a pure function of what the survivors reported.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "membership/op_ledger.h"
#include "membership/verdict_history.h"

namespace atoll_core::membership {

struct Evidence {
  Participant reporter;
  wire::OpReport report;
};

struct SettleCase {
  OpKey key;
  Epoch attempt;                       // the present epoch of the op's generation
  std::vector<Participant> survivors;  // that take part in the op, in view order
  std::vector<Evidence> reports;       // of this op
  bool all_live = false;               // none of the op's participants is lost
  const OpRecord* record = nullptr;    // what was told before the round; may be null
  bool about_all = true;               // false: a round about this op alone, which must end it
  ErrorCode code = ErrorCode::kPeerLost;  // why there is a round about all ops
  std::string reason;
};

// None: there is nothing to decide, because no survivor has called it and nobody asked for its end,
// or because it has ended on all of them.
std::optional<Outcome> decide(const SettleCase& settle);

// What survivors that have returned from the op tell of it; empty when none has.
ToldCommits told_commits(const SettleCase& settle);

}  // namespace atoll_core::membership

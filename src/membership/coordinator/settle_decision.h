// How an op ends after a settle round: a pure function of what the survivors reported.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "membership/coordinator/op_ledger.h"
#include "membership/coordinator/verdict_history.h"

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
// because it has ended on all of them, or because a round about it alone may not end it.
std::optional<Outcome> decide(const SettleCase& settle);

// Some survivor has let go of input that only a commit makes good: the op may not be aborted. Of no
// other reason than a mismatch, that is, since then some can never take part.
bool must_go_on(const SettleCase& settle);

// Below which element what was made so far stands if the op is tried again, by group; without the
// groups in which nothing does.
std::map<Group, uint64_t> kept_below(const SettleCase& settle);

// What survivors that have returned from the op tell of it; empty when none has.
ToldCommits told_commits(const SettleCase& settle);

}  // namespace atoll_core::membership

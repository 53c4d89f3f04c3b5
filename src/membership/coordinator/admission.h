// Which of the pending replicas enter the view: pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "membership/coordinator/failed_links.h"
#include "membership/coordinator/link_matrix.h"
#include "membership/coordinator/published_states.h"
#include "membership/coordinator/roster.h"
#include "membership/coordinator/update_barrier.h"

namespace atoll_core::membership {

// A replica that has all its shards and is ready, in shard order.
struct Candidate {
  std::string replica;
  std::vector<PeerId> peers;
};

struct Candidates {
  std::vector<Candidate> ready;       // in registration order
  std::vector<std::string> not_ready;  // "r2 waits for shard 1 of 2"
};

Candidates find_candidates(const Roster& roster, const UpdateBarrier& updates,
                           const PublishedStates& states);

// The same of one replica; none: it is ready, or none of it is pending.
std::optional<std::string> why_not_ready(const std::string& replica, const Roster& roster,
                                         const UpdateBarrier& updates,
                                         const PublishedStates& states);

struct Admission {
  std::vector<Candidate> admitted;
  std::vector<std::string> left_out;  // "r2 is left out: c and a are not linked"
};

// Who cannot reach whom, in which direction, and what would help.
std::string why_unlinked(PeerId one, PeerId other, const Roster& roster,
                         const FailedLinks& failed);

// A replica is admitted if its peers are linked with one another, with `members` and with all that
// are admitted before it. Without members there must be `at_least` replicas, or nobody is admitted;
// if registration order yields fewer, others are tried first, so that one replica that is out of
// reach of the rest cannot keep a run from starting.
Admission choose_admitted(const std::vector<Participant>& members,
                          const std::vector<Candidate>& candidates, const Roster& roster,
                          const LinkMatrix& links, const FailedLinks& failed, size_t at_least);

}  // namespace atoll_core::membership

// Which content of the shared state the others take over: a pure function of what each brings.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "membership/common/participant.h"
#include "wire/control.h"

namespace atoll_core::membership {

struct SyncVoter {
  Participant who;
  const wire::StateSummary* state = nullptr;
  bool gap = false;  // not yet through a committed sync since its admission
};

struct Elected {
  const wire::StateSummary* state = nullptr;
  std::vector<PeerId> holders;  // all that bring exactly this content
  std::string sentence;         // why this one; names disagreement among the voters
  bool disagreement = false;    // voters of the same revision brought different content
};

// `voters` in view order, at least one. Who sends only is elected; otherwise those without a gap
// vote, or all if there are none: highest revision, then the digest most of them hold, then view
// order. Fails with kMismatch if their tensors are not the same by name, type and count, and with
// kStateConflict if senders differ or all only receive.
Result<Elected> elect(const std::vector<SyncVoter>& voters);

}  // namespace atoll_core::membership

// Hands the content that syncs have left to peers that are still pending, until it is withdrawn.
// What is sent refers to the caller's own bytes, so a withdrawal cuts it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "base/ids.h"
#include "engine/context.h"
#include "engine/link_table.h"
#include "state/publication.h"
#include "wire/frame.h"

namespace atoll_core::engine {

class StateServer {
 public:
  StateServer(Context& context, LinkTable& links) : context_(context), links_(links) {}

  // A sync has committed: `publication` holds this revision now.
  void offer(const OpId& sync, uint64_t revision,
             const std::shared_ptr<state::Publication>& publication,
             state::StateDigests digests);
  // On return no frame refers to its bytes. Whoever fetched is told to go elsewhere.
  void withdraw(const state::Publication& publication);
  // A kStateRequest that belongs to no call.
  void serve(PeerId to, const wire::FrameHeader& header);

 private:
  struct Offer {
    std::shared_ptr<state::Publication> publication;
    AttemptId attempt;
    std::set<PeerId> fetchers;
  };

  void refuse(PeerId to, const AttemptId& attempt);
  void withdraw(Offer& offer);

  Context& context_;
  LinkTable& links_;
  std::map<std::pair<Group, uint64_t>, Offer> offers_;  // by shard and tag
};

}  // namespace atoll_core::engine

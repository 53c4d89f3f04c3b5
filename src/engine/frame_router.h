// Hands frames to whom they concern: those of calls to the ledger, those of fetches outside of any
// call to who serves or follows.
#pragma once

#include "engine/background.h"
#include "engine/call_ledger.h"
#include "engine/state_follower.h"
#include "engine/state_server.h"
#include "link/link.h"

namespace atoll_core::engine {

class FrameRouter final : public link::LinkOwner {
 public:
  FrameRouter(CallLedger& ledger, StateServer& server, StateFollower& follower)
      : ledger_(ledger), server_(server), follower_(follower) {}

  Result<link::Placement> place(link::Link& link, const wire::FrameHeader& header) override {
    if (!is_background(header.attempt)) return ledger_.place(link, header);
    const bool wanted = header.kind == wire::FrameKind::kStateData && follower_.active();
    using Kind = link::Placement::Kind;
    return link::Placement{wanted ? Kind::kScratch : Kind::kDiscard, {}};
  }

  Result<void> deliver(link::Link& link, const wire::FrameHeader& header,
                       const link::Payload& payload) override {
    if (!is_background(header.attempt)) return ledger_.deliver(link, header, payload);
    if (header.kind == wire::FrameKind::kStateRequest) {
      server_.serve(link.peer(), header);
    } else {
      follower_.deliver(link.peer(), header, payload.bytes);
    }
    return {};
  }

  Result<void> deliver_kept(link::Link& link, const wire::FrameHeader& header,
                            ByteBuffer payload) override {
    return ledger_.deliver_kept(link, header, std::move(payload));
  }

  void wake(link::Link& link, link::ConnectionKey connection) override {
    ledger_.wake(link, connection);
  }

 private:
  CallLedger& ledger_;
  StateServer& server_;
  StateFollower& follower_;
};

}  // namespace atoll_core::engine

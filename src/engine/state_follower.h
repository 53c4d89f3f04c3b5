// A pending peer's fetch of what the members have synced, while it waits to be admitted: chunk by
// chunk from all of them, checked against the digests that they elected, and again from the next
// revision when theirs moves on, keeping what did not change. The coordinator is told what is held,
// and admits the peer when that is what the members hold.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "engine/call.h"
#include "engine/context.h"
#include "engine/link_table.h"
#include "membership/peer/peer_machine.h"
#include "state/fetch.h"
#include "wire/control.h"
#include "wire/frame.h"

namespace atoll_core::engine {

class StateFollower {
 public:
  StateFollower(Context& context, membership::PeerMachine& membership, LinkTable& links)
      : context_(context), membership_(membership), links_(links) {}

  // From now on the table and its bytes are written to, until end().
  void begin(FollowCall call);
  void end();
  bool active() const { return call_.has_value(); }
  // The state here cannot become that of the members.
  const std::optional<Error>& failure() const { return failure_; }

  void on_offer(wire::StateOffer offer);
  // Links were made or dropped.
  void on_links();
  // The control connection is back, perhaps with another id, and then links are made anew.
  void on_registered();
  // kStateData or kStateRefused that belongs to no call.
  void deliver(PeerId from, const wire::FrameHeader& header, ByteSpan payload);

  void tick();
  TimePoint next_deadline() const;

 private:
  void tell();
  void start_fetch();
  void stop_fetch();
  void retry_later();
  void advance();
  void become_level();

  Context& context_;
  membership::PeerMachine& membership_;
  LinkTable& links_;
  std::optional<FollowCall> call_;
  std::optional<Error> failure_;
  bool waits_ = false;
  bool copied_ = false;  // what the table holds came from the members
  TimePoint patience_ends_ = kNever;
  std::optional<wire::StateOffer> offer_;
  AttemptId attempt_;
  std::unique_ptr<state::FetchMachine> fetch_;
  std::set<PeerId> refused_;  // holders that had no answer, to be asked again
  TimePoint retry_at_ = kNever;
  Duration backoff_{};
  TimePoint stalled_at_ = kNever;  // nothing has come for too long
};

}  // namespace atoll_core::engine

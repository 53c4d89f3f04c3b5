// Frames that wait for a connection, in the order in which they may go: first those that need no
// credit (credits themselves, state transfer), then the chunks of each attempt as its credit
// allows, attempts in the order in which they began.
//
// Credit: until the receiver has posted an attempt, the sender may send eager bytes: at most
// limits::kEagerBytesPerAttempt of it, and of all such attempts as much as the link's eager credit
// (eager_credit.h) allows. The receiver's credit for the attempt (a total in bytes) replaces that,
// and dies with the attempt.
//
// Thousands of attempts may be open of which few have something to send, so those are known:
// `ready_` has the attempts whose own credit allows their next chunk, `eager_` those that need the
// link's eager credit for it as well.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>

#include "base/ids.h"
#include "link/eager_credit.h"
#include "link/out_frame.h"

namespace atoll_core::link {

class SendQueue {
 public:
  void push_free(OutFrame frame);
  void push_chunk(OutFrame frame);

  // The receiver allows `total` bytes of this attempt.
  void grant(const AttemptId& attempt, uint64_t total);
  // The eager credit of the link. Returns what of it is given back, in a frame of its own.
  uint64_t grant_eager(const EagerGrant& grant) {
    eager_exhausted_ = false;
    return credit_.hear(grant);
  }
  // Drops what waits of this attempt, with and without need of credit, and its credit.
  void revoke(const AttemptId& attempt);

  bool ready() const;
  // The next frame that may go now.
  std::optional<OutFrame> pop();

  uint64_t waiting_frames() const { return free_.size() + chunks_; }
  // Those that need no credit, and the memory of their own that they hold.
  uint64_t free_frames() const { return free_.size(); }
  uint64_t free_bytes() const { return free_bytes_; }

 private:
  enum class Place : uint8_t { kNone, kReady, kEager };

  struct Flow {
    uint64_t number = 0;  // by beginning
    std::list<OutFrame> frames;   // mostly one
    uint64_t sent = 0;
    uint64_t granted = 0;  // 0: eager
    Place place = Place::kNone;
  };
  using Flows = std::map<uint64_t, Flow*>;  // by number

  Flow& flow_of(const AttemptId& attempt);
  Place place_of(const Flow& flow) const;
  // After each change of the flow.
  void put_in_place(Flow& flow);
  void take_out(Flow& flow);
  bool has_credit(const Flow& flow) const {
    return credit_.may_send(eager_cost(flow.frames.front().header));
  }
  // The first that the link's credit allows.
  Flow* next_eager() const;

  static uint64_t own_bytes(const OutFrame& frame) {
    return frame.owned == nullptr ? 0 : frame.owned->size();
  }

  std::deque<OutFrame> free_;
  uint64_t free_bytes_ = 0;
  std::map<AttemptId, Flow> flows_;
  uint64_t begun_ = 0;
  uint64_t chunks_ = 0;  // that wait, of all flows
  Flows ready_;
  Flows eager_;
  EagerSender credit_;
  mutable bool eager_exhausted_ = false;  // the credit allows none of eager_
};

}  // namespace atoll_core::link

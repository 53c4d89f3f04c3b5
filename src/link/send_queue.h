// Frames that wait for a connection, in the order in which they may go: first those that need no
// credit (credits themselves, state transfer), then the chunks of each attempt as its credit
// allows, attempts in the order in which they began.
//
// Credit: until the receiver has posted an attempt, the sender may send eager bytes: at most
// limits::kEagerBytesPerAttempt of it, and kEagerBytesPerLink over all such attempts. The
// receiver's credit (a total in bytes) replaces that. Credits die with their attempt.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>

#include "base/ids.h"
#include "link/out_frame.h"

namespace atoll_core::link {

class SendQueue {
 public:
  void push_free(OutFrame frame) { free_.push_back(std::move(frame)); }
  void push_chunk(OutFrame frame);

  // The receiver allows `total` bytes of this attempt.
  void grant(const AttemptId& attempt, uint64_t total);
  // Drops what waits of this attempt, with and without need of credit, and its credit.
  void revoke(const AttemptId& attempt);

  bool ready() const;
  // The next frame that may go now.
  std::optional<OutFrame> pop();

  uint64_t waiting_frames() const;

 private:
  struct Flow {
    AttemptId attempt;
    std::list<OutFrame> frames;  // mostly one
    uint64_t sent = 0;
    uint64_t granted = 0;  // 0: eager
  };

  bool may_send(const Flow& flow) const;
  Flow& flow_of(const AttemptId& attempt);
  void release_eager(const Flow& flow);

  std::deque<OutFrame> free_;
  std::list<Flow> flows_;  // by beginning
  std::map<AttemptId, std::list<Flow>::iterator> by_attempt_;
  uint64_t eager_bytes_ = 0;  // sent without a grant, over all living flows
};

}  // namespace atoll_core::link

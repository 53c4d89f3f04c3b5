// What was handed to a connection and is not yet acknowledged. A frame's place on the wire is its
// link sequence, given when a connection first takes it; a frame lost with its connection goes
// again under the same sequence, so that the receiver can tell it from a new one.
//
// The sequence has no holes: a frame whose attempt has ended and whose connection was lost goes
// again as a kSkip frame without payload.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "link/out_frame.h"

namespace atoll_core::link {

using ConnectionKey = uint64_t;

class SendWindow {
 public:
  // Gives `frame` the next sequence and remembers that it travels on `connection`.
  const OutFrame& take(OutFrame frame, ConnectionKey connection);
  // The next lost frame, now travelling on `connection`; null when there is none.
  const OutFrame* take_lost(ConnectionKey connection);
  bool has_lost() const { return !lost_.empty(); }
  // Frames of attempts, not only the link's own.
  bool has_lost_of_calls() const;

  // All sequences below `below` have arrived. False: it acknowledges what was never sent.
  bool acknowledge(uint64_t below);
  // What travels on this connection goes again.
  void lose(ConnectionKey connection);
  // Forgets the payload of this attempt's frames.
  void revoke(const AttemptId& attempt);

  uint64_t unacknowledged() const { return frames_.size(); }
  // Payload that has arrived so far.
  uint64_t acknowledged_bytes() const { return acknowledged_bytes_; }

 private:
  struct Record {
    OutFrame frame;
    ConnectionKey connection = 0;
    bool lost = false;
  };

  static void make_skip(OutFrame& frame);

  uint64_t next_sequence_ = 1;
  uint64_t acknowledged_bytes_ = 0;
  std::map<uint64_t, Record> frames_;  // by sequence
  std::deque<uint64_t> lost_;
};

}  // namespace atoll_core::link

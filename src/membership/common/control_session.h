// What one end of a control session keeps, so that the session outlives its connection.
//
// A session begins when a peer is registered. From then on each end counts what it sends and what
// it receives, apart from what belongs to a connection and not to the session: registering,
// resuming, refusals, heartbeats, and rosters and waits, of which only the last ones count.
// Heartbeats tell the other end how much has come; what is not known to have come is kept. After a
// reconnection to the same life of the coordinator both ends say how much they have received, and
// repeat the rest: the session goes on as if the connection had been slow. TCP keeps the order, so
// numbers are not sent.
//
// Example: a member sends OpDone as number 8, and the connection breaks. Its Resume says that it
// has received 20 messages; the answer says that 7 have come; it repeats number 8.
//
// Bounded: an end that would have to keep more than its limits drops everything, and its session
// cannot be resumed until the peer is registered anew. The sessions of a coordinator share what it
// keeps for all of them.
//
// Invariants: first_kept_ + kept_.size() == sent_ + 1; bytes_ is the sum of the sizes in kept_.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

#include "base/canary.h"
#include "base/limits.h"
#include "wire/control.h"

namespace atoll_core::membership {

bool is_numbered(const wire::ToPeer& message);
bool is_numbered(const wire::ToCoordinator& message);
// Of the memory that it takes, roughly.
size_t kept_bytes(const wire::ToPeer& message);
size_t kept_bytes(const wire::ToCoordinator& message);

struct SessionLimits {
  size_t messages = limits::kSessionMessages;
  size_t bytes = limits::kSessionBytes;
};

template <class Sent>
class ControlSession {
 public:
  explicit ControlSession(const SessionLimits& limits = {}) : limits_(limits) {}

  // From now on at most so many bytes are kept. What is beyond is dropped, with all the rest.
  void set_bytes_max(size_t bytes) {
    limits_.bytes = bytes;
    if (bytes_ > bytes) keep_nothing();
  }

  // Registered (anew): both ends count from the beginning.
  void begin() { *this = ControlSession(limits_); }

  // A numbered message is sent, or would be if there were a connection.
  void note_sent(const Sent& message) {
    ++sent_;
    const size_t size = kept_bytes(message);
    if (kept_.size() >= limits_.messages || bytes_ + size > limits_.bytes) return keep_nothing();
    kept_.push_back({message, size});
    bytes_ += size;
  }
  // The same of one that will not be repeated.
  void note_sent_for_good() {
    ++sent_;
    keep_nothing();
  }
  void note_received() { ++received_; }

  // The other end has received so many. More than were sent tells nothing.
  void acknowledge(uint64_t count) {
    if (count > sent_) return;
    for (; !kept_.empty() && first_kept_ <= count; ++first_kept_) {
      bytes_ -= kept_.front().bytes;
      kept_.pop_front();
    }
  }

  bool can_repeat_after(uint64_t count) const {
    return first_kept_ <= count + 1 && count <= sent_;
  }
  // Calls `repeat` with each message after the first `count`, in order.
  template <class Repeat>
  void repeat_after(uint64_t count, Repeat repeat) {
    if (!broken(Canary::kReplaysTwice)) acknowledge(count);
    for (const Kept& kept : kept_) repeat(kept.message);
  }

  uint64_t sent() const { return sent_; }
  uint64_t received() const { return received_; }
  uint64_t first_kept() const { return first_kept_; }
  size_t kept() const { return kept_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Kept {
    Sent message;
    size_t bytes = 0;
  };

  void keep_nothing() {
    kept_.clear();
    bytes_ = 0;
    first_kept_ = sent_ + 1;
  }

  SessionLimits limits_;
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
  uint64_t first_kept_ = 1;
  std::deque<Kept> kept_;
  size_t bytes_ = 0;
};

}  // namespace atoll_core::membership
